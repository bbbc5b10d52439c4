//! Claiming: who gets which job.

use std::time::Duration;

use pagemill_core::{
    Queue, WorkerId,
    queue::{JobState, policy},
};

use super::{
    control, expiry,
    stored::{self, StoredJob, job_columns},
};
use crate::{
    Answer, Claim, Store,
    dialect::wall_ms,
    failure::{Failure, damaged},
    sql::{Tx, Write, args},
};

impl Store {
    /// Takes up to `limit` jobs that are due, for as long as `lease`: the most urgent first, then by turn.
    /// An attempt is spent by claiming. Jobs whose lease has ended are up again, or set aside when their
    /// workers died too often. A queue that is paused gives none, one with a limit no more than that.
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
}

struct ClaimJobs {
    worker: WorkerId,
    queues: Vec<Queue>,
    limit: u32,
    lease: Duration,
}

impl Write for ClaimJobs {
    type Output = Vec<Claim>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Claim>, Failure> {
        const READY: &str = concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE queue = $1 AND state = 'ready' ORDER BY priority, turn, id LIMIT 0 + $2"
        );
        let now = tx.now().await?;
        expiry::tick(tx, now).await?;
        let settings = control::settings(tx.conn()).await?;
        let mut candidates = Vec::new();
        for queue in &self.queues {
            let setting = settings.get(queue.as_str()).copied().unwrap_or_default();
            let leased = match setting.concurrency {
                Some(_) => control::hold_and_count(tx, *queue).await?,
                None => 0,
            };
            let room = policy::room(self.limit, setting.paused, setting.concurrency, leased);
            if room == 0 {
                continue;
            }
            let sql = tx.dialect().skip_locked(READY);
            candidates.extend(StoredJob::read_all(&tx.rows(sql, args![queue.as_str(), room]).await?)?);
        }
        if self.queues.len() > 1 {
            candidates.sort_by(|a, b| (a.priority, a.turn, &a.id).cmp(&(b.priority, b.turn, &b.id)));
            candidates.truncate(self.limit as usize);
        }
        let at = wall_ms();
        for candidate in &mut candidates {
            let claimed = candidate.job.claim(&self.worker, now, self.lease);
            claimed.map_err(|_refused| damaged(format!("job {}: not ready, though it says so", candidate.id)))?;
            candidate.claimed_ms = Some(at);
        }
        stored::save(tx, &candidates).await?;
        Ok(candidates.iter().map(|candidate| candidate.claim(&self.worker)).collect())
    }
}

impl Store {
    /// How long until a job of these queues can be claimed, zero if one can be now; `None` when there is none.
    /// Queues that are paused or at their limit do not count: their change wakes whoever waits.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn next_due<'a>(&'a self, queues: &'a [Queue]) -> Answer<'a, Option<Duration>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut conn = reader.conn();
            let now = self.clock().now(&mut conn).await?;
            let settings = control::settings(&mut conn).await?;
            let mut due: Option<i64> = None;
            for queue in queues {
                let setting = settings.get(queue.as_str()).copied().unwrap_or_default();
                let leased = match setting.concurrency {
                    Some(_) => control::count(&mut conn, *queue, JobState::Leased).await?,
                    None => 0,
                };
                let open = policy::room(1, setting.paused, setting.concurrency, leased) > 0;
                let row = conn
                    .row(
                        "SELECT (SELECT MIN(one) FROM (SELECT CAST(0 AS BIGINT) AS one FROM jobs \
                         WHERE queue = $1 AND state = 'ready' LIMIT 1) AS ready), \
                         (SELECT MIN(run_at) FROM jobs WHERE queue = $1 AND state = 'waiting'), \
                         (SELECT MIN(lease_until) FROM jobs WHERE queue = $1 AND state = 'leased')",
                        args![queue.as_str()],
                    )
                    .await?;
                if let Some(row) = row {
                    let mut fields = row.fields();
                    let (ready, waiting, leased) =
                        (fields.int_or_null()?, fields.int_or_null()?, fields.int_or_null()?);
                    let ready = ready.filter(|_| open).map(|_| now);
                    due = [due, ready, waiting.filter(|_| open), leased].into_iter().flatten().min();
                }
            }
            Ok(due.map(|at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0))))
        })
    }
}
