//! What the faces show: the shapes of the HTTP API and of `--json`.
//!
//! They are promises to callers, so they are written out here and made from the
//! core types, never derived on them.

mod backup;
mod events;
mod floats;
mod ledger;
mod pages;
mod queue;
mod schedules;
mod search;

use pagemill_core::{Document, Problem, Stage, Task, TaskStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use backup::{BackupView, RestoreView};
pub use events::{DeliveryView, EventView, ProcessingUpdate, WebhookView, share_done, stage_words};
pub use floats::{FigureListView, FigureView, TableListView, TablePartView, TableView};
pub use ledger::{PageLedgerView, PageOutcomeView, PlanView, PlannedStage, StageLedgerView};
pub use pages::{BlockView, CellView, PageView};
pub(crate) use queue::priority_word;
pub use queue::{
    AheadView, AttemptView, BulkView, DeadLetterView, FiguresView, HolderView, QueueView, RefusedView, StepView,
    TaskDetails, TaskStatisticsView, WhyView, WorkerJobView, WorkerView,
};
pub use schedules::ScheduleView;
pub use search::{
    Answer, AnswerSentence, Citation, QueryRequest, SearchHit, SearchMode, SearchRequest, SearchResults, SpanView,
};

/// A stable code and a sentence that says what to do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ErrorView {
    /// The stable code.
    pub code: String,
    /// What happened, to what, and what to do.
    pub message: String,
}

impl From<&Problem> for ErrorView {
    fn from(problem: &Problem) -> Self {
        Self { code: problem.code.to_string(), message: problem.message.clone() }
    }
}

/// The answer to an upload, or a line of `pagemill add`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AddedDocument {
    /// The document's id; absent when the file was refused.
    pub id: Option<String>,
    /// The task that processes it.
    pub task: Option<String>,
    /// The name of the file.
    pub file: String,
    /// The task's status, or `failed` when the file was refused.
    pub status: String,
    /// Pages, once known.
    pub pages: u32,
    /// Chunks, once made.
    pub chunks: u32,
    /// Whether the same bytes were in the library already.
    pub reused: bool,
    /// Why it failed or is partial.
    pub error: Option<ErrorView>,
}

/// Everything `pagemill add` did.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AddedDocuments {
    /// One entry a file, in the order given.
    pub documents: Vec<AddedDocument>,
    /// Seconds from the first file to the answer.
    pub seconds: f64,
}

/// A document in a list or alone.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DocumentView {
    /// Its id.
    pub id: String,
    /// The name it was uploaded under.
    pub file: String,
    /// Its title, once read.
    pub title: Option<String>,
    /// Its authors, once read.
    pub authors: Vec<String>,
    /// Language of most of its text, ISO 639-3.
    pub language: Option<String>,
    /// Number of pages, once read. While the document is processed anew: of the version that is in force.
    pub pages: u32,
    /// Number of chunks, once made. While the document is processed anew: of the version that is in force.
    pub chunks: u32,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Whether the file is encrypted.
    pub encrypted: bool,
    /// Other metadata of the file.
    pub metadata: std::collections::BTreeMap<String, String>,
    /// What it looks like: `article`, `catalog`, `statement`, `form`, `manual` or `slides`, where that is clear.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub kind: Option<pagemill_core::DocumentKind>,
    /// Names of the files attached to it.
    #[serde(default)]
    pub attachments: Vec<String>,
    /// Its table of contents.
    pub outline: Vec<OutlineView>,
    /// When it was added, RFC 3339.
    pub created: String,
    /// The status of its newest task.
    pub status: String,
    /// Its newest task.
    pub task: Option<TaskView>,
}

/// An entry of the table of contents.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OutlineView {
    /// Its text.
    pub title: String,
    /// 1 for the outermost.
    pub level: u8,
    /// 1-based page.
    pub page: Option<u32>,
}

/// Where a task stands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// Its id.
    pub id: String,
    /// The document it works on.
    pub document: String,
    /// The recipe it runs.
    pub recipe: String,
    /// `queued`, `processing`, `paused`, `completed`, `partial`, `failed` or `cancelled`.
    pub status: String,
    /// The stage at work, or the last one.
    pub stage: String,
    /// The number of that stage, 1-based.
    pub step: u32,
    /// The number of stages.
    pub steps: u32,
    /// Where it is, for people: `step 1 of 5, pages 212 of 352`.
    #[serde(default)]
    pub detail: String,
    /// Units of the stage that are done.
    pub units_done: u32,
    /// Units of the stage in all; 0 while unknown.
    pub units_total: u32,
    /// Share of the whole task that is done, 0 to 1.
    pub progress: f64,
    /// Pages whose outcome is recorded.
    pub pages_done: u32,
    /// Pages of the document; 0 while unknown.
    pub pages_total: u32,
    /// Pages that could not be read.
    pub pages_unread: u32,
    /// Chunks made.
    pub chunks: u32,
    /// Units taken from earlier work.
    pub reused: u32,
    /// What it waits for, when something outside holds it up.
    pub waiting: Option<String>,
    /// Seconds of work that are left, from how long such work took lately; `null` while a stage it has before it was
    /// never measured.
    #[serde(default)]
    pub remaining_seconds: Option<f64>,
    /// Dollars it cost: 0 where no paid service was asked.
    #[serde(default)]
    pub cost_usd: f64,
    /// Why it failed or is partial.
    pub error: Option<ErrorView>,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When its first stage began.
    pub started: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// Seconds each stage took.
    pub timings: std::collections::BTreeMap<String, f64>,
    /// What it did and took over in each stage that makes something.
    #[serde(default)]
    pub ledger: Vec<StageLedgerView>,
}

impl From<&Task> for TaskView {
    fn from(task: &Task) -> Self {
        let step = Stage::ALL.iter().position(|stage| *stage == task.stage).unwrap_or(0) as u32;
        let steps = Stage::ALL.len() as u32;
        let progress = match task.status {
            TaskStatus::Completed | TaskStatus::Partial => 1.0,
            TaskStatus::Queued => 0.0,
            TaskStatus::Processing | TaskStatus::Paused | TaskStatus::Failed | TaskStatus::Cancelled => {
                share_done(task.stage, task.units_done, task.units_total)
            }
        };
        Self {
            id: task.id.to_string(),
            document: task.document.to_string(),
            recipe: task.recipe.clone(),
            status: task.status.as_str().to_owned(),
            stage: task.stage.as_str().to_owned(),
            step: step + 1,
            steps,
            detail: detail(task, step + 1, steps),
            units_done: task.units_done,
            units_total: task.units_total,
            progress,
            pages_done: task.pages_done,
            pages_total: task.pages_total,
            pages_unread: task.pages_unread,
            chunks: task.chunks,
            reused: task.reused,
            waiting: task.waiting.clone(),
            remaining_seconds: None,
            // There is no stage yet that asks a paid service.
            cost_usd: 0.0,
            error: task
                .error
                .as_ref()
                .map(|error| ErrorView { code: error.code.to_string(), message: error.message.clone() }),
            created: rfc3339(task.created_ms),
            started: task.started_ms.map(rfc3339),
            finished: task.finished_ms.map(rfc3339),
            timings: task.timings.iter().map(|(stage, seconds)| (stage.as_str().to_owned(), *seconds)).collect(),
            ledger: task.ledger.iter().map(StageLedgerView::from).collect(),
        }
    }
}

/// Where a task is, in words.
fn detail(task: &Task, step: u32, steps: u32) -> String {
    let place = format!("step {step} of {steps}");
    if task.stage == Stage::Parse && task.pages_total > 0 {
        return format!("{place}, pages {} of {}", task.pages_done, task.pages_total);
    }
    if task.units_total > 1 {
        return format!("{place}, {} {} of {}", task.stage.as_str(), task.units_done, task.units_total);
    }
    format!("{place}, {}", task.stage.as_str())
}

impl DocumentView {
    /// A document with its newest task, and how many chunks its live version has.
    pub fn new(document: &Document, task: Option<&Task>, chunks: u32) -> Self {
        Self {
            id: document.id.to_string(),
            file: document.file.clone(),
            title: document.info.title.clone(),
            authors: document.info.authors.clone(),
            language: document.info.language.clone(),
            // Until a first version is live, the task knows first.
            pages: match document.live_version {
                Some(_) => document.info.pages,
                None => task.map_or(0, |task| task.pages_total).max(document.info.pages),
            },
            chunks,
            bytes: document.bytes,
            sha256: document.sha256.clone(),
            encrypted: document.info.encrypted,
            metadata: document.info.metadata.clone(),
            kind: document.info.kind,
            attachments: document.info.attachments.clone(),
            outline: document
                .outline
                .iter()
                .map(|entry| OutlineView { title: entry.title.clone(), level: entry.level, page: entry.page })
                .collect(),
            created: rfc3339(document.created_ms),
            status: task.map_or(TaskStatus::Queued, |task| task.status).as_str().to_owned(),
            task: task.map(TaskView::from),
        }
    }
}

impl AddedDocument {
    /// What became of a document so far.
    pub fn new(document: &Document, task: &Task, reused: bool) -> Self {
        let view = TaskView::from(task);
        Self {
            id: Some(document.id.to_string()),
            task: Some(view.id),
            file: document.file.clone(),
            status: view.status,
            pages: document.info.pages.max(task.pages_total),
            chunks: task.chunks,
            reused,
            error: view.error,
        }
    }

    /// A file that was refused.
    pub fn refused(file: String, problem: &Problem) -> Self {
        Self {
            id: None,
            task: None,
            file,
            status: TaskStatus::Failed.as_str().to_owned(),
            pages: 0,
            chunks: 0,
            reused: false,
            error: Some(problem.into()),
        }
    }
}

/// What a deletion removed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeletionView {
    /// The document that was deleted.
    pub document: String,
    /// Rows removed from each table of the store, files, and index entries.
    pub removed: std::collections::BTreeMap<String, u64>,
    /// What a second look found to be left: empty when all is gone.
    pub left: std::collections::BTreeMap<String, u64>,
}

/// How the library is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LibraryView {
    /// The program's version.
    pub version: String,
    /// Documents in the library.
    pub documents: u64,
    /// Pages read.
    pub pages: u64,
    /// Chunks made.
    pub chunks: u64,
    /// Vectors made.
    pub vectors: u64,
    /// Tasks by status.
    pub tasks: std::collections::BTreeMap<String, u64>,
    /// Jobs by queue and state, `default/queued` for example.
    pub jobs: std::collections::BTreeMap<String, u64>,
    /// The embedding model of the library, if this build has one.
    pub model: Option<String>,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// How well the processes that read uploads are held: `full`, `partial`, `limits`, or `unavailable`
    /// when none can be started.
    pub cell: String,
}

/// The time of day, milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    (time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64
}

/// A time in RFC 3339 as milliseconds since 1970.
///
/// # Errors
/// `invalid_request` for anything else.
pub fn from_rfc3339(text: &str) -> Result<i64, Problem> {
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
    time.map(|time| (time.unix_timestamp_nanos() / 1_000_000) as i64).map_err(|error| {
        let text = pagemill_core::excerpt(text, 40);
        let message = format!("`{text}` is not a time; write it as 2026-01-31T09:30:00Z");
        Problem::new(pagemill_core::ErrorCode::InvalidRequest, message).caused_by(error)
    })
}

/// Milliseconds since 1970 as RFC 3339 with milliseconds, UTC.
pub fn rfc3339(ms: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    time.ok()
        .and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
}

/// What holds the processes that read uploads.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConfinementView {
    /// `full`: all of it; `partial`: files or system calls are taken away, but something is missing;
    /// `limits`: only memory, time and the like are bounded.
    pub level: String,
    /// Each mechanism (`landlock`, `seccomp`, `memory_limit`, …): `full`, `partial` or `none`.
    pub mechanisms: std::collections::BTreeMap<String, String>,
    /// Milliseconds the last one took to start.
    pub start_ms: f64,
}
