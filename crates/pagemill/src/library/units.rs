//! Keys of units: one hash of all that a unit's output depends on.
//!
//! Work is kept under its key and found by it again: after a restart, in a new version, in another document with the
//! same bytes. Whoever changes what a stage makes of its input raises its number in [`code_version`].

use pagemill_core::{Chunk, Page, Stage};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Library;

/// Pages of a unit of `parse`: what a kill can cost at most.
pub(crate) const UNIT_PAGES: u32 = 16;

/// The version of a stage's code: raised when it makes something else of the same input, so that old output is not
/// taken for what it would make now.
const fn code_version(stage: Stage) -> u32 {
    match stage {
        Stage::Parse => 3,
        Stage::Ocr => 3,
        Stage::Chunk => 1,
        Stage::Embed => 1,
        // They keep nothing under a key.
        Stage::Index | Stage::Finish => 0,
    }
}

/// The key of a stage's units: a hash of the stage, its code, its input and the settings that its output depends on.
pub(crate) fn unit_key(stage: Stage, input: &str, settings: &impl Serialize) -> String {
    let all = (stage.as_str(), code_version(stage), input, settings);
    let mut hash = Sha256::new();
    // What is hashed here are texts and numbers, which can always be written; a failure would give one key to all
    // settings, so that nothing may be found under it.
    match serde_json::to_vec(&all) {
        Ok(bytes) => hash.update(bytes),
        Err(_unwritable) => return String::new(),
    }
    hex::encode(&hash.finalize()[..16])
}

/// The key of the pages of a file. Limits are not part of it: a page that a limit cost is never taken over.
pub(crate) fn parse_key(sha256: &str) -> String {
    unit_key(Stage::Parse, sha256, &[("unit_pages", UNIT_PAGES)])
}

/// The key of what OCR reads on a page of a file: with which engine, in which languages.
pub(crate) fn ocr_key(sha256: &str, page: u32, engine: &str, languages: &str) -> String {
    unit_key(Stage::Ocr, sha256, &(page, engine, languages))
}

/// The settings that chunks depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ChunkSettings<'a> {
    /// Most tokens of a chunk.
    pub(crate) tokens: usize,
    /// Tokens repeated from the one before.
    pub(crate) overlap: usize,
    /// The model that counts the tokens; empty without one.
    pub(crate) model: &'a str,
}

/// What the embedding model adds to every text by itself.
const SPECIAL_TOKENS: usize = 2;
/// A library without a model counts about so many tokens to a word.
const FALLBACK_TOKENS: usize = 256;

impl Library {
    /// The settings that chunks are made with now.
    pub(crate) fn chunk_settings(&self) -> ChunkSettings<'_> {
        let (settings, embedder) = (self.settings(), self.embedder());
        let most = embedder.map_or(FALLBACK_TOKENS, |embedder| embedder.max_tokens() - SPECIAL_TOKENS);
        let tokens = settings.chunk_tokens.min(most);
        // A model that sees less at once gets shorter chunks, and proportionally less repetition.
        let overlap = settings.chunk_overlap * tokens / settings.chunk_tokens;
        ChunkSettings { tokens, overlap, model: embedder.map_or("", |embedder| embedder.name()) }
    }
}

/// The key of the chunks of pages. Of a block counts what chunks are made from: kind, level, text and cells.
pub(crate) fn chunk_key(pages: &[Page], settings: &ChunkSettings<'_>) -> String {
    let mut hash = Sha256::new();
    for page in pages {
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        field(&page.number.to_le_bytes());
        field(&(page.blocks.len() as u64).to_le_bytes());
        for block in &page.blocks {
            field(block.kind.as_str().as_bytes());
            field(&[block.level.map_or(0, |level| level.saturating_add(1))]);
            field(block.text.as_bytes());
            for cell in &block.cells {
                field(&[u8::from(cell.header)]);
                field(&cell.row.to_le_bytes());
            }
        }
    }
    unit_key(Stage::Chunk, &hex::encode(hash.finalize()), settings)
}

/// The key of a chunk's vector, which is kept once for all chunks of a library that say the same.
pub(crate) fn vector_key(chunk: &Chunk, model: &str) -> String {
    unit_key(Stage::Embed, &chunk.embedding_text(), &[("model", model)])
}

/// The key of the units of `embed`: their vectors have keys of their own, and go when the chunks are cut anew.
pub(crate) fn embed_key(model: &str) -> String {
    unit_key(Stage::Embed, "", &[("model", model)])
}

#[cfg(test)]
mod tests {
    use pagemill_core::{Block, BlockKind, PageSource, Rect};

    use super::*;

    fn page(number: u32, texts: &[&str]) -> Page {
        let block = |text: &&str| Block {
            kind: BlockKind::Paragraph,
            level: None,
            text: (*text).to_owned(),
            bbox: Rect::new(0.0, 0.0, 1.0, 1.0),
            cells: Vec::new(),
            float: None,
            words: Vec::new(),
        };
        Page {
            width: 1.0,
            height: 1.0,
            source: PageSource::Text,
            reason: None,
            blocks: texts.iter().map(block).collect(),
            ..Page::failed(number, "")
        }
    }

    #[test]
    fn a_key_changes_with_all_that_the_output_depends_on_and_with_nothing_else() {
        let settings = ChunkSettings { tokens: 512, overlap: 50, model: "m" };
        let pages = [page(1, &["a", "b"]), page(2, &["c"])];
        let key = chunk_key(&pages, &settings);
        let mut moved = pages.to_vec();
        moved[0].blocks[0].bbox = Rect::new(5.0, 5.0, 9.0, 9.0);
        moved[0].label = Some("i".to_owned());
        assert_eq!(chunk_key(&moved, &settings), key);
        let others = [
            chunk_key(&pages, &ChunkSettings { tokens: 256, ..settings }),
            chunk_key(&pages, &ChunkSettings { overlap: 0, ..settings }),
            chunk_key(&pages, &ChunkSettings { model: "n", ..settings }),
            chunk_key(&[page(1, &["a"]), page(2, &["b", "c"])], &settings),
            chunk_key(&[page(1, &["ab"]), page(2, &["c"])], &settings),
            chunk_key(&[page(1, &["a", "b"]), page(3, &["c"])], &settings),
            chunk_key(&pages[..1], &settings),
            parse_key("a"),
            parse_key("b"),
            embed_key("m"),
            embed_key("n"),
        ];
        let distinct: std::collections::BTreeSet<&String> = others.iter().chain([&key]).collect();
        assert_eq!(distinct.len(), others.len() + 1);
    }
}
