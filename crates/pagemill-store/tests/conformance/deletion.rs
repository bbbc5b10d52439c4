//! Deleted means gone: rows, vectors, blobs, in mid-work as well.

use pagemill_core::{ErrorCode, Stage};
use pagemill_store::{Blobs, ChangeKind, Passages};

use crate::{
    stories,
    world::{MODEL, World, code, page},
};

stories!(
    a_receipt_tells_the_truth,
    a_deletion_in_mid_work_leaves_nothing,
    deletions_race_with_workers,
    a_deleted_document_can_be_added_again,
    a_blob_goes_when_no_document_needs_it,
    an_upload_rescues_its_blob,
);

async fn a_receipt_tells_the_truth(world: &World) {
    let empty = world.store.dump().await.unwrap();
    let added = world.add("a").await;
    let id = &added.document.id;
    world.run_all(3).await;
    let chunks = world.store.chunks(id, 1, None, 100).await.unwrap();
    let receipt = world.store.delete_document(&world.project, id).await.unwrap().unwrap();
    assert!(receipt.blob_unused);
    assert_eq!(receipt.sha256, added.document.sha256);
    let rows: Vec<_> = receipt.rows.iter().map(|(table, rows)| (table.as_str(), *rows)).collect();
    let events = receipt.rows["events"];
    assert!(events > 5);
    assert_eq!(
        rows,
        [
            ("attempts", 5),
            ("blocks", 6),
            ("checkpoints", 9),
            ("chunks", 6),
            ("documents", 1),
            ("embeddings", 6),
            ("events", events),
            ("jobs", 0),
            ("pages", 3),
            ("recognitions", 0),
            ("tasks", 1),
            ("vectors", 6),
            ("versions", 1),
            ("warnings", 1),
            ("webhook_deliveries", 0),
        ]
    );

    let store = &world.store;
    assert_eq!(store.dump().await.unwrap(), empty);
    assert_eq!(store.document(&world.project, id).await.unwrap(), None);
    assert_eq!(store.task(&world.project, &added.task.id).await.unwrap(), None);
    assert!(store.pages(id, 1, 1..=9, true).await.unwrap().is_empty());
    let ids: Vec<_> = chunks.into_iter().map(|chunk| chunk.id).collect();
    assert_eq!(store.passages(&world.project, &ids).await.unwrap(), Passages::default());
    assert_eq!(store.index_texts(id, 1).await.unwrap(), None);
    assert!(store.index_vectors(id, 1, MODEL).await.unwrap().is_empty());
    let events = store.events_since(&world.project, 0, 100).await.unwrap();
    assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["document.deleted"]);
    let changes = store.changes_since(0, 100).await.unwrap();
    assert_eq!(changes.last().unwrap().kind, ChangeKind::Removed);
    assert_eq!(store.delete_document(&world.project, id).await.unwrap(), None);
}

async fn a_deletion_in_mid_work_leaves_nothing(world: &World) {
    let empty = world.store.dump().await.unwrap();
    // No page waits for OCR here.
    for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Ocr) {
        let added = world.add("a").await;
        let claim = world.run_until(stage, 2).await;
        world.store.begin_stage(&claim, 3).await.unwrap();
        if stage == Stage::Parse {
            world.store.save_pages(&claim, 0, &[page(1)]).await.unwrap();
        }
        world.store.delete_document(&world.project, &added.document.id).await.unwrap().unwrap();
        assert!(world.run(&claim, 2).await.is_err());
        assert_eq!(world.store.dump().await.unwrap(), empty, "{stage:?}");
    }
}

async fn deletions_race_with_workers(world: &World) {
    let empty = world.store.dump().await.unwrap();
    for round in 0..12 {
        let added = world.add(&format!("race {round}")).await;
        let deleter = {
            let (store, project) = (world.store.clone(), world.project.clone());
            tokio::spawn(async move {
                // Later rounds delete later.
                for _ in 0..round * 2 {
                    store.task(&project, &added.task.id).await.unwrap();
                }
                store.delete_document(&project, &added.document.id).await.unwrap().unwrap();
            })
        };
        while let Some(claim) = world.claim(1).await.first() {
            match world.run(claim, 2).await {
                Ok(_) => {}
                Err(problem) => assert_eq!(problem.code, ErrorCode::LeaseLost, "{problem:?}"),
            }
        }
        deleter.await.unwrap();
        assert_eq!(world.store.dump().await.unwrap(), empty, "round {round}");
    }
}

async fn a_deleted_document_can_be_added_again(world: &World) {
    let first = world.add("a").await;
    world.store.delete_document(&world.project, &first.document.id).await.unwrap();
    let second = world.add("a").await;
    assert!(!second.reused);
    assert_ne!(second.document.id, first.document.id);
    world.run_all(1).await;
    assert!(world.add("a").await.reused);
}

async fn blobs_with(folder: &std::path::Path, name: &str) -> Blobs {
    let blobs = Blobs::open(folder.to_str().unwrap()).await.unwrap();
    let mut writer = blobs.writer(1000).await.unwrap();
    writer.write(name.as_bytes()).await.unwrap();
    writer.finish().await.unwrap();
    blobs
}

async fn a_blob_goes_when_no_document_needs_it(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs_with(folder.path(), "a").await;
    let added = world.add("a").await;
    let sha256 = &added.document.sha256;
    assert_eq!(world.store.remove_unused_blobs(&blobs).await.unwrap(), 0);
    world.store.delete_document(&world.project, &added.document.id).await.unwrap();
    let known = world.store.blobs_in_use(std::slice::from_ref(sha256)).await.unwrap();
    assert!(known.is_empty());
    assert_eq!(world.store.remove_unused_blobs(&blobs).await.unwrap(), 1);
    assert!(!blobs.exists(sha256).await.unwrap());
    assert_eq!(world.store.remove_unused_blobs(&blobs).await.unwrap(), 0);
}

async fn an_upload_rescues_its_blob(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs_with(folder.path(), "a").await;
    let first = world.add("a").await;
    world.store.delete_document(&world.project, &first.document.id).await.unwrap();
    let second = world.add("a").await;
    assert_eq!(world.store.remove_unused_blobs(&blobs).await.unwrap(), 0);
    assert!(blobs.exists(&second.document.sha256).await.unwrap());
    let known = world.store.blobs_in_use(std::slice::from_ref(&second.document.sha256)).await.unwrap();
    assert!(known.contains(&second.document.sha256));
    assert_eq!(code(world.store.retry_task(&world.project, &second.task.id).await), ErrorCode::Conflict);
}
