//! Webhooks: each event becomes one delivery, a dead sender loses none, and a stale one writes nothing.

use std::time::Duration;

use pagemill_core::{ProjectId, WebhookId};
use pagemill_store::{Delivery, DeliveryAttempt, DeliveryState, NewWebhook, Secret, Then, Webhook};

use crate::{
    stories,
    world::{LEASE, World},
};

stories!(
    a_webhook_is_told_of_what_it_wants,
    each_event_becomes_one_delivery,
    a_dead_sender_loses_nothing,
    a_delivery_waits_before_it_is_tried_again,
    a_webhook_that_never_answers_is_disabled,
    a_slow_webhook_keeps_no_other_waiting,
    a_webhook_of_another_project_is_missing,
    a_deleted_webhook_leaves_nothing,
    events_wait_for_webhooks_before_they_go,
    what_was_told_of_a_deleted_document_goes_with_it,
);

async fn webhook(world: &World, events: &[&str]) -> Webhook {
    let new = NewWebhook {
        project: world.project.clone(),
        url: "http://127.0.0.1:1/".to_owned(),
        events: events.iter().map(|kind| (*kind).to_owned()).collect(),
        secret: Secret("whsec_x".to_owned()),
    };
    world.store.create_webhook(&new).await.unwrap()
}

async fn queue_all(world: &World) {
    while world.store.queue_deliveries().await.unwrap() > 0 {}
}

async fn claim(world: &World) -> Vec<Delivery> {
    world.store.claim_deliveries(10, LEASE).await.unwrap()
}

fn attempt(then: Then) -> DeliveryAttempt {
    let error = (then != Then::Delivered).then(|| "the receiver answered 500".to_owned());
    DeliveryAttempt { http_status: Some(500), took: Duration::from_millis(7), error, then }
}

async fn log(world: &World, webhook: &Webhook) -> Vec<pagemill_store::LogEntry> {
    world.store.deliveries(&world.project, &webhook.id, 100).await.unwrap()
}

async fn a_webhook_is_told_of_what_it_wants(world: &World) {
    world.add("before").await;
    let hook = webhook(world, &["task.queued"]).await;
    world.add("after").await;
    world.run_all(1).await;
    queue_all(world).await;
    let claimed = claim(world).await;
    assert_eq!(claimed.len(), 1, "only what happened since");
    let delivery = &claimed[0];
    assert_eq!((delivery.event.kind.as_str(), delivery.attempt), ("task.queued", 1));
    assert_eq!(delivery.event.data["file"], "after.pdf");
    assert_eq!((delivery.url.as_str(), delivery.secret.0.as_str()), ("http://127.0.0.1:1/", "whsec_x"));
    assert!(claim(world).await.is_empty(), "it is on its way");
    assert!(world.store.settle_delivery(delivery, &attempt(Then::Delivered)).await.unwrap());
    let log = log(world, &hook).await;
    assert_eq!((log.len(), log[0].state, log[0].took_ms), (1, DeliveryState::Delivered, Some(7)));
    assert_eq!(log[0].event, Some(delivery.event.id));
    assert!(log[0].ended_ms.is_some());
    assert_eq!(world.store.next_delivery().await.unwrap(), None);
}

async fn each_event_becomes_one_delivery(world: &World) {
    let hooks = [webhook(world, &["task.queued"]).await, webhook(world, &["*"]).await];
    for number in 0..30 {
        world.add(&number.to_string()).await;
    }
    // Several processes do this at the same time.
    let queuers = (0..4).map(|_| {
        let store = world.store.clone();
        tokio::spawn(async move { while store.queue_deliveries().await.unwrap() > 0 {} })
    });
    for done in futures::future::join_all(queuers).await {
        done.unwrap();
    }
    queue_all(world).await;
    for hook in &hooks {
        let mut events: Vec<_> = log(world, hook).await.into_iter().map(|entry| entry.event).collect();
        events.sort();
        assert_eq!(events, (1..=30).map(Some).collect::<Vec<_>>());
    }
}

async fn a_dead_sender_loses_nothing(world: &World) {
    webhook(world, &["*"]).await;
    world.add("a").await;
    queue_all(world).await;
    let first = claim(world).await.remove(0);
    world.clock.advance(LEASE + Duration::from_secs(1));
    let second = claim(world).await.remove(0);
    assert_eq!((&second.id, second.attempt), (&first.id, 2));
    assert!(second.fence > first.fence);
    // The first was only slow; what it says now changes nothing.
    assert!(!world.store.settle_delivery(&first, &attempt(Then::Delivered)).await.unwrap());
    assert!(world.store.settle_delivery(&second, &attempt(Then::Delivered)).await.unwrap());
    assert!(!world.store.settle_delivery(&second, &attempt(Then::Delivered)).await.unwrap());
}

async fn a_delivery_waits_before_it_is_tried_again(world: &World) {
    let hook = webhook(world, &["*"]).await;
    world.add("a").await;
    queue_all(world).await;
    let delivery = claim(world).await.remove(0);
    let pause = Duration::from_secs(60);
    world.store.settle_delivery(&delivery, &attempt(Then::Again(pause))).await.unwrap();
    assert!(claim(world).await.is_empty());
    let due = world.store.next_delivery().await.unwrap().unwrap();
    assert!(due > Duration::from_secs(50) && due <= pause, "{due:?}");
    let waiting = &log(world, &hook).await[0];
    assert_eq!((waiting.state, waiting.http_status, waiting.attempt), (DeliveryState::Waiting, Some(500), 1));
    assert!(waiting.error.as_deref().unwrap().contains("500"));
    world.clock.advance(pause);
    assert_eq!(claim(world).await[0].attempt, 2);
}

async fn a_webhook_that_never_answers_is_disabled(world: &World) {
    let hook = webhook(world, &["task.queued"]).await;
    for name in ["a", "b", "c"] {
        world.add(name).await;
    }
    queue_all(world).await;
    let claimed = claim(world).await;
    world.store.settle_delivery(&claimed[0], &attempt(Then::GiveUp { most: 2 })).await.unwrap();
    world.store.settle_delivery(&claimed[1], &attempt(Then::Delivered)).await.unwrap();
    // One that arrived starts the count anew.
    assert_eq!(world.store.webhooks(&world.project).await.unwrap()[0].failures, 0);
    world.store.settle_delivery(&claimed[2], &attempt(Then::GiveUp { most: 2 })).await.unwrap();
    world.add("d").await;
    queue_all(world).await;
    let last = claim(world).await.remove(0);
    world.store.settle_delivery(&last, &attempt(Then::GiveUp { most: 2 })).await.unwrap();
    let disabled = world.store.webhooks(&world.project).await.unwrap().remove(0);
    let reason = disabled.disabled.unwrap();
    assert!(reason.contains("2 deliveries in a row") && reason.contains("answered 500"), "{reason}");

    world.add("e").await;
    queue_all(world).await;
    assert!(claim(world).await.is_empty());
    // Once it is enabled it hears of what it missed.
    let enabled = world.store.enable_webhook(&world.project, &hook.id).await.unwrap().unwrap();
    assert_eq!((enabled.disabled, enabled.failures), (None, 0));
    queue_all(world).await;
    assert_eq!(claim(world).await[0].event.data["file"], "e.pdf");
}

async fn a_slow_webhook_keeps_no_other_waiting(world: &World) {
    let slow = webhook(world, &["*"]).await;
    for number in 0..10 {
        world.add(&number.to_string()).await;
    }
    let other = webhook(world, &["*"]).await;
    world.add("last").await;
    queue_all(world).await;
    let claimed = claim(world).await;
    let of = |hook: &Webhook| claimed.iter().filter(|delivery| delivery.webhook == hook.id).count();
    assert_eq!((of(&slow), of(&other)), (4, 1));
    assert!(claim(world).await.is_empty());
}

async fn a_webhook_of_another_project_is_missing(world: &World) {
    let hook = webhook(world, &["*"]).await;
    let stranger = ProjectId::new();
    let store = &world.store;
    assert!(store.webhooks(&stranger).await.unwrap().is_empty());
    assert!(!store.delete_webhook(&stranger, &hook.id).await.unwrap());
    assert_eq!(store.enable_webhook(&stranger, &hook.id).await.unwrap(), None);
    assert_eq!(store.test_webhook(&stranger, &hook.id).await.unwrap(), None);
    assert_eq!(store.test_webhook(&world.project, &WebhookId::new()).await.unwrap(), None);
    world.store.test_webhook(&world.project, &hook.id).await.unwrap().unwrap();
    assert!(store.deliveries(&stranger, &hook.id, 10).await.unwrap().is_empty());
    // Events of others are none of its business.
    let new = pagemill_store::NewDocument { project: stranger, ..world.new_document("theirs") };
    store.add_document(&new).await.unwrap();
    queue_all(world).await;
    let kinds: Vec<_> = log(world, &hook).await.into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["webhook.test"]);
}

async fn a_deleted_webhook_leaves_nothing(world: &World) {
    let hook = webhook(world, &["*"]).await;
    world.store.test_webhook(&world.project, &hook.id).await.unwrap().unwrap();
    let delivery = claim(world).await.remove(0);
    assert!(world.store.delete_webhook(&world.project, &hook.id).await.unwrap());
    assert!(!world.store.settle_delivery(&delivery, &attempt(Then::Delivered)).await.unwrap());
    assert!(log(world, &hook).await.is_empty());
    assert!(!world.store.delete_webhook(&world.project, &hook.id).await.unwrap());
}

async fn events_wait_for_webhooks_before_they_go(world: &World) {
    webhook(world, &["*"]).await;
    world.add("a").await;
    assert_eq!(world.store.prune_events(i64::MAX).await.unwrap(), 0);
    queue_all(world).await;
    assert_eq!(world.store.prune_events(i64::MAX).await.unwrap(), 1);
    assert_eq!(claim(world).await.len(), 1, "a delivery holds its event");
}

async fn what_was_told_of_a_deleted_document_goes_with_it(world: &World) {
    let hook = webhook(world, &["*"]).await;
    let added = world.add("a").await;
    queue_all(world).await;
    let receipt = world.store.delete_document(&world.project, &added.document.id).await.unwrap().unwrap();
    assert_eq!(receipt.rows.get("webhook_deliveries"), Some(&1));
    queue_all(world).await;
    let kinds: Vec<_> = log(world, &hook).await.into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["document.deleted"]);
}
