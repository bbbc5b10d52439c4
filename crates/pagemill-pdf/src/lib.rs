//! Reads a PDF: bytes in, pages and warnings out. No files, no database, no async.

mod limits;
mod open;

pub use limits::Limits;
pub use open::{OpenOptions, Pdf, Warning, open};
