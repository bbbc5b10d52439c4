//! `chunk`: the blocks of a document become chunks, and with them findable by words.

use std::time::Instant;

use pagemill_core::{Block, Chunk, ChunkId, Page, Problem, Stage};
use pagemill_store::Unit;

use super::{
    StageContext,
    chunker::{ChunkSizes, chunk_document},
};
use crate::library::{broke_off, units::chunk_key};

/// Pages fetched at once.
const PAGES: u32 = 64;

/// Makes the chunks, or takes over those made of the same blocks before, and replaces those of the version as a set.
pub(super) async fn run(context: &StageContext) -> Result<(), Problem> {
    let (store, claim) = (context.library.store(), &context.claim);
    let Some(source) = store.source(claim).await? else { return Ok(()) };
    store.begin_stage(claim, 1).await?;
    let mut pages: Vec<Page> = Vec::new();
    let mut first = 1;
    loop {
        let batch = store.pages(&claim.document, claim.version, first..=first + PAGES - 1, false).await?;
        context.progress.step();
        if batch.is_empty() {
            break;
        }
        first += PAGES;
        pages.extend(batch);
    }

    let settings = context.library.chunk_settings();
    let key = chunk_key(&pages, &settings);
    if source.may_reuse(Stage::Chunk)
        && let Some(made) = store.chunks_made(claim, &key).await?
    {
        let chunks: Vec<Chunk> = made
            .into_iter()
            .map(|chunk| Chunk {
                id: ChunkId::new(),
                document: claim.document.clone(),
                version: claim.version,
                ..chunk
            })
            .collect();
        return store.save_chunks(claim, Unit::new(0, key, 0), &chunks, true).await;
    }

    let begun = Instant::now();
    let sizes = ChunkSizes { tokens: settings.tokens, overlap: settings.overlap };
    let embedder = context.library.embedder().cloned();
    let (document, version) = (claim.document.clone(), claim.version);
    let pages: Vec<(u32, Vec<Block>)> = pages.into_iter().map(|page| (page.number, page.blocks)).collect();
    let work = move || match embedder {
        Some(embedder) => chunk_document(&document, version, &pages, sizes, &|text| embedder.token_ends(text)),
        None => chunk_document(&document, version, &pages, sizes, &word_ends),
    };
    let chunks = tokio::task::spawn_blocking(work).await.map_err(|error| broke_off("cutting into chunks", error))?;
    let unit = Unit::new(0, key, begun.elapsed().as_millis() as u64);
    store.save_chunks(claim, unit, &chunks, false).await
}

/// Words as tokens, for a library without a model.
fn word_ends(text: &str) -> Vec<u32> {
    let ends = text.split_inclusive(char::is_whitespace).scan(0, |at, word| {
        *at += word.len();
        Some(*at as u32)
    });
    ends.collect()
}
