//! Finding the nearest vectors.

use std::cmp::Ordering;

use super::{
    codes::{difference, differences, encode},
    halves::Products,
    rows::{GONE, Snapshot, hash},
};
use crate::{Filter, Hit, SearchError};

/// Candidates of the codes that are scored exactly, at least.
const FEWEST_CANDIDATES: usize = 300;
/// Candidates for each hit that is asked for.
const CANDIDATES_PER_HIT: usize = 8;
/// When fewer than one row in this many may be found, codes are compared one by one.
const SPARSE: usize = 8;

/// Rows that stand for all when the usual cosine is estimated.
const SAMPLE: usize = 256;
/// What is taken for granted about cosines, and for how many samples it counts: the mean
/// and deviation of sentence models on ordinary text. It matters in tiny libraries only.
const USUAL: (f32, f32, f32) = (0.2, 0.1, 16.0);

/// How near chunks are to a query, in itself and beside any other chunk.
pub(crate) struct Nearness {
    /// The nearest chunks.
    pub(crate) hits: Vec<Hit>,
    /// The cosines of the chunks found by words, in their order, where they have vectors.
    pub(crate) of_lexical: Vec<Option<f32>>,
    /// The mean cosine of chunks the filter lets through.
    pub(crate) mean: f32,
    /// Its standard deviation.
    pub(crate) deviation: f32,
}

impl Snapshot {
    /// The `k` nearest chunks, and how near the chunks found by words are.
    pub(crate) fn nearness(
        &self,
        vector: &[f32],
        k: usize,
        filter: &Filter,
        lexical: &[Hit],
    ) -> Result<Nearness, SearchError> {
        let hits = self.search(vector, k, filter)?;
        let mut products = Products::new(vector);
        let of_lexical = lexical.iter().map(|hit| self.row_of(hit).and_then(|row| self.cosine(row, &mut products)));
        let of_lexical = of_lexical.collect();
        let (usual_mean, usual_deviation, usual_count) = USUAL;
        let sample: Vec<f32> =
            self.sample(filter).into_iter().filter_map(|row| self.cosine(row, &mut products)).collect();
        let count = sample.len() as f32 + usual_count;
        let mean = (sample.iter().sum::<f32>() + usual_mean * usual_count) / count;
        let squares = sample.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f32>();
        let deviation = ((squares + usual_deviation.powi(2) * usual_count) / count).sqrt().max(1e-3);
        Ok(Nearness { hits, of_lexical, mean, deviation })
    }

    fn cosine(&self, row: u32, products: &mut Products<'_>) -> Option<f32> {
        let (bytes, row) = (self.dims * 2, row as usize);
        Some(products.with(self.halves.get(row * bytes..(row + 1) * bytes)?)).filter(|cosine| *cosine >= -2.0)
    }

    /// The row of a chunk, where it has a vector.
    fn row_of(&self, hit: &Hit) -> Option<u32> {
        let number = self.documents.find(&hit.document)?;
        let hash = hash(&hit.chunk);
        let (first, last) = *self.spans.get(number as usize)?;
        (first..last).find(|row| self.document_of[*row as usize] == number && self.chunk_hashes[*row as usize] == hash)
    }

    /// Rows that may be found, evenly spread over all.
    fn sample(&self, filter: &Filter) -> Vec<u32> {
        let spread = |count: usize| (0..count).step_by(count.div_ceil(SAMPLE).max(1));
        match self.allowed(filter) {
            Allowed::All => spread(self.document_of.len()).map(|row| row as u32).collect(),
            Allowed::These(rows) => spread(rows.len()).map(|place| rows[place]).collect(),
        }
    }

    /// The `k` nearest chunks by cosine, nearest first.
    pub(crate) fn search(&self, vector: &[f32], k: usize, filter: &Filter) -> Result<Vec<Hit>, SearchError> {
        if vector.len() != self.dims {
            return Err(SearchError::Dimensions { expected: self.dims, got: vector.len() });
        }
        let rows = self.candidates(vector, k.saturating_mul(CANDIDATES_PER_HIT).max(FEWEST_CANDIDATES), filter);
        let bytes = self.dims * 2;
        let mut products = Products::new(vector);
        let mut scored: Vec<(f32, u32)> = rows
            .into_iter()
            .filter_map(|row| {
                let at = row as usize * bytes;
                Some((products.with(self.halves.get(at..at + bytes)?), row))
            })
            .collect();
        scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        scored.truncate(k);
        Ok(self.hits(&scored))
    }

    /// Rows that may be found and whose codes are nearest, `count` of them or all.
    fn candidates(&self, vector: &[f32], count: usize, filter: &Filter) -> Vec<u32> {
        let allowed = self.allowed(filter);
        let in_reach = match &allowed {
            Allowed::All => self.document_of.len(),
            Allowed::These(rows) => rows.len(),
        };
        if in_reach <= count {
            return match allowed {
                Allowed::All => (0..in_reach as u32).collect(),
                Allowed::These(rows) => rows,
            };
        }
        let query = encode(&self.rotation.rotate(vector));
        let mut counts = Vec::new();
        match allowed {
            Allowed::These(rows) if rows.len() * SPARSE < self.document_of.len() => {
                counts.extend(rows.iter().map(|row| difference(&self.codes, &query, *row as usize)));
                nearest(counts.iter().copied().zip(rows.iter().copied()), query.len() * 64, count)
            }
            Allowed::These(rows) => {
                differences(&self.codes, &query, &mut counts);
                nearest(rows.iter().map(|row| (counts[*row as usize], *row)), query.len() * 64, count)
            }
            Allowed::All => {
                differences(&self.codes, &query, &mut counts);
                counts.truncate(self.document_of.len());
                nearest(counts.iter().copied().zip(0..), query.len() * 64, count)
            }
        }
    }

    fn allowed(&self, filter: &Filter) -> Allowed {
        let documents = &self.documents;
        let is_allowed: Vec<bool> = match &filter.documents {
            None => documents.all_in(&filter.project),
            Some(wanted) => {
                let mut is_allowed = vec![false; documents.len()];
                for number in wanted.iter().filter_map(|id| documents.find(id)) {
                    is_allowed[number as usize] = documents.is_in(number, &filter.project);
                }
                is_allowed
            }
        };
        if self.live == self.document_of.len() as u64 && is_allowed.iter().all(|allowed| *allowed) {
            return Allowed::All;
        }
        let rows = self.document_of.iter().zip(0..).filter(|(document, _)| {
            **document != GONE && is_allowed.get(**document as usize).copied().unwrap_or(false)
        });
        Allowed::These(rows.map(|(_, row)| row).collect())
    }

    fn hits(&self, scored: &[(f32, u32)]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = scored
            .iter()
            .filter_map(|&(score, row)| {
                let document = self.documents.id(self.document_of[row as usize])?;
                Some(Hit { chunk: self.chunk(row)?, document, score })
            })
            .collect();
        hits.sort_by(|a, b| match b.score.total_cmp(&a.score) {
            Ordering::Equal => a.chunk.cmp(&b.chunk),
            other => other,
        });
        hits
    }
}

/// The rows a search may find.
enum Allowed {
    All,
    These(Vec<u32>),
}

/// The rows with the smallest counts, `wanted` of them, in no order: by counting how often
/// each count occurs, which needs no sorting.
fn nearest(rows: impl Iterator<Item = (u16, u32)> + Clone, largest: usize, wanted: usize) -> Vec<u32> {
    let mut histogram = vec![0_u32; largest + 1];
    for (count, _) in rows.clone() {
        histogram[usize::from(count)] += 1;
    }
    let mut limit = 0;
    let mut below = 0;
    while limit < largest && below + histogram[limit] as usize <= wanted {
        below += histogram[limit] as usize;
        limit += 1;
    }
    // Everything under the limit fits; of those at the limit, as many as still do.
    let mut at_limit = wanted.saturating_sub(below);
    let mut nearest = Vec::with_capacity(wanted);
    for (count, row) in rows {
        let count = usize::from(count);
        if count < limit {
            nearest.push(row);
        } else if count == limit && at_limit > 0 {
            at_limit -= 1;
            nearest.push(row);
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_are_those_with_the_smallest_counts() {
        let counts = [5_u16, 1, 3, 3, 0, 9, 3];
        let take = |wanted| nearest(counts.iter().copied().zip(0..), 9, wanted);
        assert_eq!(take(2), [1, 4]);
        assert_eq!(take(3), [1, 2, 4]);
        assert_eq!(take(5), [1, 2, 3, 4, 6]);
        assert_eq!(take(7).len(), 7);
    }
}
