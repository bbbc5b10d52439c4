//! Work is done once: found again by its key in later versions and other documents, and redone only where something
//! has changed.

use pagemill_core::{ErrorCode, Page, ProjectId, Stage, TaskStatus};
use pagemill_store::{NewDocument, Unit};

use crate::{
    shop::{Setup, USUAL, process, told, work_off},
    stories,
    world::{MODEL, World, code, page, sha256},
};

stories!(
    the_same_bytes_are_read_once_in_all_projects,
    a_page_that_failed_is_read_again,
    a_task_that_goes_on_counts_what_it_finds,
    a_limit_on_the_whole_costs_no_unit,
    a_changed_key_strikes_units_off,
    a_setting_redoes_only_what_depends_on_it,
    what_is_asked_for_again_is_done_again,
);

async fn the_same_bytes_are_read_once_in_all_projects(world: &World) {
    let first = world.add("a").await.document.id;
    work_off(world, USUAL).await;
    assert_eq!(told(world, &first, Stage::Parse).await, (5, 0, 0));
    assert_eq!(told(world, &first, Stage::Chunk).await, (10, 0, 0));
    assert_eq!(told(world, &first, Stage::Embed).await, (10, 0, 0));

    let other: ProjectId = "prj_other".parse().unwrap();
    let new = NewDocument { project: other.clone(), ..world.new_document("a") };
    let second = world.store.add_document(&new).await.unwrap();
    assert!(!second.reused);
    let second = second.document.id;
    work_off(world, USUAL).await;
    let task = world.store.newest_task(&other, &second).await.unwrap().unwrap();
    assert_eq!(task.status, TaskStatus::Completed);
    let counts: Vec<_> = task.ledger.iter().map(|entry| (entry.stage, entry.done, entry.reused)).collect();
    assert_eq!(counts, [(Stage::Parse, 0, 5), (Stage::Chunk, 0, 10), (Stage::Embed, 0, 10)]);
    assert_eq!(task.reused, 25);
    let read = |id| world.store.pages(id, 1, 1..=99, true);
    assert_eq!(read(&second).await.unwrap(), read(&first).await.unwrap());
    let ledger = world.store.page_ledger(&second, 1).await.unwrap();
    assert!(ledger.len() == 5 && ledger.iter().all(|page| page.reused));

    // What was taken over belongs to the second alone.
    world.store.delete_document(&world.project, &first).await.unwrap().unwrap();
    assert_eq!(read(&second).await.unwrap().len(), 5);
    assert_eq!(world.store.index_vectors(&second, 1, MODEL).await.unwrap().len(), 10);
}

async fn a_page_that_failed_is_read_again(world: &World) {
    let added = world.add("a").await;
    let id = &added.document.id;
    work_off(world, Setup { bad: Some(3), ..USUAL }).await;
    assert_eq!(told(world, id, Stage::Parse).await, (4, 0, 1));
    assert_eq!(world.task_of(id).await.status, TaskStatus::Partial);

    world.store.retry_task(&world.project, &added.task.id).await.unwrap().unwrap();
    work_off(world, USUAL).await;
    // The unit of pages 3 and 4 is read again, the others are taken over.
    assert_eq!(told(world, id, Stage::Parse).await, (2, 3, 0));
    assert_eq!(world.task_of(id).await.status, TaskStatus::Completed);
    let reused: Vec<bool> = world.store.page_ledger(id, 2).await.unwrap().iter().map(|page| page.reused).collect();
    assert_eq!(reused, [true, true, false, false, true]);
}

async fn a_task_that_goes_on_counts_what_it_finds(world: &World) {
    let added = world.add("a").await;
    let id = &added.document.id;
    let claim = world.claim_one().await;
    let key = format!("pages of {}", sha256("a"));
    world.store.save_pages(&claim, Unit::new(0, key, 1), &[page(1), page(2)]).await.unwrap();
    assert_eq!(told(world, id, Stage::Parse).await, (2, 0, 0));
    world.store.cancel_task(&world.project, &claim.task).await.unwrap();
    let again = world.add("a").await;
    assert!(!again.reused && again.task.reused == 2);
    work_off(world, USUAL).await;
    assert_eq!(told(world, id, Stage::Parse).await, (3, 2, 0));
    let units: Vec<_> = world.task_of(id).await.ledger.iter().map(|e| (e.units_done, e.units_reused)).collect();
    assert_eq!(units, [(2, 1), (1, 0), (1, 0)]);
}

async fn a_limit_on_the_whole_costs_no_unit(world: &World) {
    let id = world.add("a").await.document.id;
    let key = format!("pages of {}", sha256("a"));
    let claim = world.claim_one().await;
    world.store.save_pages(&claim, Unit::new(0, key.as_str(), 1), &[page(1), page(2)]).await.unwrap();
    world.store.fail_task(&claim, &crate::world::error(ErrorCode::TimeLimit)).await.unwrap();
    assert_eq!(world.add("a").await.task.reused, 2);
    // A page that was lost is looked at again, and its unit with it.
    let claim = world.claim_one().await;
    let lost = [page(3), Page::failed(4, "time_limit")];
    world.store.save_pages(&claim, Unit::new(1, key.as_str(), 1), &lost).await.unwrap();
    world.store.fail_task(&claim, &crate::world::error(ErrorCode::TimeLimit)).await.unwrap();
    assert_eq!(world.add("a").await.task.reused, 0);
    work_off(world, USUAL).await;
    assert_eq!(told(world, &id, Stage::Parse).await, (5, 0, 0));
}

async fn a_changed_key_strikes_units_off(world: &World) {
    let added = world.add("a").await;
    let claim = world.claim_one().await;
    world.store.begin_stage(&claim, 3).await.unwrap();
    world.store.save_pages(&claim, Unit::new(0, "old", 1), &[page(1), page(2)]).await.unwrap();
    world.store.save_pages(&claim, Unit::new(1, "new", 1), &[page(3), page(4)]).await.unwrap();
    let units = world.store.open_units(&claim, "new").await.unwrap();
    assert_eq!(units.into_iter().collect::<Vec<_>>(), [1]);
    assert_eq!(told(world, &added.document.id, Stage::Parse).await, (2, 0, 0));
    let units = world.store.finished_units(&added.document.id, 1, Stage::Parse).await.unwrap();
    assert_eq!(units.into_iter().collect::<Vec<_>>(), [1]);
    world.store.cancel_task(&world.project, &claim.task).await.unwrap();
    assert_eq!(code(world.store.open_units(&claim, "newer").await), ErrorCode::LeaseLost);
}

async fn a_setting_redoes_only_what_depends_on_it(world: &World) {
    let id = &world.add("a").await.document.id;
    work_off(world, USUAL).await;
    process(world, id, None).await;
    work_off(world, USUAL).await;
    for (stage, items) in [(Stage::Parse, 5), (Stage::Chunk, 10), (Stage::Embed, 10)] {
        assert_eq!(told(world, id, stage).await, (0, items, 0), "{stage:?}");
    }
    process(world, id, None).await;
    work_off(world, Setup { chunk_settings: "256", ..USUAL }).await;
    assert_eq!(told(world, id, Stage::Parse).await, (0, 5, 0));
    assert_eq!(told(world, id, Stage::Chunk).await, (10, 0, 0));
    assert_eq!(told(world, id, Stage::Embed).await, (10, 0, 0));
    let times = world.store.unit_times(Stage::Parse).await.unwrap();
    assert_eq!(times.seconds_for(10), None, "the units that were read are gone, and those taken over took no time");
    let times = world.store.unit_times(Stage::Chunk).await.unwrap();
    assert_eq!((times.items, times.ms), (10, 1));
    let dump = world.store.dump().await.unwrap();
    assert!(dump.contains("unused vectors | 0") && dump.contains("versions | 1"), "{dump}");
}

async fn what_is_asked_for_again_is_done_again(world: &World) {
    let id = &world.add("a").await.document.id;
    work_off(world, USUAL).await;
    process(world, id, Some(Stage::Chunk)).await;
    work_off(world, USUAL).await;
    assert_eq!(told(world, id, Stage::Parse).await, (0, 5, 0));
    assert_eq!(told(world, id, Stage::Chunk).await, (10, 0, 0));
    process(world, id, Some(Stage::Parse)).await;
    work_off(world, USUAL).await;
    assert_eq!(told(world, id, Stage::Parse).await, (5, 0, 0));
}
