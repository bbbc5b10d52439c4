//! What of a page shows a figure: its box, the labels of its axes and parts around it, and a little air.

use pagemill_core::{Block, BlockKind, Rect};

/// A label stands this close to the figure or to another label, in points.
const NEAR: f32 = 12.0;
/// Labels are looked for this far around a figure.
const REACH: f32 = 48.0;
/// A label is at most so long, and so high (or wide, where it is turned), in characters and points.
const LABEL_CHARS: usize = 48;
const LABEL_HEIGHT: f32 = 16.0;
/// Air on each side, where nothing else stands there.
const AIR: [f32; 3] = [6.0, 4.0, 2.0];

/// The part of a page to cut out for the figure at a place among the blocks of the page; `None` when there is no block.
pub fn figure_cut(blocks: &[Block], figure: usize) -> Option<Rect> {
    let bbox = blocks.get(figure)?.bbox;
    let reach = Rect::new(bbox.x0 - REACH, bbox.y0 - REACH, bbox.x1 + REACH, bbox.y1 + REACH);
    // What is drawn over the figure belongs to it anyway.
    let mut own: Vec<bool> = blocks.iter().map(|block| block.bbox.intersection(&bbox).is_some()).collect();
    let mut cut = bbox;
    let is_free = |cut: &Rect, own: &[bool]| {
        blocks.iter().zip(own).all(|(block, own)| *own || is_label(block) || block.bbox.intersection(cut).is_none())
    };
    while let Some(at) = (0..blocks.len()).find(|at| {
        let label = &blocks[*at];
        !own[*at]
            && is_label(label)
            && is_beside(&cut, &label.bbox)
            && reach.contains(&label.bbox, 0.0)
            && is_free(&cut.union(&label.bbox), &own)
    }) {
        own[at] = true;
        cut = cut.union(&blocks[at].bbox);
    }
    let sides: [fn(&Rect, f32) -> Rect; 4] = [
        |cut, air| Rect { x0: cut.x0 - air, ..*cut },
        |cut, air| Rect { y0: cut.y0 - air, ..*cut },
        |cut, air| Rect { x1: cut.x1 + air, ..*cut },
        |cut, air| Rect { y1: cut.y1 + air, ..*cut },
    ];
    for widened in sides {
        let free = AIR
            .iter()
            .map(|air| widened(&cut, *air))
            .find(|wider| blocks.iter().zip(&own).all(|(block, own)| *own || block.bbox.intersection(wider).is_none()));
        cut = free.unwrap_or(cut);
    }
    Some(cut)
}

/// Whether a block may be the label of an axis or of a part: a short line, upright or turned.
fn is_label(block: &Block) -> bool {
    matches!(block.kind, BlockKind::Paragraph | BlockKind::ListItem | BlockKind::Formula)
        && block.bbox.width().min(block.bbox.height()) <= LABEL_HEIGHT
        && block.text.chars().take(LABEL_CHARS + 1).count() <= LABEL_CHARS
}

/// Whether a box stands right above, below or at a side of another.
fn is_beside(a: &Rect, b: &Rect) -> bool {
    let across = (b.x0 - a.x1).max(a.x0 - b.x1);
    let down = (b.y0 - a.y1).max(a.y0 - b.y1);
    (across < NEAR && down <= 0.0) || (down < NEAR && across <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_page::block_of;

    fn block(kind: BlockKind, bbox: [f32; 4], text: &str) -> Block {
        Block { bbox: bbox.into(), ..block_of(kind, text) }
    }

    #[test]
    fn labels_of_axes_belong_to_a_drawing_and_text_does_not() {
        let text = "Twenty-seven of the patients developed an infection of the shunt within the first year of it";
        let blocks = [
            block(BlockKind::Paragraph, [50.0, 80.0, 288.0, 174.0], text),
            block(BlockKind::Figure, [81.0, 188.0, 280.0, 318.0], ""),
            block(BlockKind::Paragraph, [74.0, 228.0, 78.0, 235.0], "8"),
            block(BlockKind::Paragraph, [82.0, 321.0, 284.0, 328.0], "0 3 6 9 12"),
            block(BlockKind::Paragraph, [140.0, 334.0, 224.0, 341.0], "Months after implantation"),
            block(BlockKind::Caption, [50.0, 346.0, 272.0, 369.0], "Figure 1. Infections"),
            block(BlockKind::Heading, [308.0, 200.0, 360.0, 210.0], "3.1 Results"),
            block(BlockKind::Paragraph, [294.0, 220.0, 500.0, 300.0], text),
        ];
        // The caption leaves 5 points below, the other column 10 at the right.
        assert_eq!(figure_cut(&blocks, 1), Some(Rect::new(68.0, 182.0, 290.0, 345.0)));
        assert_eq!(figure_cut(&blocks, 8), None);
    }

    #[test]
    fn a_label_behind_other_text_is_left_out() {
        let blocks = [
            block(BlockKind::Figure, [100.0, 100.0, 200.0, 200.0], ""),
            block(BlockKind::Caption, [100.0, 200.5, 200.0, 208.0], "Figure 1"),
            block(BlockKind::Paragraph, [120.0, 209.0, 140.0, 217.0], "Short."),
        ];
        assert_eq!(figure_cut(&blocks, 0), Some(Rect::new(94.0, 94.0, 206.0, 200.0)));
    }
}
