//! Finding the nearest vectors.

use std::cmp::Ordering;

use super::{
    codes::{difference, differences, encode},
    halves::Products,
    rows::{GONE, Snapshot},
};
use crate::{Filter, Hit, SearchError};

/// Candidates of the codes that are scored exactly, at least.
const FEWEST_CANDIDATES: usize = 300;
/// Candidates for each hit that is asked for.
const CANDIDATES_PER_HIT: usize = 8;
/// When fewer than one row in this many may be found, codes are compared one by one.
const SPARSE: usize = 8;

impl Snapshot {
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
            None => documents.entries.iter().map(|entry| entry.project == filter.project).collect(),
            Some(wanted) => {
                let mut is_allowed = vec![false; documents.entries.len()];
                for number in wanted.iter().filter_map(|id| documents.numbers.get(id)) {
                    let number = *number as usize;
                    is_allowed[number] = documents.entries[number].project == filter.project;
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
                let document = self.documents.entries.get(self.document_of[row as usize] as usize)?.id.clone();
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
