//! Who gets which job, in which order, and that no job is lost or done twice.

use std::{collections::BTreeSet, time::Duration};

use pagemill_core::{ErrorCode, Priority, ProjectId, Queue, Stage, WorkerId};
use pagemill_store::NewDocument;

use crate::{
    stories,
    world::{LEASE, World, error, page},
};

stories!(
    many_workers_get_each_job_once,
    urgent_jobs_come_first,
    a_late_project_does_not_wait_behind_an_early_one,
    what_was_begun_is_ended_first,
    a_worker_gets_jobs_of_its_queues_only,
    what_brings_a_job_or_room_for_one_wakes_workers,
);

async fn many_workers_get_each_job_once(world: &World) {
    const JOBS: usize = 40;
    for number in 0..JOBS {
        world.add(&number.to_string()).await;
    }
    let workers = (0..8).map(|_| {
        let store = world.store.clone();
        tokio::spawn(async move {
            let worker = WorkerId::new();
            let mut got = Vec::new();
            // Someone who meets locked rows may go away empty while there is work; so ask until all is claimed.
            while store.next_due(&Queue::ALL).await.unwrap().is_some_and(|due| due.is_zero()) {
                got.extend(store.claim(&worker, &Queue::ALL, 3, LEASE).await.unwrap());
            }
            got
        })
    });
    let claims: Vec<_> =
        futures::future::join_all(workers).await.into_iter().flat_map(|claims| claims.unwrap()).collect();
    let jobs: BTreeSet<_> = claims.iter().map(|claim| claim.job.clone()).collect();
    assert_eq!((claims.len(), jobs.len()), (JOBS, JOBS));
}

async fn urgent_jobs_come_first(world: &World) {
    for (name, priority) in [("batch", Priority::Batch), ("normal", Priority::Normal), ("high", Priority::High)] {
        let new = NewDocument { priority, ..world.new_document(name) };
        world.store.add_document(&new).await.unwrap();
    }
    let order: Vec<_> = world.claim(3).await.into_iter().map(|claim| claim.priority).collect();
    assert_eq!(order, [Priority::High, Priority::Normal, Priority::Batch]);
}

async fn a_late_project_does_not_wait_behind_an_early_one(world: &World) {
    for number in 0..20 {
        world.add(&number.to_string()).await;
    }
    let late = ProjectId::new();
    for name in ["x", "y"] {
        let new = NewDocument { project: late.clone(), ..world.new_document(name) };
        world.store.add_document(&new).await.unwrap();
    }
    let places: Vec<_> = world
        .claim(22)
        .await
        .iter()
        .enumerate()
        .filter(|(_, claim)| claim.project == late)
        .map(|(place, _)| place)
        .collect();
    assert!(places.iter().all(|place| *place < 6), "{places:?}");
}

async fn what_was_begun_is_ended_first(world: &World) {
    let first = world.add("a").await;
    world.add("b").await;
    world.add("c").await;
    let claim = world.claim_one().await;
    world.run(&claim, 1).await.unwrap();
    let next = world.claim_one().await;
    assert_eq!((next.stage, next.document), (Stage::Chunk, first.document.id));
}

async fn a_worker_gets_jobs_of_its_queues_only(world: &World) {
    world.add("a").await;
    let worker = WorkerId::new();
    let none = world.store.claim(&worker, &[Queue::Embeddings, Queue::Images], 5, LEASE).await.unwrap();
    assert!(none.is_empty());
    assert_eq!(world.store.next_due(&[Queue::Embeddings]).await.unwrap(), None);
    assert_eq!(world.store.claim(&worker, &[Queue::Default], 5, LEASE).await.unwrap().len(), 1);
}

async fn what_brings_a_job_or_room_for_one_wakes_workers(world: &World) {
    let store = &world.store;
    let news = store.subscribe();
    let jobs = || news.borrow().jobs;
    let begun = jobs();
    world.add("a").await;
    let added = jobs();
    assert!(added > begun);

    let claim = world.claim_one().await;
    store.save_pages(&claim, 0, &[page(1)]).await.unwrap();
    // On PostgreSQL others may have committed anything, for all this process knows.
    assert!(world.is_postgres() || jobs() == added, "progress is no work");

    store.release(&claim, None, Duration::ZERO).await.unwrap();
    let released = jobs();
    assert!(released > added);

    let claim = world.claim_one().await;
    store.fail_task(&claim, &error(ErrorCode::Encrypted)).await.unwrap();
    let failed = jobs();
    assert!(failed > released, "its place in the queue is free");

    world.add("b").await;
    let again = jobs();
    let claim = world.claim_one().await;
    store.cancel_task(&world.project, &claim.task).await.unwrap();
    assert!(jobs() > again, "its place in the queue is free");
}
