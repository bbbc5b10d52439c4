//! Cancelling and trying again.

use pagemill_core::{ErrorCode, Stage, TaskStatus};
use pagemill_store::TaskFilter;

use crate::{
    stories,
    world::{World, code, error},
};

stories!(
    a_cancelled_task_stops,
    the_newest_tasks_come_first_and_the_others_are_counted,
    what_has_ended_cannot_be_cancelled,
    only_what_ended_badly_is_tried_again,
    the_newest_task_alone_is_tried_again
);

async fn a_cancelled_task_stops(world: &World) {
    let added = world.add("a").await;
    let cancelled = world.store.cancel_task(&world.project, &added.task.id).await.unwrap().unwrap();
    assert_eq!(cancelled.status, TaskStatus::Cancelled);
    assert!(world.claim(1).await.is_empty());
    assert_eq!(world.task_of(&added.document.id).await, cancelled);
    // Once more changes nothing.
    let again = world.store.cancel_task(&world.project, &added.task.id).await.unwrap().unwrap();
    assert_eq!(again, cancelled);
}

async fn what_has_ended_cannot_be_cancelled(world: &World) {
    let completed = world.add("a").await;
    world.run_all(1).await;
    let failed = world.add("b").await;
    let claim = world.run_until(Stage::Embed, 1).await;
    world.store.fail_task(&claim, &error(ErrorCode::ModelMissing)).await.unwrap();
    for added in [completed, failed] {
        let before = world.task_of(&added.document.id).await;
        assert_eq!(code(world.store.cancel_task(&world.project, &added.task.id).await), ErrorCode::Conflict);
        assert_eq!(world.task_of(&added.document.id).await, before);
    }
}

async fn the_newest_tasks_come_first_and_the_others_are_counted(world: &World) {
    for name in ["a", "b", "c"] {
        world.add(name).await;
    }
    let all = TaskFilter::default();
    let mut tasks = world.store.tasks_of(&world.project, &all, None, 10).await.unwrap();
    tasks.reverse();
    assert_eq!(tasks.len(), 3);
    world.store.cancel_task(&world.project, &tasks[2].id).await.unwrap();
    let newest = async |filter: &TaskFilter, limit| {
        let (newest, more) = world.store.newest_tasks_of(&world.project, filter, limit).await.unwrap();
        (newest.into_iter().map(|task| task.id).collect::<Vec<_>>(), more)
    };
    let ids: Vec<_> = tasks.iter().map(|task| task.id.clone()).collect();
    assert_eq!(newest(&all, 2).await, (ids[..2].to_vec(), 1));
    assert_eq!(newest(&all, 3).await, (ids.clone(), 0));
    let queued = TaskFilter { status: Some(TaskStatus::Queued), ..TaskFilter::default() };
    assert_eq!(newest(&queued, 1).await, (ids[..1].to_vec(), 1));
}

async fn only_what_ended_badly_is_tried_again(world: &World) {
    let added = world.add("a").await;
    let retry = async || world.store.retry_task(&world.project, &added.task.id).await;
    assert_eq!(code(retry().await), ErrorCode::Conflict);
    world.run_all(1).await;
    assert_eq!(code(retry().await), ErrorCode::Conflict);
}

async fn the_newest_task_alone_is_tried_again(world: &World) {
    let added = world.add("a").await;
    let claim = world.run_until(Stage::Embed, 1).await;
    world.store.fail_task(&claim, &error(ErrorCode::ModelMissing)).await.unwrap();
    let second = world.store.retry_task(&world.project, &added.task.id).await.unwrap().unwrap();
    // The model was missing, the file was fine: nothing is read again.
    assert_eq!((second.stage, second.version, second.chunks), (Stage::Embed, 1, 2));
    assert_eq!(code(world.store.retry_task(&world.project, &added.task.id).await), ErrorCode::Conflict);
    world.run_all(1).await;
    assert_eq!(world.task_of(&added.document.id).await.status, TaskStatus::Completed);
}
