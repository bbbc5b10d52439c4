//! Pages for tests of what is made of pages.

use pagemill_core::{Block, BlockKind, Cell, Page, PageExtras, PageSource, Rect};

/// A page with these blocks.
pub(crate) fn page_of(number: u32, blocks: Vec<Block>) -> Page {
    Page {
        number,
        label: None,
        width: 1.0,
        height: 1.0,
        source: PageSource::Text,
        reason: None,
        confidence: None,
        blocks,
        extras: PageExtras::default(),
    }
}

/// A block without a place, on level 2.
pub(crate) fn block_of(kind: BlockKind, text: &str) -> Block {
    Block {
        kind,
        level: Some(2),
        text: text.into(),
        bbox: Rect::default(),
        cells: Vec::new(),
        words: Vec::new(),
        float: None,
    }
}

/// A cell of one row and column; those of the first row are heads.
pub(crate) fn cell_of(row: u32, col: u32, text: &str) -> Cell {
    Cell { row, col, row_span: 1, col_span: 1, header: row == 0, text: text.into(), bbox: Rect::default() }
}
