//! OCR: pages wait, are recognised one by one, and take their place; a task never looks complete before that.

use pagemill_core::{ErrorCode, Page, PageSource, Queue, Stage, TaskStatus};
use pagemill_store::{Claim, Unit};
use serde_json::json;

use crate::{
    stories,
    world::{World, code, info, page},
};

stories!(
    a_page_that_waits_is_recognised_and_takes_its_place,
    without_ocr_what_waits_is_skipped_with_a_reason,
    a_document_whose_text_is_there_passes_ocr_by,
    what_was_recognised_is_found_again_by_its_key,
    what_failed_is_tried_again_when_the_document_is,
);

/// Reads a document whose second page is a picture; returns the claim of `ocr`.
async fn wait(world: &World, name: &str) -> Claim {
    world.add(name).await;
    let claim = world.claim_one().await;
    read(world, &claim).await;
    let claim = world.claim_one().await;
    assert_eq!((claim.stage, claim.stage.queue()), (Stage::Ocr, Queue::Images));
    claim
}

async fn read(world: &World, claim: &Claim) {
    let picture =
        Page { source: PageSource::Skipped, reason: Some("ocr_pending".to_owned()), blocks: Vec::new(), ..page(2) };
    world.store.begin_stage(claim, 1).await.unwrap();
    world.store.save_pages(claim, 0, &[page(1), picture]).await.unwrap();
    world.store.finish_parse(claim, "", &info(2), &Vec::new(), &json!([{"code": "first"}])).await.unwrap();
}

async fn a_page_that_waits_is_recognised_and_takes_its_place(world: &World) {
    let claim = wait(world, "a").await;
    let store = &world.store;
    let (document, version) = (&claim.document, claim.version);
    let task = world.task_of(document).await;
    assert_eq!((task.pages_done, task.pages_unread), (1, 0), "the ledger is not complete");
    store.begin_stage(&claim, 1).await.unwrap();
    let waiting = store.recognitions(document, version).await.unwrap();
    assert_eq!(waiting.iter().map(|row| (row.page, row.key.as_str())).collect::<Vec<_>>(), [(2, "")]);

    store.save_recognition(&claim, Unit::new(1, "key", 7), 2, Ok(b"words".to_vec()), false).await.unwrap();
    assert_eq!(store.finished_units(document, version, Stage::Ocr).await.unwrap().into_iter().collect::<Vec<_>>(), [1]);
    let row = &store.recognitions(document, version).await.unwrap()[0];
    assert_eq!((row.key.as_str(), row.words.as_slice(), &row.error), ("key", b"words".as_slice(), &None));
    assert_eq!((world.task_of(document).await.units_done, world.task_of(document).await.pages_done), (1, 1));

    let seen = Page { source: PageSource::Ocr, reason: None, confidence: Some(0.913), ..page(2) };
    store.replace_pages(&claim, &[page(1), seen.clone()]).await.unwrap();
    store.finish_ocr(&claim, Some((&info(2), &Vec::new())), &[json!({"code": "second"})]).await.unwrap();
    assert_eq!(store.pages(document, version, 2..=2, true).await.unwrap(), [seen]);
    let warnings = store.warnings(document, version).await.unwrap();
    assert_eq!(warnings, json!([{"code": "first"}, {"code": "second"}]));
    world.run_all(2).await;
    let task = world.task_of(document).await;
    assert_eq!((task.status, task.pages_done, task.pages_unread), (TaskStatus::Completed, 2, 0));
    assert!(task.timings.iter().any(|(stage, _)| *stage == Stage::Ocr));

    // A worker whose job is over writes nothing more.
    let stale = [
        store.save_recognition(&claim, Unit::new(1, "stale", 7), 2, Ok(Vec::new()), false).await,
        store.replace_pages(&claim, &[page(1)]).await,
        store.finish_ocr(&claim, None, &[]).await,
    ];
    for refused in stale {
        assert_eq!(code(refused), ErrorCode::LeaseLost);
    }
    assert_eq!(store.recognitions(document, version).await.unwrap()[0].key, "key");
}

async fn without_ocr_what_waits_is_skipped_with_a_reason(world: &World) {
    let claim = wait(world, "a").await;
    world.store.finish_ocr(&claim, None, &[json!({"code": "ocr_unavailable"})]).await.unwrap();
    world.run_all(2).await;
    let task = world.task_of(&claim.document).await;
    assert_eq!((task.status, task.pages_done, task.pages_unread), (TaskStatus::Partial, 2, 1));
    let message = task.error.unwrap().message;
    assert!(message.contains("1 skipped (ocr_unavailable)") && message.contains("install Tesseract"), "{message}");
    let ledger = world.store.page_ledger(&claim.document, claim.version).await.unwrap();
    assert_eq!(ledger[1].reason.as_deref(), Some("ocr_unavailable"));
}

async fn a_document_whose_text_is_there_passes_ocr_by(world: &World) {
    world.add("a").await;
    let claim = world.run_until(Stage::Chunk, 2).await;
    assert!(world.store.recognitions(&claim.document, claim.version).await.unwrap().is_empty());
    world.run(&claim, 2).await.unwrap();
    world.run_all(2).await;
    let task = world.task_of(&claim.document).await;
    assert_eq!(task.status, TaskStatus::Completed);
    assert!(!task.timings.iter().any(|(stage, _)| *stage == Stage::Ocr));
}

async fn what_was_recognised_is_found_again_by_its_key(world: &World) {
    let claim = wait(world, "a").await;
    let store = &world.store;
    assert_eq!(store.recognised_under("key").await.unwrap(), None);
    store.save_recognition(&claim, Unit::new(1, "key", 7), 2, Ok(b"words".to_vec()), false).await.unwrap();
    store.finish_ocr(&claim, None, &[]).await.unwrap();
    assert_eq!(store.recognised_under("key").await.unwrap().as_deref(), Some(b"words".as_slice()));
    assert_eq!(store.recognised_under("").await.unwrap(), None);
    store.delete_document(&world.project, &claim.document).await.unwrap();
    assert_eq!(store.recognised_under("key").await.unwrap(), None);
}

async fn what_failed_is_tried_again_when_the_document_is(world: &World) {
    let claim = wait(world, "a").await;
    let store = &world.store;
    store.save_recognition(&claim, Unit::new(1, "key", 7), 2, Err(ErrorCode::TimeLimit), false).await.unwrap();
    let row = store.recognitions(&claim.document, claim.version).await.unwrap().remove(0);
    assert_eq!((row.error.as_deref(), row.words.as_slice()), (Some("time_limit"), b"".as_slice()));
    assert_eq!(store.recognised_under("key").await.unwrap(), None);
    // Both pages are given up, so the task fails at its end; trying again reads the file anew.
    let lost = |number| Page { blocks: Vec::new(), ..Page::failed(number, "time_limit") };
    store.replace_pages(&claim, &[lost(1), lost(2)]).await.unwrap();
    store.finish_ocr(&claim, None, &[]).await.unwrap();
    world.run_all(2).await;
    assert_eq!(world.task_of(&claim.document).await.status, TaskStatus::Failed);
    world.add("a").await;
    let claim = world.claim_one().await;
    assert_eq!(claim.stage, Stage::Parse);
    read(world, &claim).await;
    let row = store.recognitions(&claim.document, claim.version).await.unwrap().remove(0);
    assert_eq!((row.key.as_str(), row.error), ("", None));
}
