//! Changes and events are numbered in the order of commits: a reader that follows the numbers misses nothing.

use pagemill_core::{Stage, WorkerId};
use pagemill_store::ChangeKind;

use crate::{
    stories,
    world::{LEASE, World},
};

stories!(a_follower_of_changes_misses_nothing, events_come_in_order, what_is_completed_has_a_last_change);

async fn a_follower_of_changes_misses_nothing(world: &World) {
    const DOCUMENTS: usize = 24;
    for number in 0..DOCUMENTS {
        world.add(&number.to_string()).await;
    }
    let follower = {
        let store = world.store.clone();
        tokio::spawn(async move {
            let (mut at, mut seen) = (0, Vec::new());
            while seen.len() < DOCUMENTS * 2 {
                for change in store.changes_since(at, 7).await.unwrap() {
                    assert_eq!(change.seq, at + 1, "a number was not there when a later one was");
                    at = change.seq;
                    seen.push(change);
                }
            }
            seen
        })
    };
    let workers = (0..6).map(|_| {
        let store = world.store.clone();
        let world_of_worker = WorkerId::new();
        async move {
            let queues = pagemill_core::Queue::ALL;
            while store.next_due(&queues).await.unwrap().is_some() {
                for claim in store.claim(&world_of_worker, &queues, 1, LEASE).await.unwrap() {
                    world.run(&claim, 1).await.unwrap();
                }
            }
        }
    });
    futures::future::join_all(workers).await;
    let seen = follower.await.unwrap();
    assert_eq!(world.store.last_change().await.unwrap(), seen.len() as i64);
    for kind in [ChangeKind::Text, ChangeKind::Vectors] {
        assert_eq!(seen.iter().filter(|change| change.kind == kind).count(), DOCUMENTS);
    }
    assert!(world.claim(1).await.is_empty());
}

async fn events_come_in_order(world: &World) {
    let added = world.add("a").await;
    world.run_until(Stage::Index, 1).await;
    let all = world.store.events_since(&world.project, 0, 1000).await.unwrap();
    assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].at_ms <= pair[1].at_ms));
    assert!(all.iter().all(|event| event.document.as_ref() == Some(&added.document.id)));
    assert_eq!(world.store.last_event().await.unwrap(), all.last().unwrap().id);
    let rest = world.store.events_since(&world.project, all[2].id, 2).await.unwrap();
    assert_eq!(rest, all[3..5]);
}

async fn what_is_completed_has_a_last_change(world: &World) {
    let store = &world.store;
    world.add("a").await;
    let claim = world.run_until(Stage::Finish, 1).await;
    let own = store.last_change().await.unwrap();
    assert!(own > 0);
    assert_eq!(store.finished_change(0).await.unwrap(), 0, "it is not completed yet");
    world.run(&claim, 1).await.unwrap();
    assert_eq!(store.finished_change(0).await.unwrap(), own);
    // Another is still at work, with changes behind those.
    world.add("b").await;
    let claim = world.run_until(Stage::Index, 1).await;
    assert!(store.last_change().await.unwrap() > own);
    assert_eq!(store.finished_change(0).await.unwrap(), own);
    assert_eq!(store.finished_change(own).await.unwrap(), own);
    world.run(&claim, 1).await.unwrap();
    world.run_all(1).await;
    assert_eq!(store.finished_change(own).await.unwrap(), store.last_change().await.unwrap());
}
