//! Attempts: who tried a job, when, and how it ended.
//!
//! An attempt is written when it ends, in the transaction that ends it. One that is under way is told by
//! the job's own row.

use pagemill_core::{ProjectId, Stage, TaskError, TaskId, WorkerId};

use super::stored::{StoredJob, job_columns};
use crate::{
    Answer, Attempt, Outcome, Store,
    dialect::wall_ms,
    failure::Failure,
    sql::{Conn, Tx, Value, args, from_json, to_json},
};

/// Attempts that are shown of one task at most.
const SHOWN: u32 = 1000;

impl Store {
    /// The attempts of a task's jobs, in the order they began; those under way last.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn attempts<'a>(&'a self, project: &'a ProjectId, task: &'a TaskId) -> Answer<'a, Vec<Attempt>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut conn = reader.conn();
            let known = "SELECT COUNT(*) FROM tasks WHERE id = $1 AND project = $2";
            if conn.number(known, args![task, project]).await? == 0 {
                return Ok(Vec::new());
            }
            attempts_of(&mut conn, task).await
        })
    }
}

/// The attempts of a task.
pub(crate) async fn attempts_of(conn: &mut Conn<'_>, task: &TaskId) -> Result<Vec<Attempt>, Failure> {
    let rows = conn
        .rows(
            "SELECT job, stage, unit, attempt, worker, started_ms, ended_ms, outcome, error FROM attempts \
             WHERE task = $1 ORDER BY started_ms, job, fence LIMIT 0 + $2",
            args![task, SHOWN],
        )
        .await?;
    let mut attempts = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut fields = row.fields();
        attempts.push(Attempt {
            job: fields.id()?,
            stage: fields.word(Stage::parse)?,
            unit: fields.count()?,
            attempt: fields.count()?,
            worker: fields.id()?,
            started_ms: fields.int()?,
            ended_ms: Some(fields.int()?),
            outcome: Some(fields.word(Outcome::parse)?),
            error: fields.text_or_null()?.map(|text| from_json(&text)).transpose()?,
        });
    }
    const RUNNING: &str =
        concat!("SELECT ", job_columns!(), " FROM jobs WHERE task = $1 AND state = 'leased' ORDER BY id");
    for running in StoredJob::read_all(&conn.rows(RUNNING, args![task]).await?)? {
        let Some(lease) = running.job.lease else { continue };
        attempts.push(Attempt {
            job: running.id,
            stage: running.stage,
            unit: running.unit,
            attempt: running.job.attempt,
            worker: lease.worker,
            started_ms: running.claimed_ms.unwrap_or(0),
            ended_ms: None,
            outcome: None,
            error: None,
        });
    }
    Ok(attempts)
}

/// An attempt that has ended, as it stood before its job was changed.
pub(crate) struct Ended<'a> {
    pub(crate) before: &'a StoredJob,
    pub(crate) worker: &'a WorkerId,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<&'a TaskError>,
}

/// Writes down how attempts ended.
pub(crate) async fn record(tx: &mut Tx<'_>, ended: &[Ended<'_>]) -> Result<(), Failure> {
    let now = wall_ms();
    let mut values: Vec<Value> = Vec::with_capacity(ended.len() * 11);
    for Ended { before, worker, outcome, error } in ended {
        values.extend_from_slice(args![
            &before.task,
            &before.id,
            before.job.fence,
            before.stage.as_str(),
            before.unit,
            before.job.attempt,
            *worker,
            before.claimed_ms.unwrap_or(now),
            now,
            outcome.as_str(),
            error.map(to_json).transpose()?,
        ]);
    }
    const HEAD: &str = "INSERT INTO attempts (task, job, fence, stage, unit, attempt, worker, started_ms, \
                        ended_ms, outcome, error) VALUES";
    tx.conn().insert_many(HEAD, 11, "ON CONFLICT (task, job, fence) DO NOTHING", &values).await
}

/// The same for jobs that are taken from whoever holds them; those that nobody holds are passed over.
pub(crate) async fn record_taken(tx: &mut Tx<'_>, jobs: &[StoredJob], outcome: Outcome) -> Result<(), Failure> {
    let ended: Vec<Ended<'_>> = jobs
        .iter()
        .filter_map(|before| {
            let worker = &before.job.lease.as_ref()?.worker;
            Some(Ended { before, worker, outcome, error: None })
        })
        .collect();
    record(tx, &ended).await
}
