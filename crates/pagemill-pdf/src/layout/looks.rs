//! Furniture by its looks, where no neighbouring page tells: rows at the edge of a page
//! that stand apart from the text and say what running heads and feet say.

use super::lines::Line;
use crate::content::Content;

/// Rows stand within this share of the page height from its edge.
const ZONE: f32 = 0.14;
/// Rows this close to the edge need say nothing to be told.
const OUTER: f32 = 0.075;
/// Furniture is not longer than this, in bytes.
const LONGEST: u32 = 170;
/// Furniture is not larger than most of the text by more than this factor,
const LARGEST: f32 = 1.5;
/// and not by more than this one where its words or its place at the sides tell it.
const TOLD: f32 = 1.3;
/// White space, in ems, that parts furniture from text.
const APART: f32 = 1.0;
/// Rows of a table are as far apart as their neighbours within so many ems.
const EVEN: f32 = 0.25;
/// What is smaller than most of the text by this factor is small print.
const SMALL_PRINT: f32 = 0.9;
/// Pieces of a row this many ems apart stand at the sides of the page.
const SIDES: f32 = 3.0;

/// The imprint of a journal has so many rows at most.
const MOST_IMPRINT: usize = 5;
/// A piece of a row with so many bytes is a line of text.
const TEXT_PIECE: u32 = 22;

/// Lines on one height.
struct Row {
    lines: Vec<usize>,
    y0: f32,
    y1: f32,
    x1: f32,
    base: f32,
    size: f32,
    chars: u32,
    /// Bytes of its shortest piece.
    shortest: u32,
    widest_gap: f32,
}

/// The lines of the rows at one edge of a page that look like furniture, the outermost first.
/// `order` are the lines from top to bottom.
pub(super) fn rows(
    lines: &[Line],
    order: &[usize],
    content: &Content,
    height: f32,
    top: bool,
    most: usize,
) -> Vec<usize> {
    let Some(usual) = usual_size(lines) else { return Vec::new() };
    let from_edge: Box<dyn Iterator<Item = &usize>> =
        if top { Box::new(order.iter()) } else { Box::new(order.iter().rev()) };
    let mut rows: Vec<Row> = Vec::new();
    for at in from_edge {
        let line = &lines[*at];
        let count = rows.len();
        match rows.last_mut() {
            Some(row) if (row.base - line.base).abs() < 0.3 * row.size.max(line.size) => row.add(*at, line),
            _ if count > most.max(MOST_IMPRINT) => break,
            _ => rows.push(Row::of(*at, line)),
        }
    }
    let texts = rows.iter().map(|row| row.text(lines, content)).collect();
    let right = lines.iter().map(|line| line.frame.x1).fold(f32::MIN, f32::max);
    let edge = Edge { rows: &rows, texts, usual, right, height, top };
    let mut out = Vec::new();
    let mut at = 0;
    while at < rows.len().min(most) {
        let count = edge.furniture_at(at, most - at);
        if count == 0 {
            break;
        }
        out.extend(rows[at..at + count].iter().flat_map(|row| row.lines.iter().copied()));
        at += count;
    }
    out
}

/// The rows at one edge of a page, the outermost first.
struct Edge<'r> {
    rows: &'r [Row],
    texts: Vec<String>,
    /// Font size of most characters of the page.
    usual: f32,
    /// Where the text of the page ends on the right.
    right: f32,
    height: f32,
    top: bool,
}

impl Edge<'_> {
    /// How many rows from this one on are furniture together, none when it is not.
    fn furniture_at(&self, at: usize, most: usize) -> usize {
        let (row, text) = (&self.rows[at], self.texts[at].as_str());
        let depth = self.depth(row);
        if depth < OUTER && !text.contains(char::is_alphanumeric) {
            // A stroke or a speck.
            return 1;
        }
        if depth > ZONE || row.chars > LONGEST || self.larger(row) > LARGEST {
            return 0;
        }
        if self.is_of_table(at) {
            return 0;
        }
        let next = self.rows.get(at + 1);
        // Rows of short pieces one below the other are a table; longer ones are columns of text.
        let table = next.is_some_and(Row::is_in_short_pieces);
        let told = self.larger(row) <= TOLD && (says_so(text, self.top) || (self.has_sides(row) && !table));
        // Numbers beside several rows are numbers of lines.
        let numbered = |at: usize| self.rows[at].widest_gap > 2.0 && begins_or_ends_with_number(&self.texts[at]);
        // Most of the text may be small print, but what says nothing must not be larger than it.
        let plain = self.larger(row) <= 1.08;
        let heads = is_in_capitals(text) || (plain && !text.ends_with('.'));
        let running_head = self.top && numbered(at) && heads && !(next.is_some() && numbered(at + 1));
        let alone = depth < OUTER && plain && (self.inward(at) > 2.0 * APART * self.usual || is_number(text));
        if (self.is_apart(at) && (told || alone) && !self.is_note(at)) || running_head {
            return 1;
        }
        self.block_at(at, most)
    }

    /// How many rows close to each other are furniture because one of them says so.
    fn block_at(&self, at: usize, most: usize) -> usize {
        let longest = most.max(if at == 0 { MOST_IMPRINT } else { 0 });
        let Some(count) = (1..=longest).find(|count| at + count <= self.rows.len() && self.is_apart(at + count - 1))
        else {
            return 0;
        };
        let tall = count > most;
        let block = &self.rows[at..at + count];
        let inner = &block[count - 1];
        let small = block.iter().all(|row| self.larger(row) < 1.02 && row.chars <= LONGEST);
        let said = self.texts[at..at + count].iter().any(|text| has_imprint(text) && (!tall || is_of_journal(text)));
        let noted = (at..at + count).any(|at| self.is_note(at));
        if count > 1 && small && said && !noted && self.depth(inner) <= ZONE { count } else { 0 }
    }

    /// Whether a row is the outermost of a table: rows of short pieces follow each other inwards as far apart as it is
    /// from them. Dates and numbers at the sides are its cells then. Columns of an address at the foot are small print.
    fn is_of_table(&self, at: usize) -> bool {
        let is_of_cells = |at: usize| {
            let row = self.rows.get(at).filter(|row| self.larger(row) > SMALL_PRINT);
            row.is_some_and(Row::is_in_short_pieces)
        };
        (at..=at + 2).all(is_of_cells) && (self.inward(at) - self.inward(at + 1)).abs() < EVEN * self.rows[at].size
    }

    /// Whether the pieces of a row stand at the sides of the page.
    fn has_sides(&self, row: &Row) -> bool {
        row.widest_gap > SIDES && row.x1 > self.right - 3.0 * row.size
    }

    /// White space to the next row.
    fn inward(&self, at: usize) -> f32 {
        let row = &self.rows[at];
        self.rows.get(at + 1).map_or(f32::MAX, |next| if self.top { next.y0 - row.y1 } else { row.y0 - next.y1 })
    }

    fn is_apart(&self, at: usize) -> bool {
        self.inward(at) > APART * self.rows[at].size.max(0.5 * self.usual)
    }

    /// How far a row reaches into the page, as a share of its height.
    fn depth(&self, row: &Row) -> f32 {
        if self.top { row.y1 / self.height.max(1.0) } else { (self.height - row.y0) / self.height.max(1.0) }
    }

    /// By which factor a row is larger than most of the text.
    fn larger(&self, row: &Row) -> f32 {
        row.size / self.usual.max(0.1)
    }

    /// Whether a row at the foot begins as a note does: with a mark set to its first word.
    fn is_note(&self, at: usize) -> bool {
        let text = self.texts[at].as_str();
        let letters = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let glued = letters.len() < text.len() && letters.starts_with(char::is_alphabetic);
        !self.top && (glued || text.starts_with(['*', '∗', '†', '‡', '§', '¹', '²', '³']))
    }
}

impl Row {
    fn of(at: usize, line: &Line) -> Self {
        Self {
            lines: vec![at],
            y0: line.frame.y0,
            y1: line.frame.y1,
            x1: line.frame.x1,
            base: line.base,
            size: line.size,
            chars: line.chars,
            shortest: line.chars,
            widest_gap: line.widest_gap,
        }
    }

    fn add(&mut self, at: usize, line: &Line) {
        self.lines.push(at);
        (self.y0, self.y1) = (self.y0.min(line.frame.y0), self.y1.max(line.frame.y1));
        self.x1 = self.x1.max(line.frame.x1);
        self.size = self.size.max(line.size);
        self.chars += line.chars;
        self.shortest = self.shortest.min(line.chars);
        // Pieces of their own are further apart than the words of a line.
        self.widest_gap = SIDES + 1.0;
    }

    /// Whether it is parted into pieces too short for lines of text.
    fn is_in_short_pieces(&self) -> bool {
        self.widest_gap > SIDES && self.shortest < TEXT_PIECE
    }

    fn text(&self, lines: &[Line], content: &Content) -> String {
        let mut row: Vec<&Line> = self.lines.iter().map(|at| &lines[*at]).collect();
        row.sort_by(|a, b| a.frame.x0.total_cmp(&b.frame.x0));
        row.into_iter().map(|line| line.text(content)).collect::<Vec<_>>().join(" ")
    }
}

/// The font size of most characters of the page.
fn usual_size(lines: &[Line]) -> Option<f32> {
    let mut sizes: Vec<(f32, u32)> = lines.iter().map(|line| (line.size, line.chars)).collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = sizes.iter().map(|(_, chars)| chars).sum::<u32>() / 2;
    let mut sum = 0;
    sizes
        .into_iter()
        .find(|(_, chars)| {
            sum += chars;
            sum >= half
        })
        .map(|(size, _)| size)
}

/// Whether a row says who published it or where to find it, in words that sentences have rarely.
fn has_imprint(text: &str) -> bool {
    const IMPRINTS: [&str; 10] =
        ["©", "copyright", "(c)", "www.", "http", "doi:", "doi.org", "issn", "published by", "all rights reserved"];
    let lower = text.to_lowercase();
    IMPRINTS.iter().any(|imprint| lower.contains(imprint))
}

/// Whether a row says of which article it is, as letterheads do not.
fn is_of_journal(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["doi:", "doi.org", "doi ", "issn"].iter().any(|word| lower.contains(word))
}

/// Whether a row says what running heads and feet say: who published it, when, in which volume, where to find it.
fn says_so(text: &str, top: bool) -> bool {
    const SAYINGS: [&str; 12] = [
        "vol.",
        "volume",
        "issue",
        "revision",
        "rev.",
        "download",
        "page ",
        "seite ",
        "confidential",
        "preprint",
        "printed",
        "version",
    ];
    let lower = text.to_lowercase();
    let dated = lower.split(|c: char| !c.is_alphanumeric()).any(|word| {
        word.len() == 4
            && (word.starts_with("19") || word.starts_with("20"))
            && word.bytes().all(|b| b.is_ascii_digit())
    });
    has_imprint(text) || SAYINGS.iter().any(|saying| lower.contains(saying)) || (dated && !top && text.len() < 60)
}

/// Whether most letters are capitals.
fn is_in_capitals(text: &str) -> bool {
    let capitals = text.chars().filter(|c| c.is_uppercase()).count();
    capitals > 3 && capitals * 3 > text.chars().filter(|c| c.is_alphabetic()).count() * 2
}

/// Whether the first or last word is a page number.
fn begins_or_ends_with_number(text: &str) -> bool {
    text.split(' ').next().is_some_and(is_number) || text.rsplit(' ').next().is_some_and(is_number)
}

/// Whether a word is a page number.
fn is_number(word: &str) -> bool {
    !word.is_empty() && word.len() <= 4 && word.bytes().all(|b| b.is_ascii_digit())
}
