//! Answers without a language model: the best sentences of the library, word for
//! word, each with its place; or an honest "not found".

use std::{collections::HashMap, sync::Arc, time::Instant};

use pagemill_core::{Problem, ProjectId};
use pagemill_search::{Passage, Quoted};
use pagemill_store::BlockPlace;

use super::{
    Library,
    search::{Blocks, Found, broke_off, checked_query, filter, spans_of},
    views::{Answer, AnswerSentence, Citation, QueryRequest, SearchMode},
};

/// Passages that are read closely for an answer.
const PASSAGES: usize = 20;
/// Threads that embed the sentences of those passages.
const THREADS: usize = 2;
/// What is said when the library has no answer.
const NOT_FOUND: &str = "Not found in the library.";

impl Library {
    /// Answers a question with quotations.
    ///
    /// # Errors
    /// `invalid_query`, `invalid_request`, and of the stores.
    pub async fn ask(&self, project: &ProjectId, request: &QueryRequest) -> Result<Answer, Problem> {
        let started = Instant::now();
        let filter = filter(project, &request.documents)?;
        let question = checked_query(&request.question)?;
        let mode = self.usable_mode(SearchMode::Hybrid)?;
        let vector = self.query_vector(question).await?;
        let (found, blocks) = self.find(project, question, vector.clone(), mode, PASSAGES, filter).await?;
        let quoted = self.extract(question, vector, &found).await?;

        let used: HashMap<&str, &Found> = found.iter().map(|hit| (hit.chunk.id.as_str(), hit)).collect();
        let sentences: Vec<AnswerSentence> = quoted
            .iter()
            .filter_map(|quote| used.get(quote.chunk.as_str()).map(|hit| sentence(quote, hit, &blocks)))
            .collect();
        let found = !sentences.is_empty();
        let answer = if found {
            sentences.iter().map(|sentence| sentence.text.as_str()).collect::<Vec<_>>().join(" ")
        } else {
            NOT_FOUND.to_owned()
        };
        Ok(Answer { answer, found, sentences, ms: started.elapsed().as_secs_f64() * 1000.0 })
    }

    async fn extract(&self, question: &str, vector: Option<Vec<f32>>, found: &[Found]) -> Result<Vec<Quoted>, Problem> {
        let passages: Vec<Passage> = found
            .iter()
            .map(|hit| Passage { chunk: hit.chunk.id.clone(), text: hit.chunk.text.clone(), score: hit.score })
            .collect();
        let question = question.to_owned();
        let embedder = self.embedder().cloned();
        let index = Arc::clone(&self.index);
        let work = move || {
            let embed = |texts: &[&str]| embedder.as_ref().map(|embedder| embedder.embed(texts, THREADS));
            index.answer(&question, &passages, &embed, vector.as_deref())
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(quoted) => Ok(quoted.unwrap_or_default()),
            Err(error) => Err(broke_off("looking for an answer", error)),
        }
    }
}

/// A quotation with its places. It is verified when the words stand in the stored
/// blocks at those places, letter for letter.
fn sentence(quote: &Quoted, hit: &Found, blocks: &Blocks) -> AnswerSentence {
    let chunk = &hit.chunk;
    let range = quote.start..quote.end;
    let text = chunk.text.get(range.start as usize..range.end as usize).unwrap_or_default();
    let verified = !text.is_empty() && stands_in_blocks(chunk, &range, blocks);
    let spans = spans_of(chunk, range, blocks);
    let citations = spans.into_iter().map(|span| Citation {
        document: hit.document.id.to_string(),
        title: hit.title(),
        file: hit.document.file.clone(),
        page: span.page,
        boxes: span.boxes,
        quote: text.to_owned(),
        verified,
    });
    AnswerSentence { text: text.replace('\n', " "), citations: citations.collect() }
}

fn stands_in_blocks(chunk: &pagemill_core::Chunk, range: &std::ops::Range<u32>, blocks: &Blocks) -> bool {
    chunk.pieces.iter().filter(|piece| piece.start < range.end && piece.end > range.start).all(|piece| {
        let (start, end) = (range.start.max(piece.start), range.end.min(piece.end));
        let said = chunk.text.get(start as usize..end as usize);
        let from = (start - piece.start + piece.block_start) as usize;
        let block = blocks.get(&BlockPlace::of(chunk, piece));
        let stands = block.and_then(|block| block.text.get(from..from + (end - start) as usize));
        said.is_some() && said == stands
    })
}
