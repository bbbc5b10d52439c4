//! Events: told on topics, removed by age, and heard in other processes.

use std::time::Duration;

use pagemill_core::{EventId, ProjectId, Stage};
use pagemill_store::{Store, StoreOptions, Topic};
use sqlx::{Connection, PgConnection};

use crate::{
    stories,
    world::{World, error},
};

stories!(
    events_come_by_topic_and_project,
    a_task_that_ends_tells_so_in_two_words,
    old_events_go_and_numbers_go_on,
    a_message_to_all_is_an_event,
    another_process_is_heard_at_once,
    another_process_is_noticed_without_a_notification,
    a_listener_that_lost_its_server_hears_again,
);

async fn kinds(world: &World, topic: &Topic, after: EventId) -> Vec<String> {
    let events = world.store.events_on(&world.project, topic, after, 1000).await.unwrap();
    events.into_iter().map(|event| event.kind).collect()
}

async fn events_come_by_topic_and_project(world: &World) {
    let (a, b) = (world.add("a").await, world.add("b").await);
    let of_a = kinds(world, &Topic::Task(a.task.id.clone()), 0).await;
    assert_eq!(of_a, ["task.queued"]);
    assert_eq!(kinds(world, &Topic::Document(b.document.id.clone()), 0).await, ["task.queued"]);
    assert_eq!(kinds(world, &Topic::All, 0).await.len(), 2);
    assert_eq!(kinds(world, &Topic::Document(b.document.id.clone()), 2).await.len(), 0);
    let stranger = ProjectId::new();
    assert!(world.store.events_on(&stranger, &Topic::Task(a.task.id.clone()), 0, 10).await.unwrap().is_empty());
    let all = world.store.all_events_since(0, 10).await.unwrap();
    assert_eq!(all.iter().filter(|event| Topic::Task(a.task.id.clone()).covers(event)).count(), 1);
    assert_eq!(all.len(), 2);
}

async fn a_task_that_ends_tells_so_in_two_words(world: &World) {
    let good = world.add("good").await;
    world.run_all(2).await;
    let told = kinds(world, &Topic::Task(good.task.id), 0).await;
    for kind in ["task.started", "task.progress", "document.text_extracted", "document.embeddings_generated"] {
        assert!(told.iter().any(|told| told == kind), "{kind}: {told:?}");
    }
    assert_eq!(told[told.len() - 2..], ["document.completed", "task.completed"]);

    let bad = world.add("bad").await;
    let claim = world.claim_one().await;
    world.store.fail_task(&claim, &error(pagemill_core::ErrorCode::Encrypted)).await.unwrap();
    assert_eq!(kinds(world, &Topic::Task(bad.task.id), 0).await, ["task.queued", "task.failed"]);
}

async fn old_events_go_and_numbers_go_on(world: &World) {
    let added = world.add("a").await;
    let claim = world.run_until(Stage::Chunk, 1).await;
    let last = world.store.last_event().await.unwrap();
    assert!(last > 3);
    assert_eq!(world.store.prune_events(0).await.unwrap(), 0);
    assert_eq!(world.store.events_pruned_to().await.unwrap(), 0);
    let removed = world.store.prune_events(i64::MAX).await.unwrap();
    assert_eq!(removed, u64::try_from(last).unwrap());
    assert_eq!(world.store.events_pruned_to().await.unwrap(), last);
    assert!(kinds(world, &Topic::All, 0).await.is_empty());
    world.run(&claim, 1).await.unwrap();
    let next = world.store.events_on(&world.project, &Topic::Task(added.task.id), 0, 1).await.unwrap();
    assert_eq!(next[0].id, last + 1);
}

async fn a_message_to_all_is_an_event(world: &World) {
    world.store.announce(&world.project, &serde_json::json!({"message": "back at noon"})).await.unwrap();
    let events = world.store.events_since(&world.project, 0, 10).await.unwrap();
    assert_eq!((events[0].kind.as_str(), events[0].data["message"].as_str()), ("broadcast", Some("back at noon")));
}

/// Adds documents until the other one hears of one: what was rung before it listened is no proof.
async fn hears(world: &World, other: &Store, within: Duration) {
    let mut wake = other.subscribe();
    // It looks once when it begins to listen; that is not what is waited for.
    tokio::time::timeout(Duration::from_secs(5), async {
        while other.last_event().await.unwrap() == 0 {
            world.add(&pagemill_core::JobId::new().to_string()).await;
        }
        wake.mark_unchanged();
        loop {
            world.add(&pagemill_core::JobId::new().to_string()).await;
            if tokio::time::timeout(within, wake.changed()).await.is_ok() {
                return;
            }
        }
    })
    .await
    .expect("a commit of another process was heard");
}

async fn another_process_is_heard_at_once(world: &World) {
    if !world.is_postgres() {
        return; // a file has one process
    }
    let other = Store::open(&world.options).await.unwrap();
    hears(world, &other, Duration::from_millis(500)).await;
    other.close().await;
}

async fn another_process_is_noticed_without_a_notification(world: &World) {
    if !world.is_postgres() {
        return;
    }
    let deaf = StoreOptions { deaf: true, ..world.options.clone() };
    let other = Store::open(&deaf).await.unwrap();
    let mut wake = other.subscribe();
    world.add("a").await;
    // The first look learns the number; the one after sees that it has changed.
    let end = tokio::time::Instant::now() + Duration::from_secs(10);
    let mut number = 0;
    while tokio::time::timeout(Duration::from_secs(2), wake.changed()).await.is_err() {
        assert!(tokio::time::Instant::now() < end, "nothing was noticed");
        number += 1;
        world.add(&number.to_string()).await;
    }
    // From now on it knows the number, and each commit is noticed in two seconds.
    for name in ["x", "y"] {
        wake.mark_unchanged();
        world.add(name).await;
        tokio::time::timeout(Duration::from_secs(2), wake.changed()).await.expect("noticed in 2 s").unwrap();
    }
    other.close().await;
}

async fn a_listener_that_lost_its_server_hears_again(world: &World) {
    if !world.is_postgres() {
        return;
    }
    let other = Store::open(&world.options).await.unwrap();
    hears(world, &other, Duration::from_millis(500)).await;
    let mut admin = PgConnection::connect(&world.options.url).await.unwrap();
    let sql = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()";
    let ended: i64 = sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap();
    assert!(ended >= 1, "there was a listener to cut off");
    admin.close().await.unwrap();
    hears(world, &other, Duration::from_millis(500)).await;
    other.close().await;
}
