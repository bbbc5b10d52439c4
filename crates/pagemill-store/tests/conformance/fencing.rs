//! A worker whose job was claimed by another, whose task was cancelled or whose document is deleted writes
//! nothing more, whichever method it calls.

use std::time::Duration;

use pagemill_core::{ErrorCode, Problem, Stage};
use pagemill_store::Claim;
use serde_json::json;

use crate::{
    stories,
    world::{LEASE, MODEL, World, chunks, error, info, page, vectors},
};

stories!(a_stale_fence_writes_nothing, a_deleted_document_takes_no_writes, a_cancelled_task_takes_no_writes);

/// Every method by which a worker writes.
const WRITES: [&str; 15] = [
    "begin_stage",
    "save_pages",
    "finish_parse",
    "save_recognition",
    "replace_pages",
    "finish_ocr",
    "save_chunks",
    "save_embeddings",
    "finish_embed",
    "finish_stage",
    "finish_task",
    "release",
    "retry_later",
    "crash_job",
    "fail_task",
];

async fn write(world: &World, method: &str, claim: &Claim) -> Result<(), Problem> {
    let store = &world.store;
    let made = chunks(claim, 1);
    match method {
        "begin_stage" => store.begin_stage(claim, 7).await,
        "save_pages" => store.save_pages(claim, 3, &[page(9)]).await,
        "finish_parse" => store.finish_parse(claim, "", &info(9), &Vec::new(), &json!(["stale"])).await,
        "save_recognition" => {
            store.save_recognition(claim, pagemill_store::Unit::new(0, "key", 1), 1, Ok(Vec::new()), false).await
        }
        "replace_pages" => store.replace_pages(claim, &[page(9)]).await,
        "finish_ocr" => store.finish_ocr(claim, None, &[]).await,
        "save_chunks" => store.save_chunks(claim, 0, &made, false).await,
        "save_embeddings" => store.save_embeddings(claim, 3, MODEL, &vectors(&made), 0).await,
        "finish_embed" => store.finish_embed(claim, MODEL).await,
        "finish_stage" => store.finish_stage(claim).await,
        "finish_task" => store.finish_task(claim).await.map(drop),
        "release" => store.release(claim, Some("stale"), Duration::ZERO).await,
        "retry_later" => store.retry_later(claim, &error(ErrorCode::Internal), Duration::ZERO).await,
        "crash_job" => store.crash_job(claim, &error(ErrorCode::Internal), Duration::ZERO).await,
        "fail_task" => store.fail_task(claim, &error(ErrorCode::Internal)).await,
        other => panic!("`{other}` is not in the table"),
    }
}

/// Calls every method with a claim that no longer holds, and sees that nothing at all has changed.
async fn assert_refused(world: &World, stale: &Claim) {
    let before = world.store.dump().await.unwrap();
    let (last_event, last_change) = (world.store.last_event().await.unwrap(), world.store.last_change().await.unwrap());
    for method in WRITES {
        let answer = write(world, method, stale).await;
        assert_eq!(answer.unwrap_err().code, ErrorCode::LeaseLost, "{method}");
        assert_eq!(world.store.dump().await.unwrap(), before, "{method}");
    }
    assert_eq!(world.store.last_event().await.unwrap(), last_event);
    assert_eq!(world.store.last_change().await.unwrap(), last_change);
}

async fn a_stale_fence_writes_nothing(world: &World) {
    world.add("a").await;
    // No page waits for OCR here.
    for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Ocr) {
        let stale = world.run_until(stage, 2).await;
        world.clock.advance(LEASE);
        let current = world.claim_one().await;
        assert_eq!(current.job, stale.job);
        assert_refused(world, &stale).await;
        let stolen = Claim { worker: pagemill_core::WorkerId::new(), ..current.clone() };
        assert_refused(world, &stolen).await;
        world.run(&current, 2).await.unwrap();
        assert_refused(world, &current).await;
    }
}

async fn a_deleted_document_takes_no_writes(world: &World) {
    // No page waits for OCR here.
    for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Ocr) {
        let added = world.add("a").await;
        let claim = world.run_until(stage, 2).await;
        world.store.delete_document(&world.project, &added.document.id).await.unwrap().unwrap();
        assert_refused(world, &claim).await;
    }
}

async fn a_cancelled_task_takes_no_writes(world: &World) {
    world.add("a").await;
    let claim = world.run_until(Stage::Embed, 2).await;
    world.store.cancel_task(&world.project, &claim.task).await.unwrap().unwrap();
    assert_refused(world, &claim).await;
}
