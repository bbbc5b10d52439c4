//! A worker as the program's is: it takes over what is known under a key, makes the rest, and tells what it did.

use pagemill_core::{Chunk, ChunkId, DocumentId, Page, Priority, Problem, Stage, StageLedger};
use pagemill_store::{Claim, Replacement, Reprocess, Unit};
use serde_json::json;

use crate::world::{MODEL, World, chunks, info, page, sha256, vectors};

/// Pages of a unit in these stories.
const UNIT_PAGES: u32 = 2;

/// How a worker of these stories is set up.
#[derive(Clone, Copy)]
pub(crate) struct Setup<'s> {
    pub(crate) pages: u32,
    pub(crate) chunk_settings: &'s str,
    /// A page that cannot be read.
    pub(crate) bad: Option<u32>,
}

pub(crate) const USUAL: Setup<'static> = Setup { pages: 5, chunk_settings: "512", bad: None };

/// Runs a claimed stage as the program does: takes over what is there under its key, makes the rest.
pub(crate) async fn work(world: &World, claim: &Claim, setup: Setup<'_>) -> Result<(), Problem> {
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
pub(crate) async fn work_off(world: &World, setup: Setup<'_>) {
    while let Some(claim) = world.claim(1).await.first() {
        work(world, claim, setup).await.unwrap();
    }
}

/// Does what is due up to a stage, whose claim is returned.
pub(crate) async fn work_until(world: &World, stage: Stage, setup: Setup<'_>) -> Claim {
    loop {
        let claim = world.claim_one().await;
        if claim.stage == stage {
            return claim;
        }
        work(world, &claim, setup).await.unwrap();
    }
}

pub(crate) fn anew(redo_from: Option<Stage>) -> Reprocess {
    Reprocess { recipe: None, priority: Priority::Normal, redo_from }
}

pub(crate) fn replacement(name: &str) -> Replacement {
    Replacement {
        sha256: sha256(name),
        file: format!("{name}.pdf"),
        bytes: name.len() as u64,
        recipe: None,
        priority: Priority::Normal,
    }
}

pub(crate) async fn process(world: &World, id: &DocumentId, redo_from: Option<Stage>) {
    world.store.process_document(&world.project, id, &anew(redo_from)).await.unwrap().unwrap();
}

/// `(done, reused, failed)` of a stage in the newest task.
pub(crate) async fn told(world: &World, id: &DocumentId, stage: Stage) -> (u32, u32, u32) {
    let task = world.task_of(id).await;
    let entry = task.ledger.iter().find(|entry| entry.stage == stage).cloned();
    let entry = entry.unwrap_or_else(|| StageLedger::new(stage));
    (entry.done, entry.reused, entry.failed)
}

pub(crate) async fn texts(world: &World, id: &DocumentId) -> Vec<String> {
    let live = world.store.document(&world.project, id).await.unwrap().unwrap().live_version.unwrap();
    let chunks = world.store.index_texts(id, live).await.unwrap().unwrap();
    chunks.into_iter().map(|chunk| chunk.text).collect()
}
