//! Figures and tables with their captions.

use pagemill_core::{BlockKind, Float};

use crate::layout::{Draft, caption_label};

/// A caption stands this close to what it describes, in points.
const NEAR: f32 = 90.0;

/// For each block that is a figure or table, what is known of it beside what is in it.
pub(crate) fn of(drafts: &[Draft]) -> Vec<Option<Float>> {
    let is_float = |draft: &Draft| matches!(draft.kind, BlockKind::Figure | BlockKind::Table);
    let mut floats: Vec<Option<Float>> = drafts
        .iter()
        .map(|draft| {
            is_float(draft).then(|| Float {
                decorative: draft.decorative,
                continued: draft.continued,
                ..Float::default()
            })
        })
        .collect();
    // Pairs of caption and float, the closest first.
    let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
    for (caption, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.kind == BlockKind::Caption) {
        let of_table = caption_label(&draft.text).map(|(_, is_table)| is_table);
        for (at, float) in drafts.iter().enumerate().filter(|(_, float)| is_float(float)) {
            if of_table.is_some_and(|of_table| of_table != (float.kind == BlockKind::Table)) {
                continue;
            }
            let distance = distance(draft, float, of_table == Some(true));
            if distance < NEAR {
                pairs.push((distance, caption, at));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut used = vec![false; drafts.len()];
    for (_, caption, at) in pairs {
        if used[caption] || used[at] {
            continue;
        }
        (used[caption], used[at]) = (true, true);
        if let Some(float) = &mut floats[at] {
            float.caption = u32::try_from(caption).ok();
            float.label = caption_label(&drafts[caption].text).map(|(label, _)| label);
            float.decorative = false;
        }
    }
    floats
}

/// How far a caption stands from a figure or table. Captions of tables are looked for above them first,
/// others below, and either may stand at the side.
fn distance(caption: &Draft, float: &Draft, above_first: bool) -> f32 {
    let (above, below) = (float.bbox.y0 - caption.bbox.y1, caption.bbox.y0 - float.bbox.y1);
    let beside = caption.bbox.vertical_overlap(&float.bbox) > 0.5 * caption.bbox.height();
    let across = caption.bbox.horizontal_overlap(&float.bbox);
    if beside && across <= 0.0 {
        return (float.bbox.x0 - caption.bbox.x1).max(caption.bbox.x0 - float.bbox.x1) + 20.0;
    }
    if across <= 0.0 {
        return f32::MAX;
    }
    let (gap, expected) = if above > below { (above, above_first) } else { (below, !above_first) };
    gap.max(0.0) + if expected { 0.0 } else { 12.0 }
}
