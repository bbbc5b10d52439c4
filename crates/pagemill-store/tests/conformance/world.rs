//! A database of its own for each test, and shorthands to bring it into a state.

use std::time::Duration;

use futures::future::BoxFuture;
use pagemill_core::{
    Block, BlockKind, Chunk, ChunkId, ChunkKind, DocumentId, DocumentInfo, ErrorCode, Page, PageSource, Piece,
    Priority, Problem, ProjectId, Queue, Rect, Stage, Task, TaskError, Word, WorkerId,
};
use pagemill_store::{Added, ChunkVector, Claim, ClockShift, NewDocument, Store, StoreOptions};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

pub(crate) const LEASE: Duration = Duration::from_secs(30);
pub(crate) const MODEL: &str = "test-model";

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) options: StoreOptions,
    pub(crate) clock: ClockShift,
    pub(crate) project: ProjectId,
    pub(crate) worker: WorkerId,
    /// The folder of a SQLite file, removed at the end.
    _folder: Option<tempfile::TempDir>,
    /// Server and name of a PostgreSQL database.
    server: Option<(String, String)>,
}

/// A story as a pointer, so that the runtime around it is compiled once.
pub(crate) type Story = for<'w> fn(&'w World) -> BoxFuture<'w, ()>;

pub(crate) fn tell_sqlite(story: Story) {
    tell(Box::pin(async { Some(World::sqlite().await) }), story);
}

pub(crate) fn tell_postgres(story: Story) {
    tell(Box::pin(World::postgres()), story);
}

fn tell(world: BoxFuture<'_, Option<World>>, story: Story) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if let Some(world) = world.await {
            story(&world).await;
            world.end().await;
        }
    });
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::sqlite(&folder.path().join("library.db"));
        Self::over(options, Some(folder), None).await
    }

    /// A world on PostgreSQL, or `None` when there is no server and none is required.
    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("PAGEMILL_TEST_POSTGRES") else {
            let required = std::env::var_os("PAGEMILL_REQUIRE_POSTGRES").is_some();
            assert!(!required, "PAGEMILL_TEST_POSTGRES names no server; start one with scripts/postgres");
            return None;
        };
        let name = format!("test_{}", WorkerId::new());
        let mut admin = PgConnection::connect(&server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        Some(Self::over(StoreOptions::new(url), None, Some((server, name))).await)
    }

    async fn over(
        mut options: StoreOptions,
        folder: Option<tempfile::TempDir>,
        server: Option<(String, String)>,
    ) -> Self {
        // A test machine that stands still for a while is no server that is away.
        options.patience = Duration::from_secs(60);
        Self {
            store: Store::open(&options).await.unwrap(),
            clock: options.clock.clone(),
            options,
            project: ProjectId::default_project(),
            worker: WorkerId::new(),
            _folder: folder,
            server,
        }
    }

    pub(crate) async fn end(self) {
        self.store.close().await;
        if let Some((server, name)) = self.server {
            let mut admin = PgConnection::connect(&server).await.unwrap();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            sqlx::query(AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.server.is_some()
    }

    /// Adds a document whose bytes are its name.
    pub(crate) async fn add(&self, name: &str) -> Added {
        self.store.add_document(&self.new_document(name)).await.unwrap()
    }

    pub(crate) fn new_document(&self, name: &str) -> NewDocument {
        NewDocument {
            project: self.project.clone(),
            sha256: sha256(name),
            file: format!("{name}.pdf"),
            bytes: name.len() as u64,
            recipe: "article".to_owned(),
            priority: Priority::Normal,
        }
    }

    /// Claims up to `limit` jobs of every queue.
    pub(crate) async fn claim(&self, limit: u32) -> Vec<Claim> {
        self.store.claim(&self.worker, &Queue::ALL, limit, LEASE).await.unwrap()
    }

    /// Claims the one job that is due.
    pub(crate) async fn claim_one(&self) -> Claim {
        let mut claims = self.claim(1).await;
        assert_eq!(claims.len(), 1, "no job is due");
        claims.remove(0)
    }

    /// Runs the stage of a claim as its worker would, on a document of `pages` pages with two chunks a page.
    pub(crate) fn run<'a>(&'a self, claim: &'a Claim, pages: u32) -> BoxFuture<'a, Result<Option<Task>, Problem>> {
        Box::pin(self.run_stage(claim, pages))
    }

    async fn run_stage(&self, claim: &Claim, pages: u32) -> Result<Option<Task>, Problem> {
        let store = &self.store;
        store.begin_stage(claim, 1).await?;
        match claim.stage {
            Stage::Parse => {
                let read: Vec<Page> = (1..=pages).map(page).collect();
                store.save_pages(claim, 0, &read).await?;
                store.finish_parse(claim, "", &info(pages), &Vec::new(), &serde_json::json!([])).await?;
            }
            Stage::Ocr => store.finish_ocr(claim, None, &[]).await?,
            Stage::Chunk => store.save_chunks(claim, 0, &chunks(claim, pages), false).await?,
            Stage::Embed => {
                let made = store.chunks(&claim.document, claim.version, None, 1000).await?;
                store.save_embeddings(claim, 0, MODEL, &vectors(&made), 0).await?;
                store.finish_embed(claim, MODEL).await?;
            }
            Stage::Index => store.finish_stage(claim).await?,
            Stage::Finish => return store.finish_task(claim).await.map(Some),
        }
        Ok(None)
    }

    /// Runs everything that is due to its end.
    pub(crate) async fn run_all(&self, pages: u32) {
        loop {
            let claims = self.claim(1).await;
            let Some(claim) = claims.first() else { return };
            self.run(claim, pages).await.unwrap();
        }
    }

    /// Runs the job that is due up to (not including) a stage, and returns the claim of that stage.
    pub(crate) async fn run_until(&self, stage: Stage, pages: u32) -> Claim {
        loop {
            let claim = self.claim_one().await;
            if claim.stage == stage {
                return claim;
            }
            self.run(&claim, pages).await.unwrap();
        }
    }

    pub(crate) async fn task_of(&self, document: &DocumentId) -> Task {
        self.store.newest_task(&self.project, document).await.unwrap().unwrap()
    }
}

pub(crate) fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

pub(crate) fn error(code: ErrorCode) -> TaskError {
    TaskError { code, message: format!("{code} happened") }
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Problem>) -> ErrorCode {
    result.unwrap_err().code
}

pub(crate) fn info(pages: u32) -> DocumentInfo {
    DocumentInfo { title: Some("Title".to_owned()), pages, ..DocumentInfo::default() }
}

/// A page with two paragraphs, one of which has words.
pub(crate) fn page(number: u32) -> Page {
    let text = format!("first of {number}");
    let bbox = Rect::new(72.0, 72.0, 300.5, 84.0);
    let words = vec![Word { start: 0, end: 5, page: number, bbox: Rect::new(72.0, 72.0, 100.0, 84.0) }];
    let first = Block { kind: BlockKind::Paragraph, level: None, text, bbox, cells: Vec::new(), words };
    let second = Block {
        kind: BlockKind::Heading,
        level: Some(2),
        text: format!("second of {number}"),
        words: Vec::new(),
        ..first.clone()
    };
    Page {
        number,
        label: Some(format!("A-{number}")),
        width: 595.0,
        height: 842.0,
        source: PageSource::Text,
        reason: None,
        confidence: None,
        blocks: vec![first, second],
    }
}

/// Two chunks for each page.
pub(crate) fn chunks(claim: &Claim, pages: u32) -> Vec<Chunk> {
    (0..pages * 2)
        .map(|ordinal| {
            let page = ordinal / 2 + 1;
            let text = format!("chunk {ordinal} of {}", claim.document);
            Chunk {
                id: ChunkId::new(),
                document: claim.document.clone(),
                version: claim.version,
                ordinal,
                kind: ChunkKind::Text,
                pieces: vec![Piece { start: 0, end: text.len() as u32, page, block: ordinal % 2, block_start: 0 }],
                text,
                heading_path: vec!["One".to_owned(), "Two".to_owned()],
                tokens: 5,
            }
        })
        .collect()
}

/// A vector for each chunk, made of its text's hash.
pub(crate) fn vectors(chunks: &[Chunk]) -> Vec<ChunkVector> {
    chunks
        .iter()
        .map(|chunk| {
            let hash = sha256(&chunk.embedding_text());
            ChunkVector { chunk: chunk.id.clone(), vector: hash.as_bytes()[..16].to_vec(), hash }
        })
        .collect()
}
