//! `embed`: a vector for each chunk, made once for each text of the library.

use std::{collections::HashMap, time::Instant};

use pagemill_core::{Chunk, Fault, Problem, Stage};
use pagemill_store::{ChunkVector, Unit};

use super::StageContext;
use crate::library::{
    to_stored,
    units::{embed_key, vector_key},
};

/// Chunks saved at once: what a kill can cost at most.
const UNIT_CHUNKS: u32 = 64;

/// Embeds the chunks of a document, unit by unit. Texts whose vector is known
/// (an earlier run, another document) are not embedded again.
pub(super) async fn run(context: &StageContext) -> Result<(), Problem> {
    let (store, claim) = (context.library.store(), &context.claim);
    let Some(model) = context.library.embedder().map(|embedder| embedder.name().to_owned()) else {
        // Without a model the document is findable by words alone.
        return store.finish_stage(claim).await;
    };
    let Some(source) = store.source(claim).await? else { return Ok(()) };
    let may_reuse = source.may_reuse(Stage::Embed);
    let key = embed_key(&model);
    let done = store.open_units(claim, &key).await?;
    let mut unit = 0;
    let mut after = None;
    let mut begun = false;
    let mut crash = None;
    loop {
        let chunks = store.chunks(&claim.document, claim.version, after, UNIT_CHUNKS).await?;
        let Some(last) = chunks.last() else { break };
        after = Some(last.ordinal);
        if !begun {
            let task = store.task(&claim.project, &claim.task).await?;
            let total = task.map_or(0, |task| task.chunks).max(chunks.len() as u32);
            store.begin_stage(claim, total.div_ceil(UNIT_CHUNKS)).await?;
            begun = true;
        }
        if !done.contains(&unit) {
            context.may_go_on()?;
            context.progress.begin(unit + 1);
            let begun = Instant::now();
            match embed_unit(context, &model, &chunks, may_reuse).await {
                Ok((vectors, reused)) => {
                    let unit = Unit::new(unit, key.as_str(), begun.elapsed().as_millis() as u64);
                    store.save_embeddings(claim, unit, &model, &vectors, reused).await?;
                }
                // The others are made all the same: if it is set aside in the end, only this one is missing.
                Err(problem) if problem.code.fault() == Fault::Crash => crash = Some(problem),
                Err(problem) => return Err(problem),
            }
            context.progress.step();
        }
        unit += 1;
    }
    match crash {
        Some(problem) => Err(problem),
        None => store.finish_embed(claim, &model).await,
    }
}

async fn embed_unit(
    context: &StageContext,
    model: &str,
    chunks: &[Chunk],
    may_reuse: bool,
) -> Result<(Vec<ChunkVector>, u32), Problem> {
    let texts: Vec<String> = chunks.iter().map(Chunk::embedding_text).collect();
    let hashes: Vec<String> = chunks.iter().map(|chunk| vector_key(chunk, model)).collect();
    let known = if may_reuse { context.library.store().embeddings_for(model, &hashes).await? } else { HashMap::new() };
    let mut missing: Vec<(String, String)> = Vec::new();
    for (hash, text) in hashes.iter().zip(texts) {
        if !known.contains_key(hash) && !missing.iter().any(|(other, _)| other == hash) {
            missing.push((hash.clone(), text));
        }
    }
    let (hashes_missing, texts): (Vec<String>, Vec<String>) = missing.into_iter().unzip();
    let made = context.embed_pool.embed(texts, &context.progress).await?;
    let made: HashMap<String, Vec<u8>> =
        hashes_missing.into_iter().zip(made.iter().map(|vector| to_stored(vector))).collect();

    let mut reused = 0;
    let mut vectors = Vec::with_capacity(chunks.len());
    for (chunk, hash) in chunks.iter().zip(hashes) {
        let vector = match (made.get(&hash), known.get(&hash)) {
            (Some(vector), _) => vector.clone(),
            (None, Some(vector)) => {
                reused += 1;
                vector.clone()
            }
            (None, None) => continue, // the pool gives a vector for each text, so this is empty
        };
        vectors.push(ChunkVector { chunk: chunk.id.clone(), hash, vector });
    }
    Ok((vectors, reused))
}
