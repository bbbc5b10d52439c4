//! Tasks: where they stand, and what a person may do with them; events, and how the library is.

use std::time::Duration;

use pagemill_core::{ErrorCode, EventId, Problem, ProjectId, Task, TaskId, TaskStatus};
use pagemill_store::{News, TaskFilter};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};
use utoipa::ToSchema;

use super::{
    Library,
    views::{AttemptView, BulkView, ConfinementView, LibraryView, RefusedView, StepView, TaskDetails, TaskView},
};

/// Wake-ups are hints; this is how often waiting looks again without one.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Tasks that are changed by one call at most.
const BULK: usize = 1000;
/// Tasks fetched at once.
const BATCH: u32 = 200;

/// A task of which there is none, or none that this project may see.
pub(super) fn no_task(id: &TaskId) -> Problem {
    Problem::new(ErrorCode::NotFound, format!("there is no task `{id}` here; `pagemill tasks` lists them"))
}

/// What a person may do with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaskAction {
    /// Stop it; what was done stays for a later one.
    Cancel,
    /// Hold it back.
    Pause,
    /// Let it go on.
    Resume,
    /// Start a new one that does what this one did not.
    Retry,
}

impl Library {
    /// Where a task stands.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn task(&self, project: &ProjectId, id: &TaskId) -> Result<TaskView, Problem> {
        let task = self.store().task(project, id).await?.ok_or_else(|| no_task(id))?;
        self.task_view(&task).await
    }

    /// A task with its steps and attempts.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn task_details(&self, project: &ProjectId, id: &TaskId) -> Result<TaskDetails, Problem> {
        let task = self.store().task(project, id).await?.ok_or_else(|| no_task(id))?;
        let attempts = self.store().attempts(project, id).await?;
        Ok(TaskDetails {
            stages: StepView::of(&task),
            attempts: attempts.iter().map(AttemptView::from).collect(),
            task: self.task_view(&task).await?,
        })
    }

    /// A task, with what can be said from what is around it.
    ///
    /// # Errors
    /// Of the database.
    pub(super) async fn task_view(&self, task: &Task) -> Result<TaskView, Problem> {
        let views = self.task_views(std::slice::from_ref(task)).await?;
        Ok(views.into_iter().next().unwrap_or_else(|| TaskView::from(task)))
    }

    /// Tasks in their order, with what can be said from what is around them.
    ///
    /// # Errors
    /// Of the database.
    pub(super) async fn task_views(&self, tasks: &[Task]) -> Result<Vec<TaskView>, Problem> {
        let open: Vec<TaskId> =
            tasks.iter().filter(|task| !task.status.is_final()).map(|task| task.id.clone()).collect();
        if open.is_empty() {
            return Ok(tasks.iter().map(TaskView::from).collect());
        }
        let jobs = self.store().first_jobs(&open).await?;
        let around = self.surroundings().await?;
        let view = |task: &Task| {
            let mut view = TaskView::from(task);
            if !task.status.is_final() {
                view.remaining_seconds = around.speeds.left(task);
                view.waiting = view.waiting.or_else(|| around.what_holds(jobs.get(&task.id)?));
            }
            view
        };
        Ok(tasks.iter().map(view).collect())
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
        filter: &TaskFilter,
        after: Option<&TaskId>,
        limit: u32,
    ) -> Result<Vec<TaskView>, Problem> {
        let tasks = self.store().tasks_of(project, filter, after, limit).await?;
        self.task_views(&tasks).await
    }

    /// The newest tasks that a filter lets through, newest first, and how many older ones it does.
    ///
    /// # Errors
    /// Of the database.
    pub async fn newest_tasks(
        &self,
        project: &ProjectId,
        filter: &TaskFilter,
        limit: u32,
    ) -> Result<(Vec<TaskView>, u64), Problem> {
        let (tasks, more) = self.store().newest_tasks_of(project, filter, limit).await?;
        Ok((self.task_views(&tasks).await?, more))
    }

    /// Does something with a task; returns it, or for [`TaskAction::Retry`] the new one.
    ///
    /// # Errors
    /// `not_found`; `conflict` when the task is in no state for it; of the database.
    pub async fn change_task(&self, project: &ProjectId, id: &TaskId, action: TaskAction) -> Result<TaskView, Problem> {
        let store = self.store();
        let changed = match action {
            TaskAction::Cancel => store.cancel_task(project, id).await?,
            TaskAction::Pause => store.pause_task(project, id).await?,
            TaskAction::Resume => store.resume_task(project, id).await?,
            TaskAction::Retry => store.retry_task(project, id).await?,
        };
        changed.as_ref().map(TaskView::from).ok_or_else(|| no_task(id))
    }

    /// Does something with every task that a filter lets through, a thousand at most. Those that are in no state
    /// for it are told of with the reason; tasks that have ended are passed over where only open ones are meant, and those
    /// that a newer one has taken the place of where new ones are made.
    ///
    /// # Errors
    /// `invalid_request` for a filter that asks for nothing; of the database.
    pub async fn change_tasks(
        &self,
        project: &ProjectId,
        filter: &TaskFilter,
        action: TaskAction,
    ) -> Result<BulkView, Problem> {
        filter.not_empty()?;
        let mut done = BulkView::default();
        let mut after = None;
        loop {
            let tasks = self.store().tasks_of(project, filter, after.as_ref(), BATCH).await?;
            let Some(last) = tasks.last() else { return Ok(done) };
            after = Some(last.id.clone());
            for task in tasks {
                let is_meant = match action {
                    TaskAction::Cancel | TaskAction::Pause => !task.status.is_final(),
                    TaskAction::Resume => task.status == TaskStatus::Paused,
                    TaskAction::Retry => task.status.is_final() && task.status != TaskStatus::Completed,
                };
                if !is_meant || (action == TaskAction::Retry && self.is_superseded(project, &task).await?) {
                    continue;
                }
                if done.changed.len() + done.refused.len() == BULK {
                    done.more = true;
                    return Ok(done);
                }
                done.matched += 1;
                match self.change_task(project, &task.id, action).await {
                    Ok(view) => done.changed.push(view.id),
                    Err(problem) if matches!(problem.code, ErrorCode::Conflict | ErrorCode::NotFound) => {
                        done.refused.push(RefusedView { id: task.id.to_string(), error: (&problem).into() });
                    }
                    Err(problem) => return Err(problem),
                }
            }
        }
    }

    /// Whether its document has a newer task.
    async fn is_superseded(&self, project: &ProjectId, task: &Task) -> Result<bool, Problem> {
        let newest = self.store().newest_task(project, &task.document).await?;
        Ok(newest.is_some_and(|newest| newest.id != task.id))
    }

    /// The number of the newest event.
    ///
    /// # Errors
    /// Of the database.
    pub async fn last_event(&self) -> Result<EventId, Problem> {
        self.store().last_event().await
    }

    /// Changes when something was committed: a hint to look.
    pub fn wakeups(&self) -> watch::Receiver<News> {
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
