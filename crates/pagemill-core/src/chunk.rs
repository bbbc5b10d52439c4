//! Chunks: what is embedded and searched.

use serde::{Deserialize, Serialize};

use crate::{ChunkId, DocumentId};

/// What a chunk is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChunkKind {
    /// Running text.
    Text,
    /// A table or part of one.
    Table,
    /// A figure with its caption.
    Image,
    /// A figure or table with the paragraph it belongs to.
    Composite,
}

impl ChunkKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Text, Self::Table, Self::Image, Self::Composite];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Table => "table",
            Self::Image => "image",
            Self::Composite => "composite",
        }
    }

    /// The kind of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A stretch of a document, small enough to embed, that knows where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its identifier.
    pub id: ChunkId,
    /// The document it is from.
    pub document: DocumentId,
    /// The version of the document it was made for.
    pub version: u32,
    /// 0-based place among the chunks of its document.
    pub ordinal: u32,
    /// What it is made of.
    pub kind: ChunkKind,
    /// Its text, pieces of blocks joined by line feeds.
    pub text: String,
    /// The headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Which part of which block each part of `text` is.
    pub pieces: Vec<Piece>,
    /// Its length in tokens of the library's embedding model.
    pub tokens: u32,
}

impl Chunk {
    /// The first page it has words on, 1-based.
    pub fn first_page(&self) -> u32 {
        self.pieces.first().map_or(1, |piece| piece.page)
    }

    /// What the embedding model is given: the headings, then the text.
    pub fn embedding_text(&self) -> String {
        if self.heading_path.is_empty() {
            self.text.clone()
        } else {
            format!("{}\n{}", self.heading_path.join(" › "), self.text)
        }
    }
}

/// A part of a chunk's text that is a part of one block's text, letter for letter:
/// `chunk.text[start..end] == block.text[block_start..][..end - start]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Byte offset in the chunk's text.
    pub start: u32,
    /// Byte offset after its end in the chunk's text.
    pub end: u32,
    /// 1-based page the block begins on.
    pub page: u32,
    /// 0-based place of the block on that page.
    pub block: u32,
    /// Byte offset in the block's text.
    pub block_start: u32,
}
