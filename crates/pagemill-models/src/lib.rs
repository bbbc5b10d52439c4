//! The built-in embedding model, all-MiniLM-L6-v2: texts in, vectors out, in this process.
//!
//! Entry points: [`Embedder`] runs a model file; [`import()`] makes one from the
//! files the model is published as. The encoder is our own (`encoder`), with weights
//! and products of 8 bits, written once over vectors of sixteen numbers (`lanes`).
//! `docs/decisions/0001-own-encoder.md` has the reasons and the figures.

mod attention;
mod embedder;
mod encoder;
mod error;
mod format;
mod functions;
mod gemm;
mod import;
mod lanes;
mod model;
mod source;
#[cfg(test)]
mod tests;
mod tokenizer;
mod vocabulary;

pub use embedder::Embedder;
pub use error::ModelError;
pub use import::{ImportReport, import};

/// What the model file is called, in the workspace's `models/` folder and elsewhere.
pub const MODEL_FILE: &str = "all-MiniLM-L6-v2.pmm";

/// The model file this build carries; its checksum was compared by the build script.
#[cfg(builtin_model)]
const BUILTIN: Option<&[u8]> = Some(include_bytes!(env!("PAGEMILL_BUILTIN_MODEL")));
#[cfg(not(builtin_model))]
const BUILTIN: Option<&[u8]> = None;
