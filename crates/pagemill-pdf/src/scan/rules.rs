//! Ruling lines in a picture: long runs of ink that are thin.

use pagemill_core::Rect;

use super::gray::Gray;

/// Shorter runs are strokes of letters, in points.
const SHORTEST: f32 = 22.0;
/// Thicker ones are areas, in points.
const THICKEST: f32 = 3.2;
/// Specks of paper this wide do not end a run, in points.
const SPECK: f32 = 1.0;
/// Pieces of one rule are this far apart at most, in points.
const GAP: f32 = 6.0;
/// Pictures with more pieces than this are drawings or noise.
const MOST: usize = 4_000;

/// Ruling lines across and down, in points; `scale` is pixels per point.
pub(super) fn rules_of(picture: &Gray, scale: f32) -> Vec<Rect> {
    let dark = picture.threshold();
    let across = runs(picture.width, picture.height, scale, &|x, y| picture.row(y)[x as usize] <= dark);
    let turned = picture.clone().turned(super::Turn::Left);
    // A quarter turn anticlockwise: x of the turned picture is y of this one, counted from the top.
    let width = picture.width as f32;
    let down = runs(turned.width, turned.height, scale, &|x, y| turned.row(y)[x as usize] <= dark)
        .into_iter()
        .map(|rule| Rect::new(width - rule.y1, rule.x0, width - rule.y0, rule.x1));
    let to_points = |bbox: Rect| Rect::new(bbox.x0 / scale, bbox.y0 / scale, bbox.x1 / scale, bbox.y1 / scale);
    across.into_iter().chain(down).map(to_points).collect()
}

/// Rules across, in pixels.
fn runs(width: u32, height: u32, scale: f32, is_dark: &dyn Fn(u32, u32) -> bool) -> Vec<Rect> {
    let shortest = (SHORTEST * scale).max(8.0) as u32;
    let speck = (SPECK * scale).max(1.0) as u32;
    let thickest = (THICKEST * scale).max(2.0);
    // Pieces that may still grow, and those that are done.
    let mut open: Vec<Rect> = Vec::new();
    let mut done: Vec<Rect> = Vec::new();
    for y in 0..height {
        let mut x = 0;
        while x < width {
            if !is_dark(x, y) {
                x += 1;
                continue;
            }
            let start = x;
            let (mut end, mut gap) = (x + 1, 0);
            while x < width && gap <= speck {
                if is_dark(x, y) {
                    (end, gap) = (x + 1, 0);
                } else {
                    gap += 1;
                }
                x += 1;
            }
            if end - start >= shortest {
                grow(&mut open, Rect::new(start as f32, y as f32, end as f32, y as f32 + 1.0));
            }
        }
        open.retain(|piece| {
            let grows = piece.y1 >= y as f32 - 1.0;
            if !grows {
                done.push(*piece);
            }
            grows
        });
        if done.len() + open.len() > MOST {
            return Vec::new();
        }
    }
    done.extend(open);
    done.retain(|piece| piece.height() <= thickest);
    joined(done, GAP * scale, thickest)
}

/// Adds a run to the piece it touches.
fn grow(open: &mut Vec<Rect>, run: Rect) {
    let touches = |piece: &Rect| piece.y1 >= run.y0 - 1.0 && piece.x0 < run.x1 && run.x0 < piece.x1;
    let mut merged = run;
    let mut at = 0;
    while at < open.len() {
        if touches(&open[at]) {
            merged = merged.union(&open.swap_remove(at));
        } else {
            at += 1;
        }
    }
    open.push(merged);
}

/// Pieces one behind the other on one height are one rule.
fn joined(mut pieces: Vec<Rect>, gap: f32, thick: f32) -> Vec<Rect> {
    pieces.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    let mut out: Vec<Rect> = Vec::new();
    for piece in pieces {
        let before = out.iter_mut().find(|rule| {
            (rule.center_y() - piece.center_y()).abs() <= thick / 2.0 && piece.x0 - rule.x1 <= gap && piece.x1 > rule.x0
        });
        match before {
            Some(rule) => *rule = rule.union(&piece),
            None => out.push(piece),
        }
    }
    out
}
