//! Lines of a flow to paragraphs.

use super::lines::{Line, absorb, settle};
use super::marks;
use crate::content::Content;
use crate::fonts::Faces;

/// A paragraph begins this many ems further in than the lines before it.
const INDENT: f32 = 0.75;
/// A line this many ems high has a letter that reaches down beside the next lines.
const INITIAL: f32 = 1.7;
/// Pieces of a row this many ems apart,
const APART: f32 = 3.0;
/// and of sizes that differ by this factor, are lines of their own.
const UNLIKE: f32 = 1.25;
/// Font sizes that differ by this factor are different.
const SIZE_STEP: f32 = 1.06;

/// A column of lines with what is usual in it.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    /// Its lines from top to bottom.
    pub(crate) lines: Vec<Line>,
    /// Where lines usually begin.
    pub(crate) left: f32,
    /// Where full lines end.
    pub(crate) right: f32,
    /// Usual distance of baselines, in ems of the line.
    pub(crate) leading: f32,
    /// Share of lines that reach the right edge: high where text is justified.
    pub(crate) justified: f32,
}

/// Lines of a paragraph, as a range into [`Flow::lines`].
pub(crate) type Span = std::ops::Range<usize>;

impl Flow {
    /// Puts pieces of one row together and measures the column. Pieces of type of this size or `large`r are titles,
    /// each of its own.
    pub(crate) fn new(pieces: Vec<Line>, large: f32, content: &Content, faces: &Faces) -> Self {
        let mut lines: Vec<Line> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let at = lines.len();
            match lines.last_mut() {
                Some(last) if same_row(last, &piece) => {
                    if are_parted(last, &piece, large, content) {
                        let before = piece.frame.x1 < last.frame.x0;
                        lines.insert(at - usize::from(before), piece);
                    } else {
                        absorb(last, piece);
                        settle(last, content, faces);
                    }
                }
                _ => lines.push(piece),
            }
        }
        let mut flow = Self { lines, left: 0.0, right: 0.0, leading: 1.2, justified: 0.0 };
        flow.measure();
        flow
    }

    fn measure(&mut self) {
        let long: Vec<&Line> = self.lines.iter().filter(|line| line.chars >= 15).collect();
        let chosen: Vec<&Line> = if long.len() >= 3 { long } else { self.lines.iter().collect() };
        let Some(first) = chosen.first() else { return };
        let mut lefts: Vec<f32> = chosen.iter().map(|line| line.frame.x0).collect();
        let mut rights: Vec<f32> = chosen.iter().map(|line| line.frame.x1).collect();
        lefts.sort_by(f32::total_cmp);
        rights.sort_by(f32::total_cmp);
        self.left = crowded(&lefts, first.size * 0.3).unwrap_or(lefts[lefts.len() / 5]);
        self.right = rights[(rights.len() - 1) * 9 / 10];
        let reach = chosen.iter().filter(|line| line.frame.x1 > self.right - 0.5 * line.size).count();
        self.justified = reach as f32 / chosen.len() as f32;
        let mut steps: Vec<f32> = self
            .lines
            .windows(2)
            .filter(|pair| pair[0].size.max(pair[1].size) < SIZE_STEP * pair[0].size.min(pair[1].size))
            .map(|pair| (pair[1].base - pair[0].base) / pair[1].size.max(0.1))
            .filter(|step| (0.5..2.6).contains(step))
            .collect();
        if !steps.is_empty() {
            steps.sort_by(f32::total_cmp);
            self.leading = crowded(&steps, 0.04).unwrap_or(steps[steps.len() / 2]).max(0.8);
        }
    }

    /// The paragraphs of this flow.
    pub(crate) fn paragraphs(&self, content: &Content) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut begin = 0;
        for at in 1..self.lines.len() {
            if self.breaks(begin, at, content) {
                spans.push(begin..at);
                begin = at;
            }
        }
        if begin < self.lines.len() {
            spans.push(begin..self.lines.len());
        }
        spans
    }

    /// Whether a paragraph begun at line `begin` ends before line `at`.
    fn breaks(&self, begin: usize, at: usize, content: &Content) -> bool {
        let (before, line) = (&self.lines[at - 1], &self.lines[at]);
        if before.tagged(content) != line.tagged(content) {
            return true;
        }
        let em = line.size.max(before.size).max(0.1);
        let step = line.base - before.base;
        if step < -0.5 * em || step > (self.leading + 0.38).max(self.leading * 1.25) * em {
            return true;
        }
        let little = |line: &Line| line.chars < 4 || line.math > 0.4;
        if em > SIZE_STEP * line.size.min(before.size) && !little(line) && !little(before) {
            return true;
        }
        if (line.bold > 0.85 && before.bold < 0.15) || (before.bold > 0.85 && line.bold < 0.15) {
            return true;
        }
        let plain = |line: &Line| line.pure > 0.9 && line.chars > 3 && line.math < 0.1;
        if line.face != before.face && plain(line) && plain(before) {
            return true;
        }
        let first = line.first_word(content);
        if marks::is_bullet(first) {
            return true;
        }
        let last = before.last_word(content);
        let ends_sentence = marks::ends_sentence(last);
        let room = self.right - before.frame.x1;
        let is_short = room > line.first_width(content) + 0.6 * em;
        let level = (line.frame.x0 - before.frame.x0).abs() < 0.5 * em;
        // Names with values one after the other, as abbreviations are told, fill their lines.
        let one_after_other = last.ends_with(';') && !is_short;
        if level && !one_after_other && before.is_entry(content) && line.is_entry(content) {
            return true;
        }
        if marks::is_label(first) && (is_short || ends_sentence) && line.frame.x0 < before.frame.x0 + 0.5 * em {
            // Entries of a list or of the references.
            let entry = self.lines[begin].first_word(content);
            if marks::is_label(entry) || is_short {
                return true;
            }
        }
        // An item of a list within a list.
        let entry = self.lines[begin].first_word(content);
        if marks::is_label(first) && is_short && (marks::is_label(entry) || marks::is_bullet(entry)) {
            return true;
        }
        if marks::note_number(entry).is_some_and(|number| marks::note_number(first) == Some(number + 1)) {
            return true;
        }
        let shift = line.frame.x0 - before.frame.x0;
        let is_second = at == begin + 1;
        if self.is_beside_initial(begin, at) {
            return false;
        }
        if shift > INDENT * em {
            // Either a paragraph begins further in, or the first line hangs out.
            let hangs = is_second
                && (marks::is_label(self.lines[begin].first_word(content))
                    || marks::is_bullet(self.lines[begin].first_word(content))
                    || self.lines.get(at + 1).is_some_and(|next| {
                        (next.frame.x0 - line.frame.x0).abs() < 0.3 * em
                            && next.base - line.base < 1.3 * self.leading * em
                    }));
            let centred = (line.frame.center_x() - before.frame.center_x()).abs() < 0.6 * em && is_short;
            if !hangs && !centred && shift < 8.0 * em {
                return true;
            }
        }
        if shift < -INDENT * em {
            let centred = (line.frame.center_x() - before.frame.center_x()).abs() < 0.6 * em;
            if !is_second && !centred {
                return true;
            }
        }
        is_short && ends_sentence && (self.justified > 0.5 || room > 0.25 * (self.right - self.left))
    }

    /// Whether a line stands beside the large letter a paragraph begins with, or is the first one below it.
    fn is_beside_initial(&self, begin: usize, at: usize) -> bool {
        let (first, before, line) = (&self.lines[begin], &self.lines[at - 1], &self.lines[at]);
        let em = first.size;
        let is_tall = first.frame.height() > INITIAL * em && first.chars > 10;
        let above_ends_beside = before.base < first.frame.y1 + 0.2 * em;
        let set_back = (line.frame.x0 - first.frame.x0).abs() < 0.5 * em;
        let set_in = at == begin + 1 || (line.frame.x0 - before.frame.x0).abs() < 0.5 * em;
        is_tall && above_ends_beside && (set_back || (set_in && line.base < first.frame.y1 + 0.2 * em))
    }
}

/// Whether a piece stands beside a line rather than below it.
fn same_row(line: &Line, piece: &Line) -> bool {
    let least = line.frame.height().min(piece.frame.height());
    let overlap = line.frame.vertical_overlap(&piece.frame);
    let beside = line.frame.horizontal_overlap(&piece.frame) < 0.3 * line.frame.width().min(piece.frame.width());
    let level = (line.base - piece.base).abs() < 0.25 * line.size.max(piece.size);
    beside && (level || overlap > 0.6 * least)
}

/// Whether pieces of a row are lines of their own: far from each other, and titles or of different size. The number of
/// a title belongs to it.
fn are_parted(line: &Line, piece: &Line, large: f32, content: &Content) -> bool {
    let (least, size) = (line.size.min(piece.size), line.size.max(piece.size));
    let gap = (piece.frame.x0 - line.frame.x1).max(line.frame.x0 - piece.frame.x1);
    let left = if line.frame.x0 < piece.frame.x0 { line } else { piece };
    let is_number = left.words.len() == 1 && left.first_word(content).starts_with(|c: char| c.is_ascii_digit());
    gap > APART * size && (least >= large || size > UNLIKE * least) && !is_number
}

/// The value most sorted values are within `reach` of.
fn crowded(sorted: &[f32], reach: f32) -> Option<f32> {
    let mut best = (0, None);
    let mut begin = 0;
    for end in 0..sorted.len() {
        while sorted[end] - sorted[begin] > reach {
            begin += 1;
        }
        if end - begin + 1 > best.0 {
            best = (end - begin + 1, Some(sorted[(begin + end) / 2]));
        }
    }
    best.1
}
