//! Workers: claim, run, heart-beat, tell faults apart, stop gracefully.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use pagemill_core::{
    ErrorCode, Fault, JobId, Problem, Queue, Stage, TaskError, WorkerId,
    queue::{policy::LEASE, retry_delay},
};
use pagemill_store::{Claim, WorkerJob, WorkerReport};
use tokio::{
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinSet},
};

use super::{EmbedPool, Progress, StageContext, ocr, parse, pressure, run_stage, webhooks};
use crate::library::{Library, views::now_ms};

/// How often leases are renewed.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often an idle worker looks without being woken.
const POLL: Duration = Duration::from_secs(1);
/// How often it is looked whether jobs were taken away, take too long, or the machine is short of something.
const WATCH: Duration = Duration::from_secs(1);
/// How long a stop waits for jobs in hand.
const GRACE: Duration = Duration::from_secs(8);
/// How long a stop waits for the database to take the rest back; after that the leases run out.
const FAREWELL: Duration = Duration::from_millis(1500);
/// A job past its hard limit that got something done within this time lives: it is given back, not counted.
const LIVELY: Duration = Duration::from_secs(60);
/// After the database was away, workers have this long to renew their leases before any takes jobs: leases that ended
/// meanwhile are no sign of a crash.
const REUNION: Duration = Duration::from_secs(3);
/// Pause of a job that waits for the machine (a full disk, a database that is away).
const WAIT: Duration = Duration::from_secs(10);

/// The workers of this process.
pub struct Workers {
    shared: Arc<Shared>,
    loops: JoinSet<()>,
    stop: watch::Sender<bool>,
}

/// What a process works on.
#[derive(Clone, Debug, Default)]
pub struct WorkerOptions {
    /// The queues it takes jobs of; all when there is none.
    pub queues: Vec<Queue>,
    /// Jobs of each queue at once; by the number of cores unless told.
    pub concurrency: Option<u32>,
}

impl WorkerOptions {
    /// How many jobs of each queue are taken at once.
    fn places(&self, cores: usize) -> Vec<(Queue, u32)> {
        let cores = u32::try_from(cores).unwrap_or(1);
        let usual = |queue| match queue {
            Queue::Default => cores * 2,
            Queue::Images => cores,
            // They wait for the pool or for a commit of the index, not for a core.
            Queue::Embeddings => 16,
        };
        Queue::ALL
            .into_iter()
            .filter(|queue| self.queues.is_empty() || self.queues.contains(queue))
            .map(|queue| (queue, self.concurrency.unwrap_or_else(|| usual(queue)).max(1)))
            .collect()
    }
}

struct Shared {
    library: Arc<Library>,
    embed_pool: Arc<EmbedPool>,
    worker: WorkerId,
    places: Vec<(Queue, u32)>,
    host: String,
    started_ms: i64,
    /// Jobs in hand.
    running: Mutex<HashMap<JobId, Running>>,
    /// Why no jobs are taken now.
    held_back: watch::Sender<Option<String>>,
}

struct Running {
    claim: Claim,
    progress: Progress,
    seen: u64,
    started: Instant,
    moved: Instant,
    patience: Duration,
    /// Whether its soft limit was told of.
    told: bool,
    abort: Option<AbortHandle>,
}

impl Workers {
    /// Starts workers for every queue, the heart-beat, and the indexing.
    pub fn start(library: &Arc<Library>) -> Self {
        Self::start_with(library, &WorkerOptions::default())
    }

    /// Starts workers for some queues, the heart-beat, and the indexing where the library has indexes.
    pub fn start_with(library: &Arc<Library>, options: &WorkerOptions) -> Self {
        let cores = library.settings().cores;
        let shared = Arc::new(Shared {
            embed_pool: Arc::new(EmbedPool::start(library.embedder().cloned(), cores)),
            library: Arc::clone(library),
            worker: WorkerId::new(),
            places: options.places(cores),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            started_ms: now_ms(),
            running: Mutex::default(),
            held_back: watch::Sender::new(None),
        });
        shared.look_around();
        let stop = watch::Sender::new(false);
        let mut loops = JoinSet::new();
        for (queue, places) in shared.places.clone() {
            loops.spawn(Arc::clone(&shared).serve(queue, places as usize, stop.subscribe()));
        }
        loops.spawn(Arc::clone(&shared).beat(stop.subscribe()));
        loops.spawn(Arc::clone(&shared).watch(stop.subscribe()));
        if library.has_indexes() {
            let (indexing, stopped) = (Arc::clone(library), stop.subscribe());
            loops.spawn(async move { indexing.indexing().run(stopped).await });
        }
        let (schedules, stopped) = (Arc::clone(library), stop.subscribe());
        loops.spawn(async move { schedules.run_schedules(stopped).await });
        loops.spawn(webhooks::run(Arc::clone(library), stop.subscribe()));
        Self { shared, loops, stop }
    }

    /// What this process is called in the register.
    pub fn id(&self) -> &WorkerId {
        &self.shared.worker
    }

    /// Stops taking jobs, lets those in hand finish for a while, and gives the rest back
    /// without burning an attempt.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.loops.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            self.loops.shutdown().await;
        }
        if tokio::time::timeout(FAREWELL, self.shared.say_farewell()).await.is_err() {
            tracing::warn!("the database did not take jobs back in time; their leases run out by themselves");
        }
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
        let mut held_back = self.held_back.subscribe();
        let mut jobs = JoinSet::new();
        while !*stop.borrow() {
            while jobs.try_join_next().is_some() {}
            if held_back.borrow_and_update().is_some() {
                tokio::select! {
                    _ = held_back.changed() => {}
                    _ = stop.changed() => {}
                }
                continue;
            }
            let Ok(place) = Arc::clone(&free).acquire_owned().await else { break };
            drop(place);
            wake.mark_unchanged();
            let limit = free.available_permits() as u32;
            let claims = match store.claim(&self.worker, &[queue], limit, LEASE).await {
                Ok(claims) => claims,
                Err(problem) => {
                    tracing::warn!(code = %problem.code, queue = queue.as_str(), "cannot claim jobs: {problem}");
                    self.outlast(&mut stop).await;
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
            started: Instant::now(),
            moved: Instant::now(),
            patience,
            told: false,
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
        let ended = result.as_ref().copied();
        self.library.metrics().job_ended(context.claim.stage, ended, started.elapsed());
        let (stage, document) = (context.claim.stage.as_str(), &context.claim.document);
        match result {
            Ok(()) => tracing::debug!(stage, %document, ms = started.elapsed().as_millis() as u64, "stage done"),
            Err(problem) => {
                // As long as that cannot be written the job stays in hand: were its lease to run out, it would look
                // as if it had brought its worker down.
                while let Err(problem) = self.settle(&context.claim, &problem).await {
                    tracing::warn!(stage, %document, code = %problem.code, "cannot write how a job ended: {problem}");
                    if problem.code.fault() != Fault::Machine {
                        break;
                    }
                    tokio::time::sleep(POLL).await;
                }
            }
        }
        self.running().remove(&job);
    }

    /// What becomes of a job that did not finish: the fault decides.
    async fn settle(&self, claim: &Claim, problem: &Problem) -> Result<(), Problem> {
        let store = self.library.store();
        let error = TaskError { code: problem.code, message: problem.message.clone() };
        let (stage, document) = (claim.stage.as_str(), &claim.document);
        match (problem.code, problem.code.fault()) {
            (ErrorCode::LeaseLost, _) => {
                tracing::info!(stage, %document, "the lease was lost; the result is discarded");
                Ok(())
            }
            (ErrorCode::ShuttingDown, _) => store.release(claim, None, Duration::ZERO).await,
            (_, Fault::Input) => store.fail_task(claim, &error).await,
            (_, Fault::Machine) => {
                tracing::warn!(stage, %document, code = %problem.code, "waiting: {problem}");
                // Not all at once when the machine is well again.
                store.release(claim, Some(&problem.message), WAIT.mul_f64(0.5 + chance())).await
            }
            (_, Fault::Crash) => {
                tracing::error!(stage, %document, code = %problem.code, cause = %problem.with_causes(), "stage crashed");
                store.crash_job(claim, &error, retry_delay(claim.crashes + 1, chance())).await
            }
            (_, Fault::Passing | Fault::Internal) => {
                tracing::error!(stage, %document, code = %problem.code, cause = %problem.with_causes(), "stage failed");
                store.retry_later(claim, &error, retry_delay(claim.attempt, chance())).await
            }
        }
    }

    /// Renews the leases of jobs that make progress, and tells the register how this process is.
    async fn beat(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut held_back = self.held_back.subscribe();
        while !*stop.borrow() {
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
    async fn outlast(&self, stop: &mut watch::Receiver<bool>) {
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
    async fn watch(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            pause(WATCH, &mut stop).await;
            self.look_around();
            let held: Vec<(JobId, i64)> =
                self.running().iter().map(|(job, running)| (job.clone(), running.claim.fence)).collect();
            if held.is_empty() {
                continue;
            }
            if let Ok(lost) = self.library.store().lost_jobs(&self.worker, &held).await {
                self.drop_lost(&lost);
            }
            for (claim, is_lively) in self.stop_overdue() {
                self.settle_overdue(&claim, is_lively).await;
            }
        }
    }

    /// Finds out whether the machine has room for more work.
    fn look_around(&self) {
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

    /// Stops jobs past their hard limit; says for each whether it had got something done lately.
    fn stop_overdue(&self) -> Vec<(Claim, bool)> {
        let limits = self.library.settings().workers;
        let mut running = self.running();
        let mut overdue = Vec::new();
        for (job, running) in running.iter_mut() {
            let took = running.started.elapsed();
            if took > Duration::from_secs(limits.hard_seconds) {
                running.is_moving();
                overdue.push((job.clone(), running.moved.elapsed() < LIVELY));
            } else if took > Duration::from_secs(limits.soft_seconds) && !running.told {
                running.told = true;
                let (stage, task) = (running.claim.stage.as_str(), &running.claim.task);
                tracing::warn!(stage, %task, seconds = took.as_secs(), "a stage takes longer than its soft limit");
            }
        }
        let stopped = overdue.into_iter().filter_map(|(job, is_lively)| {
            let running = running.remove(&job)?;
            if let Some(abort) = running.abort {
                abort.abort();
            }
            Some((running.claim, is_lively))
        });
        stopped.collect()
    }

    async fn settle_overdue(&self, claim: &Claim, is_lively: bool) {
        let store = self.library.store();
        let seconds = self.library.settings().workers.hard_seconds;
        let message = format!("`{}` was stopped at its hard limit of {seconds} s", claim.stage.as_str());
        tracing::warn!(stage = claim.stage.as_str(), task = %claim.task, is_lively, "{message}");
        let settled = if is_lively {
            // It goes on from its last unit, after others had their turn.
            store.release(claim, None, Duration::ZERO).await
        } else {
            let error = TaskError { code: ErrorCode::TimeLimit, message };
            store.retry_later(claim, &error, retry_delay(claim.attempt, chance())).await
        };
        if let Err(problem) = settled {
            tracing::warn!(code = %problem.code, "cannot write how a job ended: {problem}");
        }
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

    /// Gives leases back whose jobs were cut off by the stop, so that they run again at once after it, and
    /// leaves the register.
    async fn say_farewell(&self) {
        let left: Vec<Claim> = self.running().drain().map(|(_, running)| running.claim).collect();
        let store = self.library.store();
        let released = left.iter().map(|claim| store.release(claim, None, Duration::ZERO));
        for problem in futures::future::join_all(released).await.into_iter().filter_map(Result::err) {
            tracing::warn!(code = %problem.code, "cannot give a job back: {problem}");
        }
        if let Err(problem) = store.forget_worker(&self.worker).await {
            tracing::warn!(code = %problem.code, "cannot leave the register of workers: {problem}");
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

    /// What the register is told of it.
    fn tell(&mut self) -> WorkerJob {
        self.is_moving();
        WorkerJob {
            job: self.claim.job.clone(),
            task: self.claim.task.clone(),
            stage: self.claim.stage,
            running_ms: self.started.elapsed().as_millis() as u64,
            silent_ms: self.moved.elapsed().as_millis() as u64,
        }
    }
}

/// A number evenly spread over 0 to 1. Each state of the standard library's hasher has keys of its own.
fn chance() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

async fn pause(time: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        _ = stop.changed() => {}
    }
}
