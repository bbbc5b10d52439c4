//! What a person sees of the queue and does with it: attempts, dead letters, places in line, workers, lists.

use std::time::Duration;

use pagemill_core::{
    ErrorCode, Page, PageSource, Priority, ProjectId, Queue, Stage, TaskId, TaskStatus, WorkerId, queue::JobState,
};
use pagemill_store::{
    Ahead, DeadLetter, DeadLetterKind, MAX_ATTEMPTS, MAX_CRASHES, NewDocument, Outcome, TaskFilter, WorkerJob,
    WorkerReport,
};

use crate::{
    stories,
    world::{LEASE, World, code, error, info, page},
};

stories!(
    every_attempt_is_told,
    a_dead_letter_tells_all_and_can_be_replayed,
    a_file_at_fault_is_a_dead_letter_until_it_is_tried_again,
    two_letters_of_a_task_are_replayed_in_their_order,
    a_discarded_letter_leaves_its_task_as_it_ended,
    a_paused_task_is_not_claimed_and_goes_on_where_it_was,
    every_event_of_a_task_says_how_far_it_is,
    a_paused_queue_gives_nothing,
    many_claimers_keep_the_limit_of_a_queue,
    a_task_knows_who_is_ahead,
    workers_register_and_are_heard_of,
    tasks_are_found_by_what_they_have_in_common,
    what_has_ended_is_measured,
);

async fn every_attempt_is_told(world: &World) {
    let added = world.add("a").await;
    let first = world.claim_one().await;
    world.store.release(&first, Some("the disk is full"), Duration::ZERO).await.unwrap();
    let second = world.claim_one().await;
    world.store.retry_later(&second, &error(ErrorCode::BlobsUnavailable), Duration::ZERO).await.unwrap();
    world.claim_one().await;
    world.clock.advance(LEASE);
    let fourth = world.claim_one().await;
    let attempts = world.store.attempts(&world.project, &added.task.id).await.unwrap();
    let told: Vec<_> = attempts.iter().map(|a| (a.attempt, a.outcome, a.ended_ms.is_some())).collect();
    assert_eq!(
        told,
        [
            (1, Some(Outcome::Released), true),
            (1, Some(Outcome::Failed), true),
            (2, Some(Outcome::Crashed), true),
            (2, None, false),
        ]
    );
    assert_eq!(attempts[1].error.as_ref().unwrap().code, ErrorCode::BlobsUnavailable);
    assert!(attempts.iter().all(|a| a.worker == world.worker && a.job == fourth.job && a.started_ms > 0));
    world.run(&fourth, 1).await.unwrap();
    world.run_all(1).await;
    let attempts = world.store.attempts(&world.project, &added.task.id).await.unwrap();
    let done: Vec<_> = attempts.iter().filter(|a| a.outcome == Some(Outcome::Done)).map(|a| a.stage).collect();
    // No page is a picture, so that there is nothing to recognise.
    let without_ocr: Vec<_> = Stage::ALL.into_iter().filter(|stage| *stage != Stage::Ocr).collect();
    assert_eq!(done, without_ocr);
    assert!(world.store.attempts(&ProjectId::new(), &added.task.id).await.unwrap().is_empty());
}

async fn poison(world: &World, name: &str) -> pagemill_core::TaskId {
    let task = world.add(name).await.task.id;
    for _ in 0..MAX_CRASHES {
        let claim = world.claim_one().await;
        world.store.crash_job(&claim, &error(ErrorCode::ReaderCrashed), Duration::ZERO).await.unwrap();
    }
    task
}

async fn a_dead_letter_tells_all_and_can_be_replayed(world: &World) {
    let task = poison(world, "poison").await;
    let store = &world.store;
    let all = DeadLetterKind::default();
    assert_eq!(store.newest_dead_letters(&world.project, &all, 0).await.unwrap(), (Vec::new(), 1));
    let of_chunk = DeadLetterKind { stage: Some(Stage::Chunk), ..all };
    assert_eq!(store.newest_dead_letters(&world.project, &of_chunk, 10).await.unwrap(), (Vec::new(), 0));
    let letters = store.dead_letters(&world.project, &all, None, 10).await.unwrap();
    assert_eq!(store.newest_dead_letters(&world.project, &all, 10).await.unwrap(), (letters.clone(), 0));
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((letter.file.as_str(), &letter.task, letter.stage), ("poison.pdf", &task, Stage::Parse));
    assert_eq!((letter.crashes, letter.attempts.len()), (MAX_CRASHES, 3));
    assert_eq!(letter.error.as_ref().unwrap().code, ErrorCode::ReaderCrashed);
    assert!(letter.died_ms > 0);
    assert!(letter.attempts.iter().all(|a| a.outcome == Some(Outcome::Crashed) && a.error.is_some()));
    assert_eq!(store.dead_letter(&world.project, &letter.job).await.unwrap().as_ref(), Some(letter));

    for (kind, found) in [
        (DeadLetterKind { stage: Some(Stage::Parse), code: Some(ErrorCode::ReaderCrashed) }, 1),
        (DeadLetterKind { stage: Some(Stage::Embed), code: None }, 0),
        (DeadLetterKind { stage: None, code: Some(ErrorCode::Internal) }, 0),
    ] {
        assert_eq!(store.dead_letters(&world.project, &kind, None, 10).await.unwrap().len(), found, "{kind:?}");
    }
    assert!(store.dead_letters(&world.project, &all, Some(&letter.job), 10).await.unwrap().is_empty());
    let stranger = ProjectId::new();
    assert!(store.dead_letters(&stranger, &all, None, 10).await.unwrap().is_empty());
    assert!(!store.replay_dead_letter(&stranger, &letter.job).await.unwrap());
    assert!(!store.discard_dead_letter(&stranger, &letter.job).await.unwrap());

    assert!(store.replay_dead_letter(&world.project, &letter.job).await.unwrap());
    assert!(!store.replay_dead_letter(&world.project, &letter.job).await.unwrap());
    let queued = store.task(&world.project, &task).await.unwrap().unwrap();
    assert_eq!((queued.status, queued.error), (TaskStatus::Queued, None));
    world.run_all(1).await;
    assert_eq!(store.task(&world.project, &task).await.unwrap().unwrap().status, TaskStatus::Completed);
}

/// The only dead letter there is.
async fn only_letter(world: &World) -> DeadLetter {
    let mut letters = world.store.dead_letters(&world.project, &DeadLetterKind::default(), None, 10).await.unwrap();
    assert_eq!(letters.len(), 1, "{letters:?}");
    letters.remove(0)
}

async fn a_file_at_fault_is_a_dead_letter_until_it_is_tried_again(world: &World) {
    let store = &world.store;
    // Refused by a stage.
    let document = world.add("locked").await.document.id;
    let claim = world.claim_one().await;
    store.fail_task(&claim, &error(ErrorCode::Encrypted)).await.unwrap();
    let letter = only_letter(world).await;
    assert_eq!((&letter.job, &letter.task, letter.stage), (&claim.job, &claim.task, Stage::Parse));
    assert_eq!((letter.attempts_spent, letter.crashes, letter.file.as_str()), (1, 0, "locked.pdf"));
    assert_eq!(letter.error.as_ref().unwrap().code, ErrorCode::Encrypted);
    assert!(letter.died_ms > 0);
    assert_eq!(letter.attempts.iter().map(|a| a.outcome).collect::<Vec<_>>(), [Some(Outcome::Failed)]);
    assert_eq!(world.task_of(&document).await.status, TaskStatus::Failed);
    assert_eq!(store.standing(&world.project, &claim.task).await.unwrap().unwrap().dead, 1);
    assert!(world.claim(9).await.is_empty());

    // Replayed, it is a task like any other, and nothing of the old one is left.
    assert!(store.replay_dead_letter(&world.project, &letter.job).await.unwrap());
    assert!(store.dead_letters(&world.project, &DeadLetterKind::default(), None, 10).await.unwrap().is_empty());
    assert!(!store.replay_dead_letter(&world.project, &letter.job).await.unwrap());
    let again = world.task_of(&document).await;
    assert_eq!((again.status, again.id == claim.task), (TaskStatus::Queued, false));
    world.run_all(1).await;
    assert_eq!(world.task_of(&document).await.status, TaskStatus::Completed);

    // Found to hold nothing that can be used, at the end: a replay reads its pages anew.
    let document = world.add("unreadable").await.document.id;
    let claim = world.claim_one().await;
    let unread = Page { source: PageSource::Failed, reason: Some("page_time_limit".to_owned()), ..page(1) };
    store.save_pages(&claim, 0, &[unread]).await.unwrap();
    store.finish_parse(&claim, "", &info(1), &Vec::new(), &serde_json::json!([])).await.unwrap();
    world.run_all(1).await;
    let letter = only_letter(world).await;
    let task = world.task_of(&document).await;
    assert_eq!((letter.stage, &letter.error), (Stage::Finish, &task.error));
    assert_eq!((task.status, task.error.unwrap().code), (TaskStatus::Failed, ErrorCode::PageTimeLimit));
    assert!(store.replay_dead_letter(&world.project, &letter.job).await.unwrap());
    assert_eq!(world.task_of(&document).await.stage, Stage::Parse);
    world.run_all(1).await;
    assert_eq!(world.task_of(&document).await.status, TaskStatus::Completed);
    assert!(store.library_counts().await.unwrap().jobs.is_empty());
}

async fn two_letters_of_a_task_are_replayed_in_their_order(world: &World) {
    let document = world.add("a").await.document.id;
    world.run_until(Stage::Embed, 1).await;
    world.store.end_leases().await.unwrap();
    for stage in [Stage::Embed, Stage::Index] {
        for _ in 0..MAX_ATTEMPTS {
            let claim = world.claim_one().await;
            assert_eq!(claim.stage, stage);
            world.store.retry_later(&claim, &error(ErrorCode::BlobsUnavailable), Duration::ZERO).await.unwrap();
        }
    }
    let all = DeadLetterKind::default();
    let letters = world.store.dead_letters(&world.project, &all, None, 10).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.stage).collect::<Vec<_>>(), [Stage::Embed, Stage::Index]);
    // When the first is done, work comes to the second anew.
    assert!(world.store.replay_dead_letter(&world.project, &letters[0].job).await.unwrap());
    world.run_all(1).await;
    assert_eq!(world.task_of(&document).await.status, TaskStatus::Completed);
    assert!(world.store.library_counts().await.unwrap().jobs.is_empty());
}

async fn a_discarded_letter_leaves_its_task_as_it_ended(world: &World) {
    let task = poison(world, "poison").await;
    let all = DeadLetterKind::default();
    let job = world.store.dead_letters(&world.project, &all, None, 10).await.unwrap()[0].job.clone();
    assert!(world.store.discard_dead_letter(&world.project, &job).await.unwrap());
    assert!(world.store.dead_letters(&world.project, &all, None, 10).await.unwrap().is_empty());
    assert_eq!(world.store.task(&world.project, &task).await.unwrap().unwrap().status, TaskStatus::Failed);
    // The document can still be taken up again.
    world.store.retry_task(&world.project, &task).await.unwrap().unwrap();
    world.run_all(1).await;
}

async fn a_paused_task_is_not_claimed_and_goes_on_where_it_was(world: &World) {
    let added = world.add("a").await;
    let id = &added.task.id;
    let store = &world.store;
    let claim = world.run_until(Stage::Embed, 2).await;
    store.begin_stage(&claim, 1).await.unwrap();
    let paused = store.pause_task(&world.project, id).await.unwrap().unwrap();
    assert_eq!(paused.status, TaskStatus::Paused);
    assert_eq!(store.pause_task(&world.project, id).await.unwrap().unwrap(), paused);
    let held = [(claim.job.clone(), claim.fence)];
    assert_eq!(store.lost_jobs(&world.worker, &held).await.unwrap(), std::slice::from_ref(&claim.job));
    assert_eq!(code(store.finish_stage(&claim).await), ErrorCode::LeaseLost);
    assert!(world.claim(5).await.is_empty());
    assert_eq!(store.next_due(&Queue::ALL).await.unwrap(), None);
    assert_eq!(store.pause_task(&ProjectId::new(), id).await.unwrap(), None);

    let resumed = store.resume_task(&world.project, id).await.unwrap().unwrap();
    assert_eq!(resumed.status, TaskStatus::Processing);
    let again = world.claim_one().await;
    assert_eq!((again.stage, again.attempt, again.crashes), (Stage::Embed, 1, 0));
    world.run(&again, 2).await.unwrap();
    world.run_all(2).await;
    assert_eq!(code(store.pause_task(&world.project, id).await), ErrorCode::Conflict);
    assert_eq!(code(store.resume_task(&world.project, id).await), ErrorCode::Conflict);
}

async fn every_event_of_a_task_says_how_far_it_is(world: &World) {
    let task = world.add("a").await.task.id;
    let store = &world.store;
    let claim = world.claim_one().await;
    store.begin_reading(&claim, 48, 3).await.unwrap();
    store.save_pages(&claim, 0, &[page(1)]).await.unwrap();
    store.save_pages(&claim, 1, &[page(17)]).await.unwrap();
    store.pause_task(&world.project, &task).await.unwrap();
    store.resume_task(&world.project, &task).await.unwrap();
    let claim = world.claim_one().await;
    store.begin_reading(&claim, 48, 3).await.unwrap();
    store.retry_later(&claim, &error(ErrorCode::BlobsUnavailable), Duration::ZERO).await.unwrap();
    let claim = world.claim_one().await;
    store.release(&claim, Some("the disk is full"), Duration::ZERO).await.unwrap();
    let claim = world.claim_one().await;
    store.begin_reading(&claim, 48, 3).await.unwrap();
    store.save_pages(&claim, 2, &[page(33)]).await.unwrap();
    store.finish_parse(&claim, "", &info(48), &Vec::new(), &serde_json::json!([])).await.unwrap();
    // Given back before it has begun: it is at this stage, with nothing done.
    let claim = world.claim_one().await;
    store.release(&claim, Some("the disk is full"), Duration::ZERO).await.unwrap();
    let halted = store.task(&world.project, &task).await.unwrap().unwrap();
    assert_eq!((halted.stage, halted.units_done, halted.units_total), (Stage::Chunk, 0, 0));
    store.cancel_task(&world.project, &task).await.unwrap();
    let events = store.events_since(&world.project, 0, 100).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| Some((event.kind.strip_prefix("task.")?, &event.data)))
        .filter(|(kind, _)| *kind != "queued")
        .map(|(kind, data)| (kind, data["stage"].as_str().unwrap(), data["units_done"].as_i64().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("started", "parse", 0),
            ("progress", "parse", 1),
            ("progress", "parse", 2),
            ("paused", "parse", 2),
            ("resumed", "parse", 2),
            ("started", "parse", 2),
            ("retrying", "parse", 2),
            ("waiting", "parse", 2),
            ("started", "parse", 2),
            ("progress", "parse", 3),
            ("waiting", "chunk", 0),
            ("cancelled", "chunk", 0),
        ]
    );
    // A task that fails says where it was.
    let again = world.add("a").await.task.id;
    let claim = world.claim_one().await;
    store.fail_task(&claim, &error(ErrorCode::Encrypted)).await.unwrap();
    let events = store.events_since(&world.project, 0, 100).await.unwrap();
    let failed = events.last().unwrap();
    assert_eq!((failed.kind.as_str(), failed.task.as_ref()), ("task.failed", Some(&again)));
    assert_eq!((&failed.data["stage"], &failed.data["units_done"]), (&"chunk".into(), &0.into()));
}

async fn a_paused_queue_gives_nothing(world: &World) {
    world.add("a").await;
    world.store.pause_queue(Queue::Default, true).await.unwrap();
    assert!(world.claim(5).await.is_empty());
    assert_eq!(world.store.next_due(&Queue::ALL).await.unwrap(), None, "whoever waits would spin");
    let queues = world.store.queues().await.unwrap();
    let state = queues.iter().find(|state| state.queue == Queue::Default).unwrap();
    assert!(state.paused && state.oldest_ms.is_some());
    assert_eq!(state.jobs, [(JobState::Ready, 1)]);
    world.store.pause_queue(Queue::Default, false).await.unwrap();
    assert_eq!(world.store.next_due(&Queue::ALL).await.unwrap(), Some(Duration::ZERO));
    world.run_all(1).await;
}

async fn many_claimers_keep_the_limit_of_a_queue(world: &World) {
    for number in 0..20 {
        world.add(&number.to_string()).await;
    }
    world.store.scale_queue(Queue::Default, Some(3)).await.unwrap();
    let claimers = (0..8).map(|_| {
        let store = world.store.clone();
        tokio::spawn(async move { store.claim(&WorkerId::new(), &Queue::ALL, 2, LEASE).await.unwrap() })
    });
    let claims: Vec<_> =
        futures::future::join_all(claimers).await.into_iter().flat_map(|claims| claims.unwrap()).collect();
    assert_eq!(claims.len(), 3);
    let due = world.store.next_due(&Queue::ALL).await.unwrap().unwrap();
    assert!(!due.is_zero(), "full is not due");
    world.run(&claims[0], 1).await.unwrap();
    assert_eq!(world.claim(9).await.len(), 1);
    world.store.scale_queue(Queue::Default, None).await.unwrap();
    assert_eq!(world.claim(50).await.len(), 17);
}

async fn a_task_knows_who_is_ahead(world: &World) {
    let stranger = ProjectId::new();
    for (name, project, priority) in [
        ("x", &stranger, Priority::High),
        ("y", &world.project, Priority::Normal),
        ("z", &world.project, Priority::Batch),
    ] {
        let new = NewDocument { project: project.clone(), priority, ..world.new_document(name) };
        world.store.add_document(&new).await.unwrap();
    }
    let mine = world.add("mine").await.task.id;
    let standing = world.store.standing(&world.project, &mine).await.unwrap().unwrap();
    let [job] = standing.jobs.as_slice() else { panic!("{standing:?}") };
    assert_eq!((job.state, job.is_many), (JobState::Ready, false));
    assert_eq!(
        job.ahead,
        [
            Ahead { priority: Priority::High, own: false, jobs: 1 },
            Ahead { priority: Priority::Normal, own: true, jobs: 1 },
        ]
    );
    assert_eq!(world.store.standing(&stranger, &mine).await.unwrap(), None);
    let tasks = [mine.clone(), TaskId::new()];
    let open = world.store.first_jobs(&tasks).await.unwrap();
    assert_eq!((open.len(), open[&mine].state, open[&mine].stage), (1, JobState::Ready, Stage::Parse));
    let claims = world.claim(3).await;
    let claim = claims.iter().find(|claim| claim.task == mine).unwrap();
    let standing = world.store.standing(&world.project, &mine).await.unwrap().unwrap();
    assert_eq!((standing.jobs[0].state, standing.jobs[0].worker.as_ref()), (JobState::Leased, Some(&claim.worker)));
    assert!(standing.jobs[0].lease_left_ms.unwrap() > 25_000 && standing.jobs[0].claimed_ms.is_some());
    assert_eq!(world.store.first_jobs(&tasks).await.unwrap()[&mine].state, JobState::Leased);

    // Between two stages it is the next one that waits; after an error, for its time.
    world.run(claim, 1).await.unwrap();
    let open = world.store.first_jobs(&tasks).await.unwrap();
    assert_eq!((open[&mine].state, open[&mine].stage), (JobState::Ready, Stage::Chunk));
    let claims = world.claim(9).await;
    let claim = claims.iter().find(|claim| claim.task == mine).unwrap();
    let pause = Duration::from_secs(20);
    world.store.retry_later(claim, &error(ErrorCode::BlobsUnavailable), pause).await.unwrap();
    let open = &world.store.first_jobs(&tasks).await.unwrap()[&mine];
    assert_eq!((open.state, open.attempt), (JobState::Waiting, 1));
    assert!((15_000..=20_000).contains(&open.due_in_ms), "{open:?}");
    assert_eq!(open.error, Some(error(ErrorCode::BlobsUnavailable)));
}

async fn workers_register_and_are_heard_of(world: &World) {
    let claim = {
        world.add("a").await;
        world.claim_one().await
    };
    let report = WorkerReport {
        id: world.worker.clone(),
        host: "mill".to_owned(),
        pid: 7,
        version: "1.2.3".to_owned(),
        places: vec![(Queue::Default, 4), (Queue::Images, 2)],
        started_ms: 5,
        memory_bytes: 1 << 40,
        held_back: None,
        jobs: vec![WorkerJob {
            job: claim.job.clone(),
            task: claim.task.clone(),
            stage: claim.stage,
            unit: Some(3),
            running_ms: 1,
            silent_ms: 0,
        }],
    };
    world.store.report_worker(&report).await.unwrap();
    let held_back = WorkerReport { held_back: Some("no memory".to_owned()), jobs: Vec::new(), ..report.clone() };
    let workers = world.store.workers().await.unwrap();
    assert_eq!(workers.iter().map(|state| &state.report).collect::<Vec<_>>(), [&report]);
    assert!(workers[0].is_alive() && workers[0].seen_ms > 0);
    world.clock.advance(Duration::from_secs(31));
    assert!(!world.store.workers().await.unwrap()[0].is_alive());
    world.store.report_worker(&held_back).await.unwrap();
    let workers = world.store.workers().await.unwrap();
    assert_eq!((&workers[0].report, workers[0].is_alive()), (&held_back, true));
    // One that was never heard of again is forgotten.
    world.clock.advance(Duration::from_secs(25 * 3600));
    let other = WorkerReport { id: WorkerId::new(), ..report };
    world.store.report_worker(&other).await.unwrap();
    assert_eq!(world.store.workers().await.unwrap().len(), 1);
    world.store.forget_worker(&other.id).await.unwrap();
    assert!(world.store.workers().await.unwrap().is_empty());
}

async fn tasks_are_found_by_what_they_have_in_common(world: &World) {
    let failed = world.add("failed").await;
    let claim = world.claim_one().await;
    world.store.fail_task(&claim, &error(ErrorCode::Encrypted)).await.unwrap();
    let done = world.add("done").await;
    world.run_all(1).await;
    let queued = NewDocument { recipe: "catalog".to_owned(), ..world.new_document("queued") };
    let queued = world.store.add_document(&queued).await.unwrap();
    let all = TaskFilter::default();
    let cases = [
        (all.clone(), vec![&failed, &done, &queued]),
        (TaskFilter { status: Some(TaskStatus::Completed), ..all.clone() }, vec![&done]),
        (TaskFilter { code: Some(ErrorCode::Encrypted), ..all.clone() }, vec![&failed]),
        (TaskFilter { code: Some(ErrorCode::Damaged), ..all.clone() }, vec![]),
        (TaskFilter { recipe: Some("catalog".to_owned()), ..all.clone() }, vec![&queued]),
        (TaskFilter { document: Some(done.document.id.clone()), ..all.clone() }, vec![&done]),
        (TaskFilter { stage: Some(Stage::Parse), ..all.clone() }, vec![&failed, &queued]),
        (TaskFilter { stage: Some(Stage::Parse), status: Some(TaskStatus::Queued), ..all.clone() }, vec![&queued]),
        (TaskFilter { created_from_ms: Some(i64::MAX), ..all.clone() }, vec![]),
        (TaskFilter { created_to_ms: Some(1), ..all.clone() }, vec![]),
    ];
    for (filter, expected) in cases {
        let found = world.store.tasks_of(&world.project, &filter, None, 10).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|task| task.id).collect();
        assert_eq!(found, expected.iter().map(|added| added.task.id.clone()).collect::<Vec<_>>(), "{filter:?}");
    }
    assert!(world.store.tasks_of(&ProjectId::new(), &all, None, 10).await.unwrap().is_empty());
    assert_eq!(code(all.not_empty()), ErrorCode::InvalidRequest);
}

async fn what_has_ended_is_measured(world: &World) {
    world.add("a").await;
    world.run_all(3).await;
    world.add("b").await;
    let finished = world.store.last_finished(10).await.unwrap();
    let [task] = finished.as_slice() else { panic!("{finished:?}") };
    assert_eq!((task.status, task.pages, task.timings.len()), (TaskStatus::Completed, 3, Stage::ALL.len() - 1));
    assert!(task.finished_ms >= task.started_ms.unwrap());
    assert_eq!(world.store.last_finished_of(&world.project, 10).await.unwrap(), finished);
    assert!(world.store.last_finished_of(&ProjectId::new(), 10).await.unwrap().is_empty());
    let counts = world.store.task_counts(&world.project).await.unwrap();
    let article = || "article".to_owned();
    assert_eq!(counts, [(article(), TaskStatus::Completed, 1), (article(), TaskStatus::Queued, 1)]);
}
