//! Tests of the indexes as their caller sees them.
#![allow(clippy::unwrap_used, missing_docs)]

mod answers;
mod durability;
mod model;
mod queries;
mod recall;
mod world;
