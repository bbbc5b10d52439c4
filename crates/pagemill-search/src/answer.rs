//! Extractive answers: the sentences of the found passages that answer a question, or
//! nothing when the library does not hold an answer.

use pagemill_core::ChunkId;

/// A found passage, best first.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The chunk it is.
    pub chunk: ChunkId,
    /// Its text.
    pub text: String,
    /// The score of the hit.
    pub score: f32,
}

/// A quoted sentence: a byte range of a passage's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Quoted {
    /// The chunk it is from.
    pub chunk: ChunkId,
    /// Byte offset of its first character in the passage's text.
    pub start: usize,
    /// Byte offset after its last character.
    pub end: usize,
    /// How well it answers, 0 to 1.
    pub score: f32,
}

/// How much is looked at and how much is said.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Passages that are looked at.
    pub passages: usize,
    /// Sentences that are embedded: the costly part.
    pub embedded: usize,
    /// Sentences of an answer at most.
    pub sentences: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { passages: 10, embedded: 48, sentences: 4 }
    }
}

/// What makes vectors of sentences, in order; `None` when there is no model.
pub type Embed<'a> = dyn Fn(&[&str]) -> Option<Vec<Vec<f32>>> + 'a;

/// How rare a word of the question is: its inverse document frequency in the library.
pub type Rarity<'a> = dyn Fn(&str) -> f32 + 'a;

/// The sentences that answer the question, in readable order; `None` when the evidence is
/// too weak to call it an answer.
pub fn extract(
    _question: &str,
    _passages: &[Passage],
    _embed: &Embed<'_>,
    _query_vector: Option<&[f32]>,
    _limits: Limits,
) -> Option<Vec<Quoted>> {
    None
}
