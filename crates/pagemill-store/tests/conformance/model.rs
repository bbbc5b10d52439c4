//! Random lives of the queue, beside the queue in memory that the same state machine drives.

use std::{collections::BTreeMap, time::Duration};

use futures::future::BoxFuture;
use pagemill_core::{
    DocumentId, ErrorCode, JobId, Priority, ProjectId, Queue, Stage, TaskId, TaskStatus,
    queue::{AfterFault, JobState, MAX_ATTEMPTS, MemoryQueue},
};
use pagemill_store::{Claim, DeadLetterKind, NewDocument};
use proptest::prelude::*;

use crate::world::{LEASE, World, error};

#[derive(Clone, Debug)]
enum Step {
    /// A document of one of two projects, at one of the priorities.
    Add(u8, bool, u8),
    Claim(u8),
    /// Ends the stage of one of the claims ever made, be it still held or not.
    Finish(usize),
    Release(usize, u8),
    Retry(usize, u8),
    Crash(usize),
    Fail(usize),
    Heartbeat(usize),
    Delete(u8),
    Pause(u8),
    Resume(u8),
    Cancel(u8),
    Replay,
    PauseQueue(Queue, bool),
    Scale(Queue, Option<u8>),
    /// Every lease is ended, as a process does that knows to be alone.
    Restart,
    /// Seconds pass.
    Wait(u8),
}

fn queue() -> impl Strategy<Value = Queue> {
    prop_oneof![Just(Queue::Default), Just(Queue::Embeddings)]
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0_u8..5;
    prop_oneof![
        4 => (name(), any::<bool>(), 0_u8..3).prop_map(|(name, other, priority)| Step::Add(name, other, priority)),
        8 => (1_u8..4).prop_map(Step::Claim),
        6 => any::<usize>().prop_map(Step::Finish),
        1 => (any::<usize>(), 0_u8..20).prop_map(|(claim, delay)| Step::Release(claim, delay)),
        2 => (any::<usize>(), 0_u8..20).prop_map(|(claim, delay)| Step::Retry(claim, delay)),
        2 => any::<usize>().prop_map(Step::Crash),
        1 => any::<usize>().prop_map(Step::Fail),
        2 => any::<usize>().prop_map(Step::Heartbeat),
        1 => name().prop_map(Step::Delete),
        1 => name().prop_map(Step::Pause),
        2 => name().prop_map(Step::Resume),
        1 => name().prop_map(Step::Cancel),
        1 => Just(Step::Replay),
        1 => (queue(), any::<bool>()).prop_map(|(queue, paused)| Step::PauseQueue(queue, paused)),
        1 => (queue(), prop::option::of(0_u8..3)).prop_map(|(queue, most)| Step::Scale(queue, most)),
        1 => Just(Step::Restart),
        3 => (1_u8..40).prop_map(Step::Wait),
    ]
}

/// The queue in memory, and what the database calls its jobs.
struct Model {
    queue: MemoryQueue,
    /// Tasks that have not ended, by the name of the document.
    tasks: BTreeMap<String, (DocumentId, TaskId)>,
    /// The job of a claim, in the queue in memory.
    jobs: BTreeMap<JobId, u64>,
    claims: Vec<Claim>,
    other: ProjectId,
}

impl Model {
    fn claim(&self, index: usize) -> Option<(Claim, u64)> {
        let claim = (!self.claims.is_empty()).then(|| self.claims[index % self.claims.len()].clone())?;
        let id = self.jobs[&claim.job];
        Some((claim, id))
    }

    /// Tasks whose jobs are all dead or gone have ended.
    fn forget_ended(&mut self) {
        let alive = |task: &TaskId| {
            let task = task.to_string();
            self.queue.jobs.values().any(|job| job.task == task && job.job.state != JobState::Dead)
        };
        self.tasks.retain(|_, (_, task)| alive(task));
    }
}

async fn live(world: &World, steps: &[Step]) {
    let mut model = Model {
        queue: MemoryQueue::default(),
        tasks: BTreeMap::new(),
        jobs: BTreeMap::new(),
        claims: Vec::new(),
        other: ProjectId::new(),
    };
    for step in steps {
        take(world, &mut model, step).await;
        model.forget_ended();
        compare(world, &model, step).await;
    }
}

async fn take(world: &World, model: &mut Model, step: &Step) {
    let store = &world.store;
    match step {
        Step::Add(name, other, priority) => {
            let name = format!("{name} {other}");
            let project = if *other { model.other.clone() } else { world.project.clone() };
            let priority = Priority::from_number(i64::from(*priority));
            let new = NewDocument { project: project.clone(), priority, ..world.new_document(&name) };
            let added = store.add_document(&new).await.unwrap();
            if !added.reused {
                // A document that is taken up again has no dead letters any more.
                let document = &added.document.id;
                let claims = model.claims.iter().filter(|claim| claim.document == *document);
                let old: Vec<String> = claims.map(|claim| claim.task.to_string()).collect();
                model.queue.jobs.retain(|_, job| !old.contains(&job.task));
                model.queue.add(added.task.id.as_str(), added.task.stage, &project, priority);
                model.tasks.insert(name, (document.clone(), added.task.id));
            }
        }
        Step::Delete(name) => {
            for other in [false, true] {
                let name = format!("{name} {other}");
                let project = if other { &model.other } else { &world.project };
                let all = store.documents(project, None, 100).await.unwrap();
                let Some((document, _)) = all.iter().find(|(found, _)| found.file == format!("{name}.pdf")) else {
                    continue;
                };
                store.delete_document(project, &document.id).await.unwrap();
                let claims = model.claims.iter().filter(|claim| claim.document == document.id);
                let mut old: Vec<String> = claims.map(|claim| claim.task.to_string()).collect();
                old.extend(model.tasks.remove(&name).map(|(_, task)| task.to_string()));
                model.queue.jobs.retain(|_, job| !old.contains(&job.task));
            }
        }
        Step::Wait(seconds) => {
            world.clock.advance(Duration::from_secs(u64::from(*seconds)));
            model.queue.now += i64::from(*seconds) * 1000;
        }
        Step::Claim(limit) => {
            let expected = model.queue.claim(&world.worker, &Queue::ALL, u32::from(*limit), LEASE);
            let claims = world.claim(u32::from(*limit)).await;
            assert_eq!(claims.len(), expected.len(), "{:?}", model.queue.jobs);
            for (claim, id) in claims.into_iter().zip(expected) {
                let job = &model.queue.jobs[&id];
                assert_eq!(
                    (claim.task.as_str(), claim.stage, claim.fence, claim.attempt, claim.crashes),
                    (job.task.as_str(), job.stage, job.job.fence, job.job.attempt, job.job.crashes),
                    "another job than the model's, or in another order"
                );
                model.jobs.insert(claim.job.clone(), id);
                model.claims.push(claim);
            }
        }
        Step::Heartbeat(index) => {
            let Some((claim, id)) = model.claim(*index) else { return };
            let now = model.queue.now;
            let kept = model
                .queue
                .held(id, &claim.worker, claim.fence)
                .is_ok_and(|job| job.job.heartbeat(&claim.worker, claim.fence, now, LEASE).is_ok());
            let held = [(claim.job.clone(), claim.fence)];
            let gone = store.lost_jobs(&world.worker, &held).await.unwrap();
            let lost = store.heartbeat(&world.worker, &held, LEASE).await.unwrap();
            assert_eq!((gone.is_empty(), lost.is_empty()), (kept, kept));
        }
        Step::Pause(name) | Step::Resume(name) | Step::Cancel(name) => {
            let Some((_, task)) = model.tasks.get(&format!("{name} false")).cloned() else { return };
            let jobs = model.queue.jobs.values_mut().filter(|job| job.task == task.as_str());
            let now = model.queue.now;
            match step {
                Step::Pause(_) => {
                    store.pause_task(&world.project, &task).await.unwrap().unwrap();
                    jobs.for_each(|job| {
                        let _ = job.job.pause();
                    });
                }
                Step::Resume(_) => {
                    store.resume_task(&world.project, &task).await.unwrap().unwrap();
                    jobs.for_each(|job| {
                        let _ = job.job.resume(now);
                    });
                }
                _ => {
                    store.cancel_task(&world.project, &task).await.unwrap().unwrap();
                    model.queue.jobs.retain(|_, job| job.task != task.as_str());
                }
            }
        }
        Step::Replay => {
            let letters = store.dead_letters(&world.project, &DeadLetterKind::default(), None, 1).await.unwrap();
            let Some(letter) = letters.first() else { return };
            let id = model.jobs[&letter.job];
            let answer = store.replay_dead_letter(&world.project, &letter.job).await;
            if model.tasks.values().any(|(_, task)| *task == letter.task) {
                assert_eq!(answer.unwrap_err().code, ErrorCode::Conflict);
            } else {
                assert!(answer.unwrap());
                let name = letter.file.trim_end_matches(".pdf").to_owned();
                let mut task = letter.task.clone();
                if letter.error.as_ref().unwrap().code == ErrorCode::Damaged {
                    // The file was at fault: a new task looks at it afresh.
                    let newest = store.newest_task(&world.project, &letter.document).await.unwrap().unwrap();
                    assert_ne!(newest.id, task);
                    model.queue.jobs.retain(|_, job| job.task != task.as_str());
                    model.queue.add(newest.id.as_str(), newest.stage, &world.project, newest.priority);
                    task = newest.id;
                } else {
                    model.queue.jobs.get_mut(&id).unwrap().job.replay().unwrap();
                }
                model.tasks.insert(name, (letter.document.clone(), task));
            }
        }
        Step::PauseQueue(queue, paused) => {
            store.pause_queue(*queue, *paused).await.unwrap();
            model.queue.paused.retain(|other| other != queue);
            model.queue.paused.extend(paused.then_some(*queue));
        }
        Step::Scale(queue, most) => {
            store.scale_queue(*queue, most.map(u32::from)).await.unwrap();
            model.queue.concurrency.remove(queue.as_str());
            model.queue.concurrency.extend(most.map(|most| (queue.as_str(), u32::from(most))));
        }
        Step::Restart => {
            let held = model.queue.jobs.values_mut().filter(|job| job.job.state == JobState::Leased);
            let given_back = held.map(|job| job.job.give_back().unwrap()).count();
            assert_eq!(store.end_leases().await.unwrap() as usize, given_back);
        }
        Step::Finish(index)
        | Step::Release(index, _)
        | Step::Retry(index, _)
        | Step::Crash(index)
        | Step::Fail(index) => {
            let Some((claim, id)) = model.claim(*index) else { return };
            let holds = model.queue.held(id, &claim.worker, claim.fence).is_ok();
            let answer = end(world, &claim, step).await;
            assert_eq!(answer.as_ref().err().map(|problem| problem.code), (!holds).then_some(ErrorCode::LeaseLost));
            if holds {
                end_in_model(&mut model.queue, id, &claim, step);
            }
        }
    }
}

/// Ends a claim in the database.
async fn end(world: &World, claim: &Claim, step: &Step) -> Result<(), pagemill_core::Problem> {
    let store = &world.store;
    let seconds = |seconds: &u8| Duration::from_secs(u64::from(*seconds));
    match step {
        Step::Finish(_) if claim.stage == Stage::Finish => store.finish_task(claim).await.map(drop),
        Step::Finish(_) => store.finish_stage(claim).await,
        Step::Release(_, delay) => store.release(claim, None, seconds(delay)).await,
        Step::Retry(_, delay) => store.retry_later(claim, &error(ErrorCode::BlobsUnavailable), seconds(delay)).await,
        Step::Crash(_) => store.crash_job(claim, &error(ErrorCode::ReaderCrashed), Duration::ZERO).await,
        _ => store.fail_task(claim, &error(ErrorCode::Damaged)).await,
    }
}

/// The same in the model, for a claim that holds.
fn end_in_model(queue: &mut MemoryQueue, id: u64, claim: &Claim, step: &Step) {
    let now = queue.now;
    let seconds = |seconds: &u8| Duration::from_secs(u64::from(*seconds));
    let job = &mut queue.jobs.get_mut(&id).unwrap().job;
    let after = match step {
        Step::Finish(_) => {
            queue.complete(id, &claim.worker, claim.fence).unwrap();
            return;
        }
        Step::Release(_, delay) => job.release(now, seconds(delay)).map(|()| AfterFault::Again),
        Step::Retry(_, delay) => job.fail(now, seconds(delay)),
        Step::Crash(_) => job.crash(now, Duration::ZERO),
        _ => {
            job.refuse().unwrap();
            queue.end_task(claim.task.as_str());
            return;
        }
    };
    if after == Ok(AfterFault::SetAside) {
        queue.go_on_without(id);
    }
}

/// What can be seen from outside agrees, whatever the step was.
async fn compare(world: &World, model: &Model, step: &Step) {
    let mut expected: BTreeMap<(Queue, JobState), u64> = BTreeMap::new();
    for job in model.queue.jobs.values() {
        assert!(job.job.attempt <= MAX_ATTEMPTS);
        *expected.entry((job.stage.queue(), job.job.state)).or_default() += 1;
    }
    let mut found = BTreeMap::new();
    for state in world.store.queues().await.unwrap() {
        found.extend(state.jobs.into_iter().map(|(job, count)| ((state.queue, job), count)));
    }
    assert_eq!(found, expected, "after {step:?}");
    for (_, task) in model.tasks.values() {
        let stored = match world.store.task(&world.project, task).await.unwrap() {
            Some(task) => task,
            None => world.store.task(&model.other, task).await.unwrap().unwrap(),
        };
        let jobs = || model.queue.jobs.values().filter(|job| job.task == task.as_str());
        let is_paused = jobs().any(|job| job.job.state == JobState::Paused);
        assert!(!stored.status.is_final(), "after {step:?}: {stored:?}");
        assert_eq!(stored.status == TaskStatus::Paused, is_paused, "after {step:?}");
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
    fn sqlite_lives_like_its_model(steps in prop::collection::vec(step(), 1..80)) {
        run(&steps, Box::pin(async { Some(World::sqlite().await) }));
    }

    #[test]
    fn postgres_lives_like_its_model(steps in prop::collection::vec(step(), 1..80)) {
        run(&steps, Box::pin(World::postgres()));
    }
}
