//! The queue: jobs that are claimed under a lease, and given back, tried again or set aside.
//!
//! What is decided is decided by the state machine in [`pagemill_core::queue`]; what is stored is here. Everyone
//! who locks rows does so in the order document, job, task, so that PostgreSQL finds no deadlock.

pub(crate) mod attempts;
mod claim;
pub(crate) mod control;
mod dead;
mod expiry;
mod lease;
pub(crate) mod policy;
mod standing;
pub(crate) mod stored;
mod workers;

use std::collections::BTreeSet;

use pagemill_core::{
    DocumentId, JobId, Priority, ProjectId, Stage, Task, TaskError, TaskId,
    queue::{Job, policy as rules},
};
use serde_json::json;

use crate::{
    Claim, Outcome,
    dialect::wall_ms,
    failure::{Failure, lease_lost},
    sql::{LIST, Tx, Value, args, short_list, to_json},
    tasks,
};
use attempts::Ended;
use stored::{StoredJob, job_columns};

pub(crate) use expiry::{ForgetOlderBoots, give_all_back};

/// A job to be queued.
pub(crate) struct NewJob<'a> {
    task: &'a TaskId,
    document: &'a DocumentId,
    project: &'a ProjectId,
    version: u32,
    recipe: &'a str,
    priority: Priority,
    turn: i64,
    stage: Stage,
}

impl<'a> NewJob<'a> {
    /// The job of a stage of a new task.
    pub(crate) fn of_task(task: &'a Task, turn: i64, stage: Stage) -> Self {
        Self {
            task: &task.id,
            document: &task.document,
            project: &task.project,
            version: task.version,
            recipe: &task.recipe,
            priority: task.priority,
            turn,
            stage,
        }
    }

    /// The job that follows a claimed one. It keeps its turn: what was begun is ended first.
    pub(crate) fn after(claim: &'a Claim, turn: i64, stage: Stage) -> Self {
        Self {
            task: &claim.task,
            document: &claim.document,
            project: &claim.project,
            version: claim.version,
            recipe: &claim.recipe,
            priority: claim.priority,
            turn,
            stage,
        }
    }

    /// The job that a task goes on with after one that was set aside.
    fn after_dead(dead: &'a StoredJob, stage: Stage) -> Self {
        Self {
            task: &dead.task,
            document: &dead.document,
            project: &dead.project,
            version: dead.version,
            recipe: &dead.recipe,
            priority: dead.priority,
            turn: dead.turn,
            stage,
        }
    }
}

/// Queues a job, as [`enqueue_all`] does.
pub(crate) async fn enqueue(tx: &mut Tx<'_>, job: &NewJob<'_>) -> Result<(), Failure> {
    enqueue_all(tx, std::slice::from_ref(job)).await
}

/// Queues jobs. Those that are there already are left as they are, and those that were set aside are tried again: work
/// has come to them anew.
pub(crate) async fn enqueue_all(tx: &mut Tx<'_>, jobs: &[NewJob<'_>]) -> Result<(), Failure> {
    const HEAD: &str = "INSERT INTO jobs (id, task, document, project, queue, stage, unit, version, recipe, priority, \
                        turn, state, run_at, attempt, crashes, fence) VALUES";
    const AGAIN: &str = "ON CONFLICT (task, stage, unit) DO UPDATE SET state = EXCLUDED.state, run_at = EXCLUDED.run_at, \
                         attempt = EXCLUDED.attempt, crashes = EXCLUDED.crashes, error = NULL, died_ms = NULL \
                         WHERE jobs.state = 'dead'";
    let mut values: Vec<Value> = Vec::with_capacity(jobs.len() * 16);
    for job in jobs {
        let new = Job::new(0, 0);
        values.extend_from_slice(args![
            &JobId::new(),
            job.task,
            job.document,
            job.project,
            job.stage.queue().as_str(),
            job.stage.as_str(),
            0_u32,
            job.version,
            job.recipe,
            job.priority as u32,
            job.turn,
            new.state.as_str(),
            new.run_at,
            new.attempt,
            new.crashes,
            new.fence,
        ]);
    }
    tx.conn().insert_many(HEAD, 16, AGAIN, &values).await?;
    tx.wake();
    Ok(())
}

/// The turn a new task of a project gets.
pub(crate) async fn next_turn(tx: &mut Tx<'_>, project: &ProjectId) -> Result<i64, Failure> {
    let row = tx
        .row(
            "SELECT (SELECT MIN(turn) FROM jobs WHERE state <> 'dead'), \
             (SELECT MAX(turn) FROM jobs WHERE state <> 'dead' AND project = $1)",
            args![project],
        )
        .await?;
    let Some(row) = row else { return Ok(rules::turn(None, None)) };
    let mut fields = row.fields();
    Ok(rules::turn(fields.int_or_null()?, fields.int_or_null()?))
}

/// A claimed job, checked and held until the transaction ends.
pub(crate) struct Held {
    pub(crate) stored: StoredJob,
}

impl Held {
    /// The turn of the job's task.
    pub(crate) fn turn(&self) -> i64 {
        self.stored.turn
    }
}

/// Makes sure that a claim still holds, and keeps it so until the transaction ends: every write of a worker begins here.
///
/// # Errors
/// `lease_lost` when the job is gone, set aside or claimed by someone else, or its document is deleted.
pub(crate) async fn hold(tx: &mut Tx<'_>, claim: &Claim) -> Result<Held, Failure> {
    let document = tx
        .lock_row("SELECT id FROM documents WHERE id = $1 AND project = $2", args![&claim.document, &claim.project])
        .await?;
    const OF_CLAIM: &str = concat!(
        "SELECT ",
        job_columns!(),
        " FROM jobs WHERE id = $1 AND fence = $2 AND worker = $3 AND state = 'leased'"
    );
    let job = tx.lock_row(OF_CLAIM, args![&claim.job, claim.fence, &claim.worker]).await?;
    match (document, job) {
        (Some(_), Some(job)) => Ok(Held { stored: StoredJob::read(&job)? }),
        _ => Err(lease_lost(claim)),
    }
}

/// The same for many claims, with one answer for each: `None` where it does not hold any more.
pub(crate) async fn hold_all(tx: &mut Tx<'_>, claims: &[Claim]) -> Result<Vec<Option<Held>>, Failure> {
    const DOCUMENTS: &str = "SELECT id FROM documents WHERE id IN ({list}) ORDER BY id";
    const JOBS: &str =
        concat!("SELECT ", job_columns!(), " FROM jobs WHERE id IN ({list}) AND state = 'leased' ORDER BY id");
    let mut held: Vec<Option<Held>> = Vec::with_capacity(claims.len());
    for some in claims.chunks(LIST) {
        let documents: Vec<DocumentId> = some.iter().map(|claim| claim.document.clone()).collect();
        let (sql, values) = short_list(DOCUMENTS, &[], &documents);
        let sql = tx.dialect().for_update(sql);
        let rows = tx.rows(sql, &values).await?;
        let known = rows.iter().map(|row| row.fields().id()).collect::<Result<BTreeSet<DocumentId>, _>>()?;
        let jobs: Vec<JobId> = some.iter().map(|claim| claim.job.clone()).collect();
        let (sql, values) = short_list(JOBS, &[], &jobs);
        let sql = tx.dialect().for_update(sql);
        let stored = StoredJob::read_all(&tx.rows(sql, &values).await?)?;
        held.extend(some.iter().map(|claim| {
            let stored = stored.iter().find(|stored| stored.id == claim.job)?;
            let holds = stored.job.held_by(&claim.worker, claim.fence).is_ok();
            let is_there = known.contains(&claim.document) && stored.project == claim.project;
            (holds && is_there).then(|| Held { stored: stored.clone() })
        }));
    }
    Ok(held)
}

/// Ends held jobs that are done: their rows are gone, their attempts written down.
pub(crate) async fn complete(tx: &mut Tx<'_>, done: &[(&Claim, &Held)]) -> Result<(), Failure> {
    let mut jobs = Vec::with_capacity(done.len());
    let mut ended = Vec::with_capacity(done.len());
    for (claim, held) in done {
        let mut job = held.stored.clone();
        job.job.complete().map_err(|_refused| lease_lost(claim))?;
        jobs.push(job);
        ended.push(Ended { before: &held.stored, worker: &claim.worker, outcome: Outcome::Done, error: None });
    }
    stored::save(tx, &jobs).await?;
    attempts::record(tx, &ended).await
}

/// Sets a held job aside whose file is at fault: it stays as a dead letter of the task, which ends with it.
pub(crate) async fn refuse(tx: &mut Tx<'_>, claim: &Claim, held: &Held, error: &TaskError) -> Result<(), Failure> {
    let mut job = held.stored.clone();
    job.job.refuse().map_err(|_refused| lease_lost(claim))?;
    (job.error, job.died_ms) = (Some(error.clone()), Some(wall_ms()));
    stored::save(tx, &[job]).await?;
    let ended = Ended { before: &held.stored, worker: &claim.worker, outcome: Outcome::Failed, error: Some(error) };
    attempts::record(tx, &[ended]).await
}

/// Takes the jobs of a task away, all but its dead letters; their places are free.
async fn take_away(tx: &mut Tx<'_>, task: &TaskId) -> Result<(), Failure> {
    tx.execute("DELETE FROM jobs WHERE task = $1 AND state <> 'dead'", args![task]).await?;
    tx.wake();
    Ok(())
}

/// Takes every job of a document away, its dead letters too, and says of which stages they were.
pub(crate) async fn clear(tx: &mut Tx<'_>, document: &DocumentId) -> Result<Vec<Stage>, Failure> {
    let rows = tx.rows("DELETE FROM jobs WHERE document = $1 RETURNING stage", args![document]).await?;
    tx.wake();
    rows.iter().map(|row| row.fields().word(Stage::parse)).collect()
}

/// Ends a task without success and takes its jobs away, all but its dead letters.
pub(crate) async fn fail(
    tx: &mut Tx<'_>,
    task: &TaskId,
    project: &ProjectId,
    document: &DocumentId,
    stage: Stage,
    error: &TaskError,
) -> Result<(), Failure> {
    take_away(tx, task).await?;
    let (units_done, units_total) = tasks::halt_at(tx, task, stage, None).await?;
    tx.execute(
        "UPDATE tasks SET status = 'failed', error = $2, finished_ms = $3 WHERE id = $1",
        args![task, to_json(error)?, wall_ms()],
    )
    .await?;
    let data = json!({
        "stage": stage.as_str(),
        "units_done": units_done,
        "units_total": units_total,
        "code": error.code.as_str(),
        "message": error.message,
    });
    tx.event("task.failed", project, Some(task), Some(document), &data)
}
