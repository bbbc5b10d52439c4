//! Why is it waiting? What a task waits for, who is ahead of it, who has it, and when it should be done.

use std::time::Duration;

use pagemill_core::{Problem, ProjectId, Queue, TaskError, TaskId, TaskStatus, queue::JobState};
use pagemill_store::{JobStanding, OpenJob, Standing, WorkerState};

use super::{
    Library,
    estimates::in_words,
    queues::Surroundings,
    tasks::no_task,
    views::{AheadView, ErrorView, HolderView, TaskView, WhyView, now_ms, priority_word, rfc3339},
};

impl Library {
    /// Why a task stands where it stands.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn why(&self, project: &ProjectId, id: &TaskId) -> Result<WhyView, Problem> {
        let Some(standing) = self.store().standing(project, id).await? else { return Err(no_task(id)) };
        Ok(explain(&standing, &self.look_around().await?))
    }
}

impl Surroundings {
    /// What holds up the job a task is at or waits for, in words, if anything does.
    pub(super) fn what_holds(&self, job: &OpenJob) -> Option<String> {
        match job.state {
            JobState::Ready => self.held_up(job.stage.queue()).map(|(_, words)| words),
            JobState::Waiting => job.error.as_ref().map(|error| between_attempts(job.attempt, error, job.due_in_ms)),
            JobState::Leased | JobState::Paused | JobState::Dead | JobState::Done => None,
        }
    }

    /// What holds up the jobs of a queue that are ready, if anything does.
    fn held_up(&self, queue: Queue) -> Option<(Reason, String)> {
        let name = queue.as_str();
        let state = self.queues.iter().find(|state| state.queue == queue);
        if state.is_some_and(|state| state.paused) {
            return Some((
                Reason::QueuePaused,
                format!("the queue `{name}` is paused; `pagemill queues resume {name}` lets it go on"),
            ));
        }
        let serving: Vec<&WorkerState> = self
            .workers
            .iter()
            .filter(|worker| worker.is_alive() && worker.report.places.iter().any(|(served, _)| *served == queue))
            .collect();
        if serving.is_empty() {
            return Some((Reason::NoWorker, self.without_worker(queue)));
        }
        if let Some(reason) = serving.first().and_then(|worker| worker.report.held_back.as_ref())
            && serving.iter().all(|worker| worker.report.held_back.is_some())
        {
            return Some((Reason::HeldBack, format!("no worker takes jobs now: {reason}")));
        }
        let most = state.and_then(|state| state.concurrency)?;
        let leased = state?.jobs.iter().find(|(state, _)| *state == JobState::Leased).map_or(0, |(_, count)| *count);
        (leased >= u64::from(most)).then(|| {
            (
                Reason::QueueFull,
                format!("the queue `{name}` runs {most} jobs at once at most, and {leased} are at work"),
            )
        })
    }

    /// What to do where no worker serves a queue: a library in a folder is worked on by its server alone.
    fn without_worker(&self, queue: Queue) -> String {
        let name = queue.as_str();
        let advice = if self.is_shared {
            format!("start `pagemill serve`, or `pagemill worker --queues {name}`")
        } else if self.workers.iter().any(WorkerState::is_alive) {
            format!("start `pagemill serve` again, without `--queues` or with `{name}` among them")
        } else {
            "start `pagemill serve`".to_owned()
        };
        format!("no worker serves the queue `{name}`; {advice}")
    }
}

/// What a job waits for that is tried again.
fn between_attempts(attempt: u32, error: &TaskError, due_in_ms: i64) -> String {
    let due = in_words(due_in_ms as f64 / 1000.0);
    format!("attempt {} failed: {}; it tries again in {due}", attempt.max(1), error.message)
}

/// What kind of answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Working,
    Queued,
    NoWorker,
    QueuePaused,
    QueueFull,
    HeldBack,
    Waiting,
    Paused,
    Silent,
    Ended,
    Stuck,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Queued => "queued",
            Self::NoWorker => "no_worker",
            Self::QueuePaused => "queue_paused",
            Self::QueueFull => "queue_full",
            Self::HeldBack => "held_back",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Silent => "silent",
            Self::Ended => "ended",
            Self::Stuck => "stuck",
        }
    }
}

/// The answer, from what is known: pure.
fn explain(standing: &Standing, around: &Surroundings) -> WhyView {
    let task = &standing.task;
    let job = standing.jobs.iter().min_by_key(|job| job.state);
    let holder = job.and_then(|job| holder(job, &around.workers));
    let remaining = remaining(standing, job, around);
    let (reason, mut sentence) = match job {
        _ if task.status.is_final() => (Reason::Ended, ended(standing)),
        None => (Reason::Stuck, "it has no job in any queue; this is a defect: cancel it and try it again".to_owned()),
        Some(job) => match job.state {
            JobState::Leased => at_work(task, job, holder.as_ref(), around.limits.unit_patience(job.stage)),
            JobState::Ready => around.held_up(job.stage.queue()).unwrap_or_else(|| (Reason::Queued, queued(job))),
            JobState::Waiting => (Reason::Waiting, waiting(task, job)),
            JobState::Paused => {
                (Reason::Paused, format!("a person paused it; `pagemill resume {}` lets it go on", task.id))
            }
            JobState::Dead | JobState::Done => (Reason::Stuck, "its job is set aside".to_owned()),
        },
    };
    let moves = matches!(reason, Reason::Working | Reason::Queued | Reason::Waiting);
    let remaining = remaining.filter(|_| moves);
    if let Some(seconds) = remaining {
        sentence.push_str(&format!("; it should be done in about {}", in_words(seconds)));
    }
    WhyView {
        task: task.id.to_string(),
        status: task.status.as_str().to_owned(),
        sentence,
        reason: reason.as_str().to_owned(),
        stage: task.stage.as_str().to_owned(),
        queue: job.map(|job| job.stage.queue().as_str().to_owned()),
        ahead: job
            .map(|job| {
                let view = |ahead: &pagemill_store::Ahead| AheadView {
                    priority: priority_word(ahead.priority).to_owned(),
                    project: if ahead.own { "own" } else { "others" }.to_owned(),
                    jobs: ahead.jobs,
                };
                job.ahead.iter().map(view).collect()
            })
            .unwrap_or_default(),
        ahead_more: job.is_some_and(|job| job.is_many),
        worker: holder,
        due_in_seconds: job.filter(|job| job.state == JobState::Waiting).map(|job| job.due_in_ms as f64 / 1000.0),
        attempt: job.map(|job| if job.state == JobState::Leased { job.attempt } else { job.attempt + 1 }),
        crashes: job.map_or(0, |job| job.crashes),
        error: task.error.as_ref().or(job.and_then(|job| job.error.as_ref())).map(ErrorView::from),
        remaining_seconds: remaining,
        expected: remaining.map(|seconds| rfc3339(now_ms() + (seconds * 1000.0) as i64)),
    }
}

fn holder(job: &JobStanding, workers: &[WorkerState]) -> Option<HolderView> {
    let id = job.worker.as_ref()?;
    let state = workers.iter().find(|worker| worker.report.id == *id);
    let at = state.and_then(|state| state.report.jobs.iter().find(|at| at.job == job.job));
    Some(HolderView {
        id: id.to_string(),
        host: state.map(|state| state.report.host.clone()),
        since: job.claimed_ms.map(rfc3339),
        heard_seconds: state.map(|state| state.silent_ms as f64 / 1000.0),
        // What the worker said, and the time since it said so.
        silent_seconds: at.zip(state).map(|(at, state)| (at.silent_ms as f64 + state.silent_ms as f64) / 1000.0),
        lease_seconds: job.lease_left_ms.map(|left| left as f64 / 1000.0),
    })
}

fn ended(standing: &Standing) -> String {
    let task = &standing.task;
    let how = match (&task.error, task.status) {
        (Some(error), status) => format!("it ended as `{}`: {}", status.as_str(), error.message),
        (None, TaskStatus::Cancelled) => "a person stopped it".to_owned(),
        (None, status) => format!("it is `{}`; there is nothing to wait for", status.as_str()),
    };
    match standing.dead {
        0 => how,
        1 => format!("{how} (set aside, see `pagemill dead-letters`)"),
        jobs => format!("{how} ({jobs} jobs are set aside, see `pagemill dead-letters`)"),
    }
}

/// A job that got nothing done for longer than a unit of its stage may take stands still.
fn at_work(
    task: &pagemill_core::Task,
    job: &JobStanding,
    holder: Option<&HolderView>,
    patience: Duration,
) -> (Reason, String) {
    let place = TaskView::from(task).detail;
    let Some(holder) = holder else { return (Reason::Working, format!("it is at work: {place}")) };
    let host = holder.host.as_ref().map_or_else(String::new, |host| format!(" on {host}"));
    let worker = format!("worker {}{host}", holder.id);
    let left = in_words((job.lease_left_ms.unwrap_or(0) as f64 / 1000.0).max(0.0));
    match (holder.heard_seconds, holder.silent_seconds) {
        (Some(heard), _) if heard > 20.0 => (
            Reason::Silent,
            format!("{worker} has it and was last heard of {} ago; in {left} another takes it over", in_words(heard)),
        ),
        (_, Some(silent)) if silent > patience.as_secs_f64() => (
            Reason::Stuck,
            format!(
                "{worker} has it, but got nothing done at it for {} ({place}); if that goes on, it is taken away and tried again",
                in_words(silent)
            ),
        ),
        (Some(heard), _) => {
            (Reason::Working, format!("{worker} works on it ({place}), last heard of {} ago", in_words(heard)))
        }
        (None, _) => (Reason::Working, format!("{worker} works on it ({place})")),
    }
}

fn queued(job: &JobStanding) -> String {
    let total: u64 = job.ahead.iter().map(|ahead| ahead.jobs).sum();
    let queue = job.stage.queue().as_str();
    if total == 0 {
        return format!("it is next in the queue `{queue}` and waits for a free place of a worker");
    }
    let mut parts = Vec::new();
    for ahead in &job.ahead {
        let whose = if ahead.own { "of this project" } else { "of other projects" };
        parts.push(format!("{} {} {whose}", ahead.jobs, priority_word(ahead.priority)));
    }
    let more = if job.is_many { "more than " } else { "" };
    format!("it waits in the queue `{queue}` behind {more}{total} jobs ({})", parts.join(", "))
}

fn waiting(task: &pagemill_core::Task, job: &JobStanding) -> String {
    let due = in_words(job.due_in_ms as f64 / 1000.0);
    match (&task.waiting, &job.error) {
        (Some(reason), _) => format!("it waits: {reason}; it tries again in {due}"),
        (None, Some(error)) => between_attempts(job.attempt, error, job.due_in_ms),
        (None, None) => format!("its time comes in {due}"),
    }
}

/// Seconds until a task should be done: its own work, and its share of the work ahead of it.
fn remaining(standing: &Standing, job: Option<&JobStanding>, around: &Surroundings) -> Option<f64> {
    let own = around.speeds.left(&standing.task)?;
    let Some(job) = job.filter(|job| job.state != JobState::Leased) else { return Some(own) };
    let queue = job.stage.queue();
    let places: u32 = around
        .workers
        .iter()
        .filter(|worker| worker.is_alive())
        .flat_map(|worker| &worker.report.places)
        .filter(|(served, _)| *served == queue)
        .map(|(_, places)| *places)
        .sum();
    let most = around.queues.iter().find(|state| state.queue == queue).and_then(|state| state.concurrency);
    let places = most.map_or(places, |most| places.min(most));
    if places == 0 {
        return None;
    }
    let ahead: u64 = job.ahead.iter().map(|ahead| ahead.jobs).sum();
    let before = around.speeds.whole()? * ahead as f64 / f64::from(places);
    Some(before + job.due_in_ms as f64 / 1000.0 + own)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use pagemill_core::{ErrorCode, JobId, Priority, Stage, Task, WorkerId};
    use pagemill_store::{Ahead, QueueState, WorkerJob, WorkerReport};

    use super::*;
    use crate::{
        config::Limits,
        library::{estimates::Speeds, fixtures::task_at_work},
    };

    fn standing(state: JobState) -> Standing {
        let task = Task { units_done: 13, units_total: 22, pages_total: 352, pages_done: 212, ..task_at_work() };
        let job = JobStanding {
            job: JobId::new(),
            stage: Stage::Parse,
            unit: 0,
            state,
            attempt: 0,
            crashes: 0,
            due_in_ms: 0,
            lease_left_ms: None,
            worker: None,
            claimed_ms: None,
            error: None,
            ahead: Vec::new(),
            is_many: false,
        };
        Standing { task, jobs: vec![job], dead: 0 }
    }

    fn worker() -> WorkerState {
        let report = WorkerReport {
            id: WorkerId::new(),
            host: "mill".to_owned(),
            pid: 7,
            version: "1".to_owned(),
            places: vec![(Queue::Default, 2)],
            started_ms: 0,
            memory_bytes: 1,
            held_back: None,
            jobs: Vec::new(),
        };
        WorkerState { report, seen_ms: 0, silent_ms: 3_000 }
    }

    fn queue(paused: bool, concurrency: Option<u32>) -> QueueState {
        QueueState { queue: Queue::Default, paused, concurrency, jobs: vec![(JobState::Leased, 2)], oldest_ms: None }
    }

    fn around(queue: QueueState, workers: &[WorkerState]) -> Surroundings {
        Surroundings {
            queues: vec![queue],
            workers: workers.to_vec(),
            speeds: Speeds::default(),
            is_shared: true,
            limits: Limits::default(),
        }
    }

    fn ask(standing: &Standing, queue: QueueState, workers: &[WorkerState]) -> (String, String) {
        let why = explain(standing, &around(queue, workers));
        (why.reason, why.sentence)
    }

    #[test]
    fn a_job_that_waits_says_what_for() {
        let mut waits = standing(JobState::Ready);
        let (reason, sentence) = ask(&waits, queue(false, None), &[]);
        assert_eq!(reason, "no_worker");
        assert!(sentence.starts_with("no worker serves the queue `default`"), "{sentence}");
        assert_eq!(ask(&waits, queue(true, None), &[worker()]).0, "queue_paused");
        let (reason, sentence) = ask(&waits, queue(false, Some(2)), &[worker()]);
        assert_eq!(
            (reason.as_str(), sentence.as_str()),
            ("queue_full", "the queue `default` runs 2 jobs at once at most, and 2 are at work")
        );
        let mut short = worker();
        short.report.held_back = Some("the machine is short of memory (91 % used)".to_owned());
        assert_eq!(ask(&waits, queue(false, None), &[short.clone()]).0, "held_back");
        assert_eq!(ask(&waits, queue(false, None), &[short, worker()]).0, "queued", "the other one takes it");
        waits.jobs[0].ahead = vec![
            Ahead { priority: Priority::High, own: false, jobs: 2 },
            Ahead { priority: Priority::Normal, own: true, jobs: 15 },
        ];
        let (_, sentence) = ask(&waits, queue(false, None), &[worker()]);
        assert_eq!(
            sentence,
            "it waits in the queue `default` behind 17 jobs (2 high of other projects, 15 normal of this project)"
        );
    }

    #[test]
    fn a_job_at_work_says_who_has_it() {
        let mut works = standing(JobState::Leased);
        let mut holder = worker();
        works.jobs[0].worker = Some(holder.report.id.clone());
        works.jobs[0].lease_left_ms = Some(12_000);
        let (reason, sentence) = ask(&works, queue(false, None), &[holder.clone()]);
        assert_eq!(reason, "working");
        let steps = Stage::ALL.len();
        let expected = format!("on mill works on it (step 1 of {steps}, pages 212 of 352), last heard of 3 s ago");
        assert!(sentence.ends_with(&expected), "{sentence}");
        holder.report.jobs.push(WorkerJob {
            job: works.jobs[0].job.clone(),
            task: works.task.id.clone(),
            stage: Stage::Parse,
            unit: Some(212),
            running_ms: 90_000,
            silent_ms: 50_000,
        });
        // A page may take a while, and one that is recognised a longer one: only what takes longer stands still.
        assert_eq!(ask(&works, queue(false, None), &[holder.clone()]).0, "working");
        holder.report.jobs[0].silent_ms = 60_000;
        assert_eq!(ask(&works, queue(false, None), &[holder.clone()]).0, "stuck");
        works.jobs[0].stage = Stage::Ocr;
        assert_eq!(ask(&works, queue(false, None), &[holder.clone()]).0, "working");
        holder.report.jobs[0].silent_ms = 360_000;
        assert_eq!(ask(&works, queue(false, None), &[holder.clone()]).0, "stuck");
        works.jobs[0].stage = Stage::Parse;
        holder.silent_ms = 25_000;
        let (reason, sentence) = ask(&works, queue(false, None), &[holder]);
        assert_eq!(reason, "silent");
        assert!(sentence.ends_with("last heard of 25 s ago; in 12 s another takes it over"), "{sentence}");
    }

    #[test]
    fn what_a_task_waits_for_is_told_between_its_stages() {
        let mut job = OpenJob { stage: Stage::Chunk, state: JobState::Ready, attempt: 0, due_in_ms: 0, error: None };
        let holds = |job: &OpenJob, paused| around(queue(paused, None), &[worker()]).what_holds(job);
        assert_eq!(holds(&job, false), None);
        assert!(holds(&job, true).unwrap().starts_with("the queue `default` is paused"));
        job.stage = Stage::Embed;
        assert!(holds(&job, true).unwrap().starts_with("no worker serves the queue `embeddings`"));
        job.error = Some(TaskError { code: ErrorCode::BlobsUnavailable, message: "the store is away".to_owned() });
        (job.state, job.attempt, job.due_in_ms) = (JobState::Waiting, 2, 4_000);
        assert_eq!(holds(&job, false).unwrap(), "attempt 2 failed: the store is away; it tries again in 4 s");
        job.state = JobState::Leased;
        assert_eq!(holds(&job, true), None);
    }

    #[test]
    fn the_advice_fits_the_database() {
        let advice = |is_shared, workers: &[WorkerState]| {
            Surroundings { is_shared, ..around(queue(false, None), workers) }.without_worker(Queue::Images)
        };
        let nobody = "no worker serves the queue `images`; start `pagemill serve`";
        assert_eq!(advice(true, &[]), format!("{nobody}, or `pagemill worker --queues images`"));
        assert_eq!(advice(false, &[]), nobody);
        assert_eq!(
            advice(false, &[worker()]),
            format!("{nobody} again, without `--queues` or with `images` among them")
        );
    }

    #[test]
    fn what_has_ended_says_how() {
        let mut ended = standing(JobState::Ready);
        ended.jobs.clear();
        ended.task.status = TaskStatus::Completed;
        assert_eq!(ask(&ended, queue(false, None), &[]).1, "it is `completed`; there is nothing to wait for");
        ended.task.status = TaskStatus::Processing;
        assert_eq!(ask(&ended, queue(false, None), &[]).0, "stuck");
    }
}
