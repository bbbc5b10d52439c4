//! A small library for tests.

use std::path::Path;

use pagemill_core::{ChunkId, DocumentId, ProjectId};
use pagemill_search::{Change, Filter, Hit, IndexedChunk, SearchIndex};

pub(crate) const DIMS: usize = 32;

pub(crate) fn open(dir: &Path) -> SearchIndex {
    SearchIndex::open(dir, DIMS, "test-model").unwrap()
}

pub(crate) fn project(name: &str) -> ProjectId {
    format!("prj_{name}").parse().unwrap()
}

pub(crate) fn document(name: &str) -> DocumentId {
    format!("doc_{name}").parse().unwrap()
}

pub(crate) fn chunk(name: &str) -> ChunkId {
    format!("chk_{name}").parse().unwrap()
}

/// A vector of length 1 that is another for every name.
pub(crate) fn vector(name: &str) -> Vec<f32> {
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let raw: Vec<f32> = (0..DIMS)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        })
        .collect();
    normalized(raw)
}

pub(crate) fn normalized(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    vector
}

/// A document with these chunks: names and texts.
pub(crate) fn upsert(in_project: &str, name: &str, version: u32, chunks: &[(&str, &str)]) -> Change {
    Change::Upsert {
        project: project(in_project),
        document: document(name),
        version,
        chunks: chunks
            .iter()
            .map(|(id, text)| IndexedChunk {
                id: chunk(id),
                text: (*text).to_owned(),
                title: String::new(),
                heading_path: Vec::new(),
            })
            .collect(),
    }
}

pub(crate) fn vectors(in_project: &str, name: &str, version: u32, chunks: &[&str], last: bool) -> Change {
    Change::Vectors {
        project: project(in_project),
        document: document(name),
        version,
        vectors: chunks.iter().map(|id| (chunk(id), vector(id))).collect(),
        last,
    }
}

pub(crate) fn remove(name: &str) -> Change {
    Change::Remove { document: document(name) }
}

pub(crate) fn everything(in_project: &str) -> Filter {
    Filter::project(project(in_project))
}

pub(crate) fn within(in_project: &str, documents: &[&str]) -> Filter {
    Filter { project: project(in_project), documents: Some(documents.iter().map(|name| document(name)).collect()) }
}

/// The chunks of hits, sorted.
pub(crate) fn names(hits: &[Hit]) -> Vec<String> {
    let mut names: Vec<String> = hits.iter().map(|hit| hit.chunk.as_str()["chk_".len()..].to_owned()).collect();
    names.sort();
    names
}

pub(crate) fn by_words(index: &SearchIndex, query: &str, filter: &Filter) -> Vec<String> {
    names(&index.lexical(query, 1000, filter).unwrap())
}

pub(crate) fn by_meaning(index: &SearchIndex, filter: &Filter) -> Vec<String> {
    names(&index.semantic(&vector("any"), 1000, filter).unwrap())
}
