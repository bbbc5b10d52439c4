//! Documents change beside what is there, and old text is gone with the flip.

use pagemill_core::{ChunkId, DocumentId, ErrorCode, Stage, TaskStatus};
use pagemill_store::Blobs;

use crate::{
    shop::{Setup, USUAL, anew, process, replacement, texts, work, work_off, work_until},
    stories,
    world::{World, code, sha256},
};

stories!(
    old_text_is_there_until_the_flip_and_never_after,
    a_replacement_that_fails_harms_nothing,
    bytes_of_another_document_are_refused,
    a_replacement_overtakes_work,
    a_replaced_file_goes_when_nobody_needs_it,
    a_document_at_work_is_not_processed_twice,
);

async fn old_text_is_there_until_the_flip_and_never_after(world: &World) {
    let id = &world.add("old").await.document.id;
    work_off(world, USUAL).await;
    let (old, old_hash) = (texts(world, id).await, sha256("old"));
    let old_ids: Vec<ChunkId> =
        world.store.index_texts(id, 1).await.unwrap().unwrap().into_iter().map(|chunk| chunk.id).collect();
    let (task, reused) = world.store.replace_document(&world.project, id, &replacement("new")).await.unwrap().unwrap();
    assert_eq!((task.version, reused), (2, false));

    let claim = work_until(world, Stage::Chunk, Setup { pages: 2, ..USUAL }).await;
    let document = world.store.document(&world.project, id).await.unwrap().unwrap();
    assert_eq!((&document.sha256, document.file.as_str(), document.info.pages), (&old_hash, "old.pdf", 5));
    assert_eq!(texts(world, id).await, old);
    let counts = world.store.live_chunk_counts(&[id.clone(), DocumentId::new()]).await.unwrap();
    assert_eq!(counts, [(id.clone(), 10)].into(), "those of the version that is in force");
    assert_eq!(world.store.passages(&world.project, &old_ids).await.unwrap().chunks.len(), 10);

    work(world, &claim, Setup { pages: 2, ..USUAL }).await.unwrap();
    let document = world.store.document(&world.project, id).await.unwrap().unwrap();
    assert_eq!((document.sha256, document.file.as_str(), document.info.pages), (sha256("new"), "new.pdf", 2));
    assert!(texts(world, id).await.iter().all(|text| text.contains(&sha256("new"))));
    assert!(world.store.passages(&world.project, &old_ids).await.unwrap().chunks.is_empty());
    assert!(world.store.pages(id, 1, 1..=9, false).await.unwrap().is_empty());
    work_off(world, Setup { pages: 2, ..USUAL }).await;
    let dump = world.store.dump().await.unwrap();
    assert!(!dump.contains(&old_hash) && dump.contains("unused vectors | 0"), "{dump}");
    assert_eq!(world.task_of(id).await.status, TaskStatus::Completed);
}

async fn a_replacement_that_fails_harms_nothing(world: &World) {
    let id = &world.add("old").await.document.id;
    work_off(world, USUAL).await;
    let before = texts(world, id).await;
    world.store.replace_document(&world.project, id, &replacement("locked")).await.unwrap().unwrap();
    let claim = world.claim_one().await;
    world.store.fail_task(&claim, &crate::world::error(ErrorCode::Encrypted)).await.unwrap();
    assert_eq!(texts(world, id).await, before);
    // The old file once more is the document as it is, and begins nothing.
    assert!(world.add("old").await.reused);
    assert!(world.claim(1).await.is_empty());
    // To process it anew gives the failed one up.
    process(world, id, None).await;
    work_off(world, USUAL).await;
    assert_eq!(world.task_of(id).await.status, TaskStatus::Completed);
    assert_eq!(texts(world, id).await, before);
    assert!(world.store.blobs_in_use(&[sha256("locked")]).await.unwrap().is_empty());
}

async fn bytes_of_another_document_are_refused(world: &World) {
    let (first, second) = (world.add("a").await.document.id, world.add("b").await.document.id);
    work_off(world, USUAL).await;
    let replaced = world.store.replace_document(&world.project, &first, &replacement("b")).await;
    assert_eq!(code(replaced), ErrorCode::Conflict);
    assert_eq!(world.task_of(&first).await.version, 1);
    // They come in as another document while the replacement is being made: the first to be live has them.
    world.store.replace_document(&world.project, &first, &replacement("c")).await.unwrap().unwrap();
    let claim = work_until(world, Stage::Chunk, USUAL).await;
    let third = world.add("c").await.document.id;
    assert_eq!(code(work(world, &claim, USUAL).await), ErrorCode::Conflict);
    world.store.fail_task(&claim, &crate::world::error(ErrorCode::Conflict)).await.unwrap();
    work_off(world, USUAL).await;
    assert_eq!(texts(world, &first).await[0], format!("0 512 of {}", sha256("a")));
    assert_eq!(texts(world, &third).await[0], format!("0 512 of {}", sha256("c")));
    assert!(
        world.store.replace_document(&world.project, &DocumentId::new(), &replacement("d")).await.unwrap().is_none()
    );
    drop(second);
}

async fn a_replacement_overtakes_work(world: &World) {
    let added = world.add("a").await;
    let id = &added.document.id;
    let claim = work_until(world, Stage::Embed, USUAL).await;
    world.store.replace_document(&world.project, id, &replacement("b")).await.unwrap().unwrap();
    assert_eq!(code(work(world, &claim, USUAL).await), ErrorCode::LeaseLost);
    let old = world.store.task(&world.project, &added.task.id).await.unwrap().unwrap();
    assert_eq!(old.status, TaskStatus::Cancelled);
    let same = world.store.replace_document(&world.project, id, &replacement("b")).await.unwrap().unwrap();
    assert!(same.1);
    work_off(world, USUAL).await;
    assert_eq!(texts(world, id).await[0], format!("0 512 of {}", sha256("b")));
}

async fn a_replaced_file_goes_when_nobody_needs_it(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path().to_str().unwrap()).await.unwrap();
    for name in ["old", "new"] {
        let mut writer = blobs.writer(1000).await.unwrap();
        writer.write(name.as_bytes()).await.unwrap();
        writer.finish().await.unwrap();
    }
    let id = &world.add("old").await.document.id;
    work_off(world, USUAL).await;
    world.store.replace_document(&world.project, id, &replacement("new")).await.unwrap().unwrap();
    let claim = work_until(world, Stage::Chunk, USUAL).await;
    assert_eq!(world.store.remove_unused_blobs(&blobs).await.unwrap(), 0);
    let both = [sha256("old"), sha256("new")];
    assert_eq!(world.store.blobs_in_use(&both).await.unwrap().len(), 2);
    work(world, &claim, USUAL).await.unwrap();
    assert_eq!(world.store.remove_unused_blobs(&blobs).await.unwrap(), 1);
    assert!(!blobs.exists(&both[0]).await.unwrap() && blobs.exists(&both[1]).await.unwrap());
    // A deletion in the middle of a replacement takes both files along.
    world.store.replace_document(&world.project, id, &replacement("old")).await.unwrap().unwrap();
    world.store.delete_document(&world.project, id).await.unwrap().unwrap();
    assert!(world.store.blobs_in_use(&both).await.unwrap().is_empty());
    assert_eq!(world.store.remove_unused_blobs(&blobs).await.unwrap(), 2);
    assert!(blobs.list().await.unwrap().is_empty());
}

async fn a_document_at_work_is_not_processed_twice(world: &World) {
    let id = &world.add("a").await.document.id;
    let again = world.store.process_document(&world.project, id, &anew(None)).await;
    assert_eq!(code(again), ErrorCode::Conflict);
    let none = world.store.process_document(&world.project, &DocumentId::new(), &anew(None)).await.unwrap();
    assert!(none.is_none());
}
