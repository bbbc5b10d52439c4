//! Keeping a claimed job, giving it back, and ending it without success.

use std::{collections::BTreeSet, time::Duration};

use pagemill_core::{
    JobId, TaskError, WorkerId,
    queue::{AfterFault, Refused},
};
use serde_json::json;

use super::{
    attempts::{self, Ended},
    expiry,
    stored::{self, StoredJob, job_columns},
};
use crate::{
    Answer, Claim, Outcome, Store,
    dialect::wall_ms,
    failure::{Failure, lease_lost},
    sql::{LIST, Tx, Write, args, short_list},
    tasks,
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
        let beat = move |claims, waits| Heartbeat { worker: worker.clone(), claims, lease, waits };
        let mut claims = claims.to_vec();
        claims.sort();
        Box::pin(async move {
            let Beat { mut lost, locked } = self.write(beat(claims, false)).await?;
            // Somebody writes to these, most often the job itself; should that take long, the others do not wait for it.
            let mut failed = None;
            for claim in locked {
                match self.write(beat(vec![claim], true)).await {
                    Ok(beat) => lost.extend(beat.lost),
                    Err(problem) => failed = Some(problem),
                }
            }
            failed.map_or(Ok(lost), Err)
        })
    }

    /// Which of these claimed jobs are no longer held: taken away by a person, ended, or given to another.
    /// Only reads, so that it may be asked often.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn lost_jobs<'a>(&'a self, worker: &'a WorkerId, claims: &'a [(JobId, i64)]) -> Answer<'a, Vec<JobId>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows("SELECT id, fence FROM jobs WHERE state = 'leased' AND worker = $1", args![worker])
                .await?;
            let held = rows.iter().map(|row| {
                let mut fields = row.fields();
                Ok((fields.id()?, fields.int()?))
            });
            let held = held.collect::<Result<BTreeSet<(JobId, i64)>, Failure>>()?;
            Ok(claims.iter().filter(|claim| !held.contains(*claim)).map(|(job, _)| job.clone()).collect())
        })
    }

    /// Gives a job back with its attempt: the program stops, the disk is full, a service is down.
    /// The task shows what it waits for.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn release<'a>(&'a self, claim: &'a Claim, waiting: Option<&'a str>, delay: Duration) -> Answer<'a, ()> {
        self.write(Release { claim: claim.clone(), waiting: waiting.map(str::to_owned), delay })
    }

    /// Tries a job again after a pause. The attempt is spent; after the last one the job is set aside, and its
    /// task fails with the error, or goes on without the job where it can.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn retry_later<'a>(&'a self, claim: &'a Claim, error: &'a TaskError, delay: Duration) -> Answer<'a, ()> {
        self.write(RetryLater { claim: claim.clone(), error: error.clone(), delay, crashed: false })
    }

    /// The same for a job that crashed what ran it: no attempt is spent, the crash is counted, and the third
    /// one sets the job aside.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn crash_job<'a>(&'a self, claim: &'a Claim, error: &'a TaskError, delay: Duration) -> Answer<'a, ()> {
        self.write(RetryLater { claim: claim.clone(), error: error.clone(), delay, crashed: true })
    }

    /// Ends the task of a job: the file is at fault, and trying again would change nothing. The job is kept as a
    /// dead letter.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn fail_task<'a>(&'a self, claim: &'a Claim, error: &'a TaskError) -> Answer<'a, ()> {
        self.write(FailTask { claim: claim.clone(), error: error.clone() })
    }
}

struct Heartbeat {
    worker: WorkerId,
    claims: Vec<(JobId, i64)>,
    lease: Duration,
    /// Whether it waits for rows that someone else has locked.
    waits: bool,
}

/// What became of leases that were not renewed.
#[derive(Default)]
struct Beat {
    lost: Vec<JobId>,
    locked: Vec<(JobId, i64)>,
}

impl Write for Heartbeat {
    type Output = Beat;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Beat, Failure> {
        const OF_LIST: &str = concat!("SELECT ", job_columns!(), " FROM jobs WHERE id IN ({list}) ORDER BY id");
        const THERE: &str = "SELECT id FROM jobs WHERE id IN ({list})";
        let now = tx.now().await?;
        let mut beat = Beat::default();
        for claims in self.claims.chunks(LIST) {
            let ids: Vec<JobId> = claims.iter().map(|(job, _)| job.clone()).collect();
            let (sql, values) = short_list(OF_LIST, &[], &ids);
            let dialect = tx.dialect();
            let sql = if self.waits { dialect.for_update(sql) } else { dialect.skip_locked(sql) };
            let mut jobs = StoredJob::read_all(&tx.rows(sql, &values).await?)?;
            let read: BTreeSet<JobId> = jobs.iter().map(|job| job.id.clone()).collect();
            jobs.retain_mut(|job| {
                let fence = claims.iter().find(|(id, _)| *id == job.id).map_or(-1, |(_, fence)| *fence);
                job.job.heartbeat(&self.worker, fence, now, self.lease).is_ok()
            });
            stored::save(tx, &jobs).await?;
            let missing: Vec<JobId> = ids.into_iter().filter(|id| !read.contains(id)).collect();
            let mut locked = BTreeSet::new();
            if !missing.is_empty() {
                let (sql, values) = short_list(THERE, &[], &missing);
                for row in tx.rows(sql, &values).await? {
                    locked.insert(row.fields().id::<JobId>()?);
                }
            }
            for claim in claims {
                if locked.contains(&claim.0) {
                    beat.locked.push(claim.clone());
                } else if !jobs.iter().any(|job| job.id == claim.0) {
                    beat.lost.push(claim.0.clone());
                }
            }
        }
        Ok(beat)
    }
}

/// What the machine cannot do with a job that was just found to be held.
fn refused(claim: &Claim) -> impl FnOnce(Refused) -> Failure {
    move |_refused| lease_lost(claim)
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
        let before = super::hold(tx, claim).await?.stored;
        let mut job = before.clone();
        let now = tx.now().await?;
        job.job.release(now, self.delay).map_err(refused(claim))?;
        stored::save(tx, std::slice::from_ref(&job)).await?;
        let ended = Ended { before: &before, worker: &claim.worker, outcome: Outcome::Released, error: None };
        attempts::record(tx, &[ended]).await?;
        let (units_done, units_total) = tasks::halt_at(tx, &claim.task, claim.stage, self.waiting.as_deref()).await?;
        if let Some(waiting) = &self.waiting {
            let data = json!({
                "stage": claim.stage.as_str(),
                "units_done": units_done,
                "units_total": units_total,
                "for": waiting,
            });
            tx.event("task.waiting", &claim.project, Some(&claim.task), Some(&claim.document), &data)?;
        }
        Ok(())
    }
}

struct RetryLater {
    claim: Claim,
    error: TaskError,
    delay: Duration,
    crashed: bool,
}

impl Write for RetryLater {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { claim, error, delay, crashed } = self;
        let before = super::hold(tx, claim).await?.stored;
        let mut job = before.clone();
        let now = tx.now().await?;
        let after = if *crashed { job.job.crash(now, *delay) } else { job.job.fail(now, *delay) };
        let after = after.map_err(refused(claim))?;
        job.error = Some(error.clone());
        job.died_ms = (after == AfterFault::SetAside).then(wall_ms);
        stored::save(tx, std::slice::from_ref(&job)).await?;
        let outcome = if *crashed { Outcome::Crashed } else { Outcome::Failed };
        let ended = Ended { before: &before, worker: &claim.worker, outcome, error: Some(error) };
        attempts::record(tx, &[ended]).await?;
        if after == AfterFault::SetAside {
            return expiry::after_set_aside(tx, &job, error).await;
        }
        let (units_done, units_total) = tasks::halt_at(tx, &claim.task, claim.stage, None).await?;
        let data = json!({
            "stage": claim.stage.as_str(),
            "units_done": units_done,
            "units_total": units_total,
            "attempt": claim.attempt,
            "crashes": job.job.crashes,
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
        let held = super::hold(tx, claim).await?;
        super::refuse(tx, claim, &held, error).await?;
        super::fail(tx, &claim.task, &claim.project, &claim.document, claim.stage, error).await
    }
}
