//! The vector index: flat, quantised to one bit a dimension, rescored from 16-bit floats.
//!
//! A search scans the codes of all vectors (48 bytes each at 384 dimensions), keeps the
//! candidates with the fewest differing bits, and orders those by the exact product with
//! their stored vectors, read through a memory map. Nothing is built: adding is appending,
//! deleting is a bit, a filter makes the search faster.

mod codes;
mod documents;
mod files;
mod halves;
mod rotation;
mod rows;
mod search;
mod writer;

pub(crate) use halves::dot;
pub(crate) use rows::Snapshot;
pub(crate) use search::Nearness;
pub(crate) use writer::VectorWriter;
