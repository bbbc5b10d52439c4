//! Words to lines: first in the order of painting, then by place.

use std::borrow::Cow;

use pagemill_core::Rect;
use rustc_hash::FxHashMap;

use crate::bidi;
use crate::content::{Content, Direction, RawWord, Tag};
use crate::fonts::Faces;

/// A name of something has so many words at most.
const ENTRY_WORDS: usize = 5;
/// Words this many ems apart, painted one after the other, are on one line.
const NEAR: f32 = 1.0;
/// Pieces this many ems apart are on one line unless a column begins there.
const FAR: f32 = 2.2;
/// Words of a line further apart than this, in ems, are pieces side by side, as names and values are.
const PIECE_GAP: f32 = 3.0;
/// So many pieces that begin at one place make it the edge of a column.
const EDGE_LINES: u32 = 4;

/// A piece of a line within one column.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Its words from left to right, as numbers of [`Content::words`].
    pub(crate) words: Vec<u32>,
    /// Its box in the frame of its direction.
    pub(crate) frame: Rect,
    /// Its baseline in the frame.
    pub(crate) base: f32,
    /// The font size most of its characters have.
    pub(crate) size: f32,
    /// The face most of its characters have.
    pub(crate) face: u16,
    /// Number of bytes of its text.
    pub(crate) chars: u32,
    /// Share of characters in bold faces.
    pub(crate) bold: f32,
    /// Share of characters in italic faces.
    pub(crate) italic: f32,
    /// Share of characters in mathematical faces.
    pub(crate) math: f32,
    /// Share of characters in the face and size most have.
    pub(crate) pure: f32,
    /// The number of its first word in the order of painting.
    pub(crate) painted: u32,
    /// Widest gap between two of its words, in ems.
    pub(crate) widest_gap: f32,
}

impl Line {
    /// The text of its first word.
    pub(crate) fn first_word<'c>(&self, content: &'c Content) -> &'c str {
        self.words.first().and_then(|at| content.words.get(*at as usize)).map_or("", |word| content.word(word))
    }

    /// The text of its last word.
    pub(crate) fn last_word<'c>(&self, content: &'c Content) -> &'c str {
        self.words.last().and_then(|at| content.words.get(*at as usize)).map_or("", |word| content.word(word))
    }

    /// The level of a heading, where the tags of the file say that all of it is one; 0 where they tell no level.
    pub(crate) fn tagged(&self, content: &Content) -> Option<u8> {
        if content.tags.is_empty() {
            return None;
        }
        let mut tags = self.words.iter().map(|word| content.tag(*word));
        let Some(Tag::Heading(level)) = tags.next() else { return None };
        tags.all(|tag| tag == Tag::Heading(level)).then_some(level)
    }

    /// Whether it gives the value of something by its name, as in `Part number: 12`.
    pub(crate) fn is_entry(&self, content: &Content) -> bool {
        let words =
            || self.words.iter().filter_map(|at| content.words.get(*at as usize)).map(|word| content.word(word));
        let is_name = words().next().is_some_and(|first| first.starts_with(char::is_uppercase));
        let ends = |word: &&str| word.ends_with([':', ';']);
        let last = words().take(ENTRY_WORDS).find(ends).and_then(|word| word.strip_suffix(':'));
        is_name && last.is_some_and(|last| last.ends_with(|c: char| c.is_alphabetic() || c == ')'))
    }

    /// Its words with single spaces between them.
    pub(crate) fn text(&self, content: &Content) -> String {
        let mut out = String::with_capacity(self.chars as usize + self.words.len());
        let mut before: Option<&RawWord> = None;
        for word in ordered(&self.words, content).iter().filter_map(|at| content.words.get(*at as usize)) {
            if before.is_some_and(|before| parted(before, word)) {
                out.push(' ');
            }
            out.push_str(content.word(word));
            before = Some(word);
        }
        out
    }

    /// How many wide gaps part its words into pieces, beside the one after a number at its beginning.
    pub(crate) fn wide_gaps(&self, content: &Content) -> usize {
        if self.widest_gap < PIECE_GAP {
            return 0;
        }
        let words = self.words.iter().filter_map(|at| content.words.get(*at as usize));
        let is_number = self.first_word(content).starts_with(|c: char| c.is_ascii_digit());
        let words = words.skip(usize::from(is_number));
        words.clone().zip(words.skip(1)).filter(|(a, b)| b.frame.x0 - a.frame.x1 > PIECE_GAP * b.size).count()
    }

    /// Width of its first word.
    pub(crate) fn first_width(&self, content: &Content) -> f32 {
        self.words.first().and_then(|at| content.words.get(*at as usize)).map_or(0.0, |word| word.frame.width())
    }
}

/// Some words of a line as a line of their own.
pub(crate) fn part_of(line: &Line, words: &[u32], content: &Content, faces: &Faces) -> Option<Line> {
    let frames = words.iter().filter_map(|at| content.words.get(*at as usize)).map(|word| &word.frame);
    let frame = Rect::union_all(frames)?;
    let mut part = Line { words: words.to_vec(), frame, ..line.clone() };
    settle(&mut part, content, faces);
    Some(part)
}

/// Words of a line in reading order.
pub(crate) fn ordered<'w>(words: &'w [u32], content: &Content) -> Cow<'w, [u32]> {
    if !content.mixed {
        return Cow::Borrowed(words);
    }
    let mut words = words.to_vec();
    bidi::order_words(&mut words, content);
    Cow::Owned(words)
}

/// Whether two neighbours on a line, in reading order, are different words.
pub(crate) fn parted(before: &RawWord, after: &RawWord) -> bool {
    let size = before.size.max(after.size);
    let gap = (after.frame.x0 - before.frame.x1).max(before.frame.x0 - after.frame.x1);
    let backwards = before.direction == Direction::Mirrored || after.frame.x0 < before.frame.x0;
    if before.space_after && !backwards {
        return true;
    }
    let least = if before.wide || after.wide { 0.5 } else { 0.115 };
    gap > least * size
}

/// Lines of the words `chosen` (numbers of [`Content::words`], in the order of painting).
pub(crate) fn lines_of(content: &Content, faces: &Faces, chosen: &[u32]) -> Vec<Line> {
    let mut pieces = painted_pieces(content, chosen);
    let edges = edges(&pieces);
    merge_rows(&mut pieces, &edges);
    for piece in &mut pieces {
        settle(piece, content, faces);
    }
    pieces
}

fn piece_of(at: u32, word: &RawWord) -> Line {
    Line {
        words: vec![at],
        frame: word.frame,
        base: word.base,
        size: word.size,
        face: word.face,
        chars: word.end - word.start,
        bold: 0.0,
        italic: 0.0,
        math: 0.0,
        pure: 0.0,
        painted: at,
        widest_gap: 0.0,
    }
}

fn painted_pieces(content: &Content, chosen: &[u32]) -> Vec<Line> {
    let mut pieces: Vec<Line> = Vec::with_capacity(chosen.len() / 6 + 1);
    for &at in chosen {
        let Some(word) = content.words.get(at as usize) else { continue };
        if let Some(piece) = pieces.last_mut() {
            let size = piece.size.max(word.size);
            let mut gap = word.frame.x0 - piece.frame.x1;
            if word.direction == Direction::Mirrored {
                // Painted against the way it is read, or along with it.
                gap = gap.max(piece.frame.x0 - word.frame.x1);
            }
            let overlap = piece.frame.vertical_overlap(&word.frame);
            let least = piece.frame.height().min(word.frame.height());
            let level = (piece.base - word.base).abs() < 0.25 * size || overlap > 0.55 * least;
            if level && gap > -0.6 * size && gap < NEAR * size {
                piece.words.push(at);
                piece.frame = piece.frame.union(&word.frame);
                piece.chars += word.end - word.start;
                if word.size > piece.size * 1.15 {
                    (piece.size, piece.base) = (word.size, word.base);
                }
                continue;
            }
        }
        pieces.push(piece_of(at, word));
    }
    pieces
}

/// How many pieces begin at each place, in steps of 2 points.
fn edges(pieces: &[Line]) -> FxHashMap<i32, u32> {
    let mut edges = FxHashMap::default();
    for piece in pieces.iter().filter(|piece| piece.chars > 3) {
        *edges.entry((piece.frame.x0 / 2.0) as i32).or_insert(0) += 1;
    }
    edges
}

fn begins_column(edges: &FxHashMap<i32, u32>, x: f32) -> bool {
    let at = (x / 2.0) as i32;
    let count: u32 = [at - 1, at, at + 1].iter().filter_map(|place| edges.get(place)).sum();
    count >= EDGE_LINES
}

/// Joins pieces that stand beside each other on one baseline.
fn merge_rows(pieces: &mut Vec<Line>, edges: &FxHashMap<i32, u32>) {
    pieces.sort_by(|a, b| a.base.total_cmp(&b.base));
    let mut rows: Vec<Line> = Vec::with_capacity(pieces.len());
    let mut rest = std::mem::take(pieces).into_iter().peekable();
    let mut row: Vec<Line> = Vec::new();
    while let Some(first) = rest.next() {
        let limit = first.base + 0.3 * first.size;
        row.push(first);
        while let Some(next) = rest.next_if(|next| next.base <= limit) {
            row.push(next);
        }
        row.sort_by(|a, b| a.frame.x0.total_cmp(&b.frame.x0));
        for piece in row.drain(..) {
            let joins = rows.last().is_some_and(|last| {
                let size = last.size.min(piece.size);
                let gap = piece.frame.x0 - last.frame.x1;
                let level = (last.base - piece.base).abs() < 0.35 * last.size.max(piece.size);
                let limit = if begins_column(edges, piece.frame.x0) { 0.5 } else { FAR };
                level && gap > -0.6 * size && gap < limit * size
            });
            match rows.last_mut() {
                Some(last) if joins => absorb(last, piece),
                _ => rows.push(piece),
            }
        }
    }
    *pieces = rows;
}

/// Adds the words of a piece to a line; [`settle`] or [`resettle`] puts them in order.
pub(crate) fn absorb(line: &mut Line, piece: Line) {
    if piece.size > line.size * 1.15 {
        (line.size, line.base) = (piece.size, piece.base);
    }
    line.frame = line.frame.union(&piece.frame);
    line.chars += piece.chars;
    line.painted = line.painted.min(piece.painted);
    line.words.extend(piece.words);
}

/// Sorts the words of a line, drops what is drawn twice, and takes stock of its faces.
pub(crate) fn settle(line: &mut Line, content: &Content, faces: &Faces) {
    let word = |at: &u32| content.words.get(*at as usize);
    let left = |at: &u32| word(at).map_or(0.0, |word| word.frame.x0);
    if !line.words.is_sorted_by(|a, b| left(a) <= left(b)) {
        line.words.sort_by(|a, b| left(a).total_cmp(&left(b)));
    }
    line.words.dedup_by(|later, earlier| match (word(later), word(earlier)) {
        (Some(later), Some(earlier)) => {
            later.frame.horizontal_overlap(&earlier.frame) > 0.7 * later.frame.width()
                && content.word(later) == content.word(earlier)
        }
        _ => false,
    });
    let mut sizes: [(f32, u16, u32); 6] = [(0.0, 0, 0); 6];
    let (mut chars, mut bold, mut italic, mut math) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut before: Option<&RawWord> = None;
    line.widest_gap = 0.0;
    for word in line.words.iter().filter_map(word) {
        let count = word.end - word.start;
        chars += count;
        bold += if faces.bold(word.face) { count } else { 0 };
        italic += if faces.italic(word.face) { count } else { 0 };
        math += if faces.math(word.face) { count } else { 0 };
        if let Some(slot) = sizes
            .iter_mut()
            .find(|slot| slot.2 == 0 || (slot.1 == word.face && (slot.0 - word.size).abs() < 0.1 * word.size))
        {
            *slot = (word.size, word.face, slot.2 + count);
        }
        if let Some(before) = before {
            line.widest_gap = line.widest_gap.max((word.frame.x0 - before.frame.x1) / word.size.max(0.1));
        }
        before = Some(word);
    }
    if let Some(most) = sizes.iter().max_by_key(|slot| slot.2) {
        (line.size, line.face) = (most.0, most.1);
        line.pure = most.2 as f32 / chars.max(1) as f32;
    }
    if let Some(word) = line.words.iter().filter_map(word).find(|word| (word.size - line.size).abs() < 0.1 * line.size)
    {
        line.base = word.base;
    }
    let share = |count: u32| count as f32 / chars.max(1) as f32;
    line.chars = chars;
    (line.bold, line.italic, line.math) = (share(bold), share(italic), share(math));
}
