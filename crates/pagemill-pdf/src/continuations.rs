//! Tables that go on over a page break.

use pagemill_core::BlockKind;

use crate::layout::{Draft, caption_label};
use crate::whole_tables::repeated_rows;

/// A table that goes on reaches below this share of the page height, and its next part begins above the other.
const FOOT: f32 = 0.6;
const HEAD: f32 = 0.4;
/// Columns that begin within so many points of each other are the same.
const SAME: f32 = 8.0;

/// Marks the first table of a page when it goes on from the last one of the page before.
pub(crate) fn mark(before: &[Draft], after: &mut [Draft], size_before: (f32, f32), size_after: (f32, f32)) {
    let aside = |draft: &&Draft| draft.kind.is_furniture() || draft.kind == BlockKind::Footnote;
    // What stands below the table, other than notes, ends it.
    let Some(last) = before.iter().rev().find(|draft| !aside(draft)) else { return };
    if last.kind != BlockKind::Table || last.bbox.y1 < FOOT * size_before.1 {
        return;
    }
    let label = |drafts: &[Draft]| {
        let captions = drafts.iter().filter(|draft| draft.kind == BlockKind::Caption);
        captions.filter_map(|draft| caption_label(&draft.text)).map(|(label, _)| label).collect::<Vec<_>>()
    };
    let labels_before = label(before);
    let mut first = None;
    for (at, draft) in after.iter().enumerate().filter(|(_, draft)| !aside(draft)) {
        match draft.kind {
            BlockKind::Table => {
                first = Some(at);
                break;
            }
            // `Table 3 (continued)`: the same name again, or none.
            BlockKind::Caption => {
                let again = caption_label(&draft.text).is_none_or(|(label, _)| labels_before.contains(&label));
                if !again {
                    return;
                }
            }
            _ if says_continued(&draft.text) => {}
            _ => return,
        }
    }
    let Some(first) = first else { return };
    let next = &after[first];
    if next.bbox.y0 > HEAD * size_after.1 {
        return;
    }
    after[first].continued = repeated_rows(&last.cells, &next.cells) > 0 || same_columns(last, next);
}

fn says_continued(text: &str) -> bool {
    let lower = text.to_lowercase();
    text.len() < 60 && ["continued", "cont.", "(cont", "fortsetzung", "suite"].iter().any(|word| lower.contains(word))
}

/// Whether the columns of both tables begin at the same places.
fn same_columns(a: &Draft, b: &Draft) -> bool {
    let (a, b) = (column_edges(a), column_edges(b));
    let agree = a.iter().zip(&b).filter(|(a, b)| (**a - **b).abs() < SAME).count();
    a.len() == b.len() && a.len() > 1 && agree * 10 >= a.len() * 7
}

/// Where columns begin: the leftmost cell that stands in one column alone.
fn column_edges(table: &Draft) -> Vec<f32> {
    let columns = table.cells.iter().map(|cell| cell.col + cell.col_span).max().unwrap_or(0);
    let edge = |col: u32| {
        let cells = table.cells.iter().filter(|cell| cell.col == col && cell.col_span == 1);
        cells.map(|cell| cell.bbox.x0).fold(f32::MAX, f32::min)
    };
    (0..columns.min(200)).map(edge).collect()
}
