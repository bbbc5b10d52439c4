//! Leases end, attempts and crashes are counted apart, poison is set aside.

use std::time::{Duration, Instant};

use pagemill_core::{ErrorCode, JobId, Page, PageSource, Queue, Stage, TaskStatus, WorkerId};
use pagemill_store::{ChangeKind, JobState, MAX_ATTEMPTS, MAX_CRASHES};
use sqlx::{Connection, PgConnection};

use crate::{
    stories,
    world::{LEASE, MODEL, World, code, error, info, page, vectors},
};

stories!(
    a_dead_workers_job_is_claimed_again,
    a_heartbeat_keeps_the_job_and_tells_what_is_lost,
    a_job_that_is_written_to_holds_up_the_lease_of_no_other,
    poison_is_set_aside,
    poison_after_the_text_is_live_leaves_it_searchable,
    the_rest_goes_on_without_a_stage_that_was_set_aside,
    the_rest_is_read_without_the_words_of_its_pictures,
    a_set_aside_job_can_be_tried_again,
    a_released_job_has_its_attempt_back,
    errors_spend_attempts_until_the_task_fails,
    a_pause_is_kept,
    a_clock_that_is_set_back_holds_nothing_up,
    a_clock_that_jumps_ahead_costs_one_attempt_at_most,
    a_new_process_need_not_wait_for_the_leases_of_its_predecessor,
);

async fn a_dead_workers_job_is_claimed_again(world: &World) {
    world.add("a").await;
    let first = world.claim_one().await;
    world.clock.advance(LEASE - Duration::from_secs(1));
    assert!(world.claim(1).await.is_empty());
    let due = world.store.next_due(&Queue::ALL).await.unwrap().unwrap();
    assert!(due <= Duration::from_secs(1), "{due:?}");
    world.clock.advance(Duration::from_secs(1));
    let second = world.claim_one().await;
    assert_eq!(second.job, first.job);
    assert!(second.fence > first.fence);
    // A death is counted as a crash, not as an attempt.
    assert_eq!((second.attempt, second.crashes), (1, 1));
}

async fn a_heartbeat_keeps_the_job_and_tells_what_is_lost(world: &World) {
    world.add("a").await;
    world.add("b").await;
    let claims = world.claim(2).await;
    let held: Vec<_> = claims.iter().map(|claim| (claim.job.clone(), claim.fence)).collect();
    for _ in 0..5 {
        world.clock.advance(LEASE / 2);
        assert!(world.store.heartbeat(&world.worker, &held, LEASE).await.unwrap().is_empty());
        assert!(world.claim(2).await.is_empty());
    }
    // Another worker, or another fence, holds nothing.
    let stranger = world.store.heartbeat(&WorkerId::new(), &held, LEASE).await.unwrap();
    assert_eq!(stranger.len(), 2);
    world.store.delete_document(&world.project, &claims[0].document).await.unwrap();
    let lost = world.store.heartbeat(&world.worker, &held, LEASE).await.unwrap();
    assert_eq!(lost, [claims[0].job.clone()]);
}

async fn a_clock_that_is_set_back_holds_nothing_up(world: &World) {
    world.add("held").await;
    world.add("postponed").await;
    let claims = world.claim(2).await;
    world.store.retry_later(&claims[1], &error(ErrorCode::Internal), Duration::from_secs(200)).await.unwrap();
    world.clock.set_back(Duration::from_secs(3600));
    let due: Vec<_> = world.claim(2).await.into_iter().map(|claim| claim.job).collect();
    assert_eq!(due, [claims[1].job.clone()], "what was postponed runs, what is held is held");
    // Its holder is silent: an hour does not have to pass again.
    world.clock.advance(LEASE);
    let claimed: Vec<_> = world.claim(2).await.into_iter().map(|claim| claim.job).collect();
    assert!(claimed.contains(&claims[0].job), "{claimed:?}");
}

async fn a_clock_that_jumps_ahead_costs_one_attempt_at_most(world: &World) {
    let added = world.add("a").await;
    let before = world.claim_one().await;
    world.clock.advance(Duration::from_secs(30 * 24 * 3600));
    let after = world.claim_one().await;
    assert_eq!((after.job.clone(), after.fence), (before.job.clone(), before.fence + 1));
    let late = world.store.release(&before, None, Duration::ZERO).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::LeaseLost, "who held it before writes no more");
    world.store.release(&after, None, Duration::ZERO).await.unwrap();
    world.run_all(1).await;
    assert_eq!(world.task_of(&added.document.id).await.status, TaskStatus::Completed);
}

/// Lets a worker die with a job until nobody gets it any more; returns how often it was claimed.
async fn die_repeatedly(world: &World) -> u32 {
    let mut claimed = 0;
    while !world.claim(1).await.is_empty() {
        claimed += 1;
        world.clock.advance(LEASE);
    }
    claimed
}

async fn a_job_that_is_written_to_holds_up_the_lease_of_no_other(world: &World) {
    // SQLite has one writer, and no locks on rows.
    if !world.is_postgres() {
        return;
    }
    world.add("a").await;
    world.add("b").await;
    let claims = world.claim(2).await;
    let held: Vec<_> = claims.iter().map(|claim| (claim.job.clone(), claim.fence)).collect();
    let mut writer = PgConnection::connect(&world.options.url).await.unwrap();
    let mut written = writer.begin().await.unwrap();
    let lock = "SELECT id FROM jobs WHERE id = $1 FOR UPDATE";
    sqlx::query(lock).bind(claims[0].job.as_str()).execute(&mut *written).await.unwrap();

    world.clock.advance(LEASE / 2);
    let (store, worker) = (world.store.clone(), world.worker.clone());
    let beat = tokio::spawn(async move { store.heartbeat(&worker, &held, LEASE).await });
    let mut watcher = PgConnection::connect(&world.options.url).await.unwrap();
    let mut lease_of = async |job: &JobId| -> i64 {
        let until = sqlx::query_scalar("SELECT lease_until FROM jobs WHERE id = $1").bind(job.as_str());
        until.fetch_one(&mut watcher).await.unwrap()
    };
    let begun = Instant::now();
    while lease_of(&claims[1].job).await < lease_of(&claims[0].job).await + 1000 {
        assert!(begun.elapsed() < Duration::from_secs(5), "the other lease is not renewed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!beat.is_finished(), "it waits for the one that is written to");
    written.commit().await.unwrap();
    assert!(beat.await.unwrap().unwrap().is_empty());
    assert!((lease_of(&claims[0].job).await - lease_of(&claims[1].job).await).abs() < LEASE.as_millis() as i64 / 2);
}

async fn poison_is_set_aside(world: &World) {
    let added = world.add("poison").await;
    assert_eq!(die_repeatedly(world).await, MAX_CRASHES);
    let task = world.task_of(&added.document.id).await;
    assert_eq!(task.status, TaskStatus::Failed);
    assert_eq!(task.error.unwrap().code, ErrorCode::ReaderCrashed);
    let counts = world.store.library_counts().await.unwrap();
    assert_eq!(counts.jobs, [(Queue::Default, JobState::Dead, 1)]);
    assert_eq!(world.store.next_due(&Queue::ALL).await.unwrap(), None);
    // Others go on.
    let other = world.add("good").await;
    world.run_all(1).await;
    assert_eq!(world.task_of(&other.document.id).await.status, TaskStatus::Completed);
}

async fn poison_after_the_text_is_live_leaves_it_searchable(world: &World) {
    let added = world.add("a").await;
    world.run_until(Stage::Index, 2).await;
    world.clock.advance(LEASE);
    die_repeatedly(world).await;
    let task = world.task_of(&added.document.id).await;
    assert_eq!(task.status, TaskStatus::Partial);
    assert_eq!(world.store.index_texts(&added.document.id, 1).await.unwrap().unwrap().len(), 4);
}

async fn the_rest_goes_on_without_a_stage_that_was_set_aside(world: &World) {
    let added = world.add("a").await;
    let claim = world.run_until(Stage::Embed, 2).await;
    let made = world.store.chunks(&claim.document, claim.version, None, 1000).await.unwrap();
    world.store.save_embeddings(&claim, 0, MODEL, &vectors(&made[..1]), 0).await.unwrap();
    world.clock.advance(LEASE);
    for _ in 1..MAX_CRASHES {
        assert_eq!(world.claim_one().await.stage, Stage::Embed);
        world.clock.advance(LEASE);
    }
    let before = world.store.last_change().await.unwrap();
    world.run_all(2).await;
    // The index takes the vectors that were made.
    let changes = world.store.changes_since(before, 10).await.unwrap();
    assert_eq!(changes.iter().map(|change| change.kind).collect::<Vec<_>>(), [ChangeKind::Vectors]);
    assert_eq!(world.store.index_vectors(&added.document.id, 1, MODEL).await.unwrap().len(), 1);
    let task = world.task_of(&added.document.id).await;
    assert_eq!(task.status, TaskStatus::Partial);
    let error = task.error.unwrap();
    assert!(error.message.contains("everything but `embed` is done"), "{error:?}");
    // Trying again does that stage, and reads nothing anew.
    let again = world.store.retry_task(&world.project, &task.id).await.unwrap().unwrap();
    assert_eq!((again.stage, again.version), (Stage::Embed, 1));
    world.run_all(2).await;
    assert_eq!(world.task_of(&added.document.id).await.status, TaskStatus::Completed);
    assert_eq!(world.store.library_counts().await.unwrap().vectors, 4);
}

async fn the_rest_is_read_without_the_words_of_its_pictures(world: &World) {
    let added = world.add("a").await;
    let claim = world.claim_one().await;
    let picture =
        Page { source: PageSource::Skipped, reason: Some("ocr_pending".to_owned()), blocks: Vec::new(), ..page(2) };
    world.store.save_pages(&claim, 0, &[page(1), picture]).await.unwrap();
    world.store.finish_parse(&claim, "", &info(2), &Vec::new(), &serde_json::json!([])).await.unwrap();
    for _ in 0..MAX_CRASHES {
        let claim = world.claim_one().await;
        assert_eq!(claim.stage, Stage::Ocr);
        world.store.crash_job(&claim, &error(ErrorCode::ReaderCrashed), Duration::ZERO).await.unwrap();
    }
    world.run_all(1).await;
    let task = world.task_of(&added.document.id).await;
    assert_eq!((task.status, task.pages_unread), (TaskStatus::Partial, 1));
    let error = task.error.unwrap();
    assert_eq!(error.code, ErrorCode::PagesUnread);
    assert!(error.message.contains("1 failed (reader_crashed)"), "{error:?}");
    assert!(error.message.contains("`ocr` was set aside"), "{error:?}");
    assert_eq!(world.store.index_texts(&added.document.id, 1).await.unwrap().unwrap().len(), 2);
}

async fn a_set_aside_job_can_be_tried_again(world: &World) {
    let added = world.add("a").await;
    die_repeatedly(world).await;
    let task = world.store.retry_task(&world.project, &added.task.id).await.unwrap().unwrap();
    assert_eq!(task.status, TaskStatus::Queued);
    world.run_all(1).await;
    assert_eq!(world.task_of(&added.document.id).await.status, TaskStatus::Completed);
    assert!(world.store.library_counts().await.unwrap().jobs.is_empty());
}

async fn a_released_job_has_its_attempt_back(world: &World) {
    let added = world.add("a").await;
    for _ in 0..MAX_ATTEMPTS * 3 {
        let claim = world.claim_one().await;
        assert_eq!((claim.attempt, claim.crashes), (1, 0));
        world.store.release(&claim, Some("the disk is full"), Duration::ZERO).await.unwrap();
        let task = world.task_of(&added.document.id).await;
        assert_eq!(task.waiting.as_deref(), Some("the disk is full"));
    }
    let claim = world.claim_one().await;
    world.store.begin_stage(&claim, 1).await.unwrap();
    assert_eq!(world.task_of(&added.document.id).await.waiting, None);
}

async fn errors_spend_attempts_until_the_task_fails(world: &World) {
    let added = world.add("a").await;
    for attempt in 1..=MAX_ATTEMPTS {
        let claim = world.claim_one().await;
        assert_eq!(claim.attempt, attempt);
        world.store.retry_later(&claim, &error(ErrorCode::TimeLimit), Duration::ZERO).await.unwrap();
        assert_eq!(code(world.store.finish_stage(&claim).await), ErrorCode::LeaseLost);
    }
    assert!(world.claim(1).await.is_empty());
    let task = world.task_of(&added.document.id).await;
    assert_eq!(task.status, TaskStatus::Failed);
    assert_eq!(task.error.unwrap().code, ErrorCode::TimeLimit);
    let kinds: Vec<_> =
        world.store.events_since(&world.project, 0, 100).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["task.queued", "task.retrying", "task.retrying", "task.set_aside", "task.failed"]);
}

async fn a_pause_is_kept(world: &World) {
    world.add("a").await;
    let claim = world.claim_one().await;
    world.store.retry_later(&claim, &error(ErrorCode::TimeLimit), Duration::from_secs(60)).await.unwrap();
    assert!(world.claim(1).await.is_empty());
    let due = world.store.next_due(&[Queue::Default]).await.unwrap().unwrap();
    assert!(due > Duration::from_secs(50) && due <= Duration::from_secs(60), "{due:?}");
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.claim_one().await.attempt, 2);
}

async fn a_new_process_need_not_wait_for_the_leases_of_its_predecessor(world: &World) {
    world.add("a").await;
    let lost = world.claim_one().await;
    assert_eq!(world.store.end_leases().await.unwrap(), 1);
    let again = world.claim_one().await;
    assert_eq!((again.job, again.crashes, again.attempt), (lost.job.clone(), 0, 1));
    assert_eq!(code(world.store.begin_stage(&lost, 1).await), ErrorCode::LeaseLost);
}
