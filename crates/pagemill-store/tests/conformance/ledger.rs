//! Work is done once: found again by its key in later versions and other documents, and redone only where something
//! has changed. Documents change beside what is there, and old text is gone with the flip.

use pagemill_core::{
    Chunk, ChunkId, DocumentId, ErrorCode, Page, Priority, Problem, ProjectId, Stage, StageLedger, TaskStatus, WorkerId,
};
use pagemill_store::{Blobs, Claim, NewDocument, Replacement, Reprocess, Unit};
use serde_json::json;

use crate::{
    stories,
    world::{LEASE, MODEL, World, chunks, code, info, page, sha256, vectors},
};

stories!(
    the_same_bytes_are_read_once_in_all_projects,
    a_page_that_failed_is_read_again,
    a_task_that_goes_on_counts_what_it_finds,
    a_limit_on_the_whole_costs_no_unit,
    a_changed_key_strikes_units_off,
    a_setting_redoes_only_what_depends_on_it,
    what_is_asked_for_again_is_done_again,
    old_text_is_there_until_the_flip_and_never_after,
    a_replacement_that_fails_harms_nothing,
    bytes_of_another_document_are_refused,
    a_replacement_overtakes_work,
    a_replaced_file_goes_when_nobody_needs_it,
    a_document_at_work_is_not_processed_twice,
    changes_race_with_work,
);

/// Pages of a unit in these stories.
const UNIT_PAGES: u32 = 2;

/// How a worker of these stories is set up.
#[derive(Clone, Copy)]
struct Setup<'s> {
    pages: u32,
    chunk_settings: &'s str,
    /// A page that cannot be read.
    bad: Option<u32>,
}

const USUAL: Setup<'static> = Setup { pages: 5, chunk_settings: "512", bad: None };

/// Runs a claimed stage as the program does: takes over what is there under its key, makes the rest.
async fn work(world: &World, claim: &Claim, setup: Setup<'_>) -> Result<(), Problem> {
    let store = &world.store;
    let Some(source) = store.source(claim).await? else { return Ok(()) };
    match claim.stage {
        Stage::Parse => parse(world, claim, setup).await,
        Stage::Chunk => {
            store.begin_stage(claim, 1).await?;
            let key = format!("chunks of {} by {}", source.sha256, setup.chunk_settings);
            if source.may_reuse(Stage::Chunk)
                && let Some(made) = store.chunks_made(claim, &key).await?
            {
                let renewed = |chunk: Chunk| Chunk {
                    id: ChunkId::new(),
                    document: claim.document.clone(),
                    version: claim.version,
                    ..chunk
                };
                let made: Vec<Chunk> = made.into_iter().map(renewed).collect();
                return store.save_chunks(claim, Unit::new(0, key, 0), &made, true).await;
            }
            // What a chunk says tells the bytes and the settings it was made from.
            let mut made = chunks(claim, setup.pages);
            for chunk in &mut made {
                let text = format!("{} {} of {}", chunk.ordinal, setup.chunk_settings, source.sha256);
                chunk.pieces[0].end = text.len() as u32;
                chunk.text = text;
            }
            store.save_chunks(claim, Unit::new(0, key, 1), &made, false).await
        }
        Stage::Embed => {
            store.begin_stage(claim, 1).await?;
            let made = vectors(&store.chunks(&claim.document, claim.version, None, 1000).await?);
            let hashes: Vec<String> = made.iter().map(|vector| vector.hash.clone()).collect();
            let known = store.embeddings_for(MODEL, &hashes).await?.len() as u32;
            store.save_embeddings(claim, Unit::new(0, "embed", 1), MODEL, &made, known).await?;
            store.finish_embed(claim, MODEL).await
        }
        Stage::Finish => store.finish_task(claim).await.map(drop),
        _ => {
            store.begin_stage(claim, 1).await?;
            store.finish_stage(claim).await
        }
    }
}

async fn parse(world: &World, claim: &Claim, setup: Setup<'_>) -> Result<(), Problem> {
    let store = &world.store;
    let Some(source) = store.source(claim).await? else { return Ok(()) };
    let key = format!("pages of {}", source.sha256);
    store.begin_stage(claim, setup.pages.div_ceil(UNIT_PAGES)).await?;
    let mut done = store.open_units(claim, &key).await?;
    if source.may_reuse(Stage::Parse) {
        let own = Some((&claim.document, claim.version));
        let units = store.reusable_units(Stage::Parse, &key, UNIT_PAGES, own).await?;
        let units: Vec<_> = units.into_iter().filter(|unit| !done.contains(&unit.number)).collect();
        done.extend(store.reuse_pages(claim, &key, UNIT_PAGES, &units).await?);
    }
    for unit in (0..setup.pages.div_ceil(UNIT_PAGES)).filter(|unit| !done.contains(unit)) {
        let numbers = unit * UNIT_PAGES + 1..=((unit + 1) * UNIT_PAGES).min(setup.pages);
        let read: Vec<Page> = numbers
            .map(|number| if setup.bad == Some(number) { Page::failed(number, "time_limit") } else { page(number) })
            .collect();
        store.save_pages(claim, Unit::new(unit, key.as_str(), 5), &read).await?;
    }
    store.finish_parse(claim, &key, &info(setup.pages), &Vec::new(), &json!([])).await
}

/// Does all that is due.
async fn work_off(world: &World, setup: Setup<'_>) {
    while let Some(claim) = world.claim(1).await.first() {
        work(world, claim, setup).await.unwrap();
    }
}

/// Does what is due up to a stage, whose claim is returned.
async fn work_until(world: &World, stage: Stage, setup: Setup<'_>) -> Claim {
    loop {
        let claim = world.claim_one().await;
        if claim.stage == stage {
            return claim;
        }
        work(world, &claim, setup).await.unwrap();
    }
}

fn anew(redo_from: Option<Stage>) -> Reprocess {
    Reprocess { recipe: None, priority: Priority::Normal, redo_from }
}

fn replacement(name: &str) -> Replacement {
    Replacement {
        sha256: sha256(name),
        file: format!("{name}.pdf"),
        bytes: name.len() as u64,
        recipe: None,
        priority: Priority::Normal,
    }
}

async fn process(world: &World, id: &DocumentId, redo_from: Option<Stage>) {
    world.store.process_document(&world.project, id, &anew(redo_from)).await.unwrap().unwrap();
}

/// `(done, reused, failed)` of a stage in the newest task.
async fn told(world: &World, id: &DocumentId, stage: Stage) -> (u32, u32, u32) {
    let task = world.task_of(id).await;
    let entry = task.ledger.iter().find(|entry| entry.stage == stage).cloned();
    let entry = entry.unwrap_or_else(|| StageLedger::new(stage));
    (entry.done, entry.reused, entry.failed)
}

async fn texts(world: &World, id: &DocumentId) -> Vec<String> {
    let live = world.store.document(&world.project, id).await.unwrap().unwrap().live_version.unwrap();
    let chunks = world.store.index_texts(id, live).await.unwrap().unwrap();
    chunks.into_iter().map(|chunk| chunk.text).collect()
}

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

/// Workers of two processes, and a person who changes, cancels and deletes at random moments. Whatever happens, what is
/// left is whole: at the end every document is there with the text of its bytes, or gone without a trace.
async fn changes_race_with_work(world: &World) {
    let empty = world.store.dump().await.unwrap();
    let rounds = std::env::var("PAGEMILL_RACES").ok().and_then(|count| count.parse().ok()).unwrap_or(10_u32);
    let mut chance = Chance::new();
    let seed = chance.seed;
    for round in 0..rounds {
        let id = world.add(&format!("first {round}")).await.document.id;
        let person = person(world, &id, round, &mut chance);
        let workers = futures::future::join(run_worker(world), run_worker(world));
        let (deleted, _) = futures::future::join(person, workers).await;
        work_off(world, USUAL).await;
        if !deleted {
            let task = world.task_of(&id).await;
            if task.status != TaskStatus::Completed {
                assert_eq!(task.status, TaskStatus::Cancelled);
                world.store.retry_task(&world.project, &task.id).await.unwrap().unwrap();
                work_off(world, USUAL).await;
            }
            let document = world.store.document(&world.project, &id).await.unwrap().unwrap();
            for text in texts(world, &id).await {
                assert!(text.ends_with(&document.sha256), "{text} is not of {}, seed {seed}", document.sha256);
            }
            let live = document.live_version.unwrap();
            assert_eq!(world.store.index_vectors(&id, live, MODEL).await.unwrap().len(), 10);
            assert_eq!(world.store.page_ledger(&id, live).await.unwrap().len(), 5);
            let dump = world.store.dump().await.unwrap();
            assert!(dump.contains("versions | 1") && dump.contains("unused vectors | 0"), "seed {seed}: {dump}");
            world.store.delete_document(&world.project, &id).await.unwrap().unwrap();
        }
        assert_eq!(world.store.dump().await.unwrap(), empty, "round {round}, seed {seed}");
    }
}

/// Numbers by chance, the same again for the same seed (xorshift64, Marsaglia 2003).
struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// From `PAGEMILL_SEED`, else from the clock.
    fn new() -> Self {
        let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = std::env::var("PAGEMILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
        Self { seed, state: seed | 1 }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 16) % end
    }
}

/// What a person does to a document; returns whether it was deleted at last.
async fn person(world: &World, id: &DocumentId, round: u32, chance: &mut Chance) -> bool {
    for act in 0..6 {
        // Each look at the database lets the workers get on.
        for _ in 0..chance.below(24) {
            world.store.document(&world.project, id).await.unwrap();
        }
        let (store, project) = (&world.store, &world.project);
        let done = match chance.below(5) {
            0 => store.process_document(project, id, &anew(None)).await.map(drop),
            1 => store.process_document(project, id, &anew(Some(Stage::Chunk))).await.map(drop),
            2 | 3 => store.replace_document(project, id, &replacement(&format!("{round} {act}"))).await.map(drop),
            _ => {
                let task = world.task_of(id).await;
                store.cancel_task(project, &task.id).await.map(drop)
            }
        };
        if let Err(problem) = done {
            assert_eq!(problem.code, ErrorCode::Conflict, "{problem:?}");
        }
    }
    let is_deleted = round.is_multiple_of(2);
    if is_deleted {
        world.store.delete_document(&world.project, id).await.unwrap().unwrap();
    }
    is_deleted
}

/// A worker of a process of its own, until nothing is to be done.
async fn run_worker(world: &World) {
    let worker = WorkerId::new();
    let mut idle = 0;
    while idle < 40 {
        let claims = world.store.claim(&worker, &pagemill_core::Queue::ALL, 1, LEASE).await.unwrap();
        let Some(claim) = claims.first() else {
            idle += 1;
            continue;
        };
        idle = 0;
        if let Err(problem) = work(world, claim, USUAL).await {
            assert_eq!(problem.code, ErrorCode::LeaseLost, "{problem:?}");
        }
    }
}
