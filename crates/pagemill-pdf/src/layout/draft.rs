//! Lines to a block's text with the place of each word.

use pagemill_core::{BlockKind, Cell, Rect, Word};

use super::lines::{Line, ordered, parted};
use super::marks;
use crate::bidi::is_wide;
use crate::compounds::Compounds;
use crate::content::{Content, Direction, RawWord};
use crate::recognised::Upright;

/// A block in the making.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// What it is taken for.
    pub(crate) kind: BlockKind,
    /// Level of a heading or list item.
    pub(crate) level: Option<u8>,
    /// Its text so far.
    pub(crate) text: String,
    /// Words of the text.
    pub(crate) words: Vec<Word>,
    /// Its box on its page.
    pub(crate) bbox: Rect,
    /// Its box in the frame of the text.
    pub(crate) frame: Rect,
    /// The flow it belongs to.
    pub(crate) flow: usize,
    /// Number of lines.
    pub(crate) lines: usize,
    /// Font size.
    pub(crate) size: f32,
    /// Share of bold characters.
    pub(crate) bold: f32,
    /// Share of italic characters.
    pub(crate) italic: f32,
    /// Share of characters in mathematical faces.
    pub(crate) math: f32,
    /// The level of a heading, if the tags of the file say it is one; 0 where they tell no level.
    pub(crate) tagged: Option<u8>,
    /// The face of its first line, where all of it is in one.
    pub(crate) face: Option<u16>,
    /// Whether its first line begins further in than its column.
    pub(crate) indented: bool,
    /// Whether its last line reaches the right edge of its column.
    pub(crate) full: bool,
    /// How many wide gaps part its lines into pieces, beside those after numbers at their beginnings.
    pub(crate) gaps: usize,
    /// White space above it, in ems.
    pub(crate) space_above: f32,
    /// Cells of a table.
    pub(crate) cells: Vec<Cell>,
    /// Whether a figure is a logo or an ornament.
    pub(crate) decorative: bool,
    /// Whether a table goes on from the page before.
    pub(crate) continued: bool,
    /// Whether it stands beside the running text, whatever it is.
    pub(crate) aside: bool,
}

impl Draft {
    /// Puts a block of an upright picture onto its page.
    pub(crate) fn place(&mut self, upright: &Upright) {
        self.bbox = upright.to_page(&self.bbox);
        self.words.iter_mut().for_each(|word| word.bbox = upright.to_page(&word.bbox));
        self.cells.iter_mut().for_each(|cell| cell.bbox = upright.to_page(&cell.bbox));
    }
}

/// Writes lines one after the other.
pub(crate) struct Writer<'c> {
    content: &'c Content,
    direction: Direction,
    page: u32,
    /// The text written.
    pub(crate) text: String,
    /// Its words.
    pub(crate) words: Vec<Word>,
}

impl<'c> Writer<'c> {
    /// A writer for text of one page.
    pub(crate) fn new(content: &'c Content, direction: Direction, page: u32) -> Self {
        Self { content, direction, page, text: String::new(), words: Vec::new() }
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, line: &Line) {
        self.some(&line.words);
    }

    /// Adds some words of a line.
    pub(crate) fn some(&mut self, words: &[u32]) {
        let mut before: Option<&RawWord> = None;
        for word in ordered(words, self.content).iter().filter_map(|at| self.content.words.get(*at as usize)) {
            let text = self.content.word(word);
            let glued = match before {
                Some(before) => !parted(before, word),
                None => join_lines(&mut self.text, &mut self.words, text, &self.content.compounds),
            };
            before = Some(word);
            if !glued && !self.text.is_empty() {
                self.text.push(' ');
            }
            let start = self.text.len() as u32;
            self.text.push_str(text);
            let end = self.text.len() as u32;
            let bbox = self.direction.to_page(&word.frame, self.content.size);
            match self.words.last_mut() {
                Some(last)
                    if glued
                        && before.is_some()
                        && last.end == start
                        && last.page == self.page
                        && { last.bbox.vertical_overlap(&bbox) > 0.0 || last.bbox.horizontal_overlap(&bbox) > 0.0 }
                        && last.bbox.x0 <= bbox.x0 + 1.0
                        && !word.wide
                        && self.direction == Direction::Right =>
                {
                    last.end = end;
                    last.bbox = last.bbox.union(&bbox);
                }
                _ => self.words.push(Word { start, end, page: self.page, bbox }),
            }
        }
    }
}

/// Prepares text for the first word of the next line: undoes hyphenation.
/// Returns whether the word follows without white space.
pub(crate) fn join_lines(text: &mut String, words: &mut [Word], next: &str, compounds: &Compounds) -> bool {
    let last = text.rsplit(' ').next().unwrap_or("");
    let wide = |c: Option<char>| c.is_some_and(is_wide);
    if wide(last.chars().next_back()) || (!text.is_empty() && wide(next.chars().next())) {
        return true;
    }
    if text.is_empty() || !marks::is_broken(last) {
        // A soft hyphen or a slash of an address goes on as well.
        return last.ends_with('/') && last.contains("://");
    }
    let stays = last.ends_with('-') && compounds.has(&last[..last.len() - 1], next);
    if !stays && next.chars().next().is_some_and(char::is_lowercase) {
        text.pop();
        let end = text.len() as u32;
        if let Some(word) = words.last_mut() {
            word.end = word.end.min(end).max(word.start);
        }
    }
    true
}

/// Appends the text of a block that goes on elsewhere.
pub(crate) fn append(draft: &mut Draft, rest: Draft, compounds: &Compounds) {
    let first = rest.text.split(' ').next().unwrap_or("");
    let glued = join_lines(&mut draft.text, &mut draft.words, first, compounds);
    if !glued {
        draft.text.push(' ');
    }
    add(draft, rest);
}

/// Appends the text of a block that stands beside it or below, as a line of its own.
pub(crate) fn adjoin(draft: &mut Draft, rest: Draft) {
    draft.text.push(' ');
    add(draft, rest);
}

fn add(draft: &mut Draft, rest: Draft) {
    let offset = draft.text.len() as u32;
    draft.text.push_str(&rest.text);
    draft.words.extend(rest.words.into_iter().map(|word| Word {
        start: word.start + offset,
        end: word.end + offset,
        ..word
    }));
    draft.full = rest.full;
    draft.lines += rest.lines;
}
