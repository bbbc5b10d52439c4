//! What a child says is looked at like any other input: a file may have taken it over.

use pagemill_core::{Cell, Page, Rect};

/// No page is longer than this, in points; PDF itself ends at 14,400 times a unit of up to 75,000.
const LONGEST: f32 = 2e9;
/// No page has room for more rows, columns, and places where they cross; whoever writes a table counts on it.
const MOST_ROWS: u32 = 20_000;
const MOST_COLUMNS: u32 = 2_000;
const MOST_PLACES: u64 = 2_000_000;

/// Whether a page is one that a reader could have made of a document with so many pages: numbers are
/// numbers, words lie in the text and on pages that exist, cells span something and fill a table of a sane size.
pub(super) fn believable(page: &Page, pages: u32) -> bool {
    let side = |length: f32| (0.0..=LONGEST).contains(&length);
    let place = |place: &Rect| [place.x0, place.y0, place.x1, place.y1].iter().all(|value| value.is_finite());
    side(page.width)
        && side(page.height)
        && page.blocks.iter().all(|block| {
            place(&block.bbox)
                && block.cells.iter().all(|cell| place(&cell.bbox) && cell.row_span > 0 && cell.col_span > 0)
                && sane(&block.cells)
                && block.words.iter().all(|word| {
                    place(&word.bbox)
                        && (1..=pages).contains(&word.page)
                        && word.start <= word.end
                        && block.text.get(word.start as usize..word.end as usize).is_some()
                })
        })
}

fn sane(cells: &[Cell]) -> bool {
    let rows = cells.iter().map(|cell| cell.row.saturating_add(cell.row_span)).max().unwrap_or(0);
    let columns = cells.iter().map(|cell| cell.col.saturating_add(cell.col_span)).max().unwrap_or(0);
    rows <= MOST_ROWS && columns <= MOST_COLUMNS && u64::from(rows) * u64::from(columns) <= MOST_PLACES
}

#[cfg(test)]
mod tests {
    use pagemill_core::{Block, BlockKind, PageSource, Word};

    use super::*;

    fn page(word: (u32, u32), number: u32, x: f32) -> Page {
        let bbox = Rect { x0: x, y0: 0.0, x1: 9.0, y1: 9.0 };
        let word = Word { start: word.0, end: word.1, page: number, bbox };
        let block = Block {
            kind: BlockKind::Paragraph,
            level: None,
            text: "Grüße".to_owned(),
            bbox,
            cells: Vec::new(),
            float: None,
            words: vec![word],
        };
        Page { source: PageSource::Text, reason: None, blocks: vec![block], ..Page::failed(1, "") }
    }

    #[test]
    fn what_no_reader_makes_is_not_believed() {
        assert!(believable(&page((0, 7), 2, 1.0), 2));
        assert!(!believable(&page((0, 8), 2, 1.0), 2), "beyond the text");
        assert!(!believable(&page((0, 3), 2, 1.0), 2), "in the middle of a character");
        assert!(!believable(&page((4, 2), 2, 1.0), 2), "backwards");
        assert!(!believable(&page((0, 7), 3, 1.0), 2), "on no page");
        assert!(!believable(&page((0, 7), 2, f32::NAN), 2), "nowhere");
        assert!(!believable(&Page { width: f32::INFINITY, ..page((0, 7), 1, 1.0) }, 2));
        let table = |row, col, col_span| {
            let mut page = page((0, 7), 1, 1.0);
            let bbox = page.blocks[0].bbox;
            page.blocks[0].cells =
                vec![Cell { row, col, row_span: 1, col_span, header: false, text: String::new(), bbox }];
            page
        };
        assert!(believable(&table(900, 30, 2), 2));
        assert!(!believable(&table(4_000_000_000, 0, 1), 2), "more rows than a page has room for");
        assert!(!believable(&table(0, u32::MAX, u32::MAX), 2), "more columns");
        assert!(!believable(&table(19_000, 1_900, 1), 2), "more places");
    }
}
