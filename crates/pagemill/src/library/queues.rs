//! Queues, workers and dead letters, and figures over tasks.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use pagemill_core::{ErrorCode, JobId, Problem, ProjectId, Queue, TaskStatus};
use pagemill_store::{DeadLetterKind, QueueState, WorkerState};

use super::{
    Library,
    estimates::{SAMPLE, Speeds},
    views::{BulkView, DeadLetterView, FiguresView, QueueView, RefusedView, TaskStatisticsView, WorkerView},
};
use crate::config::Limits;

/// What is around a task is looked at so often at most: every row of a list is told from it.
const FRESH: Duration = Duration::from_secs(2);
/// Tasks that figures are made of.
const MEASURED: u32 = 1000;
/// Dead letters that are replayed by one call at most.
const BULK: u32 = 1000;

/// What is around a task: queues, workers, how fast work has been lately, and what the settings say.
pub(super) struct Surroundings {
    pub(super) queues: Vec<QueueState>,
    pub(super) workers: Vec<WorkerState>,
    pub(super) speeds: Speeds,
    /// Whether workers of their own can be started beside the server.
    pub(super) is_shared: bool,
    pub(super) limits: Limits,
}

fn no_letter(job: &JobId) -> Problem {
    Problem::new(
        ErrorCode::NotFound,
        format!("there is no dead letter `{job}` here; `pagemill dead-letters` lists them"),
    )
}

impl Library {
    /// What is around tasks, not older than [`FRESH`].
    pub(super) async fn surroundings(&self) -> Result<Arc<Surroundings>, Problem> {
        let known = self.surroundings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, known)) = known
            && at.elapsed() < FRESH
        {
            return Ok(known);
        }
        let around = Arc::new(self.look_around().await?);
        *self.surroundings.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&around)));
        Ok(around)
    }

    /// What is around tasks now.
    pub(super) async fn look_around(&self) -> Result<Surroundings, Problem> {
        Ok(Surroundings {
            queues: self.store().queues().await?,
            workers: self.store().workers().await?,
            speeds: Speeds::measure(&self.store().last_finished(SAMPLE).await?),
            is_shared: self.settings().is_shared(),
            limits: self.settings().limits,
        })
    }

    /// Every queue.
    ///
    /// # Errors
    /// Of the database.
    pub async fn queues(&self) -> Result<Vec<QueueView>, Problem> {
        let (queues, workers) = (self.store().queues().await?, self.store().workers().await?);
        Ok(queues.iter().map(|state| QueueView::new(state, &workers)).collect())
    }

    /// One queue.
    ///
    /// # Errors
    /// Of the database.
    pub async fn queue(&self, queue: Queue) -> Result<QueueView, Problem> {
        let queues = self.queues().await?;
        let found = queues.into_iter().find(|view| view.name == queue.as_str());
        found.ok_or_else(|| Problem::new(ErrorCode::NotFound, format!("there is no queue `{}`", queue.as_str())))
    }

    /// Pauses a queue, or lets it go on; jobs at work go on to their end.
    ///
    /// # Errors
    /// Of the database.
    pub async fn pause_queue(&self, queue: Queue, paused: bool) -> Result<QueueView, Problem> {
        self.store().pause_queue(queue, paused).await?;
        self.queue(queue).await
    }

    /// Sets how many jobs of a queue may be at work at once over all workers; `None` takes the limit away.
    ///
    /// # Errors
    /// Of the database.
    pub async fn scale_queue(&self, queue: Queue, concurrency: Option<u32>) -> Result<QueueView, Problem> {
        self.store().scale_queue(queue, concurrency).await?;
        self.queue(queue).await
    }

    /// Every worker that was heard of within a day.
    ///
    /// # Errors
    /// Of the database.
    pub async fn workers(&self) -> Result<Vec<WorkerView>, Problem> {
        Ok(self.store().workers().await?.iter().map(WorkerView::from).collect())
    }

    /// Jobs that were set aside, oldest first, behind a given one.
    ///
    /// # Errors
    /// Of the database.
    pub async fn dead_letters(
        &self,
        project: &ProjectId,
        kind: &DeadLetterKind,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<Vec<DeadLetterView>, Problem> {
        let letters = self.store().dead_letters(project, kind, after, limit).await?;
        Ok(letters.iter().map(DeadLetterView::from).collect())
    }

    /// The jobs of a kind that were set aside, newest first, and how many older ones there are.
    ///
    /// # Errors
    /// Of the database.
    pub async fn newest_dead_letters(
        &self,
        project: &ProjectId,
        kind: &DeadLetterKind,
        limit: u32,
    ) -> Result<(Vec<DeadLetterView>, u64), Problem> {
        let (letters, more) = self.store().newest_dead_letters(project, kind, limit).await?;
        Ok((letters.iter().map(DeadLetterView::from).collect(), more))
    }

    /// One job that was set aside.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn dead_letter(&self, project: &ProjectId, job: &JobId) -> Result<DeadLetterView, Problem> {
        let letter = self.store().dead_letter(project, job).await?;
        letter.as_ref().map(DeadLetterView::from).ok_or_else(|| no_letter(job))
    }

    /// Tries a dead letter again; its task is at work again, or a new one where the file was at fault.
    ///
    /// # Errors
    /// `not_found`; `conflict` while its task goes on without it; of the database.
    pub async fn replay(&self, project: &ProjectId, job: &JobId) -> Result<(), Problem> {
        if self.store().replay_dead_letter(project, job).await? { Ok(()) } else { Err(no_letter(job)) }
    }

    /// Tries all dead letters of a kind again, a thousand at most.
    ///
    /// # Errors
    /// Of the database.
    pub async fn replay_all(&self, project: &ProjectId, kind: &DeadLetterKind) -> Result<BulkView, Problem> {
        let letters = self.store().dead_letters(project, kind, None, BULK).await?;
        let mut done =
            BulkView { matched: letters.len() as u64, more: letters.len() as u32 == BULK, ..BulkView::default() };
        for letter in letters {
            match self.replay(project, &letter.job).await {
                Ok(()) => done.changed.push(letter.job.to_string()),
                Err(problem) if matches!(problem.code, ErrorCode::Conflict | ErrorCode::NotFound) => {
                    done.refused.push(RefusedView { id: letter.job.to_string(), error: (&problem).into() });
                }
                Err(problem) => return Err(problem),
            }
        }
        Ok(done)
    }

    /// Throws a dead letter away; its task stays as it ended.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn discard(&self, project: &ProjectId, job: &JobId) -> Result<(), Problem> {
        if self.store().discard_dead_letter(project, job).await? { Ok(()) } else { Err(no_letter(job)) }
    }

    /// Figures over the tasks of a project: counts over all, times over the thousand that ended last.
    ///
    /// # Errors
    /// Of the database.
    pub async fn task_statistics(&self, project: &ProjectId) -> Result<TaskStatisticsView, Problem> {
        let counts = self.store().task_counts(project).await?;
        let finished = self.store().last_finished_of(project, MEASURED).await?;
        let mut by_status: BTreeMap<String, u64> = BTreeMap::new();
        let mut by_recipe: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (recipe, status, count) in &counts {
            *by_status.entry(status.as_str().to_owned()).or_default() += count;
            by_recipe.entry(recipe.clone()).or_default().insert(status.as_str().to_owned(), *count);
        }
        let good: Vec<_> =
            finished.iter().filter(|task| matches!(task.status, TaskStatus::Completed | TaskStatus::Partial)).collect();
        let seconds = |ms: i64| ms.max(0) as f64 / 1000.0;
        let mut stages: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (stage, seconds) in good.iter().flat_map(|task| &task.timings) {
            stages.entry(stage.as_str().to_owned()).or_default().push(*seconds);
        }
        let pages: f64 = good.iter().map(|task| f64::from(task.pages)).sum();
        let began = good.iter().filter_map(|task| task.started_ms).min();
        let ended = good.iter().map(|task| task.finished_ms).max();
        let span = began.zip(ended).map(|(began, ended)| seconds(ended - began)).filter(|span| *span > 0.0);
        let started = || good.iter().filter_map(|task| task.started_ms.map(|started| (task, started)));
        Ok(TaskStatisticsView {
            tasks: by_status.values().sum(),
            by_status,
            by_recipe,
            measured: good.len() as u32,
            processing_seconds: FiguresView::of(
                started().map(|(task, started)| seconds(task.finished_ms - started)).collect(),
            ),
            waiting_seconds: FiguresView::of(
                started().map(|(task, started)| seconds(started - task.created_ms)).collect(),
            ),
            stage_seconds: stages.into_iter().map(|(stage, times)| (stage, FiguresView::of(times))).collect(),
            seconds_per_page: Speeds::measure(&finished)
                .per_page
                .into_iter()
                .map(|(stage, seconds)| (stage.as_str().to_owned(), seconds))
                .collect(),
            pages_per_minute: span.map(|span| pages / span * 60.0),
            cost_usd: 0.0,
        })
    }
}
