//! Stages, queues and priorities.

use serde::{Deserialize, Serialize};

/// A step of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Pages and blocks from the file.
    Parse,
    /// Words from the pictures of pages without usable text.
    Ocr,
    /// Chunks from the blocks.
    Chunk,
    /// A vector for each chunk.
    Embed,
    /// Both indexes know the document.
    Index,
    /// Counts, timings, status.
    Finish,
}

impl Stage {
    /// Every stage, in the order they run.
    pub const ALL: [Self; 6] = [Self::Parse, Self::Ocr, Self::Chunk, Self::Embed, Self::Index, Self::Finish];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Ocr => "ocr",
            Self::Chunk => "chunk",
            Self::Embed => "embed",
            Self::Index => "index",
            Self::Finish => "finish",
        }
    }

    /// The stage of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word)
    }

    /// The queue its jobs wait in.
    pub fn queue(self) -> Queue {
        match self {
            Self::Parse | Self::Chunk | Self::Finish => Queue::Default,
            Self::Ocr => Queue::Images,
            Self::Embed | Self::Index => Queue::Embeddings,
        }
    }

    /// The stage after it, or `None` for the last.
    pub fn next(self) -> Option<Self> {
        let place = Self::ALL.iter().position(|stage| *stage == self)?;
        Self::ALL.get(place + 1).copied()
    }

    /// The checkpoint users see when it is done, where it has one.
    pub fn checkpoint(self) -> Option<&'static str> {
        match self {
            Self::Parse => Some("PAGES_PARSED"),
            Self::Chunk => Some("CHUNKS_CREATED"),
            Self::Finish => Some("COMPLETED"),
            Self::Ocr | Self::Embed | Self::Index => None,
        }
    }
}

/// A queue: jobs by the resource they use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Queue {
    /// Reading and bookkeeping.
    Default,
    /// Pictures: OCR, figures, descriptions.
    Images,
    /// Vectors and indexes.
    Embeddings,
}

impl Queue {
    /// Every queue.
    pub const ALL: [Self; 3] = [Self::Default, Self::Images, Self::Embeddings];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Images => "images",
            Self::Embeddings => "embeddings",
        }
    }

    /// The queue of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == word)
    }
}

/// How urgent a task is; lower runs first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Someone is looking at the page and waits.
    High = 0,
    /// The usual.
    #[default]
    Normal = 1,
    /// Whenever there is time.
    Batch = 2,
}

impl Priority {
    /// The priority of a stored number; unknown numbers are `Batch`.
    pub fn from_number(number: i64) -> Self {
        match number {
            0 => Self::High,
            1 => Self::Normal,
            _ => Self::Batch,
        }
    }
}
