//! The door to the database.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::RangeInclusive,
    time::Duration,
};

use pagemill_core::{
    Block, Chunk, ChunkId, Document, DocumentId, DocumentInfo, ErrorCode, Event, EventId, JobId, Outline, Page,
    Problem, ProjectId, Queue, Stage, Task, TaskError, TaskId, TaskStatus, WorkerId,
};

use crate::{
    Added, Blobs, ChangeRow, ChunkVector, Claim, Counts, DeletionReceipt, NewDocument, PageOutcome, StoreOptions,
};

fn unwritten<T>() -> Result<T, Problem> {
    Err(Problem::new(ErrorCode::Internal, "this part of the store is being written"))
}

/// The database of a library. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store;

#[allow(clippy::unused_async, clippy::too_many_arguments)]
impl Store {
    /// Open.
    pub async fn open(_options: &StoreOptions) -> Result<Self, Problem> {
        unwritten()
    }
    /// Close.
    pub async fn close(&self) {}
    /// Where the database is, as it may be shown.
    pub fn location(&self) -> &str {
        ""
    }

    // facts of the library
    /// Fact.
    pub async fn fact(&self, _key: &str) -> Result<Option<String>, Problem> {
        unwritten()
    }
    /// Sets it if absent; returns what holds.
    pub async fn fix_fact(&self, _key: &str, _value: &str) -> Result<String, Problem> {
        unwritten()
    }
    /// Set fact.
    pub async fn set_fact(&self, _key: &str, _value: &str) -> Result<(), Problem> {
        unwritten()
    }

    // documents
    /// Add document.
    pub async fn add_document(&self, _new: &NewDocument) -> Result<Added, Problem> {
        unwritten()
    }
    /// Document.
    pub async fn document(&self, _project: &ProjectId, _id: &DocumentId) -> Result<Option<Document>, Problem> {
        unwritten()
    }
    /// Documents.
    pub async fn documents(
        &self,
        _project: &ProjectId,
        _after: Option<&DocumentId>,
        _limit: u32,
    ) -> Result<Vec<(Document, Option<Task>)>, Problem> {
        unwritten()
    }
    /// Delete document.
    pub async fn delete_document(
        &self,
        _project: &ProjectId,
        _id: &DocumentId,
    ) -> Result<Option<DeletionReceipt>, Problem> {
        unwritten()
    }
    /// Removes the blobs that deletions left without a document, safe against an upload of the same bytes at the same
    /// time and against crashes; call it after a deletion and now and then. Returns how many went.
    pub async fn remove_unused_blobs(&self, _blobs: &Blobs) -> Result<u32, Problem> {
        unwritten()
    }
    /// Which of these hashes belong to a document (for the sweep of orphans).
    pub async fn blobs_in_use(&self, _sha256: &[String]) -> Result<HashSet<String>, Problem> {
        unwritten()
    }

    // pages
    /// Pages.
    pub async fn pages(
        &self,
        _document: &DocumentId,
        _version: u32,
        _range: RangeInclusive<u32>,
        _with_words: bool,
    ) -> Result<Vec<Page>, Problem> {
        unwritten()
    }
    /// Blocks of.
    pub async fn blocks_of(
        &self,
        _document: &DocumentId,
        _version: u32,
        _places: &[(u32, u32)],
    ) -> Result<Vec<((u32, u32), Block)>, Problem> {
        unwritten()
    }
    /// Page ledger.
    pub async fn page_ledger(&self, _document: &DocumentId, _version: u32) -> Result<Vec<PageOutcome>, Problem> {
        unwritten()
    }
    /// What reading warned of, as it was stored.
    pub async fn warnings(&self, _document: &DocumentId, _version: u32) -> Result<serde_json::Value, Problem> {
        unwritten()
    }

    // chunks
    /// Chunks.
    pub async fn chunks(
        &self,
        _document: &DocumentId,
        _version: u32,
        _after_ordinal: Option<u32>,
        _limit: u32,
    ) -> Result<Vec<Chunk>, Problem> {
        unwritten()
    }
    /// Chunks by id.
    pub async fn chunks_by_id(&self, _project: &ProjectId, _ids: &[ChunkId]) -> Result<Vec<Chunk>, Problem> {
        unwritten()
    }

    // tasks
    /// Task.
    pub async fn task(&self, _project: &ProjectId, _id: &TaskId) -> Result<Option<Task>, Problem> {
        unwritten()
    }
    /// Tasks.
    pub async fn tasks(
        &self,
        _project: &ProjectId,
        _status: Option<TaskStatus>,
        _after: Option<&TaskId>,
        _limit: u32,
    ) -> Result<Vec<Task>, Problem> {
        unwritten()
    }
    /// Newest task.
    pub async fn newest_task(&self, _project: &ProjectId, _document: &DocumentId) -> Result<Option<Task>, Problem> {
        unwritten()
    }
    /// Cancel task.
    pub async fn cancel_task(&self, _project: &ProjectId, _id: &TaskId) -> Result<Option<Task>, Problem> {
        unwritten()
    }
    /// A new task for the document of a failed, partial or cancelled one.
    pub async fn retry_task(&self, _project: &ProjectId, _id: &TaskId) -> Result<Option<Task>, Problem> {
        unwritten()
    }
    /// Library counts.
    pub async fn library_counts(&self) -> Result<Counts, Problem> {
        unwritten()
    }

    // queue
    /// Claim.
    pub async fn claim(
        &self,
        _worker: &WorkerId,
        _queues: &[Queue],
        _limit: u32,
        _lease: Duration,
    ) -> Result<Vec<Claim>, Problem> {
        unwritten()
    }
    /// Prolongs leases; returns the jobs that are lost.
    pub async fn heartbeat(
        &self,
        _worker: &WorkerId,
        _claims: &[(JobId, i64)],
        _lease: Duration,
    ) -> Result<Vec<JobId>, Problem> {
        unwritten()
    }
    /// Gives a job and its attempt back.
    pub async fn release(&self, _claim: &Claim, _waiting: Option<&str>, _delay: Duration) -> Result<(), Problem> {
        unwritten()
    }
    /// Retry later.
    pub async fn retry_later(&self, _claim: &Claim, _error: &TaskError, _delay: Duration) -> Result<(), Problem> {
        unwritten()
    }
    /// Fail task.
    pub async fn fail_task(&self, _claim: &Claim, _error: &TaskError) -> Result<(), Problem> {
        unwritten()
    }
    /// How long until a job may be due; `None` when there is none.
    pub async fn next_due(&self, _queues: &[Queue]) -> Result<Option<Duration>, Problem> {
        unwritten()
    }

    // stages
    /// Begin stage.
    pub async fn begin_stage(&self, _claim: &Claim, _units_total: u32) -> Result<(), Problem> {
        unwritten()
    }
    /// Finished units.
    pub async fn finished_units(
        &self,
        _document: &DocumentId,
        _version: u32,
        _stage: Stage,
    ) -> Result<BTreeSet<u32>, Problem> {
        unwritten()
    }
    /// Save pages.
    pub async fn save_pages(&self, _claim: &Claim, _unit: u32, _pages: &[Page]) -> Result<(), Problem> {
        unwritten()
    }
    /// Finish parse.
    pub async fn finish_parse(
        &self,
        _claim: &Claim,
        _info: &DocumentInfo,
        _outline: &Outline,
        _warnings: &serde_json::Value,
    ) -> Result<(), Problem> {
        unwritten()
    }
    /// Save chunks.
    pub async fn save_chunks(&self, _claim: &Claim, _chunks: &[Chunk]) -> Result<(), Problem> {
        unwritten()
    }
    /// Embeddings for.
    pub async fn embeddings_for(&self, _model: &str, _hashes: &[String]) -> Result<HashMap<String, Vec<u8>>, Problem> {
        unwritten()
    }
    /// Save embeddings.
    pub async fn save_embeddings(
        &self,
        _claim: &Claim,
        _unit: u32,
        _model: &str,
        _vectors: &[ChunkVector],
        _reused: u32,
    ) -> Result<(), Problem> {
        unwritten()
    }
    /// Finish embed.
    pub async fn finish_embed(&self, _claim: &Claim, _model: &str) -> Result<(), Problem> {
        unwritten()
    }
    /// Finish stage.
    pub async fn finish_stage(&self, _claim: &Claim) -> Result<(), Problem> {
        unwritten()
    }
    /// Returns the task as it ended.
    pub async fn finish_task(&self, _claim: &Claim) -> Result<Task, Problem> {
        unwritten()
    }

    // derived indexes and events
    /// Changes since.
    pub async fn changes_since(&self, _seq: i64, _limit: u32) -> Result<Vec<ChangeRow>, Problem> {
        unwritten()
    }
    /// Last change.
    pub async fn last_change(&self) -> Result<i64, Problem> {
        unwritten()
    }
    /// Index texts.
    pub async fn index_texts(&self, _document: &DocumentId, _version: u32) -> Result<Option<Vec<Chunk>>, Problem> {
        unwritten()
    }
    /// Index vectors.
    pub async fn index_vectors(
        &self,
        _document: &DocumentId,
        _version: u32,
        _model: &str,
    ) -> Result<Vec<(ChunkId, Vec<u8>)>, Problem> {
        unwritten()
    }
    /// Events since.
    pub async fn events_since(
        &self,
        _project: &ProjectId,
        _after: EventId,
        _limit: u32,
    ) -> Result<Vec<Event>, Problem> {
        unwritten()
    }
    /// Last event.
    pub async fn last_event(&self) -> Result<EventId, Problem> {
        unwritten()
    }
    /// Wakes when a commit of this process may have brought work or news. A hint: polling is the truth.
    pub fn subscribe(&self) -> tokio::sync::watch::Receiver<u64> {
        tokio::sync::watch::channel(0).1
    }

    /// The library as canonical text, without times and random identifiers.
    pub async fn dump(&self) -> Result<String, Problem> {
        unwritten()
    }
}
