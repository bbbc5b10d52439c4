//! Schedules: one process at a time, what came of it, and sweeps that take what is old and nothing else.

use std::time::Duration;

use pagemill_core::{ErrorCode, Problem, Stage};
use pagemill_store::{Blobs, Store};
use serde_json::json;

use crate::{
    stories,
    world::{MODEL, World, chunks, code, sha256, vectors},
};

stories!(
    one_process_has_a_schedule_at_a_time,
    a_run_that_took_too_long_writes_nothing,
    a_schedule_is_done_when_it_is_due,
    old_events_go,
    old_tasks_go_but_the_newest,
    files_without_a_document_go,
    unused_vectors_go,
);

const HOUR: Duration = Duration::from_secs(3600);
const HOLD: Duration = Duration::from_secs(600);

async fn one_process_has_a_schedule_at_a_time(world: &World) {
    world.store.know_schedules(&[("sweep", HOUR)]).await.unwrap();
    let others = if world.is_postgres() { Some(Store::open(&world.options).await.unwrap()) } else { None };
    for round in 1..=5 {
        let stores = [&world.store, others.as_ref().unwrap_or(&world.store)];
        let tries = (0..8).map(|number| stores[number % 2].begin_schedule("sweep", HOUR, HOLD, true));
        let begun: Vec<_> = futures::future::join_all(tries).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(begun.len(), 1);
        assert_eq!(begun[0].fence, round);
        assert!(world.store.schedules().await.unwrap()[0].is_running);
        let result = Ok(json!({ "round": round }));
        world.store.end_schedule(&begun[0], &result, Duration::from_millis(7), HOUR).await.unwrap();
    }
    let state = world.store.schedules().await.unwrap().remove(0);
    assert_eq!((state.runs, state.is_running, state.last_took_ms), (5, false, Some(7)));
    assert_eq!(state.last_result, Some(json!({ "round": 5 })));
    assert!(state.next_ms > state.last_ms.unwrap());
    assert!(world.store.begin_schedule("none such", HOUR, HOLD, true).await.unwrap().is_none());
    if let Some(other) = others {
        other.close().await;
    }
}

async fn a_run_that_took_too_long_writes_nothing(world: &World) {
    world.store.know_schedules(&[("sweep", HOUR)]).await.unwrap();
    let first = world.store.begin_schedule("sweep", HOUR, HOLD, true).await.unwrap().unwrap();
    world.clock.advance(HOLD);
    let second = world.store.begin_schedule("sweep", HOUR, HOLD, true).await.unwrap().unwrap();
    let result = Ok(json!(1));
    assert_eq!(code(world.store.end_schedule(&first, &result, HOUR, HOUR).await), ErrorCode::LeaseLost);
    let failed = Err(Problem::new(ErrorCode::DiskFull, "no room"));
    world.store.end_schedule(&second, &failed, HOUR, HOUR).await.unwrap();
    let state = world.store.schedules().await.unwrap().remove(0);
    assert_eq!((state.last_result, state.last_error.as_deref()), (None, Some("disk_full: no room")));
}

async fn a_schedule_is_done_when_it_is_due(world: &World) {
    world.store.know_schedules(&[("late", HOUR), ("now", Duration::ZERO)]).await.unwrap();
    world.store.know_schedules(&[("now", HOUR)]).await.unwrap();
    assert!(world.store.begin_schedule("late", HOUR, HOLD, false).await.unwrap().is_none());
    let run = world.store.begin_schedule("now", HOUR, HOLD, false).await.unwrap().unwrap();
    world.store.end_schedule(&run, &Ok(json!({})), HOUR, HOUR).await.unwrap();
    assert!(world.store.begin_schedule("now", HOUR, HOLD, false).await.unwrap().is_none());
    // The clock was set back by far more than a period: it does not wait for the old time to come again.
    assert!(world.store.begin_schedule("now", Duration::ZERO, HOLD, false).await.unwrap().is_some());
}

async fn old_events_go(world: &World) {
    world.add("a").await;
    world.run_all(1).await;
    let all = world.store.events_since(&world.project, 0, 1000).await.unwrap();
    assert_eq!(world.store.prune_events(all[0].at_ms).await.unwrap(), 0);
    assert_eq!(world.store.prune_events(i64::MAX).await.unwrap(), all.len() as u64);
    assert!(world.store.events_since(&world.project, 0, 1000).await.unwrap().is_empty());
    // Numbers go on where they were.
    world.add("b").await;
    let next = world.store.events_since(&world.project, 0, 1).await.unwrap();
    assert_eq!(next[0].id, all.last().unwrap().id + 1);
}

async fn old_tasks_go_but_the_newest(world: &World) {
    let added = world.add("a").await;
    let id = &added.document.id;
    world.run_until(Stage::Embed, 1).await;
    world.store.cancel_task(&world.project, &added.task.id).await.unwrap();
    let second = world.add("a").await.task;
    assert_eq!(world.store.sweep_tasks(0).await.unwrap(), 0);
    assert_eq!(world.store.sweep_tasks(i64::MAX).await.unwrap(), 1);
    assert_eq!(world.store.task(&world.project, &added.task.id).await.unwrap(), None);
    world.run_all(1).await;
    assert_eq!(world.store.sweep_tasks(i64::MAX).await.unwrap(), 0);
    assert_eq!(world.task_of(id).await.id, second.id);
}

async fn files_without_a_document_go(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path().to_str().unwrap()).await.unwrap();
    for name in ["kept", "orphan", "replaced by"] {
        let mut writer = blobs.writer(1000).await.unwrap();
        writer.write(name.as_bytes()).await.unwrap();
        writer.finish().await.unwrap();
    }
    let kept = world.add("kept").await.document;
    let new = pagemill_store::Replacement {
        sha256: sha256("replaced by"),
        file: "new.pdf".to_owned(),
        bytes: 11,
        recipe: None,
        priority: pagemill_core::Priority::Normal,
    };
    world.store.replace_document(&world.project, &kept.id, &new).await.unwrap().unwrap();
    assert_eq!(world.store.sweep_blobs(&blobs, 0).await.unwrap(), 0);
    assert_eq!(world.store.sweep_blobs(&blobs, i64::MAX).await.unwrap(), 1);
    assert!(!blobs.exists(&sha256("orphan")).await.unwrap());
    assert!(blobs.exists(&kept.sha256).await.unwrap() && blobs.exists(&new.sha256).await.unwrap());
}

async fn unused_vectors_go(world: &World) {
    world.add("a").await;
    world.run_all(1).await;
    world.add("b").await;
    let claim = world.run_until(Stage::Embed, 2).await;
    let made = vectors(&world.store.chunks(&claim.document, 1, None, 100).await.unwrap());
    world.store.save_embeddings(&claim, 0, MODEL, &made, 0).await.unwrap();
    assert_eq!(world.store.sweep_vectors().await.unwrap(), 0);
    // Chunks that are cut anew let go of their vectors, which may be found again or not.
    world.store.save_chunks(&claim, 0, &chunks(&claim, 1), false).await.unwrap();
    assert_eq!(world.store.sweep_vectors().await.unwrap(), made.len() as u64);
    world.store.renew_statistics().await.unwrap();
    world.run_all(1).await;
    let dump = world.store.dump().await.unwrap();
    assert!(dump.contains("unused vectors | 0") && dump.contains("\nvectors | 2\n"), "{dump}");
}
