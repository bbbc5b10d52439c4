//! Tables: found by their ruling lines and by the alignment of their words.
//!
//! Four kinds of places are looked at, surest first: lattices of crossing rules,
//! stacks of horizontal rules, long columns with numbers that key their rows, and runs
//! of lines whose words stand in columns. Each
//! becomes a [`grid::Grid`], which is refined by the white space between words and then
//! has to pass [`judge`]. A table that is missed reads as text; text taken for a table
//! is a loss, so doubt decides against.

mod block;
mod columns;
mod grid;
mod judge;
mod keyed;
mod places;
mod rows;
mod rules;
#[cfg(test)]
mod stack_tests;
mod stacks;
#[cfg(test)]
mod tests;
mod text;

use pagemill_core::Rect;

use crate::content::{Content, Direction};
use grid::Grid;
use rules::Rules;
use text::{Segment, TableWord, TextLine, WordKind};

pub(crate) use block::written;

/// Words aslant are heads of columns where they are not larger than the words of the page by this factor.
const LARGEST_SLANTED: f32 = 1.5;
/// A gap of this many ems parts the cells of a line when nothing else is known.
const CELL_GAP: f32 = 1.0;

/// A cell as found: its place in the grid, and its words line by line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoundCell {
    /// 0-based row of its top left corner.
    pub(crate) row: u32,
    /// 0-based column of its top left corner.
    pub(crate) col: u32,
    /// Rows it covers.
    pub(crate) row_span: u32,
    /// Columns it covers.
    pub(crate) col_span: u32,
    /// Whether it heads columns.
    pub(crate) header: bool,
    /// Its box on the page.
    pub(crate) bbox: Rect,
    /// Its words, line by line, as numbers of [`Content::words`].
    pub(crate) lines: Vec<Vec<u32>>,
}

/// What is found on a page.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// From top to bottom.
    pub(crate) tables: Vec<FoundTable>,
    /// Places of programs, title and steps between rules, in the frame of the page's main direction.
    pub(crate) programs: Vec<Rect>,
}

/// A table as found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoundTable {
    /// Its box on the page.
    pub(crate) bbox: Rect,
    /// Its cells, row by row, without the empty ones.
    pub(crate) cells: Vec<FoundCell>,
    /// Words in it that are no text: leaders and rules made of dashes.
    pub(crate) ornaments: Vec<u32>,
}

impl FoundTable {
    /// All its words, as numbers of [`Content::words`].
    pub(crate) fn words(&self) -> impl Iterator<Item = u32> + '_ {
        let in_cells = self.cells.iter().flat_map(|cell| cell.lines.iter().flatten());
        in_cells.chain(&self.ornaments).copied()
    }
}

/// Finds the tables of a page, from top to bottom. `flows` are the columns of the page, each as the
/// numbers of its words in [`Content::words`], all of which run in `direction`. Words in no flow
/// (page furniture, labels in drawings) belong to no table; unruled tables stay within one flow.
/// `slanted` are words aslant, which stand where their lines begin.
pub(crate) fn find_tables(content: &Content, direction: Direction, flows: &[Vec<u32>], slanted: &[u32]) -> Found {
    let words_of = |ids: &[u32]| -> Vec<TableWord> {
        ids.iter()
            .filter_map(|id| content.words.get(*id as usize).map(|word| TableWord::of(*id, word, content.word(word))))
            .filter(|word| word.size > 1.0)
            .collect()
    };
    let mut words: Vec<TableWord> = flows.iter().flat_map(|ids| words_of(ids)).collect();
    if words.len() < judge::LEAST_WORDS {
        return Found::default();
    }
    let largest = LARGEST_SLANTED * words.iter().map(|word| word.size).sum::<f32>() / words.len() as f32;
    words.extend(words_of(slanted).into_iter().filter(|word| word.size < largest));
    let rules = Rules::of(content, direction, &words);
    let (dashes, words): (Vec<TableWord>, Vec<TableWord>) =
        words.into_iter().partition(|word| word.kind == WordKind::Dashes);
    let page = Page { content, direction, words: &words, rules: &rules };
    let mut found: Vec<Grid> = Vec::new();
    for place in places::lattices(&page) {
        keep_sound(place, &mut found, &page);
    }
    let mut programs = Vec::new();
    for place in stacks::rule_stacks(&page, &found, &mut programs) {
        keep_sound(place, &mut found, &page);
    }
    let in_program = |grid: &Grid| programs.iter().any(|area| area.holds_middle_of(&grid.bbox(), 0.0));
    for place in keyed::runs(&page, &found) {
        if !in_program(&place) && judge::is_table(&place, &page) {
            keyed::supersede(&mut found, &place);
            if is_apart(&place, &found) {
                found.push(place);
            }
        }
    }
    for flow in flows {
        for place in places::aligned_runs(&page, flow, &found) {
            if !in_program(&place) {
                keep_sound(place, &mut found, &page);
            }
        }
    }
    let mut tables: Vec<FoundTable> =
        found.iter().filter_map(|grid| grid.finish(&words, direction, content.size)).collect();
    for table in &mut tables {
        let inside = |word: &&TableWord| table.bbox.contains(&direction.to_page(&word.bbox, content.size), 6.0);
        let within: Vec<u32> = dashes.iter().filter(inside).map(|word| word.id).collect();
        table.ornaments.extend(within);
    }
    tables.sort_by(|a, b| a.bbox.y0.total_cmp(&b.bbox.y0));
    Found { tables, programs }
}

/// What the search looks at, all in the frame of the page's main direction.
struct Page<'c> {
    content: &'c Content,
    direction: Direction,
    words: &'c [TableWord],
    rules: &'c Rules,
}

impl Page<'_> {
    /// Lines of the words whose middle lies in a box.
    fn lines_in(&self, area: &Rect) -> Vec<TextLine> {
        let inside = |word: &TableWord| area.holds_middle_of(&word.bbox, 0.0);
        text::lines_of(self.words, (0..self.words.len()).filter(|at| inside(&self.words[*at])).collect())
    }

    /// Lines of some words, by their places; those that touch a box that is taken are left out.
    fn lines_outside(&self, taken: &[Rect], chosen: impl Iterator<Item = usize>) -> Vec<TextLine> {
        let free = |at: &usize| taken.iter().all(|bbox| bbox.intersection(&self.words[*at].bbox).is_none());
        text::lines_of(self.words, chosen.filter(free).collect())
    }

    /// The pieces of a line: its cells, where nothing else is known.
    fn pieces(&self, line: &TextLine) -> Vec<Segment> {
        line.segments(self.words, CELL_GAP)
    }
}

/// Keeps a grid that is a table and shares neither ground nor words with one found before.
fn keep_sound(grid: Grid, found: &mut Vec<Grid>, page: &Page<'_>) {
    if is_apart(&grid, found) && judge::is_table(&grid, page) {
        found.push(grid);
    }
}

/// Whether a grid shares neither ground nor words with those found before.
fn is_apart(grid: &Grid, found: &[Grid]) -> bool {
    found.iter().all(|other| {
        let (ours, theirs) = (grid.bbox(), other.bbox());
        let shared_ground = theirs.intersection(&ours).map_or(0.0, |both| both.area());
        let near = theirs.y0 <= ours.y1 && ours.y0 <= theirs.y1;
        shared_ground < 4.0 && !(near && other.words().any(|word| grid.words().any(|own| own == word)))
    })
}
