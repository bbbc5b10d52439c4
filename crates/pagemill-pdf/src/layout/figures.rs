//! Where images and drawings are.

use pagemill_core::Rect;

use super::lines::Line;
use super::marks::{self, CaptionStart};
use crate::content::Content;

/// Side of the squares in which drawings are gathered, in points.
const CELL: f32 = 10.0;
/// Most squares across or down a page.
const MAX_CELLS: usize = 400;
/// Smaller pictures are ornaments.
const LEAST_SIDE: f32 = 24.0;
/// A drawing has at least so much area, in square points, for each character in it.
const AREA_PER_CHARACTER: f32 = 130.0;
/// The same of what is rules for the most part: a table has more characters.
const RULED_PER_CHARACTER: f32 = 400.0;
/// So many regions of a page, the largest, are looked at.
const MAX_REGIONS: usize = 64;
/// Logos stand within this share of the page height from its edge.
const EDGE: f32 = 0.16;
/// A picture that covers more of the page than this is its background.
const BACKGROUND: f32 = 0.7;

/// A place where something is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    /// Its box.
    pub(crate) bbox: Rect,
    /// Whether it is a picture by itself. Otherwise a caption has to say so.
    pub(crate) sure: bool,
    /// Whether nearly all of it is rules, as in a chart on squared paper, or a table that someone has marked by hand.
    pub(crate) ruled: bool,
}

/// What is drawn on a page, from top to bottom.
pub(crate) fn regions(content: &Content) -> Vec<Region> {
    let (width, height) = content.size;
    let page_area = (width * height).max(1.0);
    let mut marked: Vec<(Rect, bool)> = Vec::new();
    for image in &content.images {
        if image.area() < BACKGROUND * page_area && image.width() > 1.0 && image.height() > 1.0 {
            marked.push((*image, true));
        }
    }
    for shape in &content.shapes {
        // Large rectangles are frames and backgrounds.
        let most = if shape.rectangle { 0.04 } else { 0.5 };
        if shape.bbox.area() <= most * page_area {
            marked.push((shape.bbox, !shape.rectangle));
        }
    }
    if marked.is_empty() {
        return Vec::new();
    }
    for rule in &content.rules {
        marked.push((rule.bbox, false));
    }
    let mut groups = clusters(&marked, width, height);
    groups.sort_by(|a, b| b.0.area().total_cmp(&a.0.area()));
    groups.truncate(MAX_REGIONS);
    groups.sort_by(|a, b| a.0.y0.total_cmp(&b.0.y0));
    groups
        .into_iter()
        .filter(|(bbox, ..)| {
            bbox.width() >= LEAST_SIDE && bbox.height() >= LEAST_SIDE && bbox.area() < 0.95 * page_area
        })
        .filter_map(|(bbox, telling, parts)| {
            let area = bbox.area();
            let pictures = content.images.iter().any(|image| bbox.contains(image, 1.0) && image.area() > 0.25 * area);
            let sure = pictures || (telling >= 4 && parts >= 6);
            // Counted only where it can matter.
            let rules = || content.rules.iter().filter(|rule| bbox.contains(&rule.bbox, 1.0)).count() as u32;
            let ruled = sure && !pictures && telling * 10 < parts && rules() * 10 >= parts * 7;
            (sure || parts >= 5).then_some(Region { bbox, sure, ruled })
        })
        .collect()
}

/// Connected groups of boxes, each with how many of its parts tell a drawing and how many parts it has.
fn clusters(marked: &[(Rect, bool)], width: f32, height: f32) -> Vec<(Rect, u32, u32)> {
    let side = CELL.max(width / MAX_CELLS as f32).max(height / MAX_CELLS as f32);
    let columns = ((width / side).ceil() as usize).clamp(1, MAX_CELLS + 1);
    let rows = ((height / side).ceil() as usize).clamp(1, MAX_CELLS + 1);
    let mut group: Vec<u32> = vec![0; columns * rows];
    let place = |value: f32, most: usize| ((value / side).max(0.0) as usize).min(most - 1);
    let mut parents: Vec<u32> = vec![0];
    fn root(parents: &mut [u32], mut at: u32) -> u32 {
        while parents[at as usize] != at {
            parents[at as usize] = parents[parents[at as usize] as usize];
            at = parents[at as usize];
        }
        at
    }
    let mut owners = Vec::with_capacity(marked.len());
    for (bbox, _) in marked {
        let (x0, x1) = (place(bbox.x0, columns), place(bbox.x1, columns));
        let (y0, y1) = (place(bbox.y0, rows), place(bbox.y1, rows));
        let own = parents.len() as u32;
        parents.push(own);
        for y in y0..=y1 {
            for cell in &mut group[y * columns + x0..=y * columns + x1] {
                if *cell == 0 {
                    *cell = own;
                } else {
                    let (a, b) = (root(&mut parents, *cell), root(&mut parents, own));
                    parents[a.max(b) as usize] = a.min(b);
                }
            }
        }
        owners.push(own);
    }
    let mut found: Vec<(u32, Rect, u32, u32)> = Vec::new();
    let mut numbers: rustc_hash::FxHashMap<u32, usize> = rustc_hash::FxHashMap::default();
    for ((bbox, telling), own) in marked.iter().zip(owners) {
        let root = root(&mut parents, own);
        let at = *numbers.entry(root).or_insert_with(|| {
            found.push((root, *bbox, 0, 0));
            found.len() - 1
        });
        found[at].1 = found[at].1.union(bbox);
        found[at].2 += u32::from(*telling);
        found[at].3 += 1;
    }
    let mut out: Vec<(Rect, u32, u32)> =
        found.into_iter().map(|(_, bbox, telling, parts)| (bbox, telling, parts)).collect();
    out.sort_by(|a, b| a.0.y0.total_cmp(&b.0.y0));
    out
}

/// Leaves out regions that hold running text, or as much text as a form: frames and
/// backgrounds, not figures. A caption below tells a figure whatever is in it.
pub(crate) fn without_text(regions: Vec<Region>, lines: &[Line], content: &Content, size: f32) -> Vec<Rect> {
    let is_figure = |region: &Region| {
        let (mut text, mut all, mut chars) = (0_u32, 0_u32, 0_u32);
        for line in lines.iter().filter(|line| region.bbox.contains(&line.frame, 2.0)) {
            all += 1;
            chars += line.chars;
            text += u32::from(is_running(line, size));
        }
        let running = text >= 4 && text * 4 >= all;
        let least = if region.ruled { RULED_PER_CHARACTER } else { AREA_PER_CHARACTER };
        let sparse = region.sure && region.bbox.area() > least * chars as f32;
        !running && (sparse || has_caption(&region.bbox, lines, content))
    };
    let above = |region: Region| Region { bbox: above_caption(region.bbox, lines, content), ..region };
    regions.into_iter().map(above).filter(is_figure).map(|region| region.bbox).collect()
}

/// What is above the caption, where a frame is drawn around both.
fn above_caption(region: Rect, lines: &[Line], content: &Content) -> Rect {
    let low = region.y0 + 0.5 * region.height();
    let captions = lines
        .iter()
        .filter(|line| line.frame.y0 > low && region.contains(&line.frame, 2.0) && is_caption(line, content));
    let top = captions.map(|line| line.frame.y0 - 1.0).fold(region.y1, f32::min);
    if top - region.y0 < LEAST_SIDE { region } else { Rect { y1: top, ..region } }
}

/// Lines that belong to a figure: its labels, which are not read. Sentences are none, and where most of what a page
/// says is on pictures without a caption, as on a slide, it is what the page is for. `taken` lines are spoken for.
pub(crate) fn labels(figures: &[Rect], lines: &[Line], taken: &[bool], content: &Content, size: f32) -> Vec<usize> {
    let captioned: Vec<bool> = figures.iter().map(|figure| has_caption(figure, lines, content)).collect();
    let (mut labels, mut all, mut bare) = (Vec::new(), 0, 0);
    for (at, line) in lines.iter().enumerate().filter(|(at, _)| !taken[*at]) {
        all += line.chars;
        let Some(figure) = figures.iter().position(|figure| figure.holds_middle_of(&line.frame, 0.5)) else { continue };
        if captioned[figure] {
            labels.push((at, true));
        } else if !is_running(line, size) {
            bare += line.chars;
            labels.push((at, false));
        }
    }
    let are_text = bare * 2 > all;
    labels.into_iter().filter(|(_, captioned)| *captioned || !are_text).map(|(at, _)| at).collect()
}

/// Whether a line is so long that it is one of a text.
fn is_running(line: &Line, size: f32) -> bool {
    line.chars > 40 && line.size > 0.85 * size
}

/// Whether a picture without a caption is a logo or an ornament: small and at the edge of the page, or a thin band.
pub(super) fn is_decorative(bbox: &Rect, (width, height): (f32, f32)) -> bool {
    let share = bbox.area() / (width * height).max(1.0);
    let at_edge = bbox.y1 < EDGE * height || bbox.y0 > (1.0 - EDGE) * height;
    let band = bbox.height() < 0.06 * height || bbox.width() < 0.04 * width;
    (at_edge && (share < 0.05 || band)) || share < 0.002
}

/// Whether the caption of a figure stands right below a region.
fn has_caption(region: &Rect, lines: &[Line], content: &Content) -> bool {
    lines.iter().any(|line| {
        let gap = line.frame.y0 - region.y1;
        (-4.0..60.0).contains(&gap) && line.frame.horizontal_overlap(region) > 0.0 && is_caption(line, content)
    })
}

/// Whether a line begins as the caption of a figure does.
fn is_caption(line: &Line, content: &Content) -> bool {
    line.first_word(content).get(..3).is_some_and(|start| start.eq_ignore_ascii_case("fig"))
        && marks::caption_start(&line.text(content)) != CaptionStart::No
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_part_is_in_one_cluster(
            raw in prop::collection::vec((0_f32..600.0, 0_f32..800.0, 0_f32..90.0, 0_f32..90.0), 0..60)
        ) {
            let marked: Vec<(Rect, bool)> =
                raw.into_iter().map(|(x, y, w, h)| (Rect::new(x, y, x + w, y + h), true)).collect();
            let found = clusters(&marked, 600.0, 800.0);
            prop_assert_eq!(found.iter().map(|(_, _, parts)| *parts as usize).sum::<usize>(), marked.len());
            for (bbox, _) in &marked {
                prop_assert!(found.iter().any(|(cluster, ..)| cluster.contains(bbox, 0.01)));
            }
        }
    }
}
