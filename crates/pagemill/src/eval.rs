//! Retrieval figures on a collection with known answers, through the same indexes,
//! model and fusion that a library uses.

use std::{collections::HashMap, path::Path, time::Instant};

use pagemill_core::{ChunkId, DocumentId, ErrorCode, Problem, ProjectId};
use pagemill_models::{Embedder, ModelError};
use pagemill_search::{
    Change, Filter, IndexedChunk, SearchIndex,
    eval::{Collection, Figures},
};
use serde::Serialize;

use crate::{
    config::Settings,
    library::{folder_problem, from_stored, to_stored, views::SearchMode},
};

/// How deep rankings are looked at.
const DEPTH: usize = 100;
/// Documents embedded and indexed at once.
const BATCH: usize = 256;

/// What `pagemill eval retrieval` measures.
#[derive(Clone, Debug, Serialize)]
pub struct RetrievalReport {
    /// Queries with judgements.
    pub queries: usize,
    /// Documents of the collection.
    pub documents: usize,
    /// Mean normalised discounted cumulative gain of the first ten.
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: f64,
    /// Mean share of the relevant documents among the first ten.
    #[serde(rename = "recall@10")]
    pub recall_10: f64,
    /// Mean share of the relevant documents among the first hundred.
    #[serde(rename = "recall@100")]
    pub recall_100: f64,
    /// Mean reciprocal rank of the first relevant document among the first ten.
    #[serde(rename = "mrr@10")]
    pub mrr_10: f64,
    /// Documents embedded and indexed per second.
    pub index_docs_per_s: f64,
    /// Median milliseconds of a query, its embedding included.
    pub query_p50_ms: f64,
    /// 95th percentile of the same.
    pub query_p95_ms: f64,
}

/// Indexes a collection in a temporary folder and asks all its questions.
///
/// # Errors
/// When the collection cannot be read, or the mode needs a model and there is none.
pub fn retrieval(settings: &Settings, dir: &Path, mode: SearchMode) -> Result<RetrievalReport, Problem> {
    let collection = Collection::load(dir)?;
    let embedder = match (mode, &settings.model) {
        (SearchMode::Lexical, _) => None,
        (_, Some(path)) => Some(Embedder::open(path)?),
        (_, None) => Some(Embedder::builtin().map_err(|error: ModelError| Problem::from(error))?),
    };
    let temporary = tempfile::tempdir().map_err(|error| folder_problem(&std::env::temp_dir(), error))?;
    let (dims, model) = embedder.as_ref().map_or((1, ""), |embedder| (embedder.dims(), embedder.name()));
    let index = SearchIndex::open(temporary.path(), dims, model)?;
    let project = ProjectId::default_project();

    let started = Instant::now();
    let mut names: HashMap<ChunkId, &str> = HashMap::with_capacity(collection.documents.len());
    for batch in collection.documents.chunks(BATCH) {
        let ids: Vec<(DocumentId, ChunkId)> = batch.iter().map(|_| (DocumentId::new(), ChunkId::new())).collect();
        let mut changes = Vec::with_capacity(batch.len() * 2);
        for (document, (id, chunk)) in batch.iter().zip(&ids) {
            names.insert(chunk.clone(), &document.id);
            changes.push(Change::Upsert {
                project: project.clone(),
                document: id.clone(),
                version: 1,
                chunks: vec![IndexedChunk {
                    id: chunk.clone(),
                    text: document.text.clone(),
                    title: document.title.clone(),
                    heading_path: Vec::new(),
                }],
            });
        }
        if let Some(embedder) = &embedder {
            let texts: Vec<String> =
                batch.iter().map(|d| format!("{}\n{}", d.title, d.text).trim().to_owned()).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for (vector, (id, chunk)) in embedder.embed(&texts, settings.cores).iter().zip(&ids) {
                changes.push(Change::Vectors {
                    project: project.clone(),
                    document: id.clone(),
                    version: 1,
                    vectors: vec![(chunk.clone(), from_stored(&to_stored(vector)))],
                    last: true,
                });
            }
        }
        index.apply(&changes)?;
    }
    index.commit(1)?;
    let index_seconds = started.elapsed().as_secs_f64();

    let filter = Filter::project(project);
    let mut rankings: HashMap<String, Vec<String>> = HashMap::new();
    let mut times = Vec::with_capacity(collection.queries.len());
    for query in &collection.queries {
        let started = Instant::now();
        let hits = match (mode, &embedder) {
            (SearchMode::Semantic, Some(embedder)) => {
                index.semantic(&embedder.embed_query(&query.text), DEPTH, &filter)?
            }
            (SearchMode::Hybrid, Some(embedder)) => {
                index.hybrid(&query.text, &embedder.embed_query(&query.text), DEPTH, &filter)?
            }
            (SearchMode::Lexical | SearchMode::Semantic | SearchMode::Hybrid, _) => {
                index.lexical(&query.text, DEPTH, &filter)?
            }
        };
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        let ranking = hits.iter().filter_map(|hit| names.get(&hit.chunk)).map(|name| (*name).to_owned());
        rankings.insert(query.id.clone(), ranking.collect());
    }
    if times.is_empty() {
        return Err(Problem::new(
            ErrorCode::InvalidRequest,
            format!("`{}` has no query with judgements", dir.display()),
        ));
    }
    let figures = Figures::of(&collection, &rankings);
    Ok(RetrievalReport {
        queries: figures.queries,
        documents: collection.documents.len(),
        ndcg_10: figures.ndcg_10,
        recall_10: figures.recall_10,
        recall_100: figures.recall_100,
        mrr_10: figures.mrr_10,
        index_docs_per_s: collection.documents.len() as f64 / index_seconds,
        query_p50_ms: percentile(&mut times, 0.5),
        query_p95_ms: percentile(&mut times, 0.95),
    })
}

/// The value below which a share of the values lies; 0 when there are none.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}
