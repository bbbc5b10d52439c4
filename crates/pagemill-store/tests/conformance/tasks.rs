//! Cancelling and trying again.

use pagemill_core::{ErrorCode, Stage, TaskStatus};

use crate::{
    stories,
    world::{World, code, error},
};

stories!(
    a_cancelled_task_stops,
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
