//! Searching beside its peers in one run: our vector index beside usearch (HNSW, 16-bit
//! floats) and an exact scan, our scoring of words beside tantivy's own.
//!
//! `cargo bench -p pagemill-benches --bench search [-- VECTORS CHUNKS]`
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use pagemill_core::{ChunkId, DocumentId, ProjectId};
use pagemill_search::{Change, Filter, IndexedChunk, SearchIndex};
use tantivy::{
    Index, TantivyDocument,
    collector::TopDocs,
    query::QueryParser,
    schema::{Schema, TEXT},
};
use usearch::{IndexOptions, MetricKind, ScalarKind};

const DIMS: usize = 384;
const QUERIES: usize = 200;
const WORDS_IN_CHUNK: usize = 200;
const VOCABULARY: usize = 50_000;

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn normal(&mut self) -> f32 {
        (0..4).map(|_| self.unit() * 2.0 - 1.0).sum()
    }

    fn near(&mut self, centre: &[f32], spread: f32) -> Vec<f32> {
        let raw: Vec<f32> = centre.iter().map(|value| value + spread * self.normal()).collect();
        let length = raw.iter().map(|value| value * value).sum::<f32>().sqrt();
        raw.into_iter().map(|value| value / length).collect()
    }

    /// A word by Zipf's law: the rank is spread evenly on a logarithmic scale.
    fn word(&mut self) -> String {
        let rank = (VOCABULARY as f32).powf(self.unit()) as usize;
        format!("w{rank}")
    }
}

fn main() {
    let mut sizes = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    vectors(sizes.next().unwrap_or(30_000));
    words(sizes.next().unwrap_or(30_000));
}

fn milliseconds(mut run: impl FnMut(usize)) -> f64 {
    let mut times: Vec<f64> = (0..QUERIES)
        .map(|number| {
            let start = Instant::now();
            run(number);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[QUERIES / 2]
}

fn vectors(count: usize) {
    let mut random = Random(7);
    let zero = vec![0.0; DIMS];
    let centres: Vec<Vec<f32>> = (0..count / 100 + 1).map(|_| random.near(&zero, 1.0)).collect();
    let all: Vec<(ChunkId, Vec<f32>)> =
        (0..count).map(|number| (ChunkId::new(), random.near(&centres[number % centres.len()], 0.05))).collect();
    let queries: Vec<Vec<f32>> =
        (0..QUERIES).map(|number| random.near(&centres[number * 31 % centres.len()], 0.05)).collect();

    let exact: Vec<Vec<usize>> = queries.iter().map(|query| scan(query, &all)).collect();
    let scan_time = milliseconds(|number| drop(scan(&queries[number], &all)));

    let dir = tempfile::tempdir().unwrap();
    let index = SearchIndex::open(dir.path(), DIMS, "bench").unwrap();
    let filter = Filter::project(ProjectId::default_project());
    let start = Instant::now();
    for part in all.chunks(1000) {
        let change = Change::Vectors {
            project: filter.project.clone(),
            document: DocumentId::new(),
            version: 1,
            vectors: part.to_vec(),
            last: true,
        };
        index.apply(&[change]).unwrap();
    }
    index.commit(1).unwrap();
    let build = start.elapsed().as_secs_f64();
    let time = milliseconds(|number| drop(index.semantic(&queries[number], 10, &filter).unwrap()));
    let found = |number: usize| -> usize {
        let hits = index.semantic(&queries[number], 10, &filter).unwrap();
        hits.iter().filter(|hit| exact[number].iter().any(|row| all[*row].0 == hit.chunk)).count()
    };
    let recall = (0..QUERIES).map(found).sum::<usize>() as f64 / (QUERIES * 10) as f64;

    let options = IndexOptions {
        dimensions: DIMS,
        metric: MetricKind::IP,
        quantization: ScalarKind::F16,
        expansion_search: 128,
        ..IndexOptions::default()
    };
    let peer = usearch::new_index(&options).unwrap();
    peer.reserve(count).unwrap();
    let start = Instant::now();
    for (row, (_, vector)) in all.iter().enumerate() {
        peer.add(row as u64, vector).unwrap();
    }
    let peer_build = start.elapsed().as_secs_f64();
    let peer_time = milliseconds(|number| drop(peer.search(&queries[number], 10).unwrap()));
    let peer_found = |number: usize| -> usize {
        let keys = peer.search(&queries[number], 10).unwrap().keys;
        keys.iter().filter(|key| exact[number].contains(&(**key as usize))).count()
    };
    let peer_recall = (0..QUERIES).map(peer_found).sum::<usize>() as f64 / (QUERIES * 10) as f64;

    println!("{count} vectors of {DIMS} dimensions, 10 nearest, median of {QUERIES} queries, one thread");
    println!("  pagemill   {time:.3} ms  recall@10 {recall:.4}  build {build:.1} s");
    println!("  usearch    {peer_time:.3} ms  recall@10 {peer_recall:.4}  build {peer_build:.1} s");
    println!("  exact f32  {scan_time:.3} ms  recall@10 1.0000");
    println!("  usearch takes {:.2} x as long to search, {:.1} x to build", peer_time / time, peer_build / build);
}

fn scan(query: &[f32], all: &[(ChunkId, Vec<f32>)]) -> Vec<usize> {
    let mut scored: Vec<(f32, usize)> = all
        .iter()
        .enumerate()
        .map(|(row, (_, vector))| (query.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>(), row))
        .collect();
    scored.select_nth_unstable_by(10, |a, b| b.0.total_cmp(&a.0));
    scored[..10].iter().map(|(_, row)| *row).collect()
}

fn words(count: usize) {
    let mut random = Random(9);
    let texts: Vec<String> =
        (0..count).map(|_| (0..WORDS_IN_CHUNK).map(|_| random.word()).collect::<Vec<_>>().join(" ")).collect();
    let queries: Vec<String> =
        (0..QUERIES).map(|number| (0..3 + number % 6).map(|_| random.word()).collect::<Vec<_>>().join(" ")).collect();

    let dir = tempfile::tempdir().unwrap();
    let index = SearchIndex::open(dir.path(), DIMS, "bench").unwrap();
    let filter = Filter::project(ProjectId::default_project());
    let start = Instant::now();
    for part in texts.chunks(100) {
        let chunks = part.iter().map(|text| IndexedChunk {
            id: ChunkId::new(),
            text: text.clone(),
            title: String::new(),
            heading_path: Vec::new(),
        });
        let change = Change::Upsert {
            project: filter.project.clone(),
            document: DocumentId::new(),
            version: 1,
            chunks: chunks.collect(),
        };
        index.apply(&[change]).unwrap();
    }
    index.commit(1).unwrap();
    let build = start.elapsed().as_secs_f64();
    let time = milliseconds(|number| drop(index.lexical(&queries[number], 10, &filter).unwrap()));

    let mut schema = Schema::builder();
    let field = schema.add_text_field("text", TEXT);
    let peer = Index::create_in_ram(schema.build());
    let start = Instant::now();
    let mut writer = peer.writer_with_num_threads(1, 40 << 20).unwrap();
    for text in &texts {
        let mut document = TantivyDocument::new();
        document.add_text(field, text);
        writer.add_document(document).unwrap();
    }
    writer.commit().unwrap();
    let peer_build = start.elapsed().as_secs_f64();
    let searcher = peer.reader().unwrap().searcher();
    let parser = QueryParser::for_index(&peer, vec![field]);
    let peer_time = milliseconds(|number| {
        let query = parser.parse_query(&queries[number]).unwrap();
        drop(searcher.search(&query, &TopDocs::with_limit(10).order_by_score()).unwrap());
    });
    println!("{count} chunks of {WORDS_IN_CHUNK} words, queries of 3 to 8 words, 10 best, median of {QUERIES} queries");
    println!("  pagemill        {time:.3} ms  build {build:.1} s");
    println!("  tantivy's own   {peer_time:.3} ms  build {peer_build:.1} s");
    println!("  tantivy's own takes {:.2} x as long", peer_time / time);
}
