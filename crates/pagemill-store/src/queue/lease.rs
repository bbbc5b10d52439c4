//! Keeping a claimed job, giving it back, and ending it without success.

use std::time::Duration;

use pagemill_core::{JobId, Queue, TaskError, WorkerId};
use serde_json::json;

use super::{claim::millis, policy};
use crate::{
    Answer, Claim, Store,
    failure::Failure,
    sql::{Tx, Write, args, to_json},
};

impl Store {
    /// Prolongs the leases of claimed jobs, given with their fences, and returns those that are lost:
    /// stop working on them. Call it when there was progress, not because a thread is alive.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn heartbeat<'a>(
        &'a self,
        worker: &'a WorkerId,
        claims: &'a [(JobId, i64)],
        lease: Duration,
    ) -> Answer<'a, Vec<JobId>> {
        let mut claims = claims.to_vec();
        claims.sort();
        self.write(Heartbeat { worker: worker.clone(), claims, lease })
    }

    /// Gives a job back with its attempt: the program stops, the disk is full, a service is down.
    /// The task shows what it waits for.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn release<'a>(&'a self, claim: &'a Claim, waiting: Option<&'a str>, delay: Duration) -> Answer<'a, ()> {
        self.write(Release { claim: claim.clone(), waiting: waiting.map(str::to_owned), delay })
    }

    /// Tries a job again after a pause. The attempt is spent; after the last one the task fails with the error.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn retry_later<'a>(&'a self, claim: &'a Claim, error: &'a TaskError, delay: Duration) -> Answer<'a, ()> {
        self.write(RetryLater { claim: claim.clone(), error: error.clone(), delay })
    }

    /// Ends the task of a job: the file is at fault, and trying again would change nothing.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn fail_task<'a>(&'a self, claim: &'a Claim, error: &'a TaskError) -> Answer<'a, ()> {
        self.write(FailTask { claim: claim.clone(), error: error.clone() })
    }

    /// How long until a job of these queues can be due, zero if one is; `None` when there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn next_due<'a>(&'a self, queues: &'a [Queue]) -> Answer<'a, Option<Duration>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut conn = reader.conn();
            let now = self.clock().now(&mut conn).await?;
            let mut due: Option<i64> = None;
            for queue in queues {
                let row = conn
                    .row(
                        "SELECT (SELECT MIN(run_at) FROM jobs WHERE queue = $1 AND state = 'ready'), \
                         (SELECT MIN(lease_until) FROM jobs WHERE queue = $1 AND state = 'leased')",
                        args![queue.as_str()],
                    )
                    .await?;
                if let Some(row) = row {
                    let mut fields = row.fields();
                    due = [due, fields.int_or_null()?, fields.int_or_null()?].into_iter().flatten().min();
                }
            }
            Ok(due.map(|at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0))))
        })
    }
}

struct Heartbeat {
    worker: WorkerId,
    claims: Vec<(JobId, i64)>,
    lease: Duration,
}

impl Write for Heartbeat {
    type Output = Vec<JobId>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<JobId>, Failure> {
        let until = tx.now().await?.saturating_add(millis(self.lease));
        let mut lost = Vec::new();
        for (job, fence) in &self.claims {
            let kept = tx
                .execute(
                    "UPDATE jobs SET lease_until = $1 WHERE id = $2 AND fence = $3 AND worker = $4 AND state = 'leased'",
                    args![until, job, *fence, &self.worker],
                )
                .await?;
            if kept == 0 {
                lost.push(job.clone());
            }
        }
        Ok(lost)
    }
}

struct Release {
    claim: Claim,
    waiting: Option<String>,
    delay: Duration,
}

impl Write for Release {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        super::hold(tx, claim).await?;
        let run_at = tx.now().await?.saturating_add(millis(self.delay));
        tx.execute(
            "UPDATE jobs SET state = 'ready', worker = NULL, lease_until = NULL, attempt = attempt - 1, run_at = $2 \
             WHERE id = $1 AND fence = $3",
            args![&claim.job, run_at, claim.fence],
        )
        .await?;
        tx.execute("UPDATE tasks SET waiting = $2 WHERE id = $1", args![&claim.task, self.waiting.clone()]).await?;
        if let Some(waiting) = &self.waiting {
            let data = json!({ "stage": claim.stage.as_str(), "for": waiting });
            tx.event("task.waiting", &claim.project, Some(&claim.task), Some(&claim.document), &data)?;
        }
        tx.wake();
        Ok(())
    }
}

struct RetryLater {
    claim: Claim,
    error: TaskError,
    delay: Duration,
}

impl Write for RetryLater {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { claim, error, delay } = self;
        super::hold(tx, claim).await?;
        if !policy::may_retry(claim.attempt) {
            return super::fail(tx, &claim.task, &claim.project, &claim.document, claim.stage, error).await;
        }
        let run_at = tx.now().await?.saturating_add(millis(*delay));
        tx.execute(
            "UPDATE jobs SET state = 'ready', worker = NULL, lease_until = NULL, run_at = $2, error = $3 \
             WHERE id = $1 AND fence = $4",
            args![&claim.job, run_at, to_json(error)?, claim.fence],
        )
        .await?;
        let data = json!({
            "stage": claim.stage.as_str(),
            "attempt": claim.attempt,
            "code": error.code.as_str(),
            "message": error.message,
        });
        tx.event("task.retrying", &claim.project, Some(&claim.task), Some(&claim.document), &data)
    }
}

struct FailTask {
    claim: Claim,
    error: TaskError,
}

impl Write for FailTask {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { claim, error } = self;
        super::hold(tx, claim).await?;
        super::fail(tx, &claim.task, &claim.project, &claim.document, claim.stage, error).await
    }
}
