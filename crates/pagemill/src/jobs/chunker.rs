//! Blocks to chunks: pure, so that the same blocks always give the same chunks.
//!
//! Chunks follow headings and blocks. Text is cut between blocks, else between
//! sentences, else between words, and never grows past the token limit. Tables
//! stay whole while they fit, and repeat their header row when they do not.

use std::ops::Range;

use pagemill_core::{Block, BlockKind, Chunk, ChunkId, ChunkKind, DocumentId, Piece};

/// How long chunks may be.
#[derive(Clone, Copy, Debug)]
pub struct ChunkSizes {
    /// Most tokens of a chunk, its headings included.
    pub tokens: usize,
    /// Tokens a chunk repeats from the one before it in the same section.
    pub overlap: usize,
}

/// Where each token of a text ends, in bytes.
pub type TokenEnds<'a> = dyn Fn(&str) -> Vec<u32> + 'a;

/// Cuts a document into chunks. `pages` are the numbers of the pages with their blocks, in order.
pub fn chunk_document(
    document: &DocumentId,
    version: u32,
    pages: &[(u32, Vec<Block>)],
    sizes: ChunkSizes,
    token_ends: &TokenEnds<'_>,
) -> Vec<Chunk> {
    let mut chunker = Chunker {
        document,
        version,
        sizes,
        token_ends,
        path: Vec::new(),
        draft: Draft::default(),
        unsaid: None,
        chunks: Vec::new(),
    };
    for (page, blocks) in pages {
        for (place, block) in blocks.iter().enumerate() {
            chunker.add(&Source { page: *page, block: place as u32, text: &block.text }, block);
        }
    }
    chunker.flush(ChunkKind::Text);
    chunker.say_heading();
    chunker.chunks
}

/// A block and its place.
#[derive(Clone)]
struct Source<'a> {
    page: u32,
    block: u32,
    text: &'a str,
}

struct Chunker<'a> {
    document: &'a DocumentId,
    version: u32,
    sizes: ChunkSizes,
    token_ends: &'a TokenEnds<'a>,
    /// Headings above the place we are at, with their levels.
    path: Vec<(u8, String)>,
    draft: Draft,
    /// A heading that no text has followed yet, as it would stand in a chunk.
    unsaid: Option<Draft>,
    chunks: Vec<Chunk>,
}

/// A chunk in the making.
#[derive(Clone, Default)]
struct Draft {
    text: String,
    pieces: Vec<Piece>,
    tokens: usize,
    path: Vec<String>,
    /// Tokens that are repeated from the chunk before: not worth a chunk by themselves.
    repeated: usize,
}

/// Sections shorter than this share of a chunk are kept together with the next one.
const SHORT_SECTION: f32 = 0.5;
/// Headings take at most this share of a chunk.
const PATH_SHARE: usize = 4;

impl Chunker<'_> {
    fn add(&mut self, source: &Source<'_>, block: &Block) {
        if source.text.trim().is_empty() {
            return;
        }
        match block.kind {
            BlockKind::Header | BlockKind::Footer => {}
            BlockKind::Heading => self.add_heading(source, block.level.unwrap_or(1)),
            BlockKind::Table => self.add_table(source, block),
            BlockKind::Paragraph
            | BlockKind::ListItem
            | BlockKind::Figure
            | BlockKind::Caption
            | BlockKind::Footnote
            | BlockKind::Formula => self.add_text(source),
        }
    }

    fn add_heading(&mut self, source: &Source<'_>, level: u8) {
        self.path.retain(|(above, _)| *above < level);
        self.path.push((level, pagemill_core::excerpt(source.text.trim(), 200)));
        let budget = self.budget();
        let small = (self.draft.tokens as f32) < budget as f32 * SHORT_SECTION;
        if small && !self.draft.pieces.is_empty() {
            // A short section: the heading goes on in the same chunk, as part of its text.
            self.append_cut(source, budget);
            return;
        }
        self.flush(ChunkKind::Text);
        self.say_heading();
        let mut alone = Draft { path: self.parents(), ..Draft::default() };
        let ends = (self.token_ends)(source.text);
        alone.push(source, 0..source.text.len(), ends.len());
        self.unsaid = Some(alone);
    }

    /// Headings above the last one.
    fn parents(&self) -> Vec<String> {
        self.path.iter().rev().skip(1).rev().map(|(_, text)| text.clone()).collect()
    }

    /// A heading without text of its own is still findable: it becomes a chunk.
    fn say_heading(&mut self) {
        if let Some(heading) = self.unsaid.take() {
            self.emit(heading, ChunkKind::Text);
        }
    }

    fn add_text(&mut self, source: &Source<'_>) {
        self.unsaid = None;
        let budget = self.budget();
        self.append_cut(source, budget);
    }

    /// Appends a block's text, cut where chunks end.
    fn append_cut(&mut self, source: &Source<'_>, budget: usize) {
        let ends = (self.token_ends)(source.text);
        if self.draft.tokens + ends.len() <= budget {
            self.draft_for(source, 0..source.text.len(), ends.len());
            return;
        }
        // The block does not fit behind what is there. If it fits alone, it stays whole.
        if ends.len() + self.sizes.overlap <= budget && self.draft.tokens * 3 >= budget {
            self.flush_with_overlap();
            self.draft_for(source, 0..source.text.len(), ends.len());
            return;
        }
        let mut at = 0;
        let mut token = 0;
        while token < ends.len() {
            let room = budget.saturating_sub(self.draft.tokens);
            let (end, until) = cut(source.text, &ends, at, token, room);
            if until == token {
                self.flush_with_overlap();
                if self.draft.tokens * 2 > budget {
                    self.draft = Draft::default();
                }
                continue;
            }
            self.draft_for(source, at..end, until - token);
            (at, token) = (end, until);
            at += source.text[at..].len() - source.text[at..].trim_start().len();
        }
    }

    fn draft_for(&mut self, source: &Source<'_>, range: Range<usize>, tokens: usize) {
        if self.draft.pieces.is_empty() {
            self.draft.path = self.path.iter().map(|(_, text)| text.clone()).collect();
        }
        self.draft.push(source, range, tokens);
    }

    fn add_table(&mut self, source: &Source<'_>, block: &Block) {
        self.unsaid = None;
        self.flush(ChunkKind::Text);
        let budget = self.budget();
        let header_rows = block.cells.iter().filter(|cell| cell.header).map(|cell| cell.row + 1).max().unwrap_or(0);
        let mut rows: Vec<(Range<usize>, usize)> = Vec::new();
        let mut start = 0;
        for line in source.text.split_inclusive('\n') {
            let end = start + line.trim_end_matches('\n').len();
            rows.push((start..end, (self.token_ends)(&source.text[start..end]).len()));
            start += line.len();
        }
        let header: Vec<_> = rows.iter().take(header_rows as usize).cloned().collect();
        let header_tokens: usize = header.iter().map(|row| row.1).sum();
        let repeat_header = header_tokens * 3 < budget;
        for (place, (range, tokens)) in rows.iter().enumerate() {
            if self.draft.tokens + tokens > budget && self.draft.tokens > 0 {
                self.flush(ChunkKind::Table);
                if repeat_header && place >= header.len() {
                    for (range, tokens) in &header {
                        self.draft_for(source, range.clone(), *tokens);
                    }
                }
            }
            if *tokens > budget {
                let row = Source { text: &source.text[..range.end], ..source.clone() };
                self.append_row(&row, range.start, budget);
            } else if !range.is_empty() {
                self.draft_for(source, range.clone(), *tokens);
            }
        }
        self.flush(ChunkKind::Table);
    }

    /// A row longer than a chunk is cut like text.
    fn append_row(&mut self, source: &Source<'_>, mut at: usize, budget: usize) {
        while at < source.text.len() {
            let ends: Vec<u32> = (self.token_ends)(&source.text[at..]).iter().map(|end| end + at as u32).collect();
            if ends.is_empty() {
                return;
            }
            let (end, tokens) = cut(source.text, &ends, at, 0, budget.saturating_sub(self.draft.tokens));
            if tokens == 0 {
                self.flush(ChunkKind::Table);
                continue;
            }
            self.draft_for(source, at..end, tokens);
            at = end;
        }
    }

    /// Tokens a chunk has beside its headings.
    fn budget(&self) -> usize {
        let path: usize = self.path.iter().map(|(_, text)| (self.token_ends)(text).len() + 1).sum();
        self.sizes.tokens - path.min(self.sizes.tokens / PATH_SHARE)
    }

    fn flush(&mut self, kind: ChunkKind) {
        let draft = std::mem::take(&mut self.draft);
        if draft.tokens > draft.repeated {
            self.emit(draft, kind);
        }
    }

    /// Ends a chunk in mid-section: the next one begins with its last sentences.
    fn flush_with_overlap(&mut self) {
        let draft = std::mem::take(&mut self.draft);
        if draft.tokens == draft.repeated {
            return;
        }
        if let Some(last) = draft.pieces.last() {
            let text = &draft.text[last.start as usize..last.end as usize];
            let ends = (self.token_ends)(text);
            let start = tail_start(text, &ends, self.sizes.overlap);
            if let Some(start) = start {
                let tokens = ends.iter().filter(|end| **end as usize > start).count();
                let piece = Piece {
                    start: 0,
                    end: (text.len() - start) as u32,
                    block_start: last.block_start + start as u32,
                    ..*last
                };
                self.draft = Draft {
                    text: text[start..].to_owned(),
                    pieces: vec![piece],
                    tokens,
                    path: self.path.iter().map(|(_, text)| text.clone()).collect(),
                    repeated: tokens,
                };
            }
        }
        self.emit(draft, ChunkKind::Text);
    }

    fn emit(&mut self, draft: Draft, kind: ChunkKind) {
        self.chunks.push(Chunk {
            id: ChunkId::new(),
            document: self.document.clone(),
            version: self.version,
            ordinal: self.chunks.len() as u32,
            kind,
            text: draft.text,
            heading_path: draft.path,
            pieces: draft.pieces,
            tokens: draft.tokens as u32,
        });
    }
}

impl Draft {
    fn push(&mut self, source: &Source<'_>, range: Range<usize>, tokens: usize) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let start = self.text.len() as u32;
        self.text.push_str(&source.text[range.clone()]);
        self.pieces.push(Piece {
            start,
            end: self.text.len() as u32,
            page: source.page,
            block: source.block,
            block_start: range.start as u32,
        });
        self.tokens += tokens;
    }
}

/// Where to cut so that at most `room` tokens from number `token` on are taken: the byte
/// offset and the number of the first token that is left. Prefers the end of a sentence
/// in the last half, then a space; takes at least something when `room` is not 0.
fn cut(text: &str, ends: &[u32], at: usize, token: usize, room: usize) -> (usize, usize) {
    if room == 0 {
        return (at, token);
    }
    if ends.len() - token <= room {
        return (text.len(), ends.len());
    }
    let last = token + room;
    let is_end = |place: usize| {
        let end = ends[place] as usize;
        let before = text[..end].chars().next_back();
        let after = text[end..].chars().next();
        matches!(before, Some('.' | '!' | '?' | '。' | '؟' | ';' | ':')) && after.is_none_or(char::is_whitespace)
    };
    let is_space = |place: usize| text[ends[place] as usize..].chars().next().is_none_or(char::is_whitespace);
    let half = token + room / 2;
    let sentence = (half..last).rev().find(|place| is_end(*place));
    let space = || (token..last).rev().find(|place| is_space(*place));
    let place = sentence.or_else(space).unwrap_or(last - 1);
    let mut end = ends[place] as usize;
    while !text.is_char_boundary(end) {
        end += 1;
    }
    (end, place + 1)
}

/// Where the last sentences of a text begin, as many as fit into `limit` tokens.
fn tail_start(text: &str, ends: &[u32], limit: usize) -> Option<usize> {
    let first = ends.len().checked_sub(limit).filter(|first| *first > 0)?;
    let from = ends[first - 1] as usize;
    let tail = text.get(from..)?;
    let sentence = tail.match_indices(". ").map(|(place, _)| from + place + 2).next();
    let word = || tail.find(char::is_whitespace).map(|place| from + place + 1);
    let start = sentence.or_else(word)?;
    (start < text.len() && text.is_char_boundary(start)).then_some(start)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use pagemill_core::{Cell, Rect};

    use super::*;

    fn block(kind: BlockKind, text: &str) -> Block {
        let level = (kind == BlockKind::Heading).then_some(1);
        Block {
            kind,
            level,
            text: text.to_owned(),
            bbox: Rect::default(),
            cells: Vec::new(),
            words: Vec::new(),
            float: None,
        }
    }

    /// One token a word.
    fn words(text: &str) -> Vec<u32> {
        let mut ends = Vec::new();
        let mut inside = false;
        for (place, character) in text.char_indices() {
            if character.is_whitespace() && inside {
                ends.push(place as u32);
            }
            inside = !character.is_whitespace();
        }
        if inside {
            ends.push(text.len() as u32);
        }
        ends
    }

    fn run(blocks: Vec<Block>, tokens: usize, overlap: usize) -> Vec<Chunk> {
        let document = DocumentId::new();
        let sizes = ChunkSizes { tokens, overlap };
        let chunks = chunk_document(&document, 1, &[(1, blocks.clone())], sizes, &words);
        for chunk in &chunks {
            for piece in &chunk.pieces {
                let said = &chunk.text[piece.start as usize..piece.end as usize];
                let from = piece.block_start as usize;
                assert_eq!(said, &blocks[piece.block as usize].text[from..from + said.len()]);
            }
            let said = words(&chunk.text).len();
            assert!(said <= tokens, "{said} tokens in {:?}", chunk.text);
        }
        chunks
    }

    #[test]
    fn a_short_document_is_one_chunk_with_its_headings() {
        let chunks = run(
            vec![
                block(BlockKind::Header, "Journal of Things 12"),
                block(BlockKind::Heading, "Methods"),
                block(BlockKind::Paragraph, "We looked. We saw."),
                block(BlockKind::Footer, "7"),
            ],
            50,
            5,
        );
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].heading_path, ["Methods"]);
        assert_eq!(chunks[0].text, "We looked. We saw.");
    }

    #[test]
    fn long_text_is_cut_at_sentences_and_overlaps() {
        let sentence = "One two three four five six seven eight nine ten. ";
        let chunks = run(vec![block(BlockKind::Paragraph, sentence.repeat(20).trim())], 40, 12);
        assert!(chunks.len() >= 5);
        for pair in chunks.windows(2) {
            assert!(pair[0].text.ends_with("ten."));
            assert!(pair[1].text.starts_with("One two"), "{}", pair[1].text);
        }
        let all: usize = chunks.iter().map(|chunk| chunk.tokens as usize).sum();
        assert!(all > 200, "chunks repeat a little");
    }

    #[test]
    fn a_word_without_end_is_still_cut() {
        let chunks = run(vec![block(BlockKind::Paragraph, &"word ".repeat(500))], 40, 10);
        assert!(chunks.len() > 12);
    }

    #[test]
    fn a_long_table_repeats_its_header() {
        let mut text = "Drug Dose".to_owned();
        for row in 0..30 {
            text.push_str(&format!("\nname{row} {row} mg daily"));
        }
        let mut table = block(BlockKind::Table, &text);
        table.cells.push(Cell {
            row: 0,
            col: 0,
            row_span: 1,
            col_span: 1,
            header: true,
            text: "Drug".into(),
            bbox: Rect::default(),
        });
        let chunks = run(vec![table], 40, 5);
        assert!(chunks.len() > 2);
        assert!(chunks.iter().all(|chunk| chunk.text.starts_with("Drug Dose") && chunk.kind == ChunkKind::Table));
    }

    #[test]
    fn a_heading_without_text_can_be_found() {
        let chunks = run(
            vec![
                block(BlockKind::Heading, "Annex A"),
                block(BlockKind::Heading, "Annex B"),
                block(BlockKind::Paragraph, "Text."),
            ],
            50,
            5,
        );
        assert_eq!(chunks[0].text, "Annex A");
        assert_eq!(chunks[1].heading_path, ["Annex B"]);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(run(vec![block(BlockKind::Paragraph, "  ")], 50, 5).is_empty());
    }
}
