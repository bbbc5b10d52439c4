//! Searching: by words, by meaning, and both fused.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use pagemill_core::{Block, Chunk, ChunkId, Document, DocumentId, ErrorCode, Problem, ProjectId, Rect, boxes_of_range};
use pagemill_search::{Filter, Hit};
use pagemill_store::BlockPlace;

use super::{
    Library,
    views::{SearchHit, SearchMode, SearchRequest, SearchResults, SpanView},
};

/// Longest query in bytes; more is no question but a document.
const MAX_QUERY: usize = 8 << 10;
/// Most results of one search.
const MAX_RESULTS: u32 = 100;
/// Most documents a search can be limited to.
const MAX_DOCUMENTS: usize = 1_000;
/// A search waits so long for the indexes of this process to have what was completed.
const CATCH_UP: Duration = Duration::from_secs(2);

/// A hit with all it points to.
pub(super) struct Found {
    pub(super) chunk: Chunk,
    pub(super) document: Arc<Document>,
    pub(super) score: f32,
}

impl Found {
    /// The document's title, else its file name.
    pub(super) fn title(&self) -> String {
        self.document.info.title.clone().unwrap_or_else(|| self.document.file.clone())
    }
}

/// The blocks that chunks were made of.
pub(super) type Blocks = HashMap<BlockPlace, Block>;

impl Library {
    /// Searches the project's documents.
    ///
    /// # Errors
    /// `invalid_query`, `invalid_request`; `model_missing` for semantic search without a model; of the stores.
    pub async fn search(&self, project: &ProjectId, request: &SearchRequest) -> Result<SearchResults, Problem> {
        let started = Instant::now();
        if !(1..=MAX_RESULTS).contains(&request.k) {
            return Err(Problem::new(ErrorCode::InvalidRequest, format!("k must be from 1 to {MAX_RESULTS}")));
        }
        let filter = filter(project, &request.documents)?;
        let query = checked_query(&request.query)?;
        let mode = self.usable_mode(request.mode)?;
        let vector = if mode == SearchMode::Lexical { None } else { self.query_vector(query).await? };
        let (found, blocks) = self.find(project, query, vector, mode, request.k as usize, filter).await?;
        let results = found.iter().map(|hit| search_hit(hit, &blocks)).collect();
        let processing = self.store().open_jobs(project).await?;
        Ok(SearchResults { results, ms: started.elapsed().as_secs_f64() * 1000.0, mode, processing })
    }

    /// The vector of a query; `None` without a model.
    pub(super) async fn query_vector(&self, query: &str) -> Result<Option<Vec<f32>>, Problem> {
        let Some(embedder) = self.embedder().cloned() else { return Ok(None) };
        let query = query.to_owned();
        match tokio::task::spawn_blocking(move || embedder.embed_query(&query)).await {
            Ok(vector) => Ok(Some(vector)),
            Err(error) => Err(broke_off("embedding the query", error)),
        }
    }

    /// The best chunks with their documents, and the blocks behind them. Chunks that are gone since the index was built are left out.
    pub(super) async fn find(
        &self,
        project: &ProjectId,
        query: &str,
        vector: Option<Vec<f32>>,
        mode: SearchMode,
        k: usize,
        filter: Filter,
    ) -> Result<(Vec<Found>, Blocks), Problem> {
        // Where nobody works but this process, a task is completed only when the indexes have it.
        if self.settings().is_shared() {
            self.indexing().hold_completed(CATCH_UP).await?;
        }
        let index = Arc::clone(&self.index);
        let query = query.to_owned();
        let search = move || match (mode, vector) {
            (SearchMode::Semantic, Some(vector)) => index.semantic(&vector, k, &filter),
            (SearchMode::Hybrid, Some(vector)) => index.hybrid(&query, &vector, k, &filter),
            _ => index.lexical(&query, k, &filter),
        };
        let hits: Vec<Hit> = match tokio::task::spawn_blocking(search).await {
            Ok(hits) => hits.map_err(Problem::from)?,
            Err(error) => return Err(broke_off("the search", error)),
        };
        let ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk.clone()).collect();
        let passages = self.store().passages(project, &ids).await?;
        let documents: HashMap<DocumentId, Arc<Document>> =
            passages.documents.into_iter().map(|(id, document)| (id, Arc::new(document))).collect();
        let scores: HashMap<ChunkId, f32> = hits.into_iter().map(|hit| (hit.chunk, hit.score)).collect();
        let found = passages.chunks.into_iter().filter_map(|chunk| {
            let document = Arc::clone(documents.get(&chunk.document)?);
            let score = *scores.get(&chunk.id)?;
            Some(Found { chunk, document, score })
        });
        Ok((found.collect(), passages.blocks))
    }

    pub(super) fn usable_mode(&self, wanted: SearchMode) -> Result<SearchMode, Problem> {
        match (wanted, self.embedder()) {
            (SearchMode::Hybrid, None) => Ok(SearchMode::Lexical),
            (SearchMode::Semantic, None) => Err(Problem::new(
                ErrorCode::ModelMissing,
                "there is no embedding model; give one with --model FILE, or search by words",
            )),
            (mode, _) => Ok(mode),
        }
    }
}

/// Where to search, from what a caller gave.
pub(super) fn filter(project: &ProjectId, documents: &[String]) -> Result<Filter, Problem> {
    if documents.is_empty() {
        return Ok(Filter::project(project.clone()));
    }
    if documents.len() > MAX_DOCUMENTS {
        return Err(Problem::new(
            ErrorCode::InvalidRequest,
            format!("a search can be limited to at most {MAX_DOCUMENTS} documents"),
        ));
    }
    let documents: Result<Vec<DocumentId>, Problem> = documents.iter().map(|id| id.parse()).collect();
    Ok(Filter { project: project.clone(), documents: Some(documents?) })
}

/// A query that can be looked for.
pub(super) fn checked_query(query: &str) -> Result<&str, Problem> {
    let query = query.trim();
    if query.is_empty() {
        return Err(Problem::new(ErrorCode::InvalidQuery, "the query is empty; give some words to look for"));
    }
    if query.len() > MAX_QUERY {
        return Err(Problem::new(
            ErrorCode::InvalidQuery,
            format!("the query has {} bytes; shorten it to {MAX_QUERY} at most", query.len()),
        ));
    }
    Ok(query)
}

/// A blocking piece of work that panicked.
pub(crate) fn broke_off(what: &str, error: tokio::task::JoinError) -> Problem {
    Problem::new(ErrorCode::Internal, format!("{what} broke off; try again")).caused_by(error)
}

fn search_hit(hit: &Found, blocks: &Blocks) -> SearchHit {
    let length = hit.chunk.text.len() as u32;
    let spans = spans_of(&hit.chunk, 0..length, blocks);
    SearchHit {
        document: hit.document.id.to_string(),
        title: hit.title(),
        file: hit.document.file.clone(),
        page: spans.first().map_or_else(|| hit.chunk.first_page(), |span| span.page),
        score: hit.score,
        text: hit.chunk.text.clone(),
        headings: hit.chunk.heading_path.clone(),
        spans,
    }
}

/// The places of a byte range of a chunk's text: boxes by page, in reading order.
pub(super) fn spans_of(chunk: &Chunk, range: std::ops::Range<u32>, blocks: &Blocks) -> Vec<SpanView> {
    let mut spans: Vec<SpanView> = Vec::new();
    for piece in &chunk.pieces {
        let (start, end) = (range.start.max(piece.start), range.end.min(piece.end));
        let Some(block) = blocks.get(&BlockPlace::of(chunk, piece)) else { continue };
        if start >= end {
            continue;
        }
        let shift = |at: u32| at - piece.start + piece.block_start;
        for (page, rect) in boxes_of_block(block, shift(start), shift(end), piece.page) {
            match spans.last_mut() {
                Some(span) if span.page == page => span.boxes.push(rect),
                _ => spans.push(SpanView { page, boxes: vec![rect] }),
            }
        }
    }
    spans
}

/// Boxes of a range of a block's text; the block's own box where its words have no places.
fn boxes_of_block(block: &Block, start: u32, end: u32, page: u32) -> Vec<(u32, Rect)> {
    if block.words.is_empty() {
        return vec![(page, block.bbox)];
    }
    boxes_of_range(&block.words, start, end)
}
