//! Words for tasks, stages, statuses and codes, as they are given on the command line.

use clap::Args;
use pagemill_core::{ErrorCode, Problem, Queue, Stage, TaskId, TaskStatus, excerpt};
use pagemill_store::TaskFilter;

use super::project;
use crate::library::{Library, views::from_rfc3339};

/// Flags that choose tasks by what they have in common.
#[derive(Args, Clone, Default)]
pub(crate) struct TaskFlags {
    /// Only tasks with this status.
    #[arg(long, value_parser = parse_status)]
    status: Option<TaskStatus>,
    /// Only tasks at this stage, or ended at it.
    #[arg(long, value_parser = parse_stage)]
    stage: Option<Stage>,
    /// Only tasks of this recipe.
    #[arg(long)]
    recipe: Option<String>,
    /// Only tasks that ended with this error code.
    #[arg(long, value_parser = parse_code)]
    code: Option<ErrorCode>,
    /// Only tasks made at this time (RFC 3339) or later.
    #[arg(long, value_name = "TIME", value_parser = from_rfc3339)]
    since: Option<i64>,
    /// Only tasks made before this time (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = from_rfc3339)]
    until: Option<i64>,
}

/// The flags that choose tasks.
pub(crate) const TASK_FLAGS: [&str; 6] = ["status", "stage", "recipe", "code", "since", "until"];

impl TaskFlags {
    pub(crate) fn filter(&self) -> TaskFilter {
        TaskFilter {
            status: self.status,
            stage: self.stage,
            recipe: self.recipe.clone(),
            document: None,
            code: self.code,
            created_from_ms: self.since,
            created_to_ms: self.until,
        }
    }
}

fn parse_status(word: &str) -> Result<TaskStatus, Problem> {
    TaskStatus::parse(word).ok_or_else(|| no_such("status", word, TaskStatus::ALL.map(TaskStatus::as_str).as_slice()))
}

/// The stage of a word.
pub(crate) fn parse_stage(word: &str) -> Result<Stage, Problem> {
    Stage::parse(word).ok_or_else(|| no_such("stage", word, Stage::ALL.map(Stage::as_str).as_slice()))
}

/// The queue of a word.
pub(crate) fn parse_queue(word: &str) -> Result<Queue, Problem> {
    Queue::parse(word).ok_or_else(|| no_such("queue", word, Queue::ALL.map(Queue::as_str).as_slice()))
}

/// The error code of a word.
pub(crate) fn parse_code(word: &str) -> Result<ErrorCode, Problem> {
    ErrorCode::parse(word).ok_or_else(|| {
        let message = format!("there is no error code `{}`; `pagemill tasks` shows those of tasks", excerpt(word, 40));
        Problem::new(ErrorCode::InvalidRequest, message)
    })
}

fn no_such(what: &str, word: &str, words: &[&str]) -> Problem {
    let message = format!("there is no {what} `{}`; choose one of {}", excerpt(word, 40), words.join(", "));
    Problem::new(ErrorCode::InvalidRequest, message)
}

/// The task of a word: its id, or the newest one of the document with that id, name or title.
pub(crate) async fn find_task(library: &Library, word: &str) -> Result<TaskId, Problem> {
    if word.starts_with(TaskId::PREFIX) && word.parse::<TaskId>().is_ok() {
        return word.parse();
    }
    let document = library.find_document(&project(), word).await?;
    let task = library.document(&project(), &document).await?.task;
    match task {
        Some(task) => task.id.parse(),
        None => Err(Problem::new(ErrorCode::NotFound, format!("the document {document} has no task"))),
    }
}
