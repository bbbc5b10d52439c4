//! The queue: jobs that are claimed under a lease, and given back, tried again or set aside.
//!
//! What is decided is in [`policy`]; what is stored is here. Everyone who locks rows does so in
//! the order document, job, task, so that PostgreSQL finds no deadlock.

mod claim;
mod lease;
pub(crate) mod policy;

use pagemill_core::{DocumentId, JobId, Priority, ProjectId, Stage, Task, TaskError, TaskId};
use serde_json::json;

use crate::{
    Claim,
    dialect::wall_ms,
    failure::{Failure, lease_lost},
    sql::{Tx, Write, args, to_json},
};

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
}

/// Queues a job. One that is there already is left as it is.
pub(crate) async fn enqueue(tx: &mut Tx<'_>, job: &NewJob<'_>) -> Result<(), Failure> {
    tx.execute(
        "INSERT INTO jobs (id, task, document, project, queue, stage, unit, version, recipe, priority, turn, state, \
         run_at, attempt, crashes, fence) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, 'ready', 0, 0, 0, 0) \
         ON CONFLICT (task, stage, unit) DO NOTHING",
        args![
            &JobId::new(),
            job.task,
            job.document,
            job.project,
            job.stage.queue().as_str(),
            job.stage.as_str(),
            job.version,
            job.recipe,
            job.priority as u32,
            job.turn,
        ],
    )
    .await?;
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
    let Some(row) = row else { return Ok(policy::turn(None, None)) };
    let mut fields = row.fields();
    Ok(policy::turn(fields.int_or_null()?, fields.int_or_null()?))
}

/// A claimed job, checked and held until the transaction ends.
pub(crate) struct Held {
    pub(crate) turn: i64,
}

/// Makes sure that a claim still holds, and keeps it so until the transaction ends: every write of a worker begins here.
///
/// # Errors
/// `lease_lost` when the job is gone, set aside or claimed by someone else, or its document is deleted.
pub(crate) async fn hold(tx: &mut Tx<'_>, claim: &Claim) -> Result<Held, Failure> {
    let document = tx
        .lock_row("SELECT id FROM documents WHERE id = $1 AND project = $2", args![&claim.document, &claim.project])
        .await?;
    let job = tx
        .lock_row(
            "SELECT turn FROM jobs WHERE id = $1 AND fence = $2 AND worker = $3 AND state = 'leased'",
            args![&claim.job, claim.fence, &claim.worker],
        )
        .await?;
    match (document, job) {
        (Some(_), Some(job)) => Ok(Held { turn: job.int()? }),
        _ => Err(lease_lost(claim)),
    }
}

/// Ends a task without success and takes its jobs away.
pub(crate) async fn fail(
    tx: &mut Tx<'_>,
    task: &TaskId,
    project: &ProjectId,
    document: &DocumentId,
    stage: Stage,
    error: &TaskError,
) -> Result<(), Failure> {
    tx.execute("DELETE FROM jobs WHERE task = $1 AND state <> 'dead'", args![task]).await?;
    tx.execute(
        "UPDATE tasks SET status = 'failed', stage = $2, error = $3, waiting = NULL, finished_ms = $4 WHERE id = $1",
        args![task, stage.as_str(), to_json(error)?, wall_ms()],
    )
    .await?;
    let data = json!({ "stage": stage.as_str(), "code": error.code.as_str(), "message": error.message });
    tx.event("task.failed", project, Some(task), Some(document), &data)
}

/// Leases are counted in time since boot; those of an earlier boot, and pauses, are over.
/// The machine stopped, not the worker: nothing is counted against the jobs.
pub(crate) struct ForgetOlderBoots {
    pub(crate) boot: String,
}

impl Write for ForgetOlderBoots {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let last = tx.row("SELECT value FROM facts WHERE key = 'lease_boot'", &[]).await?;
        let last = last.map(|row| row.text()).transpose()?;
        if last.as_ref() == Some(&self.boot) {
            return Ok(());
        }
        tx.execute(
            "UPDATE jobs SET state = 'ready', worker = NULL, lease_until = NULL, attempt = attempt - 1 WHERE state = 'leased'",
            &[],
        )
        .await?;
        tx.execute("UPDATE jobs SET run_at = 0 WHERE state = 'ready'", &[]).await?;
        tx.execute(
            "INSERT INTO facts (key, value) VALUES ('lease_boot', $1) \
             ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
            args![&self.boot],
        )
        .await?;
        Ok(())
    }
}
