//! The two indexes as one thing.

use std::path::Path;

use crate::{Change, Filter, Hit, IndexStats, SearchError};

/// The lexical and the vector index of a library.
///
/// One writer at a time (calls wait for each other), any number of readers that never wait for it.
pub struct SearchIndex {}

impl SearchIndex {
    /// Opens the indexes in a folder, and creates what is missing.
    ///
    /// What is damaged, of another format or of another model is wiped with a warning; the
    /// numbers it was built to are then 0, and the caller replays every change.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn open(_dir: &Path, _dims: usize, _model: &str) -> Result<Self, SearchError> {
        Ok(Self {})
    }

    /// The number of the change up to which words are durably searchable.
    pub fn lexical_built_to(&self) -> i64 {
        0
    }

    /// The number of the change up to which vectors are durably searchable.
    pub fn vectors_built_to(&self) -> i64 {
        0
    }

    /// Takes changes in, in order. They are neither searchable nor durable before
    /// [`commit`](Self::commit). Changes that are replayed leave the same state.
    ///
    /// # Errors
    /// When a file cannot be written. Everything applied since the last commit is then
    /// forgotten: replay from the numbers built to.
    pub fn apply(&self, _changes: &[Change]) -> Result<(), SearchError> {
        Ok(())
    }

    /// Makes what was applied searchable and durable, as the state after change `up_to`.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn commit(&self, _up_to: i64) -> Result<(), SearchError> {
        Ok(())
    }

    /// The best `k` chunks by words.
    ///
    /// # Errors
    /// When the index cannot be read. No query text is an error.
    pub fn lexical(&self, _query: &str, _k: usize, _filter: &Filter) -> Result<Vec<Hit>, SearchError> {
        Ok(Vec::new())
    }

    /// The best `k` chunks by meaning, nearest first.
    ///
    /// # Errors
    /// When the vector has the wrong dimensions.
    pub fn semantic(&self, _vector: &[f32], _k: usize, _filter: &Filter) -> Result<Vec<Hit>, SearchError> {
        Ok(Vec::new())
    }

    /// The best `k` chunks by both.
    ///
    /// # Errors
    /// As [`lexical`](Self::lexical) and [`semantic`](Self::semantic).
    pub fn hybrid(
        &self,
        _query: &str,
        _vector: &[f32],
        _k: usize,
        _filter: &Filter,
    ) -> Result<Vec<Hit>, SearchError> {
        Ok(Vec::new())
    }

    /// How big the indexes are.
    pub fn stats(&self) -> IndexStats {
        IndexStats::default()
    }
}
