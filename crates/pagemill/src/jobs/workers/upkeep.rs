//! What keeps the jobs in hand alive, and drops those that were taken away: heart-beats, the register of workers, the
//! state of the machine.

use std::{sync::Arc, time::Duration};

use pagemill_core::{JobId, Problem, Queue, queue::policy::LEASE};
use pagemill_store::WorkerReport;
use tokio::sync::watch;

use super::{POLL, Running, Shared, pause};
use crate::{heap, jobs::pressure};

/// How often leases are renewed.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often it is looked whether jobs were taken away, take too long, or the machine is short of something.
const WATCH: Duration = Duration::from_secs(1);
/// A job past its hard limit that got something done within this time lives: it is given back, not counted.
const LIVELY: Duration = Duration::from_secs(60);
/// After the database was away, workers have this long to renew their leases before any takes jobs: leases that ended
/// meanwhile are no sign of a crash.
const REUNION: Duration = Duration::from_secs(3);

impl Shared {
    /// Renews the leases of jobs that make progress, and tells the register how this process is.
    pub(super) async fn beat(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut held_back = self.held_back.subscribe();
        while !*stop.borrow() {
            let _ = tokio::task::spawn_blocking(heap::give_back).await;
            self.report().await;
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT) => {}
                _ = held_back.changed() => continue,
                _ = stop.changed() => {}
            }
            if let Err(problem) = self.renew().await {
                tracing::warn!(code = %problem.code, "cannot renew leases: {problem}");
            }
        }
    }

    async fn renew(&self) -> Result<(), Problem> {
        let alive: Vec<(JobId, i64)> = self
            .running()
            .iter_mut()
            .filter_map(|(job, running)| running.is_moving().then(|| (job.clone(), running.claim.fence)))
            .collect();
        if !alive.is_empty() {
            let lost = self.library.store().heartbeat(&self.worker, &alive, LEASE).await?;
            self.drop_lost(&lost);
        }
        Ok(())
    }

    /// Waits until the database answers again, renews what is in hand, and lets other workers do so, too.
    pub(super) async fn outlast(&self, stop: &mut watch::Receiver<bool>) {
        let is_back = async || self.library.store().next_due(&Queue::ALL).await.is_ok() && self.renew().await.is_ok();
        loop {
            pause(POLL, stop).await;
            if *stop.borrow() || is_back().await {
                break;
            }
        }
        pause(REUNION, stop).await;
    }

    async fn report(&self) {
        let jobs = self.running().values_mut().map(Running::tell).collect();
        let report = WorkerReport {
            id: self.worker.clone(),
            host: self.host.clone(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            places: self.places.clone(),
            started_ms: self.started_ms,
            memory_bytes: pressure::memory_in_use(),
            held_back: self.held_back.borrow().clone(),
            jobs,
        };
        if let Err(problem) = self.library.store().report_worker(&report).await {
            tracing::warn!(code = %problem.code, "cannot report to the register of workers: {problem}");
        }
    }

    /// Looks whether jobs were taken away, take too long, or the machine is short of something.
    pub(super) async fn watch(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut was_busy = false;
        while !*stop.borrow() {
            pause(WATCH, &mut stop).await;
            self.look_around();
            self.tell_slow();
            let held: Vec<(JobId, i64)> =
                self.running().iter().map(|(job, running)| (job.clone(), running.claim.fence)).collect();
            if was_busy == held.is_empty() {
                // Whoever looks at work under way is not told that nobody works.
                was_busy = !held.is_empty();
                self.report().await;
            }
            if held.is_empty() {
                continue;
            }
            if let Ok(lost) = self.library.store().lost_jobs(&self.worker, &held).await {
                self.drop_lost(&lost);
            }
        }
    }

    /// Finds out whether the machine has room for more work.
    pub(super) fn look_around(&self) {
        let settings = self.library.settings();
        let now = pressure::pressure(&settings.workers, &settings.library);
        self.held_back.send_if_modified(|before| {
            let changed = before.is_some() != now.is_some();
            if changed {
                match &now {
                    Some(reason) => tracing::warn!("no jobs are taken: {reason}"),
                    None => tracing::info!("jobs are taken again"),
                }
                *before = now;
            }
            changed
        });
    }

    /// Tells of jobs past their soft limit, once each.
    fn tell_slow(&self) {
        let settings = &self.library.settings().workers;
        for running in self.running().values_mut() {
            let took = running.started.elapsed();
            if took > settings.soft_limit(running.claim.stage) && !running.told {
                running.told = true;
                let (stage, task) = (running.claim.stage.as_str(), &running.claim.task);
                tracing::warn!(stage, %task, seconds = took.as_secs(), "a stage takes longer than its soft limit");
            }
        }
    }

    /// Whether a job past its hard limit has got something done lately.
    pub(super) fn is_lively(&self, job: &JobId) -> bool {
        self.running().get_mut(job).is_some_and(|running| {
            running.is_moving();
            running.moved.elapsed() < LIVELY
        })
    }

    /// Jobs that another worker has by now, or nobody should have, are not worth going on with.
    fn drop_lost(&self, lost: &[JobId]) {
        let mut running = self.running();
        for job in lost {
            if let Some(running) = running.remove(job)
                && let Some(abort) = running.abort
            {
                tracing::info!(%job, "a job was taken away; what is unfinished of it is discarded");
                abort.abort();
            }
        }
    }
}
