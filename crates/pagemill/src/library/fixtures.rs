//! What tests of this part have in common.

use pagemill_core::{DocumentId, Priority, ProjectId, Stage, Task, TaskId, TaskStatus};

/// A task whose first stage has just begun.
pub(super) fn task_at_work() -> Task {
    Task {
        id: TaskId::new(),
        document: DocumentId::new(),
        project: ProjectId::default_project(),
        recipe: "auto".to_owned(),
        version: 1,
        status: TaskStatus::Processing,
        priority: Priority::Normal,
        stage: Stage::Parse,
        units_done: 0,
        units_total: 0,
        pages_total: 0,
        pages_done: 0,
        pages_unread: 0,
        chunks: 0,
        reused: 0,
        error: None,
        waiting: None,
        created_ms: 0,
        started_ms: Some(0),
        finished_ms: None,
        timings: Vec::new(),
        ledger: Vec::new(),
    }
}
