//! What a task waits for: its job, and who is ahead of it.

use std::collections::HashMap;

use pagemill_core::{Priority, ProjectId, TaskId, queue::JobState};

use super::stored::{StoredJob, job_columns};
use crate::{
    Ahead, Answer, JobStanding, OpenJob, Standing, Store,
    failure::Failure,
    sql::{Conn, LIST, args, short_list},
    tasks::{task_columns, task_of},
};

/// Jobs ahead are counted up to here: enough for a person, cheap in any queue.
const COUNTED: u64 = 100_000;

impl Store {
    /// Where a task stands in the queue.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn standing<'a>(&'a self, project: &'a ProjectId, task: &'a TaskId) -> Answer<'a, Option<Standing>> {
        const TASK: &str = concat!("SELECT ", task_columns!(), " FROM tasks t WHERE t.project = $1 AND t.id = $2");
        const JOBS: &str = concat!("SELECT ", job_columns!(), " FROM jobs WHERE task = $1 ORDER BY id");
        self.answer(async move {
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let Some(row) = conn.row(TASK, args![project, task]).await? else { return Ok(None) };
            let task = task_of(&mut row.fields())?;
            let now = self.clock().now(&mut conn).await?;
            let mut standing = Standing { task, jobs: Vec::new(), dead: 0 };
            for job in StoredJob::read_all(&conn.rows(JOBS, args![&standing.task.id]).await?)? {
                if job.job.state == JobState::Dead {
                    standing.dead += 1;
                    continue;
                }
                let is_ready = job.job.state == JobState::Ready;
                let ahead = if is_ready { ahead_of(&mut conn, &job).await? } else { Vec::new() };
                let is_many = ahead.iter().map(|some| some.jobs).sum::<u64>() >= COUNTED;
                standing.jobs.push(JobStanding {
                    job: job.id,
                    stage: job.stage,
                    unit: job.unit,
                    state: job.job.state,
                    attempt: job.job.attempt,
                    crashes: job.job.crashes,
                    due_in_ms: (job.job.run_at - now).max(0),
                    lease_left_ms: job.job.lease.as_ref().map(|lease| lease.until - now),
                    worker: job.job.lease.map(|lease| lease.worker),
                    claimed_ms: job.claimed_ms,
                    error: job.error,
                    ahead,
                    is_many,
                });
            }
            Ok(Some(standing))
        })
    }

    /// What each of these tasks is at or waits for; those that have no job but dead letters are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn first_jobs<'a>(&'a self, tasks: &'a [TaskId]) -> Answer<'a, HashMap<TaskId, OpenJob>> {
        const JOBS: &str =
            concat!("SELECT ", job_columns!(), " FROM jobs WHERE task IN ({list}) AND state <> 'dead' ORDER BY id");
        self.answer(async move {
            let mut open: HashMap<TaskId, OpenJob> = HashMap::new();
            if tasks.is_empty() {
                return Ok(open);
            }
            let mut reader = self.reader().await?;
            let mut conn = reader.conn();
            let now = self.clock().now(&mut conn).await?;
            for some in tasks.chunks(LIST) {
                let (sql, values) = short_list(JOBS, &[], some);
                for job in StoredJob::read_all(&conn.rows(sql, &values).await?)? {
                    let seen = OpenJob {
                        stage: job.stage,
                        state: job.job.state,
                        attempt: job.job.attempt,
                        due_in_ms: (job.job.run_at - now).max(0),
                        error: job.error,
                    };
                    let first = open.entry(job.task).or_insert_with(|| seen.clone());
                    if seen.state < first.state {
                        *first = seen;
                    }
                }
            }
            Ok(open)
        })
    }
}

/// The jobs that are claimed before a ready one, by priority and by whose they are.
async fn ahead_of(conn: &mut Conn<'_>, job: &StoredJob) -> Result<Vec<Ahead>, Failure> {
    let rows = conn
        .rows(
            "SELECT priority, own, COUNT(*) FROM (SELECT priority, CAST(CASE WHEN project = $5 THEN 1 ELSE 0 END AS \
             BIGINT) AS own FROM jobs WHERE queue = $1 AND state = 'ready' AND (priority < $2 OR (priority = $2 AND \
             (turn < $3 OR (turn = $3 AND id < $4)))) LIMIT 0 + $6) AS ahead GROUP BY priority, own ORDER BY priority, own",
            args![job.stage.queue().as_str(), job.priority as u32, job.turn, &job.id, &job.project, COUNTED as i64,],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let mut fields = row.fields();
            let priority = Priority::from_number(fields.int()?);
            Ok(Ahead { priority, own: fields.int()? != 0, jobs: fields.count()? })
        })
        .collect()
}
