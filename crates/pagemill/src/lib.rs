//! Pagemill, the product: the library as the faces see it, the pipeline, the cell
//! that reads untrusted files, the HTTP API, the web page and the command line.

pub mod api;
pub mod bench;
pub mod cell;
pub mod cli;
pub mod config;
pub mod eval;
mod heap;
pub mod jobs;
pub mod library;
pub mod ocr;
mod web;
