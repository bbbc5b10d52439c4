//! Keeps the indexes in step with the database.
//!
//! Both indexes are derived: they follow the log of changes, know up to which
//! number they are built, and catch up when the library is opened.

use std::{sync::Arc, time::Duration};

use pagemill_core::{ErrorCode, Problem};
use pagemill_search::{Change, IndexedChunk, SearchIndex};
use pagemill_store::{ChangeKind, ChangeRow, Store};
use tokio::sync::{Mutex, Notify, watch};

use super::from_stored;

/// Changes taken into one commit.
const BATCH: u32 = 64;
/// Polling is the truth; wake-ups only shorten the wait.
const POLL: Duration = Duration::from_secs(1);
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(2);
/// Commits of an index are not closer together than this, so that many small
/// documents share one.
const GATHER: Duration = Duration::from_millis(100);

/// Applies changes to the indexes and tells how far they are.
pub struct Indexing {
    store: Store,
    index: Arc<SearchIndex>,
    vectors: bool,
    /// The change up to which both indexes are durably built.
    built_to: watch::Sender<i64>,
    /// One at a time: changes are applied in order.
    turn: Mutex<()>,
    /// Somebody waits: there is no time to gather.
    hurry: Notify,
}

impl Indexing {
    pub(super) fn new(store: Store, index: Arc<SearchIndex>, vectors: bool) -> Self {
        let built = index.lexical_built_to().min(index.vectors_built_to());
        Self { store, index, vectors, built_to: watch::Sender::new(built), turn: Mutex::new(()), hurry: Notify::new() }
    }

    /// Follows the log of changes until the program stops.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut wake = self.store.subscribe();
        while !*stop.borrow() {
            let pause = match self.catch_up().await {
                Ok(true) => GATHER,
                Ok(false) => POLL,
                Err(problem) => {
                    tracing::warn!(code = %problem.code, "the indexes could not follow: {problem}");
                    PAUSE
                }
            };
            let more = async {
                // While there is work, and after a failure, nothing is gained by waking early.
                if pause != POLL || wake.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = more => {}
                () = self.hurry.notified() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Waits until both indexes hold what was completed anywhere, by workers beside this process too; for so long at
    /// most. Whoever was told that a document is completed finds it.
    ///
    /// # Errors
    /// Of the database.
    pub async fn hold_completed(&self, patience: Duration) -> Result<(), Problem> {
        let built = *self.built_to.borrow();
        let change = self.store.finished_change(built).await?;
        if built < change {
            self.hurry.notify_one();
            let mut built_to = self.built_to.subscribe();
            let reached = async { built_to.wait_for(|built| *built >= change).await.map(drop) };
            if tokio::time::timeout(patience, reached).await.is_err() {
                tracing::warn!(change, "the indexes are behind; a search goes on without what was completed last");
            }
        }
        Ok(())
    }

    /// Waits until both indexes hold everything up to a change.
    ///
    /// # Errors
    /// `shutting_down` when the program stops first.
    pub async fn reached(&self, change: i64) -> Result<(), Problem> {
        let mut built_to = self.built_to.subscribe();
        built_to.wait_for(|built| *built >= change).await.map(drop).map_err(|error| {
            Problem::new(ErrorCode::ShuttingDown, "the program is stopping; indexing goes on when it runs again")
                .caused_by(error)
        })
    }

    /// Applies changes until both indexes hold everything up to `change`, whether or not
    /// [`Self::run`] is running.
    ///
    /// # Errors
    /// Of the database or of the index folder.
    pub async fn apply_to(&self, change: i64) -> Result<(), Problem> {
        while *self.built_to.borrow() < change {
            self.catch_up().await?;
        }
        Ok(())
    }

    /// Applies one batch of changes. Returns whether there was one.
    ///
    /// # Errors
    /// Of the database or of the index folder.
    pub async fn catch_up(&self) -> Result<bool, Problem> {
        let _turn = self.turn.lock().await;
        let from = *self.built_to.borrow();
        let rows = self.store.changes_since(from, BATCH).await?;
        let Some(last) = rows.last().map(|row| row.seq) else {
            return Ok(false);
        };
        let mut changes = Vec::with_capacity(rows.len());
        for row in &rows {
            changes.extend(self.change(row).await?);
        }
        let index = Arc::clone(&self.index);
        let work = tokio::task::spawn_blocking(move || {
            index.apply(&changes)?;
            index.commit(last)
        });
        match work.await {
            Ok(result) => result.map_err(Problem::from)?,
            Err(error) => {
                return Err(Problem::new(ErrorCode::Internal, "indexing broke off; it is tried again").caused_by(error));
            }
        }
        self.built_to.send_replace(last);
        Ok(true)
    }

    /// What a row of the log means now; `None` when the document has changed again since.
    async fn change(&self, row: &ChangeRow) -> Result<Option<Change>, Problem> {
        let (project, document, version) = (row.project.clone(), row.document.clone(), row.version);
        match row.kind {
            ChangeKind::Removed => Ok(Some(Change::Remove { document })),
            ChangeKind::Text => {
                let Some(chunks) = self.store.index_texts(&document, version).await? else { return Ok(None) };
                let Some(owner) = self.store.document(&project, &document).await? else { return Ok(None) };
                let title = owner.info.title.unwrap_or_default();
                let chunks = chunks.into_iter().map(|chunk| IndexedChunk {
                    id: chunk.id,
                    text: chunk.text,
                    title: title.clone(),
                    heading_path: chunk.heading_path,
                });
                Ok(Some(Change::Upsert { project, document, version, chunks: chunks.collect() }))
            }
            ChangeKind::Vectors if !self.vectors => Ok(None),
            ChangeKind::Vectors => {
                let Some(model) = self.store.fact(super::MODEL_FACT).await? else { return Ok(None) };
                let vectors = self.store.index_vectors(&document, version, &model).await?;
                let vectors = vectors.into_iter().map(|(chunk, bytes)| (chunk, from_stored(&bytes)));
                Ok(Some(Change::Vectors { project, document, version, vectors: vectors.collect(), last: true }))
            }
        }
    }
}
