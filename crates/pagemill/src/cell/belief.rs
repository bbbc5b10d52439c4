//! What a child says is looked at like any other input: a file may have taken it over.

use pagemill_core::{Page, Rect};

/// No page is longer than this, in points; PDF itself ends at 14,400 times a unit of up to 75,000.
const LONGEST: f32 = 2e9;

/// Whether a page is one that a reader could have made of a document with so many pages: numbers are
/// numbers, words lie in the text and on pages that exist, cells span something.
pub(super) fn believable(page: &Page, pages: u32) -> bool {
    let side = |length: f32| (0.0..=LONGEST).contains(&length);
    let place = |place: &Rect| [place.x0, place.y0, place.x1, place.y1].iter().all(|value| value.is_finite());
    side(page.width)
        && side(page.height)
        && page.blocks.iter().all(|block| {
            place(&block.bbox)
                && block.cells.iter().all(|cell| place(&cell.bbox) && cell.row_span > 0 && cell.col_span > 0)
                && block.words.iter().all(|word| {
                    place(&word.bbox)
                        && (1..=pages).contains(&word.page)
                        && word.start <= word.end
                        && block.text.get(word.start as usize..word.end as usize).is_some()
                })
        })
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
    }
}
