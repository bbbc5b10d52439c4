//! The queue as the faces show it: a task in detail, why it waits, queues, workers, dead letters, figures.

use std::collections::BTreeMap;

use pagemill_core::{Stage, Task, TaskError, TaskStatus};
use pagemill_store::{Attempt, DeadLetter, QueueState, WorkerState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ErrorView, TaskView, rfc3339};

/// A task with its steps and every attempt.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskDetails {
    /// The task.
    #[serde(flatten)]
    pub task: TaskView,
    /// The stages of its recipe, in their order.
    pub stages: Vec<StepView>,
    /// Every attempt at its jobs, in the order they began; at most a thousand.
    pub attempts: Vec<AttemptView>,
}

/// A stage of a task.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// Its name.
    pub stage: String,
    /// `pending`, `active`, `done`, or `failed` where the task ended at it.
    pub status: String,
    /// The checkpoint it reaches, where it has a name: `PAGES_PARSED`, `CHUNKS_CREATED`, `COMPLETED`.
    pub checkpoint: Option<String>,
    /// Whether the checkpoint is reached.
    pub reached: bool,
    /// Units done of the stage at work.
    pub units_done: Option<u32>,
    /// Units of the stage at work in all; 0 while unknown.
    pub units_total: Option<u32>,
    /// Seconds it took.
    pub seconds: Option<f64>,
}

impl StepView {
    /// The stages of a task.
    pub fn of(task: &Task) -> Vec<Self> {
        let is_active = |stage| stage == task.stage && !task.status.is_final();
        let is_done = |stage: Stage| {
            let timed = task.timings.iter().any(|(done, _)| *done == stage);
            timed || stage < task.stage || matches!(task.status, TaskStatus::Completed)
        };
        let step = |stage: Stage| {
            let (status, reached) = match task.status {
                _ if is_active(stage) => ("active", false),
                TaskStatus::Failed if stage == task.stage => ("failed", false),
                _ if is_done(stage) => ("done", true),
                _ => ("pending", false),
            };
            let counted = is_active(stage);
            Self {
                stage: stage.as_str().to_owned(),
                status: status.to_owned(),
                checkpoint: stage.checkpoint().map(str::to_owned),
                reached,
                units_done: counted.then_some(task.units_done),
                units_total: counted.then_some(task.units_total),
                seconds: task.timings.iter().find(|(done, _)| *done == stage).map(|(_, seconds)| *seconds),
            }
        };
        Stage::ALL.into_iter().map(step).collect()
    }
}

/// One attempt at a job.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    /// The job.
    pub job: String,
    /// Its stage.
    pub stage: String,
    /// Which attempt of the job, from 1; those that were not spent are not counted.
    pub attempt: u32,
    /// Who made it.
    pub worker: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// When it ended; `null` while it is under way.
    pub ended: Option<String>,
    /// `done`, `released`, `failed`, `crashed`, `paused` or `cancelled`; `null` while it is under way.
    pub outcome: Option<String>,
    /// What went wrong.
    pub error: Option<ErrorView>,
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        Self {
            job: attempt.job.to_string(),
            stage: attempt.stage.as_str().to_owned(),
            attempt: attempt.attempt,
            worker: attempt.worker.to_string(),
            started: rfc3339(attempt.started_ms),
            ended: attempt.ended_ms.map(rfc3339),
            outcome: attempt.outcome.map(|outcome| outcome.as_str().to_owned()),
            error: attempt.error.as_ref().map(ErrorView::from),
        }
    }
}

impl From<&TaskError> for ErrorView {
    fn from(error: &TaskError) -> Self {
        Self { code: error.code.to_string(), message: error.message.clone() }
    }
}

/// Why a task stands where it stands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WhyView {
    /// The task.
    pub task: String,
    /// Its status.
    pub status: String,
    /// The answer in plain words.
    pub sentence: String,
    /// What kind of answer it is: `working`, `queued`, `no_worker`, `queue_paused`, `queue_full`, `held_back`,
    /// `waiting`, `paused`, `silent`, `ended` or `stuck`.
    pub reason: String,
    /// The stage it is at.
    pub stage: String,
    /// The queue that stage's job waits in.
    pub queue: Option<String>,
    /// Jobs that are claimed before its own.
    pub ahead: Vec<AheadView>,
    /// Whether there are more of them than were counted.
    pub ahead_more: bool,
    /// Who works on it.
    pub worker: Option<HolderView>,
    /// Seconds until its job may run, when it has to wait.
    pub due_in_seconds: Option<f64>,
    /// Which attempt is next or under way, from 1.
    pub attempt: Option<u32>,
    /// Workers that died of its job.
    pub crashes: u32,
    /// What went wrong last.
    pub error: Option<ErrorView>,
    /// Seconds until it should be done, from how long such work took lately; `null` while that is not known.
    pub remaining_seconds: Option<f64>,
    /// When it should be done, RFC 3339.
    pub expected: Option<String>,
}

/// Jobs ahead of another, by their priority and whose they are.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AheadView {
    /// `high`, `normal` or `batch`.
    pub priority: String,
    /// `own` or `others`: whether they are of the same project.
    pub project: String,
    /// How many.
    pub jobs: u64,
}

/// Who holds a job.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HolderView {
    /// The worker.
    pub id: String,
    /// The machine it runs on, where it is known.
    pub host: Option<String>,
    /// Since when it has the job, RFC 3339.
    pub since: Option<String>,
    /// Seconds since it was last heard of.
    pub heard_seconds: Option<f64>,
    /// Seconds since it last got something done at this job.
    pub silent_seconds: Option<f64>,
    /// Seconds until the job is taken from it if it says no more.
    pub lease_seconds: Option<f64>,
}

/// A queue.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct QueueView {
    /// `default`, `images` or `embeddings`.
    pub name: String,
    /// Whether it gives out no jobs.
    pub paused: bool,
    /// Most jobs at work at once over all workers; `null` is as many as they take.
    pub concurrency: Option<u32>,
    /// Jobs by state: `ready`, `leased`, `waiting`, `paused`, `dead`.
    pub jobs: BTreeMap<String, u64>,
    /// When the oldest of the tasks was made whose jobs are next, RFC 3339.
    pub oldest: Option<String>,
    /// Workers that serve it and were heard of within 30 s.
    pub workers: u32,
    /// The jobs those workers take at once.
    pub places: u32,
}

impl QueueView {
    /// A queue, beside the workers that serve it.
    pub fn new(state: &QueueState, workers: &[WorkerState]) -> Self {
        let alive = workers.iter().filter(|worker| worker.is_alive());
        let places: Vec<u32> = alive
            .filter_map(|worker| worker.report.places.iter().find(|(queue, _)| *queue == state.queue))
            .map(|(_, places)| *places)
            .collect();
        Self {
            name: state.queue.as_str().to_owned(),
            paused: state.paused,
            concurrency: state.concurrency,
            jobs: state.jobs.iter().map(|(state, count)| (state.as_str().to_owned(), *count)).collect(),
            oldest: state.oldest_ms.map(rfc3339),
            workers: places.len() as u32,
            places: places.iter().sum(),
        }
    }
}

/// A process that takes jobs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkerView {
    /// Its id.
    pub id: String,
    /// `working`, `idle`, `held_back`, or `silent` when nothing was heard of it for 30 s.
    pub status: String,
    /// The machine it runs on.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// The version of the program.
    pub version: String,
    /// How many jobs it takes of each queue.
    pub queues: BTreeMap<String, u32>,
    /// When it started, RFC 3339.
    pub started: String,
    /// When it was last heard of, RFC 3339.
    pub seen: String,
    /// Seconds since then.
    pub silent_seconds: f64,
    /// Memory it and its reading processes use, in bytes.
    pub memory_bytes: u64,
    /// Why it takes no jobs, when it takes none.
    pub held_back: Option<String>,
    /// Jobs in hand.
    pub jobs: Vec<WorkerJobView>,
}

/// A job in the hands of a worker.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkerJobView {
    /// The job.
    pub job: String,
    /// Its task.
    pub task: String,
    /// Its stage.
    pub stage: String,
    /// What it is at: `page 12`, or `batch 3` of passages.
    pub unit: Option<String>,
    /// Seconds it has been at it.
    pub running_seconds: f64,
    /// Seconds since it last got something done.
    pub silent_seconds: f64,
}

impl From<&WorkerState> for WorkerView {
    fn from(state: &WorkerState) -> Self {
        let report = &state.report;
        let status = match &report.held_back {
            _ if !state.is_alive() => "silent",
            Some(_) => "held_back",
            None if report.jobs.is_empty() => "idle",
            None => "working",
        };
        Self {
            id: report.id.to_string(),
            status: status.to_owned(),
            host: report.host.clone(),
            pid: report.pid,
            version: report.version.clone(),
            queues: report.places.iter().map(|(queue, places)| (queue.as_str().to_owned(), *places)).collect(),
            started: rfc3339(report.started_ms),
            seen: rfc3339(state.seen_ms),
            silent_seconds: state.silent_ms as f64 / 1000.0,
            memory_bytes: report.memory_bytes,
            held_back: report.held_back.clone(),
            jobs: report
                .jobs
                .iter()
                .map(|job| WorkerJobView {
                    job: job.job.to_string(),
                    task: job.task.to_string(),
                    stage: job.stage.as_str().to_owned(),
                    unit: job.unit.map(|unit| unit_words(job.stage, unit)),
                    running_seconds: job.running_ms as f64 / 1000.0,
                    silent_seconds: job.silent_ms as f64 / 1000.0,
                })
                .collect(),
        }
    }
}

/// What a worker is at.
fn unit_words(stage: Stage, unit: u32) -> String {
    let kind = if stage == Stage::Embed { "batch" } else { "page" };
    format!("{kind} {unit}")
}

/// A job that was set aside, with all that is needed to understand it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterView {
    /// The job.
    pub job: String,
    /// Its task.
    pub task: String,
    /// The document it works on.
    pub document: String,
    /// The name of the document's file.
    pub file: String,
    /// Its stage.
    pub stage: String,
    /// Its unit.
    pub unit: u32,
    /// The version of the document it builds.
    pub version: u32,
    /// The recipe of its task.
    pub recipe: String,
    /// `high`, `normal` or `batch`.
    pub priority: String,
    /// Attempts that were spent on it.
    pub attempts_spent: u32,
    /// How often what ran it crashed.
    pub crashes: u32,
    /// What went wrong last.
    pub error: Option<ErrorView>,
    /// When it was set aside, RFC 3339.
    pub died: String,
    /// Every attempt at it: worker, times, outcome, error.
    pub attempts: Vec<AttemptView>,
}

impl From<&DeadLetter> for DeadLetterView {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            job: letter.job.to_string(),
            task: letter.task.to_string(),
            document: letter.document.to_string(),
            file: letter.file.clone(),
            stage: letter.stage.as_str().to_owned(),
            unit: letter.unit,
            version: letter.version,
            recipe: letter.recipe.clone(),
            priority: priority_word(letter.priority).to_owned(),
            attempts_spent: letter.attempts_spent,
            crashes: letter.crashes,
            error: letter.error.as_ref().map(ErrorView::from),
            died: rfc3339(letter.died_ms),
            attempts: letter.attempts.iter().map(AttemptView::from).collect(),
        }
    }
}

/// The word of a priority.
pub(crate) fn priority_word(priority: pagemill_core::Priority) -> &'static str {
    match priority {
        pagemill_core::Priority::High => "high",
        pagemill_core::Priority::Normal => "normal",
        pagemill_core::Priority::Batch => "batch",
    }
}

/// What was done to many things at once.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct BulkView {
    /// How many there were.
    pub matched: u64,
    /// Those that were changed.
    pub changed: Vec<String>,
    /// Those that were not, with the reason.
    pub refused: Vec<RefusedView>,
    /// Whether there are more than are done at once: ask again.
    pub more: bool,
}

/// What was not changed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RefusedView {
    /// Its id.
    pub id: String,
    /// Why.
    pub error: ErrorView,
}

/// Figures over the tasks of a project.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskStatisticsView {
    /// Tasks in all.
    pub tasks: u64,
    /// Tasks by status.
    pub by_status: BTreeMap<String, u64>,
    /// Tasks by recipe and status.
    pub by_recipe: BTreeMap<String, BTreeMap<String, u64>>,
    /// How many of the tasks that ended last the figures below are made of.
    pub measured: u32,
    /// Seconds from the first stage to the end.
    pub processing_seconds: FiguresView,
    /// Seconds from the upload to the first stage.
    pub waiting_seconds: FiguresView,
    /// Seconds each stage took.
    pub stage_seconds: BTreeMap<String, FiguresView>,
    /// Seconds each stage takes for a page.
    pub seconds_per_page: BTreeMap<String, f64>,
    /// Pages a minute over the time those tasks took.
    pub pages_per_minute: Option<f64>,
    /// Dollars that the tasks cost: 0 where no paid service was asked.
    #[serde(default)]
    pub cost_usd: f64,
}

/// Average and percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FiguresView {
    /// How many were measured.
    pub count: u32,
    /// The average.
    pub average: f64,
    /// The median.
    pub p50: f64,
    /// 95 of 100 are below.
    pub p95: f64,
    /// 99 of 100 are below.
    pub p99: f64,
    /// The largest.
    pub largest: f64,
}

impl FiguresView {
    /// The figures of some measurements.
    pub fn of(mut measured: Vec<f64>) -> Self {
        measured.sort_by(f64::total_cmp);
        let Some(largest) = measured.last().copied() else { return Self::default() };
        let at = |share: f64| measured[((measured.len() - 1) as f64 * share).round() as usize];
        Self {
            count: measured.len() as u32,
            average: measured.iter().sum::<f64>() / measured.len() as f64,
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            largest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_nothing_and_of_a_hundred() {
        assert_eq!(FiguresView::of(Vec::new()), FiguresView::default());
        let figures = FiguresView::of((0..=100).rev().map(f64::from).collect());
        assert_eq!((figures.count, figures.average, figures.p50, figures.p95), (101, 50.0, 50.0, 95.0));
        assert_eq!(figures.largest, 100.0);
    }
}
