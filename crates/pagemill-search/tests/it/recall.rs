//! How much of the exact ten the quantised index finds.

use pagemill_core::{ChunkId, DocumentId, ProjectId};
use pagemill_search::{Change, Filter, SearchIndex};

use crate::world::normalized;

const DIMS: usize = 384;
const VECTORS: usize = 12_000;
const CLUSTERS: usize = 120;

/// Numbers near the normal distribution, the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        (0..4)
            .map(|_| {
                self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
            })
            .sum()
    }

    fn near(&mut self, centre: &[f32], spread: f32) -> Vec<f32> {
        normalized(centre.iter().map(|value| value + spread * self.next()).collect())
    }
}

#[test]
fn nearly_all_of_the_exact_ten_are_found() {
    let mut random = Random(11);
    let zero = vec![0.0; DIMS];
    let centres: Vec<Vec<f32>> = (0..CLUSTERS).map(|_| random.near(&zero, 1.0)).collect();
    let all: Vec<(ChunkId, Vec<f32>)> =
        (0..VECTORS).map(|number| (ChunkId::new(), random.near(&centres[number % CLUSTERS], 0.05))).collect();
    let dir = tempfile::tempdir().unwrap();
    let index = SearchIndex::open(dir.path(), DIMS, "test").unwrap();
    let (project, document) = (ProjectId::default_project(), DocumentId::new());
    for part in all.chunks(3000) {
        let change = Change::Vectors {
            project: project.clone(),
            document: document.clone(),
            version: 1,
            vectors: part.to_vec(),
            last: false,
        };
        index.apply(&[change]).unwrap();
    }
    index.commit(1).unwrap();

    let filter = Filter::project(project);
    let mut found = 0;
    let queries = 60;
    for number in 0..queries {
        let query = random.near(&centres[number * 7 % CLUSTERS], 0.05);
        let mut exact: Vec<(f32, &ChunkId)> =
            all.iter().map(|(chunk, vector)| (query.iter().zip(vector).map(|(a, b)| a * b).sum(), chunk)).collect();
        exact.sort_by(|a, b| b.0.total_cmp(&a.0));
        let hits = index.semantic(&query, 10, &filter).unwrap();
        assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
        found += hits.iter().filter(|hit| exact[..10].iter().any(|(_, chunk)| **chunk == hit.chunk)).count();
    }
    let recall = found as f64 / (queries * 10) as f64;
    assert!(recall >= 0.98, "recall@10 is {recall}");
}
