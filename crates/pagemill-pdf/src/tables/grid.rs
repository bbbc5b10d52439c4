//! A table as a grid of separators, some of which are walls in some places only.

use pagemill_core::Rect;

use super::rules::Rule;
use super::text::{Segment, TableWord, TextLine, WordKind};
use super::{FoundCell, FoundTable, Page, columns, rows, text};
use crate::content::Direction;

/// Finer grids are drawings.
const MOST_CELLS: usize = 20_000;

/// What made us look at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rules that cross.
    Lattice,
    /// Horizontal rules one below the other.
    Stack,
    /// Words that stand in columns.
    Aligned,
    /// Many columns without rules, some of nothing but numbers, whose cells may have many lines.
    Keyed,
}

/// Where a table may be, and the rules in it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What made us look here.
    pub(super) kind: Kind,
    /// Its box in the frame.
    pub(super) area: Rect,
    /// Horizontal rules inside and on the edges.
    pub(super) across: Vec<Rule>,
    /// Vertical rules inside and on the edges.
    pub(super) down: Vec<Rule>,
}

/// A grid of `xs.len() - 1` columns and `ys.len() - 1` rows.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) kind: Kind,
    /// Column separators from left to right, the edges of the table included.
    pub(super) xs: Vec<f32>,
    /// Row separators from top to bottom, the edges of the table included.
    pub(super) ys: Vec<f32>,
    /// `left[row][col]`: whether there is a wall at the left of a cell.
    left: Vec<Vec<bool>>,
    /// `above[row][col]`: whether there is a wall above a cell.
    above: Vec<Vec<bool>>,
    /// Its text lines.
    pub(super) lines: Vec<TextLine>,
    /// Rows that head the columns.
    header_rows: usize,
}

/// A range of rows and columns, ends exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) row: usize,
    pub(super) row_end: usize,
    pub(super) col: usize,
    pub(super) col_end: usize,
}

impl Grid {
    /// Lays a grid over a place: the rules first, then the white space between words. `None` when it is too fine.
    pub(super) fn over(place: &Place, page: &Page<'_>) -> Option<Self> {
        let area = place.area;
        let lines = page.lines_in(&area);
        let ruled_xs = separators(area.x0, area.x1, &place.down, |rule| rule.overlap(area.y0, area.y1));
        let ruled_ys = separators(area.y0, area.y1, &place.across, |rule| rule.overlap(area.x0, area.x1));
        let xs = columns::refined(&ruled_xs, &lines, page.words, place);
        let (ys, breaks) = rows::refined(&ruled_ys, &xs, &lines, page.words, place);
        let (rows, cols) = (ys.len() - 1, xs.len() - 1);
        if rows * cols > MOST_CELLS {
            return None;
        }
        let mut grid = Self {
            kind: place.kind,
            left: vec![vec![true; cols]; rows],
            above: vec![vec![true; cols]; rows],
            header_rows: 0,
            xs,
            ys,
            lines,
        };
        let filled = grid.filled(page.words);
        for (row, filled) in filled.iter().enumerate() {
            let lines = grid.pieces_of_row(row, page.words);
            for col in 1..cols {
                grid.left[row][col] = grid.has_left_wall(row, col, &ruled_xs, place, &lines);
            }
            grid.wall_off_pieces(row, filled, &lines);
        }
        for row in (1..rows).filter(|row| !breaks.contains(&grid.ys[*row])) {
            let both: Vec<bool> = (0..cols).map(|col| filled[row - 1][col] && filled[row][col]).collect();
            grid.above[row] = grid.walls_above(row, &both, place, page.words);
        }
        grid.header_rows = grid.count_header_rows(place, page.words);
        Some(grid)
    }

    /// The grid without a title and notes that share the frame of the table: rows of one wide cell
    /// at its top and bottom.
    pub(super) fn trimmed(mut self, page: &Page<'_>) -> Self {
        const NOTE_WORDS: usize = 9;
        let count = |row: usize, grid: &Self| {
            let cells = grid.cells(page.words);
            let whole =
                |span: &Span| span.row == row && span.row_end == row + 1 && span.col_end - span.col == grid.cols();
            let words = |lines: &Vec<Vec<usize>>| lines.iter().map(Vec::len).sum();
            cells.iter().find(|(span, _)| whole(span)).map_or(0, |(_, lines)| words(lines))
        };
        while self.rows() > 2 && count(self.rows() - 1, &self) >= NOTE_WORDS {
            self.ys.pop();
            self.left.pop();
            self.above.pop();
        }
        while self.rows() > 2 && count(0, &self) >= NOTE_WORDS {
            self.ys.remove(0);
            self.left.remove(0);
            self.above.remove(0);
            self.header_rows = self.header_rows.saturating_sub(1).max(1);
        }
        let (top, bottom) = (self.bbox().y0, self.bbox().y1);
        self.lines.retain(|line| (top..=bottom).contains(&line.bbox.center_y()));
        self
    }

    /// Its box in the frame.
    pub(super) fn bbox(&self) -> Rect {
        let edge = |values: &[f32]| (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
        let ((x0, x1), (y0, y1)) = (edge(&self.xs), edge(&self.ys));
        Rect::new(x0, y0, x1, y1)
    }

    /// Its words, as places in the list of the search.
    pub(super) fn words(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        self.lines.iter().flat_map(|line| line.words.iter().copied())
    }

    pub(super) fn rows(&self) -> usize {
        self.left.len()
    }

    pub(super) fn cols(&self) -> usize {
        self.xs.len() - 1
    }

    /// The row and column a word stands in.
    pub(super) fn place_of(&self, word: &TableWord) -> (usize, usize) {
        (index_of(&self.ys, word.bbox.center_y()), index_of(&self.xs, word.bbox.center_x()))
    }

    /// Which elementary cells have text.
    fn filled(&self, words: &[TableWord]) -> Vec<Vec<bool>> {
        let mut filled = vec![vec![false; self.cols()]; self.rows()];
        for at in self.lines.iter().flat_map(|line| &line.words) {
            let (row, col) = self.place_of(&words[*at]);
            filled[row][col] = true;
        }
        filled
    }

    /// A rule makes a wall where it runs; white space makes one where no words run across it.
    fn has_left_wall(&self, row: usize, col: usize, ruled: &[f32], place: &Place, lines: &[Vec<Segment>]) -> bool {
        let (x, top, bottom) = (self.xs[col], self.ys[row], self.ys[row + 1]);
        let is_rule = ruled.iter().any(|at| (at - x).abs() < 0.01);
        if is_rule {
            let covered: f32 = near(&place.down, x).map(|rule| rule.overlap(top, bottom)).sum();
            if covered > 0.5 * (bottom - top) {
                return true;
            }
            if place.kind == Kind::Lattice {
                return false;
            }
        }
        let crossing = lines.iter().filter(|line| crosses(line, x)).count();
        crossing == 0 || (crossing * 4 <= lines.len() && parts_at(&lines[0], &self.xs[col - 1..=col + 1]))
    }

    /// The pieces of text in a row, line by line.
    fn pieces_of_row(&self, row: usize, words: &[TableWord]) -> Vec<Vec<Segment>> {
        let (top, bottom) = (self.ys[row], self.ys[row + 1]);
        let in_row = self.lines.iter().filter(|line| (top..=bottom).contains(&line.bbox.center_y()));
        in_row.map(|line| line.segments(words, columns::SPAN_GAP)).collect()
    }

    /// Where a row has text on both sides of a separator without a rule and none runs over it, it is a wall after
    /// all: rows that are not shaded often lack the rules of those that are.
    fn wall_off_pieces(&mut self, row: usize, filled: &[bool], lines: &[Vec<Segment>]) {
        let mut begin = 0;
        for col in 1..=self.cols() {
            if col < self.cols() && !self.left[row][col] {
                continue;
            }
            let run = begin..col;
            begin = col;
            if filled[run.clone()].iter().filter(|filled| **filled).count() < 2 {
                continue;
            }
            for at in run.start + 1..run.end {
                self.left[row][at] = !lines.iter().any(|line| crosses(line, self.xs[at]));
            }
        }
    }

    /// Where a wall runs between a row and the one above it; `both` tells the columns with text in both.
    /// In a lattice a rule makes a wall, and so does text that cannot be of one cell: lines too far apart,
    /// numbers, and lines that stand level with those that walls part beside them.
    fn walls_above(&self, row: usize, both: &[bool], place: &Place, words: &[TableWord]) -> Vec<bool> {
        let neighbours: Vec<Option<(&TableWord, &TableWord)>> = both
            .iter()
            .enumerate()
            .map(|(col, both)| if *both { self.beside_separator(row, col, words) } else { None })
            .collect();
        // Shades tell rows apart; cells without are rows as well.
        let shaded = place.kind == Kind::Lattice && place.down.iter().all(|rule| rule.shade);
        let has_wall = |col: usize| {
            let (from, to) = (self.xs[col], self.xs[col + 1]);
            let covered: f32 = near(&place.across, self.ys[row]).map(|rule| rule.overlap(from, to)).sum();
            if shaded && !both[col] {
                return true;
            }
            let apart = |(above, below): (&TableWord, &TableWord)| {
                place.kind != Kind::Lattice
                    || text::are_numbers(above, below)
                    || below.base - above.base > 1.38 * above.size.max(below.size)
            };
            covered > 0.5 * (to - from) || neighbours[col].is_some_and(apart)
        };
        let mut walls: Vec<bool> = (0..self.cols()).map(has_wall).collect();
        let parted: Vec<(&TableWord, &TableWord)> =
            neighbours.iter().zip(&walls).filter(|(_, wall)| **wall).filter_map(|(pair, _)| *pair).collect();
        let joined = neighbours.iter().zip(&walls).filter(|(pair, wall)| pair.is_some() && !**wall).count();
        if parted.len() >= joined {
            for (pair, wall) in neighbours.iter().zip(&mut walls) {
                let level = |a: &TableWord, b: &TableWord| (a.base - b.base).abs() < 1.5;
                *wall |=
                    pair.is_some_and(|(above, below)| parted.iter().any(|(a, b)| level(a, above) && level(b, below)));
            }
        }
        walls
    }

    /// The words of a column next above and next below the separator over a row.
    fn beside_separator<'w>(
        &self,
        row: usize,
        col: usize,
        words: &'w [TableWord],
    ) -> Option<(&'w TableWord, &'w TableWord)> {
        let (x0, x1) = (self.xs[col], self.xs[col + 1]);
        let y = self.ys[row];
        let in_column = self.words().map(|at| &words[at]).filter(|word| (x0..x1).contains(&word.bbox.center_x()));
        let above = in_column.clone().filter(|word| word.bbox.center_y() < y).max_by(|a, b| a.base.total_cmp(&b.base));
        let below = in_column.filter(|word| word.bbox.center_y() >= y).min_by(|a, b| a.base.total_cmp(&b.base));
        above.zip(below)
    }

    /// Cells as ranges of rows and columns, row by row. Shapes that are no rectangles fall apart into rows.
    pub(super) fn spans(&self) -> Vec<Span> {
        let (rows, cols) = (self.rows(), self.cols());
        let mut taken = vec![vec![false; cols]; rows];
        let mut out = Vec::new();
        for row in 0..rows {
            for col in 0..cols {
                if taken[row][col] {
                    continue;
                }
                let free = |c: usize, taken: &[Vec<bool>]| !taken[row][c] && !self.left[row][c];
                let mut col_end = col + 1;
                while col_end < cols && free(col_end, &taken) {
                    col_end += 1;
                }
                let joins = |below: usize, taken: &[Vec<bool>]| {
                    (col..col_end).all(|c| !self.above[below][c] && !taken[below][c])
                        && (col + 1..col_end).all(|c| !self.left[below][c])
                        && (col == 0 || self.left[below][col])
                        && (col_end == cols || self.left[below][col_end])
                };
                let mut row_end = row + 1;
                while row_end < rows && joins(row_end, &taken) {
                    row_end += 1;
                }
                for line in &mut taken[row..row_end] {
                    line[col..col_end].fill(true);
                }
                out.push(Span { row, row_end, col, col_end });
            }
        }
        out
    }

    /// The words of each cell, line by line, beside its range.
    pub(super) fn cells(&self, words: &[TableWord]) -> Vec<(Span, Vec<Vec<usize>>)> {
        let spans = self.spans();
        let mut owner = vec![vec![0; self.cols()]; self.rows()];
        for (index, span) in spans.iter().enumerate() {
            for line in &mut owner[span.row..span.row_end] {
                line[span.col..span.col_end].fill(index);
            }
        }
        let mut cells: Vec<(Span, Vec<Vec<usize>>)> = spans.into_iter().map(|span| (span, Vec::new())).collect();
        for line in &self.lines {
            let mut last = usize::MAX;
            for at in line.words.iter().copied().filter(|at| words[*at].kind != WordKind::Leader) {
                let (row, col) = self.place_of(&words[at]);
                let index = owner[row][col];
                let Some((_, cell)) = cells.get_mut(index) else { continue };
                match cell.last_mut() {
                    Some(line) if last == index => line.push(at),
                    _ => cell.push(vec![at]),
                }
                last = index;
            }
        }
        cells.retain(|(_, lines)| !lines.is_empty());
        cells
    }

    /// Rows above the first rule that runs through, or else rows without numbers above rows with them.
    fn count_header_rows(&self, place: &Place, words: &[TableWord]) -> usize {
        let width = self.bbox().width();
        let ruled = (1..self.rows().min(5)).find(|row| {
            let covered: f32 = near(&place.across, self.ys[*row]).map(|rule| rule.overlap(self.xs[0], f32::MAX)).sum();
            covered > 0.8 * width
        });
        let mut numbers = vec![0_usize; self.rows()];
        for word in self.lines.iter().flat_map(|line| &line.words).map(|at| &words[*at]) {
            let (row, col) = self.place_of(word);
            numbers[row] += usize::from(col > 0 && word.kind == WordKind::Number);
        }
        let wordy = numbers.iter().take_while(|count| **count == 0).count();
        match ruled {
            Some(rows) => rows,
            None if wordy < self.rows() => wordy.clamp(1, 4),
            None => 1,
        }
    }

    /// The table on the page. `None` when no cell has text.
    pub(super) fn finish(&self, words: &[TableWord], direction: Direction, size: (f32, f32)) -> Option<FoundTable> {
        let cells = self.cells(words);
        let (row_of, col_of) =
            (used(&cells, self.rows(), |s| (s.row, s.row_end)), used(&cells, self.cols(), |s| (s.col, s.col_end)));
        let mut found: Vec<FoundCell> = Vec::new();
        for (span, lines) in &cells {
            let ids = |line: &Vec<usize>| line.iter().map(|at| words[*at].id).collect();
            let boxes = lines.iter().flatten().map(|at| &words[*at].bbox);
            let bbox = if self.kind == Kind::Lattice {
                Rect::new(self.xs[span.col], self.ys[span.row], self.xs[span.col_end], self.ys[span.row_end])
            } else {
                Rect::union_all(boxes)?
            };
            found.push(FoundCell {
                row: row_of[span.row],
                col: col_of[span.col],
                row_span: (row_of[span.row_end] - row_of[span.row]).max(1),
                col_span: (col_of[span.col_end] - col_of[span.col]).max(1),
                header: span.row < self.header_rows,
                bbox: direction.to_page(&bbox, size),
                lines: lines.iter().map(ids).collect(),
            });
        }
        let bbox = Rect::union_all(found.iter().map(|cell| &cell.bbox))?;
        let leaders = self.lines.iter().flat_map(|line| &line.words).map(|at| &words[*at]);
        let ornaments = leaders.filter(|word| word.kind == WordKind::Leader).map(|word| word.id).collect();
        Some(FoundTable { bbox, cells: found, ornaments })
    }
}

/// Whether a line has text that runs over a separator.
fn crosses(line: &[Segment], x: f32) -> bool {
    line.iter().any(|piece| piece.crosses(x))
}

/// Whether a line has something in each of the two columns between three separators, as the values of a row stand
/// side by side on its first line, whatever the lines below it run over.
fn parts_at(line: &[Segment], xs: &[f32]) -> bool {
    let within = |from: f32, to: f32| line.iter().any(|piece| piece.x0 > from - 1.0 && piece.x1 < to + 1.0);
    within(xs[0], xs[1]) && within(xs[1], xs[2])
}

/// The number of rows (or columns) with text before each one, so that empty ones vanish.
fn used(cells: &[(Span, Vec<Vec<usize>>)], count: usize, range: impl Fn(&Span) -> (usize, usize)) -> Vec<u32> {
    let mut begins = vec![false; count];
    for (span, _) in cells {
        if let Some(begin) = begins.get_mut(range(span).0) {
            *begin = true;
        }
    }
    let mut before = vec![0];
    for begin in begins {
        before.push(before.last().copied().unwrap_or(0) + u32::from(begin));
    }
    before
}

/// Rules at a place.
fn near(rules: &[Rule], at: f32) -> impl Iterator<Item = &Rule> {
    rules.iter().filter(move |rule| (rule.at - at).abs() < 3.5)
}

/// Which interval of sorted separators a value falls into.
pub(super) fn index_of(separators: &[f32], value: f32) -> usize {
    let after = separators.partition_point(|at| *at <= value);
    after.saturating_sub(1).min(separators.len().saturating_sub(2))
}

/// Places of rules between two edges, the edges included; rules closer than 3.5 points are one.
fn separators(from: f32, to: f32, rules: &[Rule], length_inside: impl Fn(&Rule) -> f32) -> Vec<f32> {
    const CLOSE: f32 = 3.5;
    let mut out = vec![from];
    let mut inner: Vec<f32> = rules
        .iter()
        .filter(|rule| rule.at > from + CLOSE && rule.at < to - CLOSE && length_inside(rule) > 3.0)
        .map(|rule| rule.at)
        .collect();
    inner.sort_by(f32::total_cmp);
    for at in inner {
        if out.last().is_none_or(|last| at - last > CLOSE) {
            out.push(at);
        }
    }
    out.push(to);
    out
}
