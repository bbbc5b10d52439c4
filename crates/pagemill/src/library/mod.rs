//! The library as the faces see it: everything the CLI and the HTTP API can ask for.
//!
//! Faces never touch the database, the blobs or the indexes; they call this.

mod ask;
mod backup;
mod checks;
mod documents;
mod estimates;
mod events;
mod figures;
#[cfg(test)]
mod fixtures;
mod indexing;
mod lock;
pub(crate) mod metrics;
pub(crate) mod outbound;
mod process;
mod queues;
mod schedules;
mod search;
mod tables;
mod tasks;
pub(crate) mod units;
mod uploads;
mod vectors;
pub mod views;
mod webhooks;
mod why;

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use pagemill_core::{ErrorCode, Problem};
use pagemill_models::{Embedder, ModelError};
use pagemill_search::SearchIndex;
use pagemill_store::{Blobs, Store, StoreOptions};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::{cell::Cells, config::Settings, ocr::Ocr};

pub use backup::{backup, backup_name, restore};
pub(crate) use events::{EventHub, Listener, Published};
pub use indexing::Indexing;
pub use lock::folder_problem;
pub use process::{ProcessOptions, stage_of};
pub use schedules::Schedule;
pub(crate) use search::broke_off;
pub use tables::TableText;
pub use tasks::TaskAction;
pub use uploads::{AddOptions, RECIPES, Upload};
pub use vectors::{from_stored, to_stored};

use lock::LibraryLock;
use queues::Surroundings;

/// The fact that names the embedding model of a library.
const MODEL_FACT: &str = "embedding_model";
/// What is given instead of a model file when there shall be none.
const NO_MODEL: &str = "none";
/// Vectors of a library that has no model yet; the built-in one has as many.
const DEFAULT_DIMS: usize = 384;

/// An open library.
pub struct Library {
    settings: Settings,
    store: Store,
    blobs: Blobs,
    index: Arc<SearchIndex>,
    indexing: Indexing,
    embedder: Option<Arc<Embedder>>,
    cells: Arc<Cells>,
    ocr: Ocr,
    surroundings: Mutex<Option<(Instant, Arc<Surroundings>)>>,
    place: Place,
    events: OnceCell<Arc<EventHub>>,
    closing: CancellationToken,
    metrics: metrics::Metrics,
}

/// What a library has in its folder.
enum Place {
    /// The only process here: indexes and files have one writer.
    Whole(#[allow(dead_code, reason = "held, not read")] LibraryLock),
    /// Beside the process that has the folder: without indexes (an empty one in a folder of its own stands for them).
    Beside(#[allow(dead_code, reason = "held, not read")] tempfile::TempDir),
}

impl Library {
    /// Opens a library, making it if it is not there.
    ///
    /// # Errors
    /// `library_in_use`, `read_only`, `disk_full`, `database_unavailable`, `schema_too_new`,
    /// `model_mismatch` and `model_invalid`, each with what to do.
    pub async fn open(settings: Settings) -> Result<Arc<Self>, Problem> {
        let lock = LibraryLock::take(&settings.library)?;
        let store = Store::open(&StoreOptions::new(settings.database_url())).await?;
        if !settings.is_shared() {
            // The lock says that nobody else works here: what a dead process held is free at once.
            store.end_leases().await?;
        }
        let folder = settings.library.join("index");
        Self::assemble(settings, store, folder, Place::Whole(lock)).await
    }

    /// Opens a library that another process may have open: to look at tasks and queues and change them, and,
    /// where the database is PostgreSQL, to work on it. It has no indexes, so that it cannot search.
    ///
    /// # Errors
    /// Like [`Library::open`]; `library_in_use` only while the library is being made.
    pub async fn open_beside(settings: Settings) -> Result<Arc<Self>, Problem> {
        if !settings.has_database() {
            return Self::open(settings).await;
        }
        let store = Store::open(&StoreOptions::new(settings.database_url())).await?;
        let scratch = tempfile::tempdir().map_err(|error| folder_problem(&std::env::temp_dir(), error))?;
        let folder = scratch.path().join("index");
        Self::assemble(settings, store, folder, Place::Beside(scratch)).await
    }

    async fn assemble(
        settings: Settings,
        store: Store,
        folder: std::path::PathBuf,
        place: Place,
    ) -> Result<Arc<Self>, Problem> {
        let blobs = Blobs::open(&settings.blobs_url()).await?;
        let embedder = open_embedder(&settings)?;
        let model = fix_model(&store, embedder.as_deref()).await?;

        let dims = embedder.as_ref().map_or(DEFAULT_DIMS, |embedder| embedder.dims());
        let index = open_index(folder, dims, model).await?;
        let cells = Arc::new(Cells::new(settings.cores, settings.limits)?);
        let places = if settings.ocr { settings.cores } else { 0 };
        let ocr = Ocr::new(Arc::clone(&cells), settings.limits, places);
        let index = Arc::new(index);
        let indexing = Indexing::new(store.clone(), Arc::clone(&index), embedder.is_some());
        let surroundings = Mutex::default();
        Ok(Arc::new(Self {
            settings,
            store,
            blobs,
            index,
            indexing,
            embedder,
            cells,
            ocr,
            surroundings,
            place,
            events: OnceCell::new(),
            closing: CancellationToken::new(),
            metrics: metrics::Metrics::default(),
        }))
    }

    /// Whether it has its indexes, which the process that has the folder keeps.
    pub fn has_indexes(&self) -> bool {
        matches!(self.place, Place::Whole(_))
    }

    /// Whether somebody may be at work on it: this process, or the one it was opened beside. On PostgreSQL workers
    /// anywhere may be.
    pub fn may_be_worked_on(&self) -> bool {
        self.has_indexes() || self.settings.is_shared() || LibraryLock::is_held(&self.settings.library)
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The database.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The files.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The reading processes.
    pub(crate) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// What reads pictures of text.
    pub(crate) fn ocr(&self) -> &Ocr {
        &self.ocr
    }

    /// What keeps the indexes in step with the database.
    pub(crate) fn indexing(&self) -> &Indexing {
        &self.indexing
    }

    /// The embedding model, if this build or its settings have one.
    pub fn embedder(&self) -> Option<&Arc<Embedder>> {
        self.embedder.as_ref()
    }

    /// Closes the database properly; a library that is not closed is whole all the same.
    pub async fn close(&self) {
        self.closing.cancel();
        self.store.close().await;
    }
}

fn open_embedder(settings: &Settings) -> Result<Option<Arc<Embedder>>, Problem> {
    let opened = match &settings.model {
        Some(path) if path.as_os_str() == NO_MODEL => return Ok(None),
        Some(path) => Embedder::open(path),
        None => Embedder::builtin(),
    };
    match opened {
        Ok(embedder) => Ok(Some(Arc::new(embedder))),
        Err(ModelError::Missing) if settings.model.is_none() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The model of a library is fixed by the first program that has one.
async fn fix_model(store: &Store, embedder: Option<&Embedder>) -> Result<String, Problem> {
    let Some(embedder) = embedder else {
        return Ok(store.fact(MODEL_FACT).await?.unwrap_or_default());
    };
    let model = store.fix_fact(MODEL_FACT, embedder.name()).await?;
    if model == embedder.name() {
        return Ok(model);
    }
    Err(Problem::new(
        ErrorCode::ModelMismatch,
        format!(
            "the library was made with the embedding model `{model}`, this program has `{}`; use a program or --model file with that one",
            embedder.name()
        ),
    ))
}

async fn open_index(folder: std::path::PathBuf, dims: usize, model: String) -> Result<SearchIndex, Problem> {
    let place = folder.clone();
    let opened = tokio::task::spawn_blocking(move || SearchIndex::open(&folder, dims, &model)).await;
    match opened {
        Ok(index) => index.map_err(Problem::from),
        Err(error) => {
            Err(Problem::new(ErrorCode::Internal, format!("cannot open the indexes in `{}`", place.display()))
                .caused_by(error))
        }
    }
}
