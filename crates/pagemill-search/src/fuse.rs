//! Making one ranking of two.

use std::collections::HashMap;

use pagemill_core::ChunkId;

use crate::Hit;

/// How much the first places stand out.
const RANK_OFFSET: f32 = 60.0;

/// The best `k` of both rankings.
pub(crate) fn fuse(lexical: Vec<Hit>, semantic: Vec<Hit>, k: usize) -> Vec<Hit> {
    let mut fused: HashMap<ChunkId, Hit> = HashMap::new();
    for ranking in [lexical, semantic] {
        for (rank, hit) in ranking.into_iter().enumerate() {
            let score = 1.0 / (RANK_OFFSET + rank as f32 + 1.0);
            fused.entry(hit.chunk.clone()).or_insert(Hit { score: 0.0, ..hit }).score += score;
        }
    }
    let mut hits: Vec<Hit> = fused.into_values().collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.chunk.cmp(&b.chunk)));
    hits.truncate(k);
    hits
}
