//! Whether what looks like a table is one. Doubt decides against.

use pagemill_core::Rect;

use super::Page;
use super::grid::{Grid, Kind, Span};
use super::rules::Rule;
use super::text::{TableWord, TextLine, WordKind};

/// A page with fewer words has no table.
pub(super) const LEAST_WORDS: usize = 4;

/// Words that begin the caption of a table.
const CAPTIONS: [&str; 10] =
    ["table", "tables", "tab", "tableau", "tabelle", "tabla", "tabela", "tabella", "exhibit", "taulukko"];

/// Words that begin the title of a program or of the steps of one.
const PROGRAMS: [&str; 11] = [
    "algorithm",
    "listing",
    "procedure",
    "pseudocode",
    "program",
    "algorithmus",
    "algorithme",
    "algoritmo",
    "algoritme",
    "listado",
    "quelltext",
];

/// Signs that stand alone in a cell for yes, no or nothing.
const MARKS: [&str; 19] =
    ["√", "✓", "✔", "☑", "✗", "✘", "✕", "×", "•", "●", "○", "■", "□", "–", "—", "−", "-", "+", "±"];

/// What the decision rests on.
struct Facts {
    rows: usize,
    cols: usize,
    cells: usize,
    /// Rows with text in several columns.
    full_rows: usize,
    /// Share of the cells beyond the first column that are numbers or marks.
    numbers: f32,
    /// Words in a cell, on average.
    words_per_cell: f32,
    /// Words in a cell of the first column, on average.
    words_per_name: f32,
    /// Words in the largest cell.
    largest: usize,
    words: usize,
    /// Share of words that stand on a separator.
    astride: f32,
    /// Share of words without letters and digits that are no marks of cells.
    signs: f32,
}

/// Whether a grid is a table.
pub(super) fn is_table(grid: &Grid, page: &Page<'_>) -> bool {
    let facts = facts(grid, page);
    if facts.rows < 2 || facts.cols < 2 || facts.cells < 4 || facts.full_rows < 2 || facts.astride > 0.1 {
        return false;
    }
    if is_drawing(grid, page) || grid.lines.first().is_some_and(|line| begins_program(line, page)) {
        return false;
    }
    match grid.kind {
        Kind::Lattice => {
            facts.full_rows * 5 >= facts.rows * 2 && (facts.largest < 120 || facts.largest * 2 < facts.words)
        }
        Kind::Stack => is_table_between_rules(&facts),
        Kind::Keyed => is_keyed_table(&facts, grid, page),
        Kind::Aligned => is_table_without_rules(grid, &facts, page),
    }
}

fn is_table_between_rules(facts: &Facts) -> bool {
    let enough_rows = facts.full_rows * 2 >= facts.rows;
    // Beside names, values may be sentences.
    let named = facts.words_per_name < 5.0 && facts.full_rows >= 3 && facts.largest < 160;
    let short_cells = facts.words_per_cell < 15.5 && facts.largest < 80 || named && facts.words_per_cell < 25.0;
    enough_rows && short_cells && (facts.numbers > 0.2 || facts.cols >= 3 || facts.rows >= 3) && facts.signs < 0.4
}

fn is_keyed_table(facts: &Facts, grid: &Grid, page: &Page<'_>) -> bool {
    let filled = facts.cells as f32 / (facts.rows * facts.cols) as f32;
    let enough_rows = facts.rows >= 5 && facts.full_rows * 10 >= facts.rows * 8 && filled > 0.6;
    let telling = facts.numbers > 0.25 || is_headed(grid, page);
    enough_rows && facts.cols >= 5 && telling && facts.words_per_cell < 9.0 && facts.signs < 0.2
}

/// Whether the heads of the columns stand between two rules as wide as the table.
fn is_headed(grid: &Grid, page: &Page<'_>) -> bool {
    let bbox = grid.bbox();
    let above = bbox.y0 + 0.3 * bbox.height();
    let reach = 2.0 * grid.lines.first().map_or(0.0, |line| line.size);
    let through = |rule: &&Rule| {
        (bbox.y0 - reach..above).contains(&rule.at) && rule.overlap(bbox.x0, bbox.x1) > 0.9 * bbox.width()
    };
    page.rules.across.iter().filter(through).count() == 2
}

fn is_table_without_rules(grid: &Grid, facts: &Facts, page: &Page<'_>) -> bool {
    let captioned = has_caption(&grid.bbox(), page);
    let filled = facts.cells as f32 / (facts.rows * facts.cols) as f32;
    let shape = facts.rows >= 3 && facts.full_rows * 10 >= facts.rows * 6 && filled > 0.45;
    if !shape || facts.words_per_cell > 6.0 || facts.signs > 0.2 || facts.largest > 30 || is_list(grid, page) {
        return false;
    }
    let wordy_but_wide = facts.cols >= 3 && facts.rows >= 4 && facts.words_per_cell < 4.5;
    (facts.numbers > 0.5 && !is_contents(grid, page)) || (captioned && (facts.numbers > 0.25 || wordy_but_wide))
}

fn facts(grid: &Grid, page: &Page<'_>) -> Facts {
    let words = page.words;
    let cells = grid.cells(words);
    let distinct = |place: fn(&Span) -> usize| {
        let mut places: Vec<usize> = cells.iter().map(|(span, _)| place(span)).collect();
        places.sort_unstable();
        places.dedup();
        places
    };
    let rows = distinct(|span| span.row);
    let full_rows = rows.iter().filter(|row| cells.iter().filter(|(span, _)| span.row == **row).count() > 1).count();
    let sizes: Vec<usize> = cells.iter().map(|(_, lines)| lines.iter().map(Vec::len).sum()).collect();
    let names: Vec<usize> =
        cells.iter().zip(&sizes).filter(|((span, _), _)| span.col == 0).map(|(_, size)| *size).collect();
    let beyond_first = cells.iter().filter(|(span, _)| span.col > 0);
    let is_mark = |(_, lines): &&(Span, Vec<Vec<usize>>)| {
        let mut words = lines.iter().flatten();
        let (Some(at), None) = (words.next(), words.next()) else { return false };
        MARKS.contains(&text_of(&page.words[*at], page))
    };
    let is_number = |(_, lines): &&(Span, Vec<Vec<usize>>)| {
        let mut kinds = lines.iter().flatten().map(|at| words[*at].kind);
        kinds.clone().all(|kind| kind != WordKind::Text) && kinds.any(|kind| kind == WordKind::Number)
    };
    let marks = beyond_first.clone().filter(is_mark).count();
    let all = sizes.iter().sum::<usize>().max(1);
    let signs = grid.lines.iter().flat_map(|line| &line.words).filter(|at| words[**at].kind == WordKind::Sign).count();
    let numbers = beyond_first.clone().filter(is_number).count() + marks;
    let astride = cells.iter().map(|(span, lines)| {
        let (x0, x1) = (grid.xs[span.col], grid.xs[span.col_end]);
        let out = |at: &&usize| {
            let bbox = &words[**at].bbox;
            (x0 - bbox.x0).max(bbox.x1 - x1) > 3.0 + 0.12 * bbox.width()
        };
        lines.iter().flatten().filter(out).count()
    });
    Facts {
        rows: rows.len(),
        cols: distinct(|span| span.col).len(),
        cells: cells.len(),
        full_rows,
        numbers: numbers as f32 / beyond_first.count().max(1) as f32,
        words_per_cell: all as f32 / cells.len().max(1) as f32,
        words_per_name: names.iter().sum::<usize>() as f32 / names.len().max(1) as f32,
        largest: sizes.iter().copied().max().unwrap_or(0),
        words: all,
        astride: astride.sum::<usize>() as f32 / all as f32,
        signs: signs.saturating_sub(marks) as f32 / all as f32,
    }
}

/// Charts and pictures: curves and images in the place.
fn is_drawing(grid: &Grid, page: &Page<'_>) -> bool {
    let bbox = page.direction.to_page(&grid.bbox(), page.content.size);
    let inside = |area: &Rect| bbox.contains(area, 3.0);
    let curves = page.content.shapes.iter().filter(|shape| !shape.rectangle && inside(&shape.bbox)).count();
    let pictured: f32 =
        page.content.images.iter().filter_map(|image| image.intersection(&bbox)).map(|part| part.area()).sum();
    let words: usize = grid.lines.iter().map(|line| line.words.len()).sum();
    let crowded = curves > 12 && curves * 3 > words;
    let over_picture = pictured > 0.6 * bbox.area() && grid.kind == Kind::Aligned;
    crowded || over_picture
}

/// Whether a caption of a table stands right above or below.
fn has_caption(bbox: &Rect, page: &Page<'_>) -> bool {
    let around = Rect::new(bbox.x0 - 40.0, bbox.y0 - 60.0, bbox.x1 + 40.0, bbox.y1 + 40.0);
    page.lines_in(&around).iter().any(|line| is_caption(line, page, false))
}

/// Whether the title of a table, with its number, stands alone on one of these lines.
pub(super) fn has_title(lines: &[TextLine], page: &Page<'_>) -> bool {
    lines.iter().any(|line| page.pieces(line).len() == 1 && is_caption(line, page, true))
}

/// Whether one of these lines begins as the caption of a table does, with its number.
pub(super) fn has_caption_among(lines: &[TextLine], page: &Page<'_>) -> bool {
    lines.iter().any(|line| is_caption(line, page, true))
}

/// Whether a line begins as the caption of a table does.
fn is_caption(line: &TextLine, page: &Page<'_>, numbered: bool) -> bool {
    let (first, has_number) = opening(line, page);
    CAPTIONS.contains(&first.as_str()) && (has_number || !numbered)
}

/// Whether a line is the title of a program with its number, as `Algorithm 2 Gradient descent`: what stands below it
/// in columns are its steps and remarks.
pub(super) fn begins_program(line: &TextLine, page: &Page<'_>) -> bool {
    let (first, has_number) = opening(line, page);
    has_number && PROGRAMS.contains(&first.as_str()) && page.pieces(line).len() == 1
}

/// The first word of a line, in lower case and without what ends it, and whether a number follows.
fn opening(line: &TextLine, page: &Page<'_>) -> (String, bool) {
    let mut words = line.words.iter().map(|at| &page.words[*at]);
    let first = words.next().map_or("", |word| text_of(word, page));
    let has_number = words.next().is_some_and(|word| word.kind == WordKind::Number);
    (first.trim_end_matches(['.', ':']).to_lowercase(), has_number)
}

fn text_of<'p>(word: &TableWord, page: &Page<'p>) -> &'p str {
    page.content.words.get(word.id as usize).map_or("", |raw| page.content.word(raw))
}

/// Bullets or numbers, and text beside them.
fn is_list(grid: &Grid, page: &Page<'_>) -> bool {
    let cells = grid.cells(page.words);
    let first = cells.iter().filter(|(span, _)| span.col == 0);
    let marks = first.clone().filter(|(_, lines)| {
        let mut words = lines.iter().flatten();
        let (Some(at), None) = (words.next(), words.next()) else { return false };
        let word = &page.words[*at];
        let text = text_of(word, page);
        word.kind == WordKind::Sign || (text.len() <= 5 && text.ends_with(['.', ')', ']'])) || text == "o"
    });
    marks.count() * 2 > first.count() && grid.cols() <= 3
}

/// Titles with page numbers that only grow.
fn is_contents(grid: &Grid, page: &Page<'_>) -> bool {
    let cells = grid.cells(page.words);
    let last_col = grid.cols() - 1;
    let mut numbers: Vec<u32> = Vec::new();
    for (_, lines) in cells.iter().filter(|(span, _)| span.col == last_col) {
        let text: String = lines
            .iter()
            .flatten()
            .filter_map(|at| page.content.words.get(page.words[*at].id as usize))
            .map(|raw| page.content.word(raw))
            .collect();
        match text.parse() {
            Ok(number) => numbers.push(number),
            Err(_not_a_page_number) => return false,
        }
    }
    let leaders = page_leaders(grid, page.words);
    let wordy_first =
        cells.iter().filter(|(span, _)| span.col < last_col).flat_map(|(_, lines)| lines.iter().flatten());
    let titles = wordy_first.filter(|at| page.words[**at].kind == WordKind::Text).count() >= numbers.len();
    grid.cols() <= 3
        && titles
        && (leaders || (numbers.len() >= 4 && numbers.is_sorted() && numbers.first() != numbers.last()))
}

fn page_leaders(grid: &Grid, words: &[TableWord]) -> bool {
    let with_leader = grid.lines.iter().filter(|line| line.words.iter().any(|at| words[*at].kind == WordKind::Leader));
    with_leader.count() * 10 > grid.lines.len() * 4
}
