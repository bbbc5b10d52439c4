//! Tables without rules whose cells have many lines: long runs of lines in many columns.

use pagemill_core::Rect;

use super::grid::{Grid, Kind, index_of};
use super::places::{grid_over, is_running_text, place_of};
use super::text::{Segment, TextLine};
use super::{Page, columns};

/// Lines of fewer pieces are no whole rows.
const PIECES: usize = 4;
/// Fewer whole rows may be anything.
const LEAST_ROWS: usize = 5;
/// A line further below the one before than this many ems begins something else.
const FURTHEST: f32 = 9.0;

/// Runs of lines in many columns over the whole width of the page, and grids over them.
pub(super) fn runs(page: &Page<'_>, found: &[Grid]) -> Vec<Grid> {
    let taken: Vec<Rect> = found.iter().filter(|grid| !is_head(grid)).map(Grid::bbox).collect();
    let lines = page.lines_outside(&taken, 0..page.words.len());
    let whole: Vec<bool> = lines.iter().map(|line| page.pieces(line).len() >= PIECES).collect();
    // Lines of text in columns above a table look like its rows; the heads of its columns tell where it begins.
    let heads: Vec<Rect> = found.iter().filter(|grid| is_head(grid)).map(Grid::bbox).collect();
    let head_of = |line: &TextLine| heads.iter().position(|head| head.holds_middle_of(&line.bbox, 0.0));
    let head_of: Vec<Option<usize>> = lines.iter().map(head_of).collect();
    let begins_head = |at: &usize| head_of[*at].is_some() && (*at == 0 || head_of[*at] != head_of[*at - 1]);
    let beginnings: Vec<usize> = (0..lines.len()).filter(begins_head).collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if !whole[at] && beginnings.binary_search(&at).is_err() {
            at += 1;
            continue;
        }
        let next_head = beginnings[beginnings.partition_point(|begin| *begin <= at)..].first().copied();
        let end = run_end(&lines[at..next_head.unwrap_or(lines.len())], page) + at;
        let run = &lines[at..end];
        let rows = whole[at..end].iter().filter(|whole| **whole).count();
        // Where no cell goes on over a line, rows of words in columns tell as much.
        if rows >= LEAST_ROWS && (run.len() - rows) * 3 > rows {
            out.extend(grid_of(run, &whole[at..end], page));
        }
        at = end;
    }
    out
}

/// Whether a table may be no more than the heads of the columns between their rules, and the rows below them.
fn is_head(grid: &Grid) -> bool {
    grid.kind == Kind::Stack && grid.rows() <= 3 && grid.cols() >= PIECES
}

/// Drops what was taken for a table and is the head of this one.
pub(super) fn supersede(found: &mut Vec<Grid>, grid: &Grid) {
    let area = grid.bbox();
    // The rules of a head may be longer than its words.
    let holds = |head: &Grid| head.lines.iter().all(|line| area.contains(&line.bbox, 4.0));
    found.retain(|other| !(is_head(other) && holds(other)));
}

/// How many lines follow each other without a stretch of white or running text.
fn run_end(lines: &[TextLine], page: &Page<'_>) -> usize {
    let mut bbox = lines[0].bbox;
    for at in 1..lines.len() {
        let (line, before) = (&lines[at], &lines[at - 1]);
        let apart = line.base - before.base > FURTHEST * line.size.max(before.size);
        if apart || line.size > 1.3 * before.size || is_running_text(line, page, bbox.width()) {
            return at;
        }
        bbox = bbox.union(&line.bbox);
    }
    lines.len()
}

/// A grid over the lines up to the last that keeps to the columns of the whole rows.
fn grid_of(run: &[TextLine], whole: &[bool], page: &Page<'_>) -> Option<Grid> {
    let rows: Vec<TextLine> =
        run.iter().zip(whole).filter(|(_, whole)| **whole).map(|(line, _)| line.clone()).collect();
    let wide = Rect::union_all(rows.iter().map(|line| &line.bbox))?;
    let place = place_of(Kind::Keyed, wide, page);
    let xs = columns::refined(&[wide.x0 - 1.0, wide.x1 + 1.0], &rows, page.words, &place);
    if xs.len() <= PIECES {
        return None;
    }
    let in_columns = |line: &TextLine| {
        let inside = line.bbox.x0 > wide.x0 - line.size && line.bbox.x1 < wide.x1 + line.size;
        let astride = |segment: &Segment| index_of(&xs, segment.x0 + 2.0) != index_of(&xs, segment.x1 - 2.0);
        inside && page.pieces(line).iter().filter(|segment| astride(segment)).count() <= 1
    };
    let alone = |line: &TextLine| page.pieces(line).len() == 1 && line.bbox.width() > 0.5 * wide.width();
    // The first line may be titles over several columns.
    let leaves = |line: &TextLine| !in_columns(line) || alone(line);
    let end = run.iter().skip(1).position(leaves).map_or(run.len(), |at| at + 1);
    grid_over(Kind::Keyed, &run[..end], page)
}
