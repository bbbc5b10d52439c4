//! Stages: what goes in comes out, replays change nothing, versions flip as a whole, tasks end truthfully.

use pagemill_core::{
    Cell, ErrorCode, OutlineEntry, Page, PageSource, Queue, Rect, Stage, TaskStatus, pack_words, unpack_words,
};
use pagemill_store::Passages;
use serde_json::json;

use crate::{
    stories,
    world::{MODEL, World, chunks, code, error, info, page, sha256, vectors},
};

stories!(
    pages_come_back_as_they_went_in,
    a_unit_done_twice_is_done_once,
    a_document_goes_through_every_stage,
    a_partial_task_says_why,
    a_page_without_an_outcome_fails_the_task,
    a_new_version_goes_live_as_a_whole,
    chunks_of_a_version_are_replaced_as_a_set,
    a_text_is_embedded_once_in_a_library,
    a_chunk_without_a_vector_is_noticed,
    embedding_may_be_skipped,
    nul_in_a_text_keeps_offsets,
);

async fn pages_come_back_as_they_went_in(world: &World) {
    world.add("a").await;
    let claim = world.claim_one().await;
    let mut pages: Vec<Page> = (1..=40).map(page).collect();
    pages[1].blocks[0].cells = vec![Cell {
        row: 0,
        col: 1,
        row_span: 1,
        col_span: 2,
        header: true,
        text: "cell \"quoted\"".to_owned(),
        bbox: Rect::new(1.0, 2.0, 3.0, 4.5),
    }];
    pages[2] = Page { source: PageSource::Blank, label: None, blocks: Vec::new(), ..page(3) };
    pages[3] = Page::failed(4, "time_limit");
    for (unit, some) in (0..).zip(pages.chunks(16)) {
        world.store.save_pages(&claim, unit, some).await.unwrap();
    }
    let (id, version) = (&claim.document, claim.version);
    assert_eq!(world.store.pages(id, version, 1..=100, true).await.unwrap(), pages);
    let without: Vec<Page> = world.store.pages(id, version, 2..=2, false).await.unwrap();
    assert_eq!(without.len(), 1);
    assert!(without[0].blocks.iter().all(|block| block.words.is_empty()));
    assert_eq!(without[0].blocks[0].cells, pages[1].blocks[0].cells);

    let words = &pages[0].blocks[0].words;
    assert_eq!(&unpack_words(&pack_words(words)).unwrap(), words);

    let ledger = world.store.page_ledger(id, version).await.unwrap();
    assert_eq!(ledger.len(), 40);
    assert_eq!((ledger[3].source, ledger[3].reason.as_deref()), (PageSource::Failed, Some("time_limit")));
    assert_eq!((ledger[0].source, ledger[0].label.as_deref()), (PageSource::Text, Some("A-1")));
    let units = world.store.finished_units(id, version, Stage::Parse).await.unwrap();
    assert_eq!(units.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

async fn a_unit_done_twice_is_done_once(world: &World) {
    let added = world.add("a").await;
    let claim = world.claim_one().await;
    world.store.begin_stage(&claim, 2).await.unwrap();
    for _ in 0..3 {
        world.store.save_pages(&claim, 0, &[page(1), page(2)]).await.unwrap();
    }
    let task = world.task_of(&added.document.id).await;
    assert_eq!((task.units_done, task.units_total, task.pages_done), (1, 2, 2));
    let stored = world.store.pages(&claim.document, 1, 1..=9, true).await.unwrap();
    assert_eq!(stored, [page(1), page(2)]);
}

async fn a_document_goes_through_every_stage(world: &World) {
    let added = world.add("a").await;
    let id = &added.document.id;
    let claim = world.claim_one().await;
    world.store.begin_reading(&claim, 2, 1).await.unwrap();
    let begun = world.task_of(id).await;
    assert_eq!((begun.status, begun.pages_total), (TaskStatus::Processing, 2), "known as soon as the file is open");
    world.store.save_pages(&claim, 0, &[page(1), page(2)]).await.unwrap();
    let outline = vec![OutlineEntry { title: "One".to_owned(), level: 1, page: Some(2) }];
    world.store.finish_parse(&claim, "", &info(2), &outline, &json!([{"page": 1, "what": "odd"}])).await.unwrap();
    let document = world.store.document(&world.project, id).await.unwrap().unwrap();
    assert_eq!((&document.info, &document.outline, document.live_version), (&info(2), &outline, None));
    assert_eq!(world.store.warnings(id, 1).await.unwrap(), json!([{"page": 1, "what": "odd"}]));
    assert_eq!(world.store.index_texts(id, 1).await.unwrap(), None);

    let mut order = Vec::new();
    let task = loop {
        let claim = world.claim_one().await;
        order.push(claim.stage);
        assert_eq!(claim.stage.queue() == Queue::Embeddings, matches!(claim.stage, Stage::Embed | Stage::Index));
        if let Some(task) = world.run(&claim, 2).await.unwrap() {
            break task;
        }
    };
    assert_eq!(order, [Stage::Chunk, Stage::Embed, Stage::Index, Stage::Finish]);
    assert_eq!((task.status, task.error.clone()), (TaskStatus::Completed, None));
    assert_eq!((task.pages_total, task.pages_done, task.pages_unread, task.chunks), (2, 2, 0, 4));
    let timed: Vec<Stage> = task.timings.iter().map(|(stage, _)| *stage).collect();
    assert_eq!(timed, [Stage::Parse, Stage::Chunk, Stage::Embed, Stage::Index, Stage::Finish]);
    assert!(task.finished_ms.is_some());
    assert_eq!((task.units_done, task.units_total), (1, 1), "nothing is left of the last stage");
    assert_eq!(world.task_of(id).await, task);

    let live = world.store.document(&world.project, id).await.unwrap().unwrap().live_version;
    assert_eq!(live, Some(1));
    let chunks = world.store.index_texts(id, 1).await.unwrap().unwrap();
    assert_eq!(world.store.chunks(id, 1, Some(1), 2).await.unwrap(), chunks[2..4]);
    let found = world.store.index_vectors(id, 1, MODEL).await.unwrap();
    let wanted: Vec<_> = vectors(&chunks).into_iter().map(|vector| (vector.chunk, vector.vector)).collect();
    assert_eq!(found, wanted);
    assert!(world.store.index_vectors(id, 1, "another").await.unwrap().is_empty());
    let events = world.store.events_since(&world.project, 0, 100).await.unwrap();
    let progress = events.iter().find(|event| event.kind == "task.progress").unwrap();
    assert_eq!((&progress.data["pages_done"], &progress.data["pages_total"]), (&json!(2), &json!(2)));
    let kinds: Vec<_> = events.into_iter().map(|event| event.kind).collect();
    for kind in ["task.started", "task.progress", "document.text_extracted", "document.embeddings_generated"] {
        assert!(kinds.iter().any(|seen| seen == kind), "{kind} in {kinds:?}");
    }
    assert_eq!(kinds.last().unwrap(), "task.completed");
}

async fn a_partial_task_says_why(world: &World) {
    let added = world.add("a").await;
    let claim = world.claim_one().await;
    let skipped = Page { source: PageSource::Skipped, reason: Some("ocr_unavailable".to_owned()), ..page(2) };
    world.store.save_pages(&claim, 0, &[page(1), skipped]).await.unwrap();
    world.store.finish_parse(&claim, "", &info(2), &Vec::new(), &json!([])).await.unwrap();
    world.run_all(2).await;
    let task = world.task_of(&added.document.id).await;
    assert_eq!((task.status, task.pages_unread), (TaskStatus::Partial, 1));
    let error = task.error.unwrap();
    assert_eq!(error.code, ErrorCode::PagesUnread);
    assert!(error.message.contains("1 skipped (ocr_unavailable)"), "{}", error.message);
    assert!(world.add("a").await.reused);
}

async fn a_page_without_an_outcome_fails_the_task(world: &World) {
    let added = world.add("a").await;
    let claim = world.claim_one().await;
    world.store.save_pages(&claim, 0, &[page(1)]).await.unwrap();
    world.store.finish_parse(&claim, "", &info(2), &Vec::new(), &json!([])).await.unwrap();
    world.run_all(2).await;
    let task = world.task_of(&added.document.id).await;
    assert_eq!((task.status, task.error.unwrap().code), (TaskStatus::Failed, ErrorCode::Internal));
}

/// A partial document, so that trying again builds a second version.
async fn partial(world: &World) -> pagemill_store::Added {
    let added = world.add("a").await;
    let claim = world.claim_one().await;
    world.store.save_pages(&claim, 0, &[page(1), Page::failed(2, "time_limit")]).await.unwrap();
    world.store.finish_parse(&claim, "", &info(2), &Vec::new(), &json!([])).await.unwrap();
    world.run_all(2).await;
    added
}

async fn a_new_version_goes_live_as_a_whole(world: &World) {
    let added = partial(world).await;
    let id = &added.document.id;
    let first = world.store.index_texts(id, 1).await.unwrap().unwrap();
    let task = world.store.retry_task(&world.project, &added.task.id).await.unwrap().unwrap();
    assert_eq!(task.version, 2);

    let claim = world.run_until(Stage::Chunk, 2).await;
    // The new version's pages are there, and readers still see the old one.
    assert_eq!(world.store.page_ledger(id, 2).await.unwrap().len(), 2);
    assert_eq!(world.store.index_texts(id, 1).await.unwrap().unwrap(), first);
    let before = world.store.last_change().await.unwrap();
    world.store.save_chunks(&claim, 0, &chunks(&claim, 1), false).await.unwrap();
    assert_eq!(world.store.index_texts(id, 1).await.unwrap(), None);
    assert!(world.store.page_ledger(id, 1).await.unwrap().is_empty());
    let second = world.store.index_texts(id, 2).await.unwrap().unwrap();
    assert_eq!(second.len(), 2);
    let old: Vec<_> = first.iter().map(|chunk| chunk.id.clone()).collect();
    assert_eq!(world.store.passages(&world.project, &old).await.unwrap(), Passages::default());
    let changes = world.store.changes_since(before, 10).await.unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].version, changes[0].kind), (2, pagemill_store::ChangeKind::Text));

    world.run_all(2).await;
    assert_eq!(world.task_of(id).await.status, TaskStatus::Completed);
    let dump = world.store.dump().await.unwrap();
    assert!(dump.contains("unused vectors | 0"), "{dump}");
}

async fn chunks_of_a_version_are_replaced_as_a_set(world: &World) {
    let added = world.add("a").await;
    let id = &added.document.id;
    let claim = world.run_until(Stage::Embed, 2).await;
    let made = world.store.chunks(id, 1, None, 100).await.unwrap();
    world.store.save_embeddings(&claim, 0, MODEL, &vectors(&made), 0).await.unwrap();
    world.store.cancel_task(&world.project, &claim.task).await.unwrap();
    // Nothing was at fault, so the next task goes on where this one stopped, with its unit done.
    let again = world.add("a").await;
    assert!(!again.reused);
    let claim = world.claim_one().await;
    assert_eq!((claim.stage, claim.version), (Stage::Embed, 1));
    let units = world.store.finished_units(id, 1, Stage::Embed).await.unwrap();
    assert_eq!(units.into_iter().collect::<Vec<_>>(), [0]);
    world.store.finish_embed(&claim, MODEL).await.unwrap();
    world.run_all(2).await;
    assert_eq!(world.task_of(id).await.status, TaskStatus::Completed);
}

async fn a_text_is_embedded_once_in_a_library(world: &World) {
    let first = world.add("a").await;
    world.run_until(Stage::Embed, 1).await;
    world.clock.advance(crate::world::LEASE);
    let claim = world.claim_one().await;
    let made = world.store.chunks(&claim.document, 1, None, 100).await.unwrap();
    let same: Vec<_> = vectors(&made)
        .into_iter()
        .map(|vector| pagemill_store::ChunkVector { hash: sha256("the same text"), vector: vec![1, 2, 3], ..vector })
        .collect();
    world.store.save_embeddings(&claim, 0, MODEL, &same, 0).await.unwrap();
    world.store.finish_embed(&claim, MODEL).await.unwrap();
    world.run_all(1).await;

    let asked = [sha256("the same text"), sha256("another text")];
    let known = world.store.embeddings_for(MODEL, &asked).await.unwrap();
    assert_eq!(known.get(&asked[0]), Some(&vec![1, 2, 3]));
    assert_eq!(known.len(), 1);
    assert!(world.store.embeddings_for("another", &asked).await.unwrap().is_empty());

    // A second document uses the vector, so that it survives the deletion of the first.
    let second = world.add("b").await;
    let claim = world.run_until(Stage::Embed, 1).await;
    let made = world.store.chunks(&claim.document, 1, None, 100).await.unwrap();
    let reused: Vec<_> = vectors(&made)
        .into_iter()
        .map(|vector| pagemill_store::ChunkVector { hash: asked[0].clone(), vector: vec![1, 2, 3], ..vector })
        .collect();
    world.store.save_embeddings(&claim, 0, MODEL, &reused, 2).await.unwrap();
    assert_eq!(world.task_of(&second.document.id).await.reused, 2);
    world.store.finish_embed(&claim, MODEL).await.unwrap();
    let receipt = world.store.delete_document(&world.project, &first.document.id).await.unwrap().unwrap();
    assert_eq!((receipt.rows["embeddings"], receipt.rows["vectors"]), (2, 0));
    assert_eq!(world.store.index_vectors(&second.document.id, 1, MODEL).await.unwrap().len(), 2);
    let receipt = world.store.delete_document(&world.project, &second.document.id).await.unwrap().unwrap();
    assert_eq!((receipt.rows["embeddings"], receipt.rows["vectors"]), (2, 1));
    assert!(world.store.embeddings_for(MODEL, &asked).await.unwrap().is_empty());
}

async fn a_chunk_without_a_vector_is_noticed(world: &World) {
    world.add("a").await;
    let claim = world.run_until(Stage::Embed, 2).await;
    let made = world.store.chunks(&claim.document, 1, None, 100).await.unwrap();
    world.store.save_embeddings(&claim, 0, MODEL, &vectors(&made[1..]), 0).await.unwrap();
    let before = world.store.last_change().await.unwrap();
    assert_eq!(code(world.store.finish_embed(&claim, MODEL).await), ErrorCode::Internal);
    assert_eq!(world.store.last_change().await.unwrap(), before);
    world.store.save_embeddings(&claim, 0, MODEL, &vectors(&made), 0).await.unwrap();
    world.store.finish_embed(&claim, MODEL).await.unwrap();
}

async fn embedding_may_be_skipped(world: &World) {
    let added = world.add("a").await;
    let claim = world.run_until(Stage::Embed, 1).await;
    world.store.finish_stage(&claim).await.unwrap();
    world.run_all(1).await;
    assert_eq!(world.task_of(&added.document.id).await.status, TaskStatus::Completed);
    assert_eq!(world.store.library_counts().await.unwrap().vectors, 0);
}

async fn nul_in_a_text_keeps_offsets(world: &World) {
    world.add("a").await;
    let claim = world.claim_one().await;
    let mut odd = page(1);
    odd.blocks[0].text = "a\0b\0".to_owned();
    world.store.save_pages(&claim, 0, &[odd]).await.unwrap();
    let stored = world.store.pages(&claim.document, 1, 1..=1, false).await.unwrap();
    assert_eq!(stored[0].blocks[0].text, "a b ");
    world.store.fail_task(&claim, &error(ErrorCode::Damaged)).await.unwrap();
}
