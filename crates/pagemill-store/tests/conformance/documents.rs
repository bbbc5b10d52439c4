//! Adding, finding, listing; one project never sees another's.

use pagemill_core::{ErrorCode, Priority, ProjectId, Stage, TaskStatus};
use pagemill_store::{NewDocument, Passages};

use crate::{
    stories,
    world::{World, code, error, sha256},
};

stories!(
    an_added_document_has_a_task_and_a_first_job,
    the_same_bytes_are_the_same_document,
    a_failed_document_is_taken_up_again_by_adding_it,
    the_same_bytes_at_the_same_moment_are_one_document,
    a_project_sees_its_own_only,
    documents_are_listed_in_the_order_they_came,
    facts_are_fixed_once,
    a_name_may_hold_anything,
    counts_count,
);

async fn an_added_document_has_a_task_and_a_first_job(world: &World) {
    let mut hint = world.store.subscribe();
    let added = world.add("a").await;
    assert!(!added.reused);
    assert_eq!(added.document.sha256, sha256("a"));
    assert_eq!((added.task.status, added.task.version, added.task.stage), (TaskStatus::Queued, 1, Stage::Parse));
    assert!(hint.has_changed().unwrap());
    hint.mark_unchanged();

    let found = world.store.document(&world.project, &added.document.id).await.unwrap();
    assert_eq!(found, Some(added.document.clone()));
    assert_eq!(world.store.task(&world.project, &added.task.id).await.unwrap(), Some(added.task.clone()));

    let claim = world.claim_one().await;
    assert_eq!((claim.stage, claim.attempt, claim.crashes), (Stage::Parse, 1, 0));
    assert_eq!((claim.document, claim.task), (added.document.id.clone(), added.task.id.clone()));
    let events = world.store.events_since(&world.project, 0, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["task.queued"]);
    assert_eq!(events[0].data["file"], "a.pdf");
}

async fn the_same_bytes_are_the_same_document(world: &World) {
    let first = world.add("a").await;
    let second = world.add("a").await;
    assert!(second.reused);
    assert_eq!((second.document.id, second.task.id), (first.document.id.clone(), first.task.id.clone()));
    world.run_all(2).await;
    let third = world.add("a").await;
    assert!(third.reused);
    assert_eq!(third.task.status, TaskStatus::Completed);
    assert!(world.claim(10).await.is_empty());
}

async fn a_failed_document_is_taken_up_again_by_adding_it(world: &World) {
    let first = world.add("a").await;
    let claim = world.claim_one().await;
    world.store.save_pages(&claim, 0, &[crate::world::page(1)]).await.unwrap();
    world.store.fail_task(&claim, &error(ErrorCode::Encrypted)).await.unwrap();
    let task = world.task_of(&first.document.id).await;
    assert_eq!(task.status, TaskStatus::Failed);
    assert_eq!(task.error.unwrap().code, ErrorCode::Encrypted);

    let second = world.add("a").await;
    assert!(!second.reused);
    assert_eq!(second.document.id, first.document.id);
    assert_ne!(second.task.id, first.task.id);
    // The file was at fault, so it is read afresh.
    let done = world.store.finished_units(&first.document.id, 1, Stage::Parse).await.unwrap();
    assert!(done.is_empty());
    world.run_all(3).await;
    assert_eq!(world.task_of(&first.document.id).await.status, TaskStatus::Completed);
}

async fn the_same_bytes_at_the_same_moment_are_one_document(world: &World) {
    let adds = (0..20).map(|_| {
        let store = world.store.clone();
        let new = world.new_document("same");
        tokio::spawn(async move { store.add_document(&new).await.unwrap() })
    });
    let added = futures::future::join_all(adds).await;
    let mut ids: Vec<_> = added.iter().map(|added| added.as_ref().unwrap().document.id.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(added.iter().filter(|added| !added.as_ref().unwrap().reused).count(), 1);
    assert_eq!(world.claim(10).await.len(), 1);
}

async fn a_project_sees_its_own_only(world: &World) {
    let own = world.add("a").await;
    world.run_all(2).await;
    let stranger = ProjectId::new();
    let store = &world.store;
    let document = &own.document.id;
    let chunks = store.chunks(document, 1, None, 100).await.unwrap();
    let ids: Vec<_> = chunks.iter().map(|chunk| chunk.id.clone()).collect();
    assert_eq!(store.passages(&world.project, &ids).await.unwrap().chunks, chunks);

    assert_eq!(store.document(&stranger, document).await.unwrap(), None);
    assert_eq!(store.task(&stranger, &own.task.id).await.unwrap(), None);
    assert_eq!(store.newest_task(&stranger, document).await.unwrap(), None);
    assert!(store.documents(&stranger, None, 10).await.unwrap().is_empty());
    assert!(store.tasks(&stranger, None, None, 10).await.unwrap().is_empty());
    assert_eq!(store.passages(&stranger, &ids).await.unwrap(), Passages::default());
    assert!(store.events_since(&stranger, 0, 100).await.unwrap().is_empty());
    assert_eq!(store.delete_document(&stranger, document).await.unwrap(), None);
    assert_eq!(store.cancel_task(&stranger, &own.task.id).await.unwrap(), None);
    assert_eq!(store.retry_task(&stranger, &own.task.id).await.unwrap(), None);

    // The same bytes of another project are another document.
    let theirs = NewDocument { project: stranger.clone(), ..world.new_document("a") };
    let added = store.add_document(&theirs).await.unwrap();
    assert!(!added.reused);
    assert_ne!(&added.document.id, document);
    let receipt = store.delete_document(&world.project, document).await.unwrap().unwrap();
    assert!(!receipt.blob_unused, "the other project still needs the blob");
    assert!(store.document(&stranger, &added.document.id).await.unwrap().is_some());
}

async fn documents_are_listed_in_the_order_they_came(world: &World) {
    for name in ["a", "b", "c"] {
        world.add(name).await;
    }
    let first = world.store.documents(&world.project, None, 2).await.unwrap();
    let names: Vec<_> = first.iter().map(|(document, _)| document.file.as_str()).collect();
    assert_eq!(names, ["a.pdf", "b.pdf"]);
    assert!(first.iter().all(|(document, task)| task.as_ref().unwrap().document == document.id));
    let rest = world.store.documents(&world.project, Some(&first[1].0.id), 2).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].0.file, "c.pdf");

    let queued = world.store.tasks(&world.project, Some(TaskStatus::Queued), None, 10).await.unwrap();
    assert_eq!(queued.len(), 3);
    let after = world.store.tasks(&world.project, None, Some(&queued[0].id), 10).await.unwrap();
    assert_eq!(after, queued[1..]);
    assert!(world.store.tasks(&world.project, Some(TaskStatus::Failed), None, 10).await.unwrap().is_empty());
}

async fn facts_are_fixed_once(world: &World) {
    let store = &world.store;
    assert_eq!(store.fact("model").await.unwrap(), None);
    assert_eq!(store.fix_fact("model", "minilm").await.unwrap(), "minilm");
    assert_eq!(store.fix_fact("model", "other").await.unwrap(), "minilm");
    store.set_fact("model", "other").await.unwrap();
    assert_eq!(store.fact("model").await.unwrap().as_deref(), Some("other"));
}

async fn a_name_may_hold_anything(world: &World) {
    let name = "'; DROP TABLE documents; -- \u{0}\u{202e}\u{1f600}\"$1";
    let new = NewDocument { file: name.to_owned(), priority: Priority::High, ..world.new_document("a") };
    let added = world.store.add_document(&new).await.unwrap();
    let found = world.store.document(&world.project, &added.document.id).await.unwrap().unwrap();
    // PostgreSQL cannot store NUL; a space of the same length stands for it.
    assert_eq!(found.file, name.replace('\0', " "));
    assert_eq!(code(world.store.retry_task(&world.project, &added.task.id).await), ErrorCode::Conflict);
}

async fn counts_count(world: &World) {
    world.add("a").await;
    world.run_all(3).await;
    world.add("b").await;
    let counts = world.store.library_counts().await.unwrap();
    assert_eq!((counts.documents, counts.pages, counts.chunks, counts.vectors), (2, 3, 6, 6));
    assert_eq!(counts.jobs, [(pagemill_core::Queue::Default, pagemill_store::JobState::Ready, 1)]);
    assert_eq!(counts.tasks, [(TaskStatus::Completed, 1), (TaskStatus::Queued, 1)]);
}
