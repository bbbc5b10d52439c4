//! Claiming: who gets which job, and what happens to the jobs of dead workers.

use std::time::Duration;

use pagemill_core::{DocumentId, ErrorCode, JobId, Priority, ProjectId, Queue, Stage, TaskError, TaskId, WorkerId};
use serde_json::json;

use super::policy::{self, AfterExpiry};
use crate::{
    Answer, Claim, Store,
    dialect::wall_ms,
    failure::Failure,
    sql::{Row, Tx, Write, args, to_json},
};

/// Expired leases looked at in one claim.
const EXPIRED_AT_ONCE: u32 = 64;

impl Store {
    /// Takes up to `limit` jobs that are due, for as long as `lease`: the most urgent first, then by turn.
    /// An attempt is spent by claiming. Jobs whose lease has ended are up again, or set aside when their
    /// workers died too often.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn claim<'a>(
        &'a self,
        worker: &'a WorkerId,
        queues: &'a [Queue],
        limit: u32,
        lease: Duration,
    ) -> Answer<'a, Vec<Claim>> {
        self.write(ClaimJobs { worker: worker.clone(), queues: queues.to_vec(), limit, lease })
    }

    /// Ends every lease now and returns how many there were. For a process that knows it is the only one at
    /// its library, at its start: what its predecessor held need not wait. Nothing is counted against the jobs:
    /// what is dangerous in them runs in processes of its own, and whoever ends a program ends jobs that did no harm.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn end_leases<'a>(&'a self) -> Answer<'a, u32> {
        self.write(EndLeases)
    }
}

struct ClaimJobs {
    worker: WorkerId,
    queues: Vec<Queue>,
    limit: u32,
    lease: Duration,
}

/// A job that may be claimed.
struct Candidate {
    claim: Claim,
    turn: i64,
}

impl Write for ClaimJobs {
    type Output = Vec<Claim>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Claim>, Failure> {
        let now = tx.now().await?;
        expire(tx, now).await?;
        let mut candidates = Vec::new();
        for queue in &self.queues {
            let sql = tx.dialect().skip_locked(
                "SELECT id, fence, task, document, project, stage, unit, version, attempt, crashes, recipe, priority, \
                 turn FROM jobs WHERE queue = $1 AND state = 'ready' AND run_at <= $2 \
                 ORDER BY priority, turn, id LIMIT $3",
            );
            for row in tx.rows(sql, args![queue.as_str(), now, self.limit]).await? {
                candidates.push(self.candidate(&row)?);
            }
        }
        candidates
            .sort_by(|a, b| (a.claim.priority, a.turn, &a.claim.job).cmp(&(b.claim.priority, b.turn, &b.claim.job)));
        candidates.truncate(self.limit as usize);
        let until = now.saturating_add(millis(self.lease));
        for candidate in &candidates {
            let claim = &candidate.claim;
            tx.execute(
                "UPDATE jobs SET state = 'leased', worker = $1, lease_until = $2, attempt = $3, fence = $4 \
                 WHERE id = $5 AND state = 'ready'",
                args![&self.worker, until, claim.attempt, claim.fence, &claim.job],
            )
            .await?;
        }
        Ok(candidates.into_iter().map(|candidate| candidate.claim).collect())
    }
}

impl ClaimJobs {
    /// The claim a row becomes: attempt and fence already raised.
    fn candidate(&self, row: &Row) -> Result<Candidate, Failure> {
        let mut fields = row.fields();
        let job: JobId = fields.id()?;
        let fence = fields.int()? + 1;
        let claim = Claim {
            job,
            fence,
            worker: self.worker.clone(),
            task: fields.id()?,
            document: fields.id()?,
            project: fields.id()?,
            stage: fields.word(Stage::parse)?,
            unit: fields.count()?,
            version: fields.count()?,
            attempt: fields.count::<u32>()? + 1,
            crashes: fields.count()?,
            recipe: fields.text()?,
            priority: Priority::from_number(fields.int()?),
        };
        Ok(Candidate { claim, turn: fields.int()? })
    }
}

/// Durations as the database counts them.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Deals with the jobs whose lease has ended.
async fn expire(tx: &mut Tx<'_>, now: i64) -> Result<(), Failure> {
    let sql = tx.dialect().skip_locked(
        "SELECT id, task, document, project, stage, version, attempt, crashes FROM jobs \
         WHERE state = 'leased' AND lease_until <= $1 ORDER BY lease_until LIMIT $2",
    );
    for row in tx.rows(sql, args![now, EXPIRED_AT_ONCE]).await? {
        let mut fields = row.fields();
        let job: JobId = fields.id()?;
        let task: TaskId = fields.id()?;
        let document: DocumentId = fields.id()?;
        let project: ProjectId = fields.id()?;
        let stage = fields.word(Stage::parse)?;
        let version: u32 = fields.count()?;
        match policy::after_expiry(fields.count()?, fields.count()?) {
            AfterExpiry::Again { crashes, attempt } => {
                tx.execute(
                    "UPDATE jobs SET state = 'ready', worker = NULL, lease_until = NULL, run_at = 0, attempt = $2, \
                     crashes = $3 WHERE id = $1",
                    args![&job, attempt, crashes],
                )
                .await?;
            }
            AfterExpiry::SetAside { crashes } => {
                let error = set_aside_error(stage, crashes);
                tx.execute(
                    "UPDATE jobs SET state = 'dead', worker = NULL, lease_until = NULL, crashes = $2, error = $3 \
                     WHERE id = $1",
                    args![&job, crashes, to_json(&error)?],
                )
                .await?;
                end_task(tx, &task, &project, &document, version, stage, &error).await?;
            }
        }
    }
    Ok(())
}

/// What users read about a job that was set aside.
fn set_aside_error(stage: Stage, crashes: u32) -> TaskError {
    let code = if stage == Stage::Parse { ErrorCode::ReaderCrashed } else { ErrorCode::Internal };
    TaskError {
        code,
        message: format!(
            "the program ended {crashes} times during `{}` of this document, so it was set aside; retry the task to try again",
            stage.as_str()
        ),
    }
}

/// Ends the task of a job that was set aside: `partial` when its text can be searched already.
async fn end_task(
    tx: &mut Tx<'_>,
    task: &TaskId,
    project: &ProjectId,
    document: &DocumentId,
    version: u32,
    stage: Stage,
    error: &TaskError,
) -> Result<(), Failure> {
    let live = tx
        .number("SELECT COUNT(*) FROM documents WHERE id = $1 AND live_version = $2", args![document, version])
        .await?;
    if live == 0 {
        return super::fail(tx, task, project, document, stage, error).await;
    }
    tx.execute(
        "UPDATE tasks SET status = 'partial', error = $2, waiting = NULL, finished_ms = $3 WHERE id = $1",
        args![task, to_json(error)?, wall_ms()],
    )
    .await?;
    let data = json!({ "stage": stage.as_str(), "code": error.code.as_str(), "message": error.message });
    tx.event("task.partial", project, Some(task), Some(document), &data)
}

struct EndLeases;

impl Write for EndLeases {
    type Output = u32;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u32, Failure> {
        let given_back = "UPDATE jobs SET state = 'ready', worker = NULL, lease_until = NULL, run_at = 0, \
                          attempt = attempt - 1 WHERE state = 'leased'";
        let ended = tx.execute(given_back, &[]).await?;
        tx.wake();
        Ok(u32::try_from(ended).unwrap_or(u32::MAX))
    }
}
