//! Reads a PDF: bytes in, pages and warnings out. No files, no database, no async.

mod labels;
mod limits;
mod metadata;
mod open;
mod outline;
mod render;
#[cfg(test)]
mod test_pdf;
mod text_string;

pub use limits::Limits;
pub use open::{OpenOptions, Pdf, Warning, open};
pub use render::{Picture, Pixels, RenderOptions, Renderer};
