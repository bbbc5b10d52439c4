//! `chunk`: the blocks of a document become chunks, and with them findable by words.

use pagemill_core::{Block, Problem};

use super::{
    StageContext,
    chunker::{ChunkSizes, chunk_document},
};
use crate::library::broke_off;

/// Pages fetched at once.
const PAGES: u32 = 64;
/// What the embedding model adds to every text by itself.
const SPECIAL_TOKENS: usize = 2;
/// A library without a model counts about so many tokens to a word.
const FALLBACK_TOKENS: usize = 256;

/// Makes the chunks and replaces those of the version as a set.
pub(super) async fn run(context: &StageContext) -> Result<(), Problem> {
    let (store, claim) = (context.library.store(), &context.claim);
    store.begin_stage(claim, 1).await?;
    let mut pages: Vec<(u32, Vec<Block>)> = Vec::new();
    let mut first = 1;
    loop {
        let batch = store.pages(&claim.document, claim.version, first..=first + PAGES - 1, false).await?;
        context.progress.step();
        if batch.is_empty() {
            break;
        }
        first += PAGES;
        pages.extend(batch.into_iter().map(|page| (page.number, page.blocks)));
    }

    let embedder = context.library.embedder().cloned();
    let settings = context.library.settings();
    let most = embedder.as_ref().map_or(FALLBACK_TOKENS, |embedder| embedder.max_tokens() - SPECIAL_TOKENS);
    let tokens = settings.chunk_tokens.min(most);
    // A model that sees less at once gets shorter chunks, and proportionally less repetition.
    let overlap = settings.chunk_overlap * tokens / settings.chunk_tokens;
    let sizes = ChunkSizes { tokens, overlap };
    let (document, version) = (claim.document.clone(), claim.version);
    let work = move || match embedder {
        Some(embedder) => chunk_document(&document, version, &pages, sizes, &|text| embedder.token_ends(text)),
        None => chunk_document(&document, version, &pages, sizes, &word_ends),
    };
    let chunks = tokio::task::spawn_blocking(work).await.map_err(|error| broke_off("cutting into chunks", error))?;
    store.save_chunks(claim, &chunks).await
}

/// Words as tokens, for a library without a model.
fn word_ends(text: &str) -> Vec<u32> {
    let ends = text.split_inclusive(char::is_whitespace).scan(0, |at, word| {
        *at += word.len();
        Some(*at as u32)
    });
    ends.collect()
}
