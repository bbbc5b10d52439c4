//! The lexical index: words, BM25, tantivy beneath.

mod arabic;
mod index;
mod language;
mod query;
mod score;
mod stop;
mod words;

pub(crate) use index::{TextReader, TextWriter, open};
pub(crate) use query::TextQuery;

pub(crate) use language::{Language, Script};
pub(crate) use stop::is_stop_word;
pub(crate) use words::{Word, term, words};
