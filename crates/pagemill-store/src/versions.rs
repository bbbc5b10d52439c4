//! Versions: what each is made from, how one is begun beside the live one, and how it takes its place.

use pagemill_core::{
    Document, DocumentId, DocumentInfo, ErrorCode, Outline, Priority, Problem, ProjectId, Stage, Task, excerpt,
};

use crate::{
    Answer, Claim, Store,
    dialect::wall_ms,
    documents,
    failure::{Failure, lease_lost},
    queue, removal,
    sql::{Conn, Fields, Tx, Write, args},
    tasks,
};

/// What a version is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// The name of the file.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The first stage that takes nothing over from earlier work.
    pub redo_from: Option<Stage>,
}

impl Source {
    /// Whether a stage may take over what was done before.
    pub fn may_reuse(&self, stage: Stage) -> bool {
        self.redo_from.is_none_or(|first| stage < first)
    }
}

/// What reading some bytes told of the file as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadBefore {
    /// Facts of the document.
    pub info: DocumentInfo,
    /// Its table of contents.
    pub outline: Outline,
    /// What reading warned of, as it was stored.
    pub warnings: serde_json::Value,
}

/// A wish to process a document anew.
#[derive(Clone, Debug)]
pub struct Reprocess {
    /// The recipe, or that of the newest task.
    pub recipe: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// The first stage that is done again whether or not anything has changed.
    pub redo_from: Option<Stage>,
}

/// The new bytes of a document, whose blob is durable.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// The name of the file, already normalized.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The recipe, or that of the newest task.
    pub recipe: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
}

impl Store {
    /// What the version of a claim is made from; `None` when the document is gone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn source<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Option<Source>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            source_of(&mut reader.conn(), &claim.document, claim.version).await
        })
    }

    /// What an earlier reading under a key told of the file as a whole.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn read_before<'a>(&'a self, key: &'a str) -> Answer<'a, Option<ReadBefore>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let row = reader
                .conn()
                .row(
                    "SELECT v.info, v.outline, COALESCE(w.warnings, '[]') FROM checkpoints c \
                     JOIN versions v ON v.document = c.document AND v.version = c.version \
                     LEFT JOIN warnings w ON w.document = c.document AND w.version = c.version \
                     WHERE c.key = $1 AND c.key <> '' AND c.stage = 'parse' AND c.unit = -1 \
                     AND v.info IS NOT NULL AND v.outline IS NOT NULL ORDER BY c.at_ms DESC LIMIT 1",
                    args![key],
                )
                .await?;
            row.map(|row| {
                let mut fields = row.fields();
                Ok(ReadBefore { info: fields.json()?, outline: fields.json()?, warnings: fields.json()? })
            })
            .transpose()
        })
    }

    /// Begins a new version of a document beside the live one, from the same bytes. `None` when there is no such
    /// document.
    ///
    /// # Errors
    /// `conflict` while a task of the document has not ended.
    pub fn process_document<'a>(
        &'a self,
        project: &'a ProjectId,
        document: &'a DocumentId,
        wish: &'a Reprocess,
    ) -> Answer<'a, Option<Task>> {
        self.write(ProcessDocument { project: project.clone(), document: document.clone(), wish: wish.clone() })
    }

    /// Begins a new version of a document from other bytes; the old ones are there until it goes live. A task that is
    /// at work is stopped. The same bytes once more begin nothing: the task is then the newest, and the flag is set.
    ///
    /// # Errors
    /// `conflict` when another document of the project has these bytes; `overloaded` as for an upload.
    pub fn replace_document<'a>(
        &'a self,
        project: &'a ProjectId,
        document: &'a DocumentId,
        new: &'a Replacement,
    ) -> Answer<'a, Option<(Task, bool)>> {
        self.write(ReplaceDocument { project: project.clone(), document: document.clone(), new: new.clone() })
    }
}

fn source_fields(fields: &mut Fields<'_>) -> Result<Source, Failure> {
    Ok(Source {
        sha256: fields.text()?,
        file: fields.text()?,
        bytes: fields.count()?,
        redo_from: fields.text_or_null()?.and_then(|stage| Stage::parse(&stage)),
    })
}

/// What a version is made from.
pub(crate) async fn source_of(
    conn: &mut Conn<'_>,
    document: &DocumentId,
    version: u32,
) -> Result<Option<Source>, Failure> {
    let sql = "SELECT sha256, file, bytes, redo_from FROM versions WHERE document = $1 AND version = $2";
    conn.row(sql, args![document, version]).await?.map(|row| source_fields(&mut row.fields())).transpose()
}

/// Records what a version is made from. One that is known stays as it is.
pub(crate) async fn begin(
    tx: &mut Tx<'_>,
    project: &ProjectId,
    document: &DocumentId,
    version: u32,
    source: &Source,
) -> Result<(), Failure> {
    tx.execute(
        "INSERT INTO versions (document, version, project, sha256, file, bytes, redo_from) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (document, version) DO NOTHING",
        args![
            document,
            version,
            project,
            &source.sha256,
            &source.file,
            i64::try_from(source.bytes).unwrap_or(i64::MAX),
            source.redo_from.map(|stage| stage.as_str().to_owned()),
        ],
    )
    .await
    .map(drop)
}

/// The one pointer flips: readers follow the version from this commit on, and what was before it goes.
///
/// # Errors
/// `conflict` when another document of the project got the same bytes meanwhile.
pub(crate) async fn go_live(tx: &mut Tx<'_>, claim: &Claim) -> Result<(), Failure> {
    let (document, version) = (&claim.document, claim.version);
    let Some(source) = source_of(tx.conn(), document, version).await? else { return Err(lease_lost(claim)) };
    refuse_double(tx, &claim.project, document, &source.sha256).await?;
    tx.execute(
        "UPDATE documents SET live_version = $2, \
         sha256 = (SELECT v.sha256 FROM versions v WHERE v.document = $1 AND v.version = $2), \
         file = (SELECT v.file FROM versions v WHERE v.document = $1 AND v.version = $2), \
         bytes = (SELECT v.bytes FROM versions v WHERE v.document = $1 AND v.version = $2), \
         info = COALESCE((SELECT v.info FROM versions v WHERE v.document = $1 AND v.version = $2), info), \
         outline = COALESCE((SELECT v.outline FROM versions v WHERE v.document = $1 AND v.version = $2), outline) \
         WHERE id = $1",
        args![document, version],
    )
    .await?;
    removal::remove_older_versions(tx, document, version).await
}

/// Keeps what was read of the file as a whole. Until a first version is live, the document shows it at once.
pub(crate) async fn keep_facts(tx: &mut Tx<'_>, claim: &Claim, info: &str, outline: &str) -> Result<(), Failure> {
    let facts = args![&claim.document, claim.version, info, outline];
    tx.execute("UPDATE versions SET info = $3, outline = $4 WHERE document = $1 AND version = $2", facts).await?;
    tx.execute(
        "UPDATE documents SET info = $3, outline = $4 \
         WHERE id = $1 AND (live_version IS NULL OR live_version = $2)",
        facts,
    )
    .await
    .map(drop)
}

/// Bytes are one document in a project.
async fn refuse_double(
    tx: &mut Tx<'_>,
    project: &ProjectId,
    document: &DocumentId,
    sha256: &str,
) -> Result<(), Failure> {
    let row = tx
        .row(
            "SELECT id, file FROM documents WHERE project = $1 AND sha256 = $2 AND id <> $3",
            args![project, sha256, document],
        )
        .await?;
    let Some(row) = row else { return Ok(()) };
    let mut fields = row.fields();
    let (other, file) = (fields.text()?, fields.text()?);
    Err(Problem::new(
        ErrorCode::Conflict,
        format!("the same bytes are document {other} (`{}`); delete one of the two", excerpt(&file, 80)),
    )
    .into())
}

struct ProcessDocument {
    project: ProjectId,
    document: DocumentId,
    wish: Reprocess,
}

impl Write for ProcessDocument {
    type Output = Option<Task>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Task>, Failure> {
        let Self { project, document, wish } = self;
        let Some((document, newest)) = with_newest(tx, project, document).await? else { return Ok(None) };
        if !newest.status.is_final() {
            let message = format!(
                "document {} is at work (task {} is {}); wait for its end or cancel it",
                document.id,
                newest.id,
                newest.status.as_str()
            );
            return Err(Problem::new(ErrorCode::Conflict, message).into());
        }
        let source = Source {
            sha256: document.sha256.clone(),
            file: document.file.clone(),
            bytes: document.bytes,
            redo_from: wish.redo_from,
        };
        let recipe = wish.recipe.as_deref().unwrap_or(&newest.recipe);
        begin_version(tx, &document, &newest, &source, recipe, wish.priority).await.map(Some)
    }
}

struct ReplaceDocument {
    project: ProjectId,
    document: DocumentId,
    new: Replacement,
}

impl Write for ReplaceDocument {
    type Output = Option<(Task, bool)>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<(Task, bool)>, Failure> {
        let Self { project, document, new } = self;
        removal::keep_blob(tx, &new.sha256).await?;
        let Some((document, newest)) = with_newest(tx, project, document).await? else {
            // Nobody has these bytes, unless another document does.
            removal::release_blob(tx, &new.sha256).await?;
            return Ok(None);
        };
        let newest_source = source_of(tx.conn(), &document.id, newest.version).await?;
        if newest_source.is_some_and(|source| source.sha256 == new.sha256) {
            return Ok(Some((newest, true)));
        }
        refuse_double(tx, project, &document.id, &new.sha256).await?;
        if !newest.status.is_final() {
            stop(tx, &newest).await?;
        }
        let source = Source { sha256: new.sha256.clone(), file: new.file.clone(), bytes: new.bytes, redo_from: None };
        let recipe = new.recipe.as_deref().unwrap_or(&newest.recipe);
        let task = begin_version(tx, &document, &newest, &source, recipe, new.priority).await?;
        Ok(Some((task, false)))
    }
}

/// A document and its newest task, both held until the transaction ends.
async fn with_newest(
    tx: &mut Tx<'_>,
    project: &ProjectId,
    document: &DocumentId,
) -> Result<Option<(Document, Task)>, Failure> {
    let Some(document) = documents::lock_document(tx, project, document).await? else { return Ok(None) };
    tx.lock_rows("SELECT id FROM jobs WHERE document = $1 ORDER BY id", args![&document.id]).await?;
    let Some(newest) = tasks::newest_of(tx, &document.id).await? else { return Ok(None) };
    Ok(Some((document, newest)))
}

/// Ends a task whose work is overtaken.
async fn stop(tx: &mut Tx<'_>, task: &Task) -> Result<(), Failure> {
    tx.execute(
        "UPDATE tasks SET status = 'cancelled', waiting = NULL, finished_ms = $2 WHERE id = $1",
        args![&task.id, wall_ms()],
    )
    .await?;
    let mut data = tasks::place_of(task);
    data["reason"] = "replaced".into();
    tx.event("task.cancelled", &task.project, Some(&task.id), Some(&task.document), &data)
}

async fn begin_version(
    tx: &mut Tx<'_>,
    document: &Document,
    newest: &Task,
    source: &Source,
    recipe: &str,
    priority: Priority,
) -> Result<Task, Failure> {
    // Whatever is queued or set aside belongs to versions that are overtaken.
    queue::clear(tx, &document.id).await?;
    let version = newest.version.max(document.live_version.unwrap_or(0)) + 1;
    begin(tx, &document.project, &document.id, version, source).await?;
    // What is told of the new task names the new file.
    let document = Document { file: source.file.clone(), ..document.clone() };
    tasks::start(tx, &document, recipe, priority, version, Stage::Parse).await
}
