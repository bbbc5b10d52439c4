//! What goes into the store and comes out of it, beyond the words of `pagemill-core`.

use std::collections::{BTreeMap, HashMap};

use pagemill_core::{
    Block, Chunk, Document, DocumentId, ErrorCode, JobId, PageSource, Piece, Priority, ProjectId, Queue, Stage, Task,
    TaskError, TaskId, TaskStatus, WorkerId, queue::JobState,
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

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The job was done.
    Done,
    /// It was given back: a stop, an outage, a full disk. No attempt was spent.
    Released,
    /// An error; the job was tried again, or its task failed.
    Failed,
    /// The worker, or what it had started, died.
    Crashed,
    /// A person held the task back.
    Paused,
    /// A person stopped the task.
    Cancelled,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [Self::Done, Self::Released, Self::Failed, Self::Crashed, Self::Paused, Self::Cancelled];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Released => "released",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
        }
    }

    /// The outcome of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// One attempt at a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// Its stage.
    pub stage: Stage,
    /// Its unit.
    pub unit: u32,
    /// Which attempt of the job it was, from 1; those that were not spent are not counted.
    pub attempt: u32,
    /// Who made it.
    pub worker: WorkerId,
    /// When it began, milliseconds since 1970.
    pub started_ms: i64,
    /// When it ended; `None` while it is under way.
    pub ended_ms: Option<i64>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What went wrong.
    pub error: Option<TaskError>,
}

/// A queue, with what a person has said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Which one.
    pub queue: Queue,
    /// Whether it gives out no jobs.
    pub paused: bool,
    /// Most jobs at work at once; `None` is as many as workers take.
    pub concurrency: Option<u32>,
    /// Its jobs by state.
    pub jobs: Vec<(JobState, u64)>,
    /// When the oldest task was made of those whose jobs are next, milliseconds since 1970.
    pub oldest_ms: Option<i64>,
}

/// Which dead letters: those of a stage, those with an error code, or all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterKind {
    /// Only jobs of this stage.
    pub stage: Option<Stage>,
    /// Only jobs with this error.
    pub code: Option<ErrorCode>,
}

/// A job that was set aside, with all that is needed to understand it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The job.
    pub job: JobId,
    /// Its task.
    pub task: TaskId,
    /// The document it works on.
    pub document: DocumentId,
    /// The name of the document's file.
    pub file: String,
    /// Its stage.
    pub stage: Stage,
    /// Its unit.
    pub unit: u32,
    /// The version of the document it builds.
    pub version: u32,
    /// The recipe of its task.
    pub recipe: String,
    /// How urgent its task is.
    pub priority: Priority,
    /// Attempts spent on it.
    pub attempts_spent: u32,
    /// How often a worker died of it.
    pub crashes: u32,
    /// What went wrong last.
    pub error: Option<TaskError>,
    /// When it was set aside, milliseconds since 1970.
    pub died_ms: i64,
    /// Every attempt at it.
    pub attempts: Vec<Attempt>,
}

/// What a worker says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerReport {
    /// Its id: one for each process.
    pub id: WorkerId,
    /// The machine it runs on.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// The version of the program.
    pub version: String,
    /// How many jobs it takes of each queue.
    pub places: Vec<(Queue, u32)>,
    /// When it started, milliseconds since 1970.
    pub started_ms: i64,
    /// Memory it and its reading processes use, in bytes.
    pub memory_bytes: u64,
    /// Why it takes no jobs, when it takes none.
    pub held_back: Option<String>,
    /// Jobs in hand.
    pub jobs: Vec<WorkerJob>,
}

/// A job in the hands of a worker, as the worker sees it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct WorkerJob {
    /// The job.
    pub job: JobId,
    /// Its task.
    pub task: TaskId,
    /// Its stage.
    pub stage: Stage,
    /// The page, or the batch of passages, it is at, from 1.
    #[serde(default)]
    pub unit: Option<u32>,
    /// How long it has been at it, in milliseconds.
    pub running_ms: u64,
    /// How long ago it last got something done, in milliseconds.
    pub silent_ms: u64,
}

/// A worker in the register.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerState {
    /// What it last said.
    pub report: WorkerReport,
    /// When, milliseconds since 1970.
    pub seen_ms: i64,
    /// How long ago that was, in milliseconds.
    pub silent_ms: i64,
}

impl WorkerState {
    /// Whether it was heard of so lately that its leases hold.
    pub fn is_alive(&self) -> bool {
        self.silent_ms < 30_000
    }
}

/// Where a task stands in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The task.
    pub task: Task,
    /// Its jobs that are not dead.
    pub jobs: Vec<JobStanding>,
    /// How many of its jobs are dead letters.
    pub dead: u32,
}

/// Where a job stands. Times are in milliseconds from now.
#[derive(Clone, Debug, PartialEq)]
pub struct JobStanding {
    /// The job.
    pub job: JobId,
    /// Its stage.
    pub stage: Stage,
    /// Its unit.
    pub unit: u32,
    /// Its state.
    pub state: JobState,
    /// Attempts spent, the one under way included.
    pub attempt: u32,
    /// Workers that died of it.
    pub crashes: u32,
    /// When it may run.
    pub due_in_ms: i64,
    /// How long its lease lasts; negative when that is over.
    pub lease_left_ms: Option<i64>,
    /// Who holds it.
    pub worker: Option<WorkerId>,
    /// Since when, milliseconds since 1970.
    pub claimed_ms: Option<i64>,
    /// What went wrong last.
    pub error: Option<TaskError>,
    /// The jobs that are claimed before it.
    pub ahead: Vec<Ahead>,
    /// Whether there are more than were counted.
    pub is_many: bool,
}

/// What a task is at or waits for, in short: the job of it that comes first.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenJob {
    /// Its stage: the one behind that of the task, where that has ended.
    pub stage: Stage,
    /// Its state.
    pub state: JobState,
    /// Attempts spent, the one under way included.
    pub attempt: u32,
    /// When it may run, in milliseconds from now.
    pub due_in_ms: i64,
    /// What went wrong last.
    pub error: Option<TaskError>,
}

/// Jobs that are claimed before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Their priority.
    pub priority: Priority,
    /// Whether they are of the same project.
    pub own: bool,
    /// How many.
    pub jobs: u64,
}

/// What tasks have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Their status.
    pub status: Option<TaskStatus>,
    /// The stage at work, or the last one.
    pub stage: Option<Stage>,
    /// Their recipe.
    pub recipe: Option<String>,
    /// Their document.
    pub document: Option<DocumentId>,
    /// The code of their error.
    pub code: Option<ErrorCode>,
    /// Made at this time or later, milliseconds since 1970.
    pub created_from_ms: Option<i64>,
    /// Made before this time, milliseconds since 1970.
    pub created_to_ms: Option<i64>,
}

/// A task that has ended, for statistics and estimates.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedTask {
    /// How it ended.
    pub status: TaskStatus,
    /// Pages of its document.
    pub pages: u32,
    /// Seconds each stage took.
    pub timings: Vec<(Stage, f64)>,
    /// When it was made, milliseconds since 1970.
    pub created_ms: i64,
    /// When its first stage began.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub finished_ms: i64,
}
