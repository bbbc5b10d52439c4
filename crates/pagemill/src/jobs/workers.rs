//! Workers: claim, run, heart-beat, tell faults apart, stop gracefully.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use pagemill_core::{ErrorCode, Fault, JobId, Problem, Queue, Stage, TaskError, WorkerId};
use pagemill_store::Claim;
use tokio::{
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinSet},
};

use super::{EmbedPool, Progress, StageContext, ocr, parse, run_stage};
use crate::library::Library;

/// How long a claim holds without a heart-beat.
const LEASE: Duration = Duration::from_secs(30);
/// How often leases are renewed.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often an idle worker looks without being woken.
const POLL: Duration = Duration::from_secs(1);
/// How long a stop waits for jobs in hand.
const GRACE: Duration = Duration::from_secs(8);
/// Pause before a job that failed for a passing reason runs again: at least this.
const RETRY: Duration = Duration::from_secs(1);
/// Pause of a job that waits for the machine (a full disk, a database that is away).
const WAIT: Duration = Duration::from_secs(10);

/// The workers of this process.
pub struct Workers {
    shared: Arc<Shared>,
    loops: JoinSet<()>,
    stop: watch::Sender<bool>,
}

struct Shared {
    library: Arc<Library>,
    embed_pool: Arc<EmbedPool>,
    worker: WorkerId,
    /// Jobs in hand.
    running: Mutex<HashMap<JobId, Running>>,
}

struct Running {
    claim: Claim,
    progress: Progress,
    seen: u64,
    moved: Instant,
    patience: Duration,
    abort: Option<AbortHandle>,
}

impl Workers {
    /// Starts workers for every queue, the heart-beat, and the indexing.
    pub fn start(library: &Arc<Library>) -> Self {
        let cores = library.settings().cores;
        let shared = Arc::new(Shared {
            embed_pool: Arc::new(EmbedPool::start(library.embedder().cloned(), cores)),
            library: Arc::clone(library),
            worker: WorkerId::new(),
            running: Mutex::default(),
        });
        let stop = watch::Sender::new(false);
        let mut loops = JoinSet::new();
        // Jobs of `embeddings` wait for the pool or for a commit of the index, not for a core.
        for (queue, places) in [(Queue::Default, cores * 2), (Queue::Images, cores), (Queue::Embeddings, 16)] {
            loops.spawn(Arc::clone(&shared).serve(queue, places, stop.subscribe()));
        }
        loops.spawn(Arc::clone(&shared).beat(stop.subscribe()));
        let (indexing, stopped) = (Arc::clone(library), stop.subscribe());
        loops.spawn(async move { indexing.indexing().run(stopped).await });
        Self { shared, loops, stop }
    }

    /// Stops taking jobs, lets those in hand finish for a while, and gives the rest back
    /// without burning an attempt.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.loops.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            self.loops.shutdown().await;
        }
        self.shared.give_back().await;
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, HashMap<JobId, Running>> {
        // Each change of the map is a single call, so it is whole even after a panic.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims and runs the jobs of a queue until told to stop.
    async fn serve(self: Arc<Self>, queue: Queue, places: usize, mut stop: watch::Receiver<bool>) {
        let store = self.library.store();
        let free = Arc::new(Semaphore::new(places));
        let mut wake = store.subscribe();
        let mut jobs = JoinSet::new();
        while !*stop.borrow() {
            while jobs.try_join_next().is_some() {}
            let Ok(place) = Arc::clone(&free).acquire_owned().await else { break };
            drop(place);
            wake.mark_unchanged();
            let limit = free.available_permits() as u32;
            let claims = match store.claim(&self.worker, &[queue], limit, LEASE).await {
                Ok(claims) => claims,
                Err(problem) => {
                    tracing::warn!(code = %problem.code, queue = queue.as_str(), "cannot claim jobs: {problem}");
                    pause(POLL, &mut stop).await;
                    continue;
                }
            };
            if claims.is_empty() {
                let wait = match store.next_due(&[queue]).await {
                    Ok(Some(due)) => due.clamp(Duration::from_millis(20), POLL),
                    Ok(None) | Err(_) => POLL,
                };
                tokio::select! {
                    _ = wake.changed() => {}
                    () = tokio::time::sleep(wait) => {}
                    _ = stop.changed() => {}
                }
                continue;
            }
            for claim in claims {
                let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
                    // More than asked for cannot come; if it does, the lease ends by itself.
                    break;
                };
                let shared = Arc::clone(&self);
                let job = claim.job.clone();
                let progress = Progress::default();
                shared.enter(&claim, &progress);
                let handle = jobs.spawn(async move {
                    shared.run(claim, progress).await;
                    drop(place);
                });
                if let Some(running) = self.running().get_mut(&job) {
                    running.abort = Some(handle);
                }
            }
        }
        while jobs.join_next().await.is_some() {}
    }

    fn enter(&self, claim: &Claim, progress: &Progress) {
        let patience = match claim.stage {
            Stage::Parse => parse::patience(self.library.settings().limits.page_seconds),
            Stage::Ocr => ocr::patience(self.library.settings().limits.ocr_page_seconds),
            Stage::Chunk | Stage::Embed | Stage::Index | Stage::Finish => Duration::from_secs(120),
        };
        let running = Running {
            claim: claim.clone(),
            progress: progress.clone(),
            seen: 0,
            moved: Instant::now(),
            patience,
            abort: None,
        };
        self.running().insert(claim.job.clone(), running);
    }

    async fn run(&self, claim: Claim, progress: Progress) {
        let job = claim.job.clone();
        let context = StageContext {
            library: Arc::clone(&self.library),
            embed_pool: Arc::clone(&self.embed_pool),
            claim,
            progress,
        };
        let started = Instant::now();
        let result = run_stage(&context).await;
        let (stage, document) = (context.claim.stage.as_str(), &context.claim.document);
        match result {
            Ok(()) => tracing::debug!(stage, %document, ms = started.elapsed().as_millis() as u64, "stage done"),
            Err(problem) => self.settle(&context.claim, &problem).await,
        }
        self.running().remove(&job);
    }

    /// What becomes of a job that did not finish: the fault decides.
    async fn settle(&self, claim: &Claim, problem: &Problem) {
        let store = self.library.store();
        let error = TaskError { code: problem.code, message: problem.message.clone() };
        let (stage, document) = (claim.stage.as_str(), &claim.document);
        let settled = match (problem.code, problem.code.fault()) {
            (ErrorCode::LeaseLost, _) => {
                tracing::info!(stage, %document, "the lease was lost; the result is discarded");
                return;
            }
            (ErrorCode::ShuttingDown, _) => store.release(claim, None, Duration::ZERO).await,
            (_, Fault::Input) => store.fail_task(claim, &error).await,
            (_, Fault::Machine) => {
                tracing::warn!(stage, %document, code = %problem.code, "waiting: {problem}");
                store.release(claim, Some(&problem.message), WAIT).await
            }
            (_, Fault::Passing | Fault::Internal) => {
                tracing::error!(stage, %document, code = %problem.code, cause = %chain(problem), "stage failed");
                store.retry_later(claim, &error, RETRY).await
            }
        };
        if let Err(problem) = settled {
            // The lease ends by itself, and another claim goes on from the last checkpoint.
            tracing::warn!(stage, %document, code = %problem.code, "cannot write how a job ended: {problem}");
        }
    }

    /// Renews the leases of jobs that make progress.
    async fn beat(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            pause(HEARTBEAT, &mut stop).await;
            let alive: Vec<(JobId, i64)> = self
                .running()
                .iter_mut()
                .filter_map(|(job, running)| running.is_moving().then(|| (job.clone(), running.claim.fence)))
                .collect();
            if alive.is_empty() {
                continue;
            }
            match self.library.store().heartbeat(&self.worker, &alive, LEASE).await {
                Ok(lost) => self.drop_lost(&lost),
                Err(problem) => tracing::warn!(code = %problem.code, "cannot renew leases: {problem}"),
            }
        }
    }

    /// Jobs that another worker has by now are not worth going on with.
    fn drop_lost(&self, lost: &[JobId]) {
        let mut running = self.running();
        for job in lost {
            if let Some(running) = running.remove(job)
                && let Some(abort) = running.abort
            {
                abort.abort();
            }
        }
    }

    /// Gives leases back whose jobs were cut off by the stop: they run again at once after it.
    async fn give_back(&self) {
        let left: Vec<Claim> = self.running().drain().map(|(_, running)| running.claim).collect();
        for claim in left {
            if let Err(problem) = self.library.store().release(&claim, None, Duration::ZERO).await {
                tracing::warn!(code = %problem.code, "cannot give a job back: {problem}");
            }
        }
    }
}

impl Running {
    /// Whether the job has moved, or may still be silent.
    fn is_moving(&mut self) -> bool {
        let steps = self.progress.steps();
        if steps != self.seen {
            (self.seen, self.moved) = (steps, Instant::now());
        }
        self.moved.elapsed() < self.patience
    }
}

async fn pause(time: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        _ = stop.changed() => {}
    }
}

/// An error with what caused it, for the log.
fn chain(problem: &Problem) -> String {
    let mut text = problem.to_string();
    let mut source = std::error::Error::source(problem);
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
