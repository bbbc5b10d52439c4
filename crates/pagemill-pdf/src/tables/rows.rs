//! Rows by rules, and by what the lines between rules hold.

use super::columns::{SPAN_GAP, filled};
use super::grid::{Kind, Place, index_of};
use super::text::{TableWord, TextLine, WordKind};

/// So many lines must agree for columns of numbers to tell the rows.
const LEAST_KEYED: usize = 4;

/// Rows are not closer than so many ems.
const CLOSE: f32 = 0.7;

/// A line of a table as the search for rows sees it.
struct Entry {
    top: f32,
    bottom: f32,
    base: f32,
    size: f32,
    filled: Vec<bool>,
    /// Columns in which all it has are numbers.
    numbers: Vec<bool>,
    /// Whether a piece of text runs over a separator.
    spans: bool,
    /// Where the text of the first column begins.
    indent: Option<f32>,
}

impl Entry {
    fn count(&self) -> usize {
        self.filled.iter().filter(|filled| **filled).count()
    }

    fn has_numbers(&self) -> bool {
        self.numbers.iter().skip(1).any(|number| *number)
    }
}

/// The separators of the rules with those between lines that are rows of their own;
/// the second list has the added ones alone.
pub(super) fn refined(
    ruled: &[f32],
    xs: &[f32],
    lines: &[TextLine],
    words: &[TableWord],
    place: &Place,
) -> (Vec<f32>, Vec<f32>) {
    let entries: Vec<Entry> = lines.iter().map(|line| entry(line, words, xs)).collect();
    let bands: Vec<Vec<&Entry>> = ruled
        .windows(2)
        .map(|band| entries.iter().filter(|e| (band[0]..band[1]).contains(&((e.top + e.bottom) / 2.0))).collect())
        .collect();
    let bands_with_text = bands.iter().filter(|band| !band.is_empty()).count();
    let longest = bands.iter().map(Vec::len).max().unwrap_or(0);
    // Rules between rows part all of them, unless one stretch holds most of the lines.
    let ruled_rows = bands_with_text >= 4 && longest * 3 <= entries.len() + 4;
    let mut breaks = Vec::new();
    for (index, band) in bands.iter().enumerate() {
        let is_header = index == 0 && bands_with_text > 1 && band.iter().all(|entry| !entry.has_numbers());
        let is_head = band.len() * 2 < entries.len() && bands[..index].iter().all(Vec::is_empty);
        let begins = if ruled_rows { None } else { row_begins(band) };
        for (k, pair) in band.windows(2).enumerate() {
            let is_break = if is_head && overlap(pair[0], pair[1]) {
                false
            } else if is_header {
                band[..=k].iter().all(|entry| entry.spans) && !pair[1].spans
            } else if ruled_rows {
                stacked_numbers(pair[0], pair[1]) >= 2
            } else if let Some(begins) = begins.as_ref().filter(|begins| begins[..=k].contains(&true)) {
                begins[k + 1] || is_title_between(band, k)
            } else {
                parts_rows(band, k, place.kind, bands_with_text > 1)
            };
            if is_break {
                breaks.push((pair[0].bottom.min(pair[1].base) + pair[1].top.max(pair[0].base)) / 2.0);
            }
        }
    }
    let mut ys: Vec<f32> = ruled.iter().chain(&breaks).copied().collect();
    ys.sort_by(f32::total_cmp);
    (ys, breaks)
}

/// Whether lines are too close for rows: heads of different numbers of lines stand beside each other.
fn overlap(upper: &Entry, lower: &Entry) -> bool {
    lower.base - upper.base < CLOSE * upper.size.min(lower.size)
}

fn entry(line: &TextLine, words: &[TableWord], xs: &[f32]) -> Entry {
    let columns = xs.len() - 1;
    let mut numbers = vec![true; columns];
    let mut indent = None;
    for word in line.words.iter().map(|at| &words[*at]).filter(|word| word.kind != WordKind::Leader) {
        let col = index_of(xs, word.bbox.center_x());
        numbers[col] &= word.kind == WordKind::Number || word.kind == WordKind::Sign;
        if col == 0 && indent.is_none() {
            indent = Some(word.bbox.x0);
        }
    }
    let filled = filled(line, words, xs);
    for (number, filled) in numbers.iter_mut().zip(&filled) {
        *number &= *filled;
    }
    let mut spans = false;
    for segment in line.segments(words, SPAN_GAP) {
        let (first, last) = (index_of(xs, segment.x0 + 1.0), index_of(xs, segment.x1 - 1.0));
        if first < last {
            spans = true;
            numbers[first..=last].fill(false);
        }
    }
    Entry { top: line.bbox.y0, bottom: line.bbox.y1, base: line.base, size: line.size, filled, numbers, spans, indent }
}

/// In how many columns both lines are numbers.
fn stacked_numbers(upper: &Entry, lower: &Entry) -> usize {
    upper.numbers.iter().zip(&lower.numbers).filter(|(a, b)| **a && **b).count()
}

/// Which lines of a band begin rows, where columns of nothing but numbers tell: cells of many lines stand beside
/// numbers of one line, at the top of the row. `None` where they do not tell.
fn row_begins(band: &[&Entry]) -> Option<Vec<bool>> {
    let cols = band.first()?.filled.len();
    let entries = |col: usize| band.iter().filter(|entry| entry.filled[col]).count();
    let is_key = |col: &usize| {
        let numbers = band.iter().filter(|entry| entry.numbers[*col]).count();
        numbers >= LEAST_KEYED && numbers * 10 >= entries(*col) * 9
    };
    let keys: Vec<usize> = (1..cols).filter(is_key).collect();
    let begins = |entry: &&Entry| {
        let keyed = keys.iter().filter(|col| entry.filled[**col]).count();
        keyed * 3 >= keys.len() * 2 && entry.filled[0] && entry.count() * 3 >= cols * 2
    };
    let begins: Vec<bool> = band.iter().map(begins).collect();
    let rows = begins.iter().filter(|begins| **begins).count();
    // Numbers elsewhere in the same columns are no ends of cells: something else parts the rows.
    let elsewhere = |col: &usize| {
        let others = band.iter().zip(&begins).filter(|(entry, begins)| !**begins && entry.filled[*col]).count();
        others * 8 > rows
    };
    // Lines of the first column alone may be titles between rows as well as the rest of labels.
    let more = band.iter().zip(&begins).filter(|(_, begins)| !**begins);
    let beyond_labels = more.filter(|(entry, _)| entry.filled.iter().skip(1).any(|filled| *filled)).count();
    let many_lines = beyond_labels * 3 > rows && beyond_labels * 2 > band.len() - rows;
    let tells = cols >= 4 && rows >= LEAST_KEYED && many_lines && !keys.is_empty() && !keys.iter().any(elsewhere);
    tells.then_some(begins)
}

/// Whether line `k + 1` of a band stands alone in the first column, apart from the lines around it.
fn is_title_between(band: &[&Entry], k: usize) -> bool {
    let (upper, lower) = (band[k], band[k + 1]);
    let apart = |above: &Entry, below: &Entry| below.base - above.base > 1.6 * below.size.max(above.size);
    let follows = band.get(k + 2).is_some_and(|next| next.count() > 1);
    lower.filled[0] && lower.count() == 1 && follows && apart(upper, lower)
}

/// Whether line `k + 1` of a band begins a row, where no rule tells.
fn parts_rows(band: &[&Entry], k: usize, kind: Kind, below_header: bool) -> bool {
    let (upper, lower) = (band[k], band[k + 1]);
    if stacked_numbers(upper, lower) >= 1 {
        return true;
    }
    // Between rules, lines around the only one with several cells are the rest of its cells.
    if kind == Kind::Lattice && below_header && band.iter().filter(|entry| entry.count() > 1).count() == 1 {
        return false;
    }
    let pitch = lower.base - upper.base;
    let mut pitches: Vec<f32> = band.windows(2).map(|pair| pair[1].base - pair[0].base).collect();
    pitches.sort_by(f32::total_cmp);
    let (least, most) = (pitches[0], pitches[pitches.len() - 1]);
    let leading = least.max(upper.size.max(lower.size));
    // Lines of one cell are closer than rows, where rows are set apart.
    let is_tight =
        |pair: &[&Entry]| stacked_numbers(pair[0], pair[1]) >= 1 && pair[1].base - pair[0].base <= 1.18 * leading;
    let tight_rows = band.windows(2).any(is_tight);
    if !tight_rows && most > 1.3 * least && least < 1.45 * lower.size {
        return pitch > 1.18 * leading;
    }
    if pitch > 1.9 * lower.size.max(upper.size) {
        return true;
    }
    // Titles of several lines, before any number.
    let before_numbers = band[..=k + 1].iter().all(|entry| !entry.has_numbers());
    let numbers_follow = band[k + 1..].iter().any(|entry| entry.has_numbers());
    if before_numbers && numbers_follow && !below_header && kind != Kind::Lattice {
        return upper.spans && !lower.spans || lower.filled.iter().zip(&upper.filled).all(|(l, u)| !l || !u);
    }
    // A line that only goes on in later columns, none of them new, is the rest of the row above.
    // A year at the end of a text is no number of its own.
    let numbers = lower.numbers.iter().skip(1).filter(|number| **number).count();
    let only_text = numbers == 0 || (below_header && numbers * 2 < lower.count());
    let within = lower.filled.iter().zip(&upper.filled).all(|(l, u)| !l || *u);
    if only_text && within && !lower.filled[0] && lower.count() < upper.filled.len() {
        return false;
    }
    // Titles stand above rows: where labels alone come last, labels go on.
    let is_label = |entry: &Entry| entry.filled[0] && entry.count() == 1;
    if kind == Kind::Stack && below_header && is_label(lower) && band[0].count() > 1 && is_label(band[band.len() - 1]) {
        return false;
    }
    // A label that goes on, set in from the first line of the row.
    let label_only = lower.filled[0] && lower.count() == 1;
    let next_is_full = band.get(k + 2).is_some_and(|next| next.count() > 1);
    if label_only && upper.count() > 1 && next_is_full {
        let set_in = |entry: &Entry, by: f32| matches!((entry.indent, upper.indent), (Some(a), Some(b)) if a > b + by * entry.size);
        let next_set_in = band.get(k + 2).is_some_and(|next| set_in(next, 0.5));
        return !set_in(lower, 0.5) || next_set_in;
    }
    true
}
