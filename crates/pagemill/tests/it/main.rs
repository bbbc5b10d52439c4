//! Tests as a person would use it: the real binary, real PDFs, a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod answers;
mod backups;
mod bad_input;
mod browser;
mod cell;
mod changes;
mod compare;
mod documents;
mod floats;
mod hostile;
mod kills;
mod made_pdf;
mod ocr;
mod reading;
mod restart;
mod search;
mod server;
mod support;
mod tasks;
mod webhooks;
mod websocket;
