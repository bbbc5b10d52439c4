//! Reads a PDF: bytes in, pages and warnings out. No files, no database, no async.

mod annotations;
mod bidi;
mod boxes;
mod compounds;
mod content;
mod contents;
mod continuations;
mod contract;
mod figure_cut;
mod floats;
mod fonts;
mod format;
mod glyphs;
mod joins;
mod kind;
mod labels;
mod language;
mod layout;
mod levels;
mod limits;
mod metadata;
mod open;
mod outline;
#[cfg(test)]
mod page_snapshots;
mod pen;
mod profile;
mod read;
#[cfg(test)]
mod reading_tests;
mod recognised;
mod render;
mod salvage;
mod scan;
mod slanted;
mod structure;
mod table_text;
mod tables;
#[cfg(test)]
mod test_page;
#[cfg(test)]
mod test_pdf;
mod tex;
mod text_string;
mod title;
mod unreliable;
mod whole_tables;

pub use contract::{With, write_json};
pub use figure_cut::figure_cut;
pub use format::{to_markdown, to_text};
pub use limits::Limits;
pub use open::{OpenOptions, Pdf, Warning, open};
pub use read::{ReadOptions, Summary};
pub use recognised::{Recognised, Recognition, SeenWord, Upright};
pub use render::{Picture, Pixels, RenderOptions, Renderer};
pub use scan::{Gray, Scan, Turn};
pub use table_text::{TableForm, TableWriter};
pub use whole_tables::{TablePart, TableRows, WholeTable, column_count, goes_on, whole_tables};
