//! BM25, term after term into one array of scores for each segment.
//!
//! Okapi BM25 (S. Robertson and H. Zaragoza, *The Probabilistic Relevance Framework*,
//! 2009). Tantivy's own scorer fixes `k1` and `b`; with stop words gone the lists of
//! postings are short enough that walking them whole, block by block, costs about a
//! nanosecond an entry, and leaves every weight to us.

use std::{cmp::Ordering, collections::BinaryHeap, sync::Arc};

use pagemill_core::{ChunkId, DocumentId};
use tantivy::{
    DocId, DocSet, TERMINATED, TantivyError, Term,
    fieldnorm::FieldNormReader,
    index::{InvertedIndexReader, SegmentReader},
    postings::TermInfo,
    query::{EnableScoring, PhraseQuery, Query},
    schema::IndexRecordOption,
};

use super::{index::TextSnapshot, query::TextQuery};
use crate::{Filter, Hit, SearchError};

/// How fast repetitions of a word stop counting.
const K1: f32 = 1.2;
/// How much long chunks are held back.
const B: f32 = 0.75;
/// Terms that are scored at most: the rarest of the query.
const MOST_SCORED: usize = 48;

/// A chunk by its place in the index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) score: f32,
    segment: u32,
    doc: DocId,
}

impl Eq for Found {}

impl Ord for Found {
    /// The worst is the greatest, so that a heap gives it up first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then((self.segment, self.doc).cmp(&(other.segment, other.doc)))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A term of the query with its weight in this index.
struct WeightedTerm {
    term: Term,
    weight: f32,
}

impl TextSnapshot {
    /// The best `k` chunks of a query, best first.
    pub(crate) fn search(&self, query: &TextQuery, k: usize, filter: &Filter) -> Result<Vec<Hit>, SearchError> {
        let terms = self.weigh(query)?;
        if terms.is_empty() || k == 0 {
            return Ok(Vec::new());
        }
        let mut best = self.best(&terms, &query.phrases, k, filter)?;
        if best.is_empty() && !query.phrases.is_empty() {
            // Nobody is helped by nothing: the words alone.
            best = self.best(&terms, &[], k, filter)?;
        }
        self.hits(&best)
    }

    /// The inverse document frequency of a word: 0 for one that is everywhere, and that of
    /// a word in no chunk at all for an unknown one.
    pub(crate) fn rarity(&self, variants: &[String]) -> Result<(f32, u64), SearchError> {
        let mut frequency = 0;
        for variant in variants {
            frequency += self.frequency(&Term::from_field_text(self.fields.words, variant))?;
        }
        Ok((inverse_frequency(self.chunks, frequency), frequency))
    }

    fn frequency(&self, term: &Term) -> Result<u64, SearchError> {
        let mut frequency = 0;
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(self.fields.words)?;
            let info = index.get_term_info(term).map_err(TantivyError::from)?;
            frequency += info.map_or(0, |info| u64::from(info.doc_freq));
        }
        Ok(frequency)
    }

    /// The terms that are in the index, the rarest first, not too many.
    fn weigh(&self, query: &TextQuery) -> Result<Vec<WeightedTerm>, SearchError> {
        let mut weighted = Vec::new();
        for term in &query.terms {
            let (rarity, frequency) = self.rarity(&term.variants)?;
            if frequency > 0 {
                weighted.extend(term.variants.iter().map(|variant| WeightedTerm {
                    term: Term::from_field_text(self.fields.words, variant),
                    weight: rarity * term.count,
                }));
            }
        }
        weighted.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        weighted.truncate(MOST_SCORED);
        Ok(weighted)
    }

    fn best(
        &self,
        terms: &[WeightedTerm],
        phrases: &[Vec<String>],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Found>, SearchError> {
        let saturation = self.saturation();
        let mut heap: BinaryHeap<Found> = BinaryHeap::with_capacity(k.min(4096) + 1);
        for (number, segment) in self.searcher.segment_readers().iter().enumerate() {
            let Some(allowed) = self.allowed(segment, phrases, filter)? else { continue };
            let Some(scores) = self.scores(segment, terms, &saturation)? else { continue };
            for (doc, &score) in scores.iter().enumerate() {
                let is_better = score > 0.0 && (heap.len() < k || heap.peek().is_some_and(|worst| score > worst.score));
                let doc = doc as DocId;
                if is_better && allowed.contains(doc) && !segment.is_deleted(doc) {
                    heap.push(Found { score, segment: number as u32, doc });
                    if heap.len() > k {
                        heap.pop();
                    }
                }
            }
        }
        Ok(heap.into_sorted_vec())
    }

    /// For each length byte of tantivy, what is added to a term's count in the denominator.
    fn saturation(&self) -> [f32; 256] {
        std::array::from_fn(|id| {
            let length = FieldNormReader::id_to_fieldnorm(id as u8) as f32;
            K1 * (1.0 - B + B * length / self.mean_length)
        })
    }

    /// The score of every chunk of a segment; `None` when no term occurs in it.
    fn scores(
        &self,
        segment: &SegmentReader,
        terms: &[WeightedTerm],
        saturation: &[f32; 256],
    ) -> Result<Option<Vec<f32>>, SearchError> {
        let index = segment.inverted_index(self.fields.words)?;
        let lengths = segment.get_fieldnorms_reader(self.fields.words)?;
        let mut scores = Vec::new();
        for WeightedTerm { term, weight } in terms {
            let Some(info) = index.get_term_info(term).map_err(TantivyError::from)? else { continue };
            if scores.is_empty() {
                scores = vec![0.0; segment.max_doc() as usize];
            }
            add_scores(&index, &info, weight * (K1 + 1.0), &lengths, saturation, &mut scores)?;
        }
        Ok((!scores.is_empty()).then_some(scores))
    }

    /// Which chunks of a segment may be found; `None` for none.
    fn allowed(
        &self,
        segment: &SegmentReader,
        phrases: &[Vec<String>],
        filter: &Filter,
    ) -> Result<Option<Allowed>, SearchError> {
        let projects = segment.inverted_index(self.fields.project)?;
        let term = Term::from_field_text(self.fields.project, filter.project.as_str());
        let Some(info) = projects.get_term_info(&term).map_err(TantivyError::from)? else { return Ok(None) };
        let mut allowed = if info.doc_freq == segment.max_doc() {
            Allowed::All
        } else {
            Allowed::of(segment, &docs_of(&projects, &info)?)
        };
        if let Some(documents) = &filter.documents {
            let index = segment.inverted_index(self.fields.document)?;
            let mut docs = Vec::new();
            for document in documents {
                let term = Term::from_field_text(self.fields.document, document.as_str());
                if let Some(info) = index.get_term_info(&term).map_err(TantivyError::from)? {
                    docs.extend(docs_of(&index, &info)?);
                }
            }
            allowed = allowed.and(segment, &docs);
        }
        for phrase in phrases {
            let terms = phrase.iter().map(|word| Term::from_field_text(self.fields.words, word)).collect();
            let weight = PhraseQuery::new(terms).weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
            let mut scorer = weight.scorer(segment, 1.0)?;
            let mut docs = Vec::new();
            while scorer.doc() != TERMINATED {
                docs.push(scorer.doc());
                scorer.advance();
            }
            allowed = allowed.and(segment, &docs);
        }
        Ok(Some(allowed))
    }

    /// The identifiers of what was found.
    fn hits(&self, found: &[Found]) -> Result<Vec<Hit>, SearchError> {
        let mut hits = Vec::with_capacity(found.len());
        let mut columns = vec![None; self.searcher.segment_readers().len()];
        let damaged = || TantivyError::SystemError("an identifier of the text index is damaged".to_owned());
        for Found { score, segment, doc } in found {
            let number = *segment as usize;
            if columns[number].is_none() {
                let fast = self.searcher.segment_reader(*segment).fast_fields();
                columns[number] = Some((
                    Arc::new(fast.str("chunk")?.ok_or_else(damaged)?),
                    Arc::new(fast.str("document")?.ok_or_else(damaged)?),
                ));
            }
            let (chunks, documents) = columns[number].clone().ok_or_else(damaged)?;
            let text = |column: &tantivy::columnar::StrColumn| -> Result<String, SearchError> {
                let mut text = String::new();
                let ord = column.ords().first(*doc).ok_or_else(damaged)?;
                column.ord_to_str(ord, &mut text).map_err(TantivyError::from)?;
                Ok(text)
            };
            let chunk: ChunkId = text(&chunks)?.parse().ok().ok_or_else(damaged)?;
            let document: DocumentId = text(&documents)?.parse().ok().ok_or_else(damaged)?;
            hits.push(Hit { chunk, document, score: *score });
        }
        // Chunks of the same score come in the order of their identifiers, whatever the segments are.
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.chunk.cmp(&b.chunk)));
        Ok(hits)
    }
}

/// The weight of a word by the number of chunks it is in; never negative.
pub(crate) fn inverse_frequency(chunks: u64, frequency: u64) -> f32 {
    let (all, with) = (chunks as f32, frequency.min(chunks) as f32);
    (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
}

fn add_scores(
    index: &InvertedIndexReader,
    info: &TermInfo,
    weight: f32,
    lengths: &FieldNormReader,
    saturation: &[f32; 256],
    scores: &mut [f32],
) -> Result<(), SearchError> {
    let mut block =
        index.read_block_postings_from_terminfo(info, IndexRecordOption::WithFreqs).map_err(TantivyError::from)?;
    while block.block_len() > 0 {
        for (&doc, &count) in block.docs().iter().zip(block.freqs()) {
            let count = count as f32;
            let add = weight * count / (count + saturation[usize::from(lengths.fieldnorm_id(doc))]);
            if let Some(score) = scores.get_mut(doc as usize) {
                *score += add;
            }
        }
        block.advance();
    }
    Ok(())
}

fn docs_of(index: &InvertedIndexReader, info: &TermInfo) -> Result<Vec<DocId>, SearchError> {
    let mut block =
        index.read_block_postings_from_terminfo(info, IndexRecordOption::Basic).map_err(TantivyError::from)?;
    let mut docs = Vec::with_capacity(info.doc_freq as usize);
    while block.block_len() > 0 {
        docs.extend_from_slice(block.docs());
        block.advance();
    }
    Ok(docs)
}

/// A set of chunks of a segment.
enum Allowed {
    All,
    These(Vec<u64>),
}

impl Allowed {
    fn of(segment: &SegmentReader, docs: &[DocId]) -> Self {
        let mut bits = vec![0_u64; segment.max_doc() as usize / 64 + 1];
        for &doc in docs {
            bits[doc as usize / 64] |= 1 << (doc % 64);
        }
        Self::These(bits)
    }

    fn and(self, segment: &SegmentReader, docs: &[DocId]) -> Self {
        match (self, Self::of(segment, docs)) {
            (Self::These(a), Self::These(b)) => Self::These(a.iter().zip(&b).map(|(a, b)| a & b).collect()),
            (Self::All, other) | (other, Self::All) => other,
        }
    }

    fn contains(&self, doc: DocId) -> bool {
        match self {
            Self::All => true,
            Self::These(bits) => bits[doc as usize / 64] >> (doc % 64) & 1 == 1,
        }
    }
}
