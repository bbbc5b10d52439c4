//! Random lives of the queue beside a model of it that fits on a page.

use std::{collections::BTreeMap, time::Duration};

use futures::future::BoxFuture;
use pagemill_core::{DocumentId, ErrorCode, JobId, Stage};
use pagemill_store::{Claim, MAX_ATTEMPTS, MAX_CRASHES};
use proptest::prelude::*;

use crate::world::{LEASE, World, error};

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    Claim,
    /// Ends the stage of one of the claims ever made, be it still held or not.
    Finish(usize),
    Release(usize),
    Retry(usize),
    Fail(usize),
    Heartbeat(usize),
    Delete(u8),
    /// Seconds pass.
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..4).prop_map(Step::Add),
        6 => Just(Step::Claim),
        5 => any::<usize>().prop_map(Step::Finish),
        1 => any::<usize>().prop_map(Step::Release),
        2 => any::<usize>().prop_map(Step::Retry),
        1 => any::<usize>().prop_map(Step::Fail),
        2 => any::<usize>().prop_map(Step::Heartbeat),
        1 => (0_u8..4).prop_map(Step::Delete),
        3 => (1_u8..40).prop_map(Step::Wait),
    ]
}

/// The one job a document has while its task runs.
#[derive(Clone, Debug)]
struct Job {
    stage: Stage,
    attempts: u32,
    crashes: u32,
    /// Which job is held under which fence and until when, while it is held.
    held: Option<(JobId, i64, u64)>,
    last_fence: i64,
}

#[derive(Default)]
struct Model {
    now: u64,
    jobs: BTreeMap<DocumentId, Job>,
    claims: Vec<Claim>,
}

impl Model {
    fn claim(&self, index: usize) -> Option<Claim> {
        (!self.claims.is_empty()).then(|| self.claims[index % self.claims.len()].clone())
    }

    /// Whether a claim still holds, by the model.
    fn holds(&self, claim: &Claim) -> bool {
        let held = self.jobs.get(&claim.document).and_then(|job| job.held.as_ref());
        held.is_some_and(|(job, fence, _)| (job, *fence) == (&claim.job, claim.fence))
    }

    /// What happens to leases that have ended, at the next claim.
    fn expire(&mut self) {
        let now = self.now;
        self.jobs.retain(|_, job| {
            if job.held.as_ref().is_some_and(|(_, _, until)| *until <= now) {
                job.held = None;
                job.crashes += 1;
                job.attempts -= 1;
            }
            job.crashes < MAX_CRASHES
        });
    }
}

async fn live(world: &World, steps: &[Step]) {
    let mut model = Model::default();
    let lease = LEASE.as_secs();
    for step in steps {
        match step {
            Step::Add(name) => {
                let added = world.add(&name.to_string()).await;
                if !added.reused {
                    let stage = added.task.stage;
                    let job = Job { stage, attempts: 0, crashes: 0, held: None, last_fence: 0 };
                    model.jobs.insert(added.document.id, job);
                }
            }
            Step::Delete(name) => {
                let all = world.store.documents(&world.project, None, 100).await.unwrap();
                let file = format!("{name}.pdf");
                if let Some((document, _)) = all.iter().find(|(document, _)| document.file == file) {
                    world.store.delete_document(&world.project, &document.id).await.unwrap();
                    model.jobs.remove(&document.id);
                }
            }
            Step::Wait(seconds) => {
                world.clock.advance(Duration::from_secs(u64::from(*seconds)));
                model.now += u64::from(*seconds);
            }
            Step::Claim => {
                model.expire();
                let claims = world.claim(1).await;
                let free = model.jobs.values().filter(|job| job.held.is_none()).count();
                assert_eq!(claims.len(), free.min(1), "{:?}", model.jobs);
                for claim in claims {
                    let job = model.jobs.get_mut(&claim.document).expect("a job of a task that has ended was claimed");
                    assert!(job.held.is_none(), "two live leases");
                    job.attempts += 1;
                    assert_eq!((claim.stage, claim.attempt, claim.crashes), (job.stage, job.attempts, job.crashes));
                    assert!(claim.attempt <= MAX_ATTEMPTS);
                    assert!(claim.fence > job.last_fence);
                    job.last_fence = claim.fence;
                    job.held = Some((claim.job.clone(), claim.fence, model.now + lease));
                    model.claims.push(claim);
                }
            }
            Step::Heartbeat(index) => {
                let Some(claim) = model.claim(*index) else { continue };
                let holds = model.holds(&claim);
                let held = [(claim.job.clone(), claim.fence)];
                let lost = world.store.heartbeat(&world.worker, &held, LEASE).await.unwrap();
                assert_eq!(lost.is_empty(), holds);
                if holds && let Some(job) = model.jobs.get_mut(&claim.document) {
                    job.held = Some((claim.job.clone(), claim.fence, model.now + lease));
                }
            }
            Step::Finish(index) | Step::Release(index) | Step::Retry(index) | Step::Fail(index) => {
                let Some(claim) = model.claim(*index) else { continue };
                let holds = model.holds(&claim);
                let answer = match step {
                    Step::Finish(_) if claim.stage == Stage::Finish => world.store.finish_task(&claim).await.map(drop),
                    Step::Finish(_) => world.store.finish_stage(&claim).await,
                    Step::Release(_) => world.store.release(&claim, None, Duration::ZERO).await,
                    Step::Retry(_) => {
                        world.store.retry_later(&claim, &error(ErrorCode::BlobsUnavailable), Duration::ZERO).await
                    }
                    _ => world.store.fail_task(&claim, &error(ErrorCode::Damaged)).await,
                };
                assert_eq!(answer.as_ref().err().map(|problem| problem.code), (!holds).then_some(ErrorCode::LeaseLost));
                if !holds {
                    continue;
                }
                let job = model.jobs.get_mut(&claim.document).expect("held");
                job.held = None;
                match step {
                    Step::Finish(_) => match claim.stage.next() {
                        Some(next) => {
                            *job = Job { stage: next, attempts: 0, crashes: 0, held: None, last_fence: 0 };
                        }
                        None => drop(model.jobs.remove(&claim.document)),
                    },
                    Step::Release(_) => job.attempts -= 1,
                    Step::Retry(_) if job.attempts < MAX_ATTEMPTS => {}
                    _ => drop(model.jobs.remove(&claim.document)),
                }
            }
        }
    }
}

fn run(steps: &[Step], world: BoxFuture<'_, Option<World>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if let Some(world) = world.await {
            live(&world, steps).await;
            world.end().await;
        }
    });
}

/// A dozen lives in a usual run, as many as `PROPTEST_CASES` says in a long one.
fn config() -> ProptestConfig {
    let usual = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { ProptestConfig { cases: 12, ..usual } }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sqlite_lives_like_its_model(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps, Box::pin(async { Some(World::sqlite().await) }));
    }

    #[test]
    fn postgres_lives_like_its_model(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps, Box::pin(World::postgres()));
    }
}
