//! Tests of the crate as a whole.
//!
//! They run on a small random model made through [`import`](crate::import()), and on
//! the real one too in builds that carry it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod embedder;
mod files;
mod lanes;
mod sample;
mod tokenizer;
