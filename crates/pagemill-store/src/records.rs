//! What goes into the store and comes out of it, beyond the words of `pagemill-core`.

use std::collections::{BTreeMap, HashMap};

use pagemill_core::{
    Block, Chunk, Document, DocumentId, JobId, PageSource, Piece, Priority, ProjectId, Queue, Stage, Task, TaskId,
    TaskStatus, WorkerId,
};

/// A file that was received and whose blob is durable.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// The project it goes to.
    pub project: ProjectId,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// The name it was uploaded under, already normalized.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The recipe its task runs.
    pub recipe: String,
    /// How urgent it is.
    pub priority: Priority,
}

/// What became of an added file.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// The document: a new one, or the one that already had these bytes.
    pub document: Document,
    /// Its newest task.
    pub task: Task,
    /// Whether the bytes were here already and nothing new was started.
    pub reused: bool,
}

/// What a deletion removed, counted while it did so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionReceipt {
    /// The document that is gone.
    pub document: DocumentId,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// Whether no other document has these bytes, so that the blob goes too.
    pub blob_unused: bool,
    /// Rows removed, by table.
    pub rows: BTreeMap<String, u64>,
}

/// What became of one page: an entry of the ledger that explains every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOutcome {
    /// 1-based number of the page.
    pub number: u32,
    /// How its text came about, or that there is none.
    pub source: PageSource,
    /// Why there is none.
    pub reason: Option<String>,
    /// The number printed on it.
    pub label: Option<String>,
    /// Whether it was taken over from earlier work.
    pub reused: bool,
}

/// Where a block stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockPlace {
    /// The document.
    pub document: DocumentId,
    /// The version of the document.
    pub version: u32,
    /// 1-based number of the page.
    pub page: u32,
    /// 0-based place on the page.
    pub block: u32,
}

impl BlockPlace {
    /// Where the block of a chunk's piece stands.
    pub fn of(chunk: &Chunk, piece: &Piece) -> Self {
        Self { document: chunk.document.clone(), version: chunk.version, page: piece.page, block: piece.block }
    }
}

/// Chunks with all that is shown of them, as of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passages {
    /// The chunks in the order asked for; those that are gone or not of the project are left out.
    pub chunks: Vec<Chunk>,
    /// The documents they are of.
    pub documents: HashMap<DocumentId, Document>,
    /// The blocks they were made of, with the places of their words.
    pub blocks: HashMap<BlockPlace, Block>,
}

/// A job in the hands of a worker. Every write for it carries the fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// The fencing token: rises with each claim of the job.
    pub fence: i64,
    /// Who claimed it.
    pub worker: WorkerId,
    /// The task it belongs to.
    pub task: TaskId,
    /// The document it works on.
    pub document: DocumentId,
    /// The project of both.
    pub project: ProjectId,
    /// The stage to run.
    pub stage: Stage,
    /// The unit of the stage; 0 for a job that is the whole stage.
    pub unit: u32,
    /// The version of the document it builds.
    pub version: u32,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How often a worker died holding it.
    pub crashes: u32,
    /// The recipe of the task.
    pub recipe: String,
    /// How urgent the task is.
    pub priority: Priority,
}

/// What a library holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents.
    pub documents: u64,
    /// Pages of live versions.
    pub pages: u64,
    /// Chunks of live versions.
    pub chunks: u64,
    /// Chunks that have a vector.
    pub vectors: u64,
    /// Jobs by queue and state.
    pub jobs: Vec<(Queue, JobState, u64)>,
    /// Tasks by status.
    pub tasks: Vec<(TaskStatus, u64)>,
}

/// Where a job stands. A finished one has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waiting for a worker, or for its time.
    Ready,
    /// In the hands of a worker.
    Leased,
    /// Set aside as a dead letter.
    Dead,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Ready, Self::Leased, Self::Dead];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Dead => "dead",
        }
    }

    /// The state of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What a change means to a derived index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The chunks of the document were replaced.
    Text,
    /// The vectors of its chunks are complete.
    Vectors,
    /// The document is gone.
    Removed,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Text, Self::Vectors, Self::Removed];

    /// The word used in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Vectors => "vectors",
            Self::Removed => "removed",
        }
    }

    /// The kind of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// An entry of the log that derived indexes follow. Numbers are in commit order,
/// without gaps: whoever has seen `n` has missed nothing up to `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its number, from 1.
    pub seq: i64,
    /// What it means.
    pub kind: ChangeKind,
    /// The project.
    pub project: ProjectId,
    /// The document.
    pub document: DocumentId,
    /// The version of the document it tells about.
    pub version: u32,
}

/// A vector that was made or found again for a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkVector {
    /// The chunk.
    pub chunk: pagemill_core::ChunkId,
    /// Hash of the text that was embedded.
    pub hash: String,
    /// The vector's bytes, in the form the library fixed.
    pub vector: Vec<u8>,
}
