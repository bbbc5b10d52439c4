//! Tasks: what the user watches.

use serde::{Deserialize, Serialize};

use crate::{DocumentId, ErrorCode, EventId, Priority, ProjectId, Stage, TaskId};

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// Waiting for its first stage.
    Queued,
    /// At work.
    Processing,
    /// Held back by a person.
    Paused,
    /// Done; every page is explained.
    Completed,
    /// Done, but some pages could not be read.
    Partial,
    /// Ended without a result; the reason is in [`Task::error`].
    Failed,
    /// Stopped by a person.
    Cancelled,
}

impl TaskStatus {
    /// Every status, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Processing, Self::Paused, Self::Completed, Self::Partial, Self::Failed, Self::Cancelled];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether nothing more will happen to it by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Partial | Self::Failed | Self::Cancelled)
    }
}

/// One run of a recipe over a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its identifier.
    pub id: TaskId,
    /// The document it works on.
    pub document: DocumentId,
    /// The project both belong to.
    pub project: ProjectId,
    /// The name of the recipe.
    pub recipe: String,
    /// The version of the document it builds.
    pub version: u32,
    /// Where it stands.
    pub status: TaskStatus,
    /// How urgent it is.
    pub priority: Priority,
    /// The stage at work, or the last one.
    pub stage: Stage,
    /// Units of the stage that are done.
    pub units_done: u32,
    /// Units of the stage in all; 0 while unknown.
    pub units_total: u32,
    /// Pages of the document; 0 while unknown.
    pub pages_total: u32,
    /// Pages whose outcome is recorded.
    pub pages_done: u32,
    /// Pages whose outcome is `failed` or `skipped`.
    pub pages_unread: u32,
    /// Chunks made.
    pub chunks: u32,
    /// Units taken from earlier work instead of being done again.
    pub reused: u32,
    /// Why it failed, or why it is partial.
    pub error: Option<TaskError>,
    /// What it waits for, when something outside holds it up.
    pub waiting: Option<String>,
    /// When it was made, milliseconds since 1970.
    pub created_ms: i64,
    /// When its first stage began.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub finished_ms: Option<i64>,
    /// Seconds each stage took, in the order they ran.
    pub timings: Vec<(Stage, f64)>,
    /// What it did and took over in each stage, in the order they ran.
    pub ledger: Vec<StageLedger>,
}

/// What a task did in one stage, counted in the transactions that saved the work: each unit once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageLedger {
    /// The stage.
    pub stage: Stage,
    /// Units this task worked on.
    pub units_done: u32,
    /// Units taken over whole from earlier work.
    pub units_reused: u32,
    /// Items made: pages of `parse`, chunks of `chunk`, vectors of `embed`.
    pub done: u32,
    /// Items taken over from earlier work.
    pub reused: u32,
    /// Items that could not be made.
    pub failed: u32,
}

impl StageLedger {
    /// A stage in which nothing has been done yet.
    pub fn new(stage: Stage) -> Self {
        Self { stage, units_done: 0, units_reused: 0, done: 0, reused: 0, failed: 0 }
    }
}

/// Why a task failed or is partial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    /// The stable code.
    pub code: ErrorCode,
    /// What happened, to what, and what to do.
    pub message: String,
}

/// Something that happened, written in the transaction of what it tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number; later events have higher ones.
    pub id: EventId,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// The project it belongs to.
    pub project: ProjectId,
    /// The task it tells about.
    pub task: Option<TaskId>,
    /// The document it tells about.
    pub document: Option<DocumentId>,
    /// Its type: `task.started`, `task.progress`, `document.text_extracted`…
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says.
    pub data: serde_json::Value,
}
