//! Columns by the white space that runs down between words.

use super::grid::{Kind, Place, index_of};
use super::text::{NUMBERS, TableWord, TextLine, WordKind, are_numbers};

/// A gap of this many ems is never within a cell's text that spans columns.
pub(super) const SPAN_GAP: f32 = 0.55;
/// The text of an item of a list begins so many ems beside its bullet at most.
const BULLET_GAP: f32 = 2.5;
/// Width of a step when white space is looked for, in points.
const STEP: f32 = 0.5;

/// What a line has between two separators.
struct Part {
    segments: Vec<(f32, f32)>,
    size: f32,
    heads_columns: bool,
}

/// The separators of the rules, and those that white space adds between them.
pub(super) fn refined(ruled: &[f32], lines: &[TextLine], words: &[TableWord], place: &Place) -> Vec<f32> {
    let mut out = vec![ruled[0]];
    for pair in ruled.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        out.extend(rivers(lines, words, from, to, place));
        out.push(to);
    }
    out
}

/// How wide a gap must be to count, in ems: the fewer lines agree, the wider.
fn least_gap(lines: usize, kind: Kind) -> f32 {
    let ruled = if kind == Kind::Lattice { 1.3 } else { 1.0 };
    ruled
        * match lines {
            0..=3 => 1.0,
            4..=7 => 0.7,
            _ => 0.5,
        }
}

fn rivers(lines: &[TextLine], words: &[TableWord], from: f32, to: f32, place: &Place) -> Vec<f32> {
    let parts = parts(lines, words, from, to, place);
    let several = parts.iter().filter(|part| part.segments.len() > 1).count();
    let wanted = if place.kind == Kind::Lattice && place.down.len() > 2 { 3 } else { 2 };
    if several < wanted || (place.kind == Kind::Lattice && several * 3 < parts.len()) {
        return Vec::new();
    }
    // Lines of one piece and column heads may be titles over several columns: they count less.
    let weight = |part: &Part| if part.segments.len() > 1 && !part.heads_columns { 1.0 } else { 0.3_f32 };
    let steps = (((to - from) / STEP) as usize).clamp(1, 4000);
    let step_of = |x: f32| (((x - from) / STEP).max(0.0) as usize).min(steps);
    let mut change = vec![0.0_f32; steps + 2];
    for part in &parts {
        for (x0, x1) in &part.segments {
            change[step_of(*x0)] += weight(part);
            change[step_of(*x1) + 1] -= weight(part);
        }
    }
    let limit = (0.08 * several as f32).max(0.65);
    let mut size: Vec<f32> = parts.iter().map(|part| part.size).collect();
    let middle = size.len() / 2;
    let em = *size.select_nth_unstable_by(middle, f32::total_cmp).1;
    let mut found = Vec::new();
    let (mut depth, mut begin) = (0.0, None);
    for (at, difference) in change[..=steps].iter().enumerate() {
        depth += difference;
        let x = from + at as f32 * STEP;
        if depth <= limit + 0.001 && at < steps {
            begin.get_or_insert(x);
        } else if let Some(start) = begin.take() {
            found.extend(split_at_islands(start, x, &parts));
        }
    }
    found.retain(|(x0, x1)| {
        x1 - x0 > 0.25 * em && *x0 > from + 0.1 && *x1 < to - 0.1 && parts_both_sides(&parts, *x0, *x1)
    });
    found.into_iter().map(|river| clearest(river, &parts, 0.25 * em)).collect()
}

/// Where a separator stands in a strip: in the middle of the widest piece that no text reaches into, heads of columns
/// included, if that is wide enough, and else in the middle of all of it.
fn clearest((x0, x1): (f32, f32), parts: &[Part], least: f32) -> f32 {
    let within = |(a, b): &&(f32, f32)| *b > x0 && *a < x1 && (*a > x0 + 0.6 || *b < x1 - 0.6);
    let mut texts: Vec<(f32, f32)> =
        parts.iter().flat_map(|part| part.segments.iter().filter(within).copied()).collect();
    texts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut at, mut widest) = (x0, (0.0, 0.0));
    for (a, b) in texts.into_iter().chain(std::iter::once((x1, x1))) {
        if a - at > widest.1 - widest.0 {
            widest = (at, a);
        }
        at = at.max(b);
    }
    let (from, to) = if widest.1 - widest.0 > least { widest } else { (x0, x1) };
    (from + to) / 2.0
}

/// The lines between two separators, each as its pieces. In a lattice, text that runs over a separator is left out.
fn parts(lines: &[TextLine], words: &[TableWord], from: f32, to: f32, place: &Place) -> Vec<Part> {
    let chosen = |line: &&TextLine| {
        let inside = |at: &&usize| (from..to).contains(&words[**at].bbox.center_x());
        let outside = line.words.iter().any(|at| {
            let word = &words[*at].bbox;
            word.x1 > from + 2.0 && word.x0 < from - 2.0 || word.x0 < to - 2.0 && word.x1 > to + 2.0
        });
        line.words.iter().any(|at| inside(&at)) && !(place.kind == Kind::Lattice && outside)
    };
    let head_end = head_end(lines, words, place);
    let lines: Vec<&TextLine> = lines.iter().filter(chosen).collect();
    let gap = least_gap(lines.len(), place.kind);
    let pieces = |line: &&TextLine| {
        let mut segments: Vec<(f32, f32)> = Vec::new();
        let mut parted = true;
        let mut before: Option<&TableWord> = None;
        for word in line.words.iter().map(|at| &words[*at]) {
            if !(from..to).contains(&word.bbox.center_x()) {
                continue;
            }
            if word.kind == WordKind::Leader {
                parted = true;
                continue;
            }
            let gap = if before.is_some_and(|before| are_numbers(before, word)) { gap * NUMBERS } else { gap };
            // A bullet belongs to the text it stands before.
            let bullet = place.kind == Kind::Lattice
                && before.is_some_and(|before| before.kind == WordKind::Sign && word.kind == WordKind::Text);
            let gap = if bullet { gap.max(BULLET_GAP) } else { gap };
            match segments.last_mut() {
                Some(last) if !parted && word.bbox.x0 - last.1 <= gap * line.size => last.1 = last.1.max(word.bbox.x1),
                _ => segments.push((word.bbox.x0, word.bbox.x1)),
            }
            parted = false;
            before = Some(word);
        }
        Part { segments, size: line.size, heads_columns: line.bbox.center_y() < head_end }
    };
    lines.iter().map(pieces).filter(|part| !part.segments.is_empty()).collect()
}

/// Where the heads of the columns end: at a rule that runs through, with less than half of the lines above it,
/// or else at the first line with a number.
fn head_end(lines: &[TextLine], words: &[TableWord], place: &Place) -> f32 {
    let above = |y: f32| lines.iter().filter(|line| line.bbox.center_y() < y).count();
    let heads = |y: &f32| (1..=lines.len() / 2).contains(&above(*y));
    let through = place.across.iter().filter(|rule| rule.length() > 0.8 * place.area.width()).map(|rule| rule.at);
    let ruled = through.filter(|y| heads(y)).min_by(f32::total_cmp);
    let has_number = |line: &&TextLine| line.words.iter().any(|at| words[*at].kind == WordKind::Number);
    let first_number = lines.iter().find(has_number).map(|line| line.bbox.y0).filter(|y| heads(y));
    ruled.or(first_number).unwrap_or(f32::MIN)
}

/// Text that stands alone within white space is a column with few entries.
fn split_at_islands(x0: f32, x1: f32, parts: &[Part]) -> Vec<(f32, f32)> {
    let inside = |(a, b): &&(f32, f32)| *a > x0 + 0.6 && *b < x1 - 0.6;
    let mut islands: Vec<(f32, f32)> = parts
        .iter()
        .filter(|part| part.segments.len() > 1)
        .flat_map(|part| part.segments.iter().filter(inside).copied())
        .collect();
    islands.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out = Vec::new();
    let mut at = x0;
    for (a, b) in islands {
        if a > at {
            out.push((at, a));
        }
        at = at.max(b);
    }
    if x1 > at {
        out.push((at, x1));
    }
    out
}

/// Whether enough lines have text on both sides of a strip.
fn parts_both_sides(parts: &[Part], x0: f32, x1: f32) -> bool {
    let (left, right) = (x0 + 1.0, x1 - 1.0);
    let both = parts.iter().filter(|part| {
        part.segments.iter().any(|segment| segment.1 <= left) && part.segments.iter().any(|segment| segment.0 >= right)
    });
    let both = both.count();
    both >= 2 || (both == 1 && parts.len() <= 3)
}

/// Which columns a line has text in.
pub(super) fn filled(line: &TextLine, words: &[TableWord], xs: &[f32]) -> Vec<bool> {
    let mut filled = vec![false; xs.len() - 1];
    for word in line.words.iter().map(|at| &words[*at]).filter(|word| word.kind != WordKind::Leader) {
        filled[index_of(xs, word.bbox.center_x())] = true;
    }
    filled
}
