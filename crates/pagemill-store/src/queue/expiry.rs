//! What the clock and the end of processes do to jobs: pauses pass, leases end, poison is set aside.

use pagemill_core::{
    ErrorCode, Stage, TaskError,
    queue::{AfterFault, horizon, policy},
};
use serde_json::json;

use super::{
    NewJob,
    attempts::{self, Ended},
    stored::{self, StoredJob, job_columns},
};
use crate::{
    Answer, Outcome, Store, deliveries,
    dialect::wall_ms,
    failure::Failure,
    sql::{Tx, Write, args, to_json},
    vectors,
};

/// Jobs whose time has come or whose lease has ended, dealt with in one claim.
const AT_ONCE: u32 = 256;

impl Store {
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

/// Jobs whose time has come are ready; those whose lease has ended are up again, or set aside; times that only a
/// clock set back explains are brought near.
pub(crate) async fn tick(tx: &mut Tx<'_>, now: i64) -> Result<(), Failure> {
    const DUE: &str = concat!(
        "SELECT ",
        job_columns!(),
        " FROM jobs WHERE id IN (SELECT id FROM (SELECT id FROM jobs WHERE state = 'leased' AND lease_until <= $1 \
         ORDER BY lease_until LIMIT 0 + $2) AS ended UNION ALL SELECT id FROM (SELECT id FROM jobs \
         WHERE state = 'waiting' AND run_at <= $1 ORDER BY run_at LIMIT 0 + $2) AS due UNION ALL SELECT id FROM \
         (SELECT id FROM jobs WHERE state = 'leased' AND lease_until > $3 LIMIT 0 + $2) AS held UNION ALL \
         SELECT id FROM (SELECT id FROM jobs WHERE state = 'waiting' AND run_at > $3 LIMIT 0 + $2) AS postponed)"
    );
    let sql = tx.dialect().skip_locked(DUE);
    let mut due = StoredJob::read_all(&tx.rows(sql, args![now, AT_ONCE, horizon(now)]).await?)?;
    if due.is_empty() {
        return Ok(());
    }
    let before = due.clone();
    let mut crashed = Vec::new();
    for (place, job) in due.iter_mut().enumerate() {
        job.job.bring_near(now);
        job.job.wake(now);
        if let Some(after) = job.job.expire(now) {
            let error = crash_error(job);
            if after == AfterFault::SetAside {
                (job.died_ms, job.error) = (Some(wall_ms()), Some(error.clone()));
            }
            crashed.push((place, after, error));
        }
    }
    stored::save(tx, &due).await?;
    let ended: Vec<Ended<'_>> = crashed
        .iter()
        .filter_map(|(place, _, error)| {
            let before = &before[*place];
            let worker = &before.job.lease.as_ref()?.worker;
            Some(Ended { before, worker, outcome: Outcome::Crashed, error: Some(error) })
        })
        .collect();
    attempts::record(tx, &ended).await?;
    for (place, after, error) in &crashed {
        if *after == AfterFault::SetAside {
            after_set_aside(tx, &due[*place], error).await?;
        }
    }
    Ok(())
}

/// What users read about a job whose worker died.
fn crash_error(job: &StoredJob) -> TaskError {
    let (stage, crashes) = (job.stage.as_str(), job.job.crashes);
    let code = if job.stage == Stage::Parse { ErrorCode::ReaderCrashed } else { ErrorCode::WorkCrashed };
    TaskError { code, message: format!("the program ended {crashes} times during `{stage}` of this document") }
}

/// What follows for its task when a job was set aside: it goes on without the job, or it ends.
pub(crate) async fn after_set_aside(tx: &mut Tx<'_>, dead: &StoredJob, error: &TaskError) -> Result<(), Failure> {
    let data = json!({
        "stage": dead.stage.as_str(),
        "job": dead.id.as_str(),
        "code": error.code.as_str(),
        "message": error.message,
    });
    tx.event("task.set_aside", &dead.project, Some(&dead.task), Some(&dead.document), &data)?;
    if let Some(next) = policy::goes_on_without(dead.stage) {
        match dead.stage {
            Stage::Ocr => {
                // Every page is explained: those that waited for it say why they have no words.
                let sql = "UPDATE pages SET source = 'failed', reason = $3 WHERE document = $1 AND version = $2 \
                           AND reason = $4";
                let pending = ErrorCode::OcrPending.as_str();
                tx.execute(sql, args![&dead.document, dead.version, error.code.as_str(), pending]).await?;
            }
            // What has a vector is found by it.
            Stage::Embed => vectors::have_changed(tx, &dead.project, &dead.document, dead.version).await?,
            _ => {}
        }
        return super::enqueue(tx, &NewJob::after_dead(dead, next)).await;
    }
    let error = TaskError {
        code: error.code,
        message: format!("{}, so it was set aside; retry the task to try again", error.message),
    };
    let live = "SELECT COUNT(*) FROM documents WHERE id = $1 AND live_version = $2";
    if tx.number(live, args![&dead.document, dead.version]).await? == 0 {
        return super::fail(tx, &dead.task, &dead.project, &dead.document, dead.stage, &error).await;
    }
    // Its text can be searched already.
    super::take_away(tx, &dead.task).await?;
    tx.execute(
        "UPDATE tasks SET status = 'partial', error = $2, waiting = NULL, finished_ms = $3 WHERE id = $1",
        args![&dead.task, to_json(&error)?, wall_ms()],
    )
    .await?;
    let data = json!({
        "status": "partial",
        "stage": dead.stage.as_str(),
        "code": error.code.as_str(),
        "message": error.message,
    });
    tx.event("task.completed", &dead.project, Some(&dead.task), Some(&dead.document), &data)
}

struct EndLeases;

impl Write for EndLeases {
    type Output = u32;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u32, Failure> {
        let ended = give_all_back(tx).await?;
        tx.wake();
        Ok(ended)
    }
}

/// Every job that is held is given back, the register of workers begins anew, and what else a process had is free.
pub(crate) async fn give_all_back(tx: &mut Tx<'_>) -> Result<u32, Failure> {
    const LEASED: &str = concat!("SELECT ", job_columns!(), " FROM jobs WHERE state = 'leased' ORDER BY id");
    let before = StoredJob::read_all(&tx.lock_rows(LEASED, &[]).await?)?;
    let mut jobs = before.clone();
    jobs.retain_mut(|job| job.job.give_back().is_ok());
    stored::save(tx, &jobs).await?;
    attempts::record_taken(tx, &before, Outcome::Released).await?;
    for sql in [
        "DELETE FROM workers",
        "UPDATE schedules SET running_until = NULL",
        "UPDATE blob_removals SET removing_until_ms = NULL",
    ] {
        tx.execute(sql, &[]).await?;
    }
    deliveries::forget_leases(tx).await?;
    Ok(u32::try_from(jobs.len()).unwrap_or(u32::MAX))
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
        give_all_back(tx).await?;
        // Times of an earlier boot mean nothing now.
        tx.execute("UPDATE jobs SET run_at = 0 WHERE run_at > 0", &[]).await?;
        tx.execute(
            "INSERT INTO facts (key, value) VALUES ('lease_boot', $1) \
             ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
            args![&self.boot],
        )
        .await?;
        Ok(())
    }
}
