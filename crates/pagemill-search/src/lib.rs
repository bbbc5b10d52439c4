//! Finding passages: a lexical index, a vector index, their fusion, extractive
//! answers, and the figures that say how well all of it works.
//!
//! Everything here is derived data. The database is the truth; an index knows up to
//! which change it is built, replays what it missed, and is thrown away when it is
//! damaged, of another format or of another model. The crate does no network or
//! database work and embeds nothing: vectors come in as slices.

pub mod answer;
mod change;
mod error;
pub mod eval;
mod fuse;
mod index;
mod text;
mod vectors;

pub use answer::{Passage, Quoted};
pub use change::{Change, Filter, Hit, IndexStats, IndexedChunk};
pub use error::SearchError;
pub use index::SearchIndex;
