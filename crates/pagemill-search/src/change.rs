//! What goes into the indexes and what comes out.

use pagemill_core::{ChunkId, DocumentId, ProjectId};

/// A change of the library, in the order it happened.
#[derive(Clone, Debug)]
pub enum Change {
    /// A document has this text now, and no other. Vectors that another version of it
    /// had are gone with it.
    Upsert {
        /// The project of the document.
        project: ProjectId,
        /// The document.
        document: DocumentId,
        /// The version the chunks were made for.
        version: u32,
        /// All its chunks.
        chunks: Vec<IndexedChunk>,
    },
    /// Some chunks of a document have these vectors now.
    Vectors {
        /// The project of the document.
        project: ProjectId,
        /// The document.
        document: DocumentId,
        /// The version the chunks were made for.
        version: u32,
        /// Vectors by chunk, of the library's dimensions and of length 1.
        vectors: Vec<(ChunkId, Vec<f32>)>,
        /// Whether the version is complete with these: vectors of other versions go.
        last: bool,
    },
    /// A document is gone.
    Remove {
        /// The document.
        document: DocumentId,
    },
}

/// A chunk as the lexical index takes it.
#[derive(Clone, Debug)]
pub struct IndexedChunk {
    /// The chunk.
    pub id: ChunkId,
    /// Its text.
    pub text: String,
    /// The title of its document; empty when unknown.
    pub title: String,
    /// The headings above it, outermost first.
    pub heading_path: Vec<String>,
}

/// Where to search: always within one project.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The project whose chunks may be found.
    pub project: ProjectId,
    /// Only these documents of it, where given.
    pub documents: Option<Vec<DocumentId>>,
}

impl Filter {
    /// Everything in a project.
    pub fn project(project: ProjectId) -> Self {
        Self { project, documents: None }
    }
}

/// A chunk that was found. Scores order the hits of one search; they do not compare across modes.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// Higher is better. In semantic search it is the cosine.
    pub score: f32,
}

/// How big the indexes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexStats {
    /// Chunks that can be found by words.
    pub chunks: u64,
    /// Chunks that can be found by meaning.
    pub vectors: u64,
    /// Entries that are deleted but still take up space, in both indexes.
    pub deleted: u64,
    /// Bytes on disk.
    pub bytes: u64,
}
