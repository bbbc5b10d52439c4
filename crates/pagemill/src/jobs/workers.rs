//! Workers: claim, run, heart-beat, tell faults apart, stop gracefully.

mod ends;
mod upkeep;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use pagemill_core::{JobId, Queue, WorkerId, queue::policy::LEASE};
use pagemill_store::{Claim, WorkerJob};
use tokio::{
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinSet},
};

use super::{EmbedPool, Progress, StageContext, run_stage, webhooks};
use crate::library::{Library, views::now_ms};
use ends::End;

/// How often an idle worker looks without being woken.
const POLL: Duration = Duration::from_secs(1);
/// A job that stands still keeps its lease for so long after a unit should have been done: a child that did not live
/// through it is replaced, and the next one has to begin.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a stop waits for the units in hand.
const GRACE: Duration = Duration::from_secs(6);
/// How long a stop waits for the database to take the rest back; after that the leases run out.
const FAREWELL: Duration = Duration::from_millis(1500);

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
    /// Whether the program is told to stop.
    stopping: watch::Receiver<bool>,
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
        let stop = watch::Sender::new(false);
        let shared = Arc::new(Shared {
            embed_pool: Arc::new(EmbedPool::start(library.embedder().cloned(), cores)),
            library: Arc::clone(library),
            worker: WorkerId::new(),
            places: options.places(cores),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            started_ms: now_ms(),
            running: Mutex::default(),
            held_back: watch::Sender::new(None),
            stopping: stop.subscribe(),
        });
        shared.look_around();
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

    /// Stops taking jobs, lets the units in hand finish for a while, and gives the jobs back
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
            let seen = wake.borrow_and_update().jobs;
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
                    _ = wake.wait_for(|news| news.jobs != seen) => {}
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
        let patience = self.library.settings().limits.unit_patience(claim.stage) + MARGIN;
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
            stopping: self.stopping.clone(),
        };
        let started = Instant::now();
        let hard_limit = self.library.settings().workers.hard_limit(context.claim.stage);
        let end = match tokio::time::timeout(hard_limit, run_stage(&context)).await {
            Ok(Ok(())) => None,
            Ok(Err(problem)) => Some(End::of(&context.claim, &problem)),
            Err(_elapsed) => Some(End::overdue(&context.claim, hard_limit, self.is_lively(&job))),
        };
        let (stage, document) = (context.claim.stage, &context.claim.document);
        self.library.metrics().job_ended(stage, end.as_ref().map_or("done", End::outcome), started.elapsed());
        match end {
            None => {
                let ms = started.elapsed().as_millis() as u64;
                tracing::debug!(stage = stage.as_str(), %document, ms, "stage done");
            }
            Some(end) => end.write(&context).await,
        }
        self.running().remove(&job);
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
            unit: self.progress.unit(),
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
