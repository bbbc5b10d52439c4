//! Measures retrieval on test collections: `eval MODEL DIR…`, each folder as
//! [`pagemill_search::eval::Collection`] reads it. One line for each folder and mode.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{collections::HashMap, path::Path, time::Instant};

use pagemill_core::{ChunkId, DocumentId, ProjectId};
use pagemill_models::Embedder;
use pagemill_search::{
    Change, Filter, IndexedChunk, SearchIndex,
    eval::{Collection, Figures},
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let model = Embedder::open(Path::new(&arguments.next().expect("the first argument is the model file"))).unwrap();
    let modes = ["lexical", "semantic", "hybrid"];
    let mut means = [0.0; 3];
    let mut folders = 0;
    for folder in arguments {
        let collection = Collection::load(Path::new(&folder)).unwrap();
        let (index, names, _dir) = build(&collection, &model);
        for (mode, mean) in modes.iter().zip(&mut means) {
            let (figures, p50) = run(&index, &names, &collection, &model, mode);
            println!(
                "{:<14} {mode:<9} queries {:>4}  ndcg@10 {:.4}  recall@10 {:.4}  recall@100 {:.4}  mrr@10 {:.4}  p50 {p50:.2} ms",
                Path::new(&folder).file_name().unwrap().to_string_lossy(),
                figures.queries,
                figures.ndcg_10,
                figures.recall_10,
                figures.recall_100,
                figures.mrr_10,
            );
            *mean += figures.ndcg_10;
        }
        folders += 1;
    }
    for (mode, mean) in modes.iter().zip(means) {
        println!("mean           {mode:<9} ndcg@10 {:.4}", mean / f64::from(folders));
    }
}

/// An index of the collection, and the document each chunk is.
fn build(collection: &Collection, model: &Embedder) -> (SearchIndex, HashMap<ChunkId, String>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let index = SearchIndex::open(dir.path(), model.dims(), model.name()).unwrap();
    let project = ProjectId::default_project();
    let mut names = HashMap::new();
    let mut upserts = Vec::new();
    let mut vectors = Vec::new();
    for batch in collection.documents.chunks(512) {
        let texts: Vec<String> =
            batch.iter().map(|document| format!("{}\n{}", document.title, document.text)).collect();
        let texts: Vec<&str> = texts.iter().map(|text| text.trim()).collect();
        let embedded = model.embed(&texts, 2);
        for (entry, vector) in batch.iter().zip(embedded) {
            let (document, chunk) = (DocumentId::new(), ChunkId::new());
            names.insert(chunk.clone(), entry.id.clone());
            upserts.push(Change::Upsert {
                project: project.clone(),
                document: document.clone(),
                version: 1,
                chunks: vec![IndexedChunk {
                    id: chunk.clone(),
                    text: entry.text.clone(),
                    title: entry.title.clone(),
                    heading_path: Vec::new(),
                }],
            });
            vectors.push(Change::Vectors {
                project: project.clone(),
                document,
                version: 1,
                vectors: vec![(chunk, vector)],
                last: true,
            });
        }
    }
    index.apply(&upserts).unwrap();
    index.apply(&vectors).unwrap();
    index.commit(1).unwrap();
    (index, names, dir)
}

fn run(
    index: &SearchIndex,
    names: &HashMap<ChunkId, String>,
    collection: &Collection,
    model: &Embedder,
    mode: &str,
) -> (Figures, f64) {
    let filter = Filter::project(ProjectId::default_project());
    let mut rankings = HashMap::new();
    let mut times = Vec::new();
    for query in &collection.queries {
        let vector = model.embed_query(&query.text);
        let start = Instant::now();
        let hits = match mode {
            "lexical" => index.lexical(&query.text, 100, &filter),
            "semantic" => index.semantic(&vector, 100, &filter),
            _ => index.hybrid(&query.text, &vector, 100, &filter),
        };
        times.push(start.elapsed().as_secs_f64() * 1e3);
        let ranking = hits.unwrap().into_iter().map(|hit| names[&hit.chunk].clone()).collect();
        rankings.insert(query.id.clone(), ranking);
    }
    times.sort_by(f64::total_cmp);
    (Figures::of(collection, &rankings), times.get(times.len() / 2).copied().unwrap_or(0.0))
}
