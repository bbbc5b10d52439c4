//! Tasks, events, and how the library is.

use std::time::Duration;

use pagemill_core::{ErrorCode, Event, EventId, Problem, ProjectId, TaskId, TaskStatus};
use tokio::{sync::watch, time::Instant};

use super::{
    Library,
    views::{ConfinementView, LibraryView, TaskView},
};

/// Wake-ups are hints; this is how often waiting looks again without one.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Library {
    /// Where a task stands.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn task(&self, project: &ProjectId, id: &TaskId) -> Result<TaskView, Problem> {
        match self.store().task(project, id).await? {
            Some(task) => Ok(TaskView::from(&task)),
            None => Err(Problem::new(
                ErrorCode::NotFound,
                format!("there is no task `{id}` here; `pagemill tasks` lists them"),
            )),
        }
    }

    /// Where a task stands once it has ended, or after `timeout`.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn wait_task(&self, project: &ProjectId, id: &TaskId, timeout: Duration) -> Result<TaskView, Problem> {
        let end = Instant::now() + timeout;
        let mut wake = self.wakeups();
        loop {
            let task = self.task(project, id).await?;
            let ended = TaskStatus::parse(&task.status).is_some_and(TaskStatus::is_final);
            if ended || Instant::now() >= end {
                return Ok(task);
            }
            let pause = LOOK_AGAIN.min(end - Instant::now());
            let _ = tokio::time::timeout(pause, wake.changed()).await;
        }
    }

    /// Tasks in the order they were made, from the one behind `after` on.
    ///
    /// # Errors
    /// Of the database.
    pub async fn tasks(
        &self,
        project: &ProjectId,
        status: Option<TaskStatus>,
        after: Option<&TaskId>,
        limit: u32,
    ) -> Result<Vec<TaskView>, Problem> {
        let tasks = self.store().tasks(project, status, after, limit).await?;
        Ok(tasks.iter().map(TaskView::from).collect())
    }

    /// Events behind a number, in order.
    ///
    /// # Errors
    /// Of the database.
    pub async fn events_since(&self, project: &ProjectId, after: EventId, limit: u32) -> Result<Vec<Event>, Problem> {
        self.store().events_since(project, after, limit).await
    }

    /// The number of the newest event.
    ///
    /// # Errors
    /// Of the database.
    pub async fn last_event(&self) -> Result<EventId, Problem> {
        self.store().last_event().await
    }

    /// Changes when something was committed: a hint to look.
    pub fn wakeups(&self) -> watch::Receiver<u64> {
        self.store().subscribe()
    }

    /// How the library is.
    ///
    /// # Errors
    /// Of the database.
    pub async fn status(&self) -> Result<LibraryView, Problem> {
        let counts = self.store().library_counts().await?;
        Ok(LibraryView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            documents: counts.documents,
            pages: counts.pages,
            chunks: counts.chunks,
            vectors: counts.vectors,
            tasks: counts.tasks.iter().map(|(status, count)| (status.as_str().to_owned(), *count)).collect(),
            jobs: counts
                .jobs
                .iter()
                .map(|(queue, state, count)| (format!("{}/{}", queue.as_str(), state.as_str()), *count))
                .collect(),
            model: self.embedder().map(|embedder| embedder.name().to_owned()),
            database: if self.settings().is_shared() { "postgres" } else { "sqlite" }.to_owned(),
            cell: match self.cells().held().await {
                Ok(held) => held.confinement.level().as_str().to_owned(),
                Err(_told_when_reading) => "unavailable".to_owned(),
            },
        })
    }
    /// What holds the processes that read uploads, as the last one to start said.
    ///
    /// # Errors
    /// When no such process can be started.
    pub async fn cell(&self) -> Result<ConfinementView, Problem> {
        let held = self.cells().held().await?;
        let mechanisms = held.confinement.mechanisms.iter();
        Ok(ConfinementView {
            level: held.confinement.level().as_str().to_owned(),
            mechanisms: mechanisms.map(|(m, hold)| (m.as_str().to_owned(), hold.as_str().to_owned())).collect(),
            start_ms: held.start.as_secs_f64() * 1000.0,
        })
    }
}
