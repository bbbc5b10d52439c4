//! Where tables may be.

use pagemill_core::Rect;

use super::grid::{Grid, Kind, Place};
use super::rules::Rule;
use super::text::TextLine;
use super::{Page, judge};

/// Ends of rules this close to another rule touch it.
pub(super) const TOUCH: f32 = 4.0;
/// Lattices of more rules are drawings.
pub(super) const MOST_RULES: usize = 1500;
/// The heads of columns stand so far above their rows at most, in points.
const STRIP: f32 = 14.0;
/// Heads above crossing rules take a line or two.
const PLAIN_HEADS: f32 = 30.0;
/// Text that begins or ends this far beside a table may run into it, in points.
const BESIDE: f32 = 60.0;
/// A line of so many pieces is the first one of a row.
const WHOLE_ROW: usize = 4;
/// The heads of columns reach so far above a shaded table, in points.
const HEADS: f32 = 72.0;

/// Places where rules cross, and grids over them.
pub(super) fn lattices(page: &Page<'_>) -> Vec<Grid> {
    let (across, down) = (&page.rules.across, &page.rules.down);
    if across.len() > MOST_RULES || down.len() > MOST_RULES {
        return Vec::new();
    }
    let mut group: Vec<usize> = (0..across.len() + down.len()).collect();
    for (h, horizontal) in across.iter().enumerate() {
        for (v, vertical) in down.iter().enumerate() {
            let reaches = |a: &Rule, b: &Rule| a.from - TOUCH <= b.at && b.at <= a.to + TOUCH;
            if reaches(horizontal, vertical) && reaches(vertical, horizontal) {
                let (a, b) = (root(&mut group, h), root(&mut group, across.len() + v));
                group[a] = b;
            }
        }
    }
    let mut places: Vec<(usize, Place)> = Vec::new();
    let rules = across.iter().map(|rule| (rule, true)).chain(down.iter().map(|rule| (rule, false)));
    for (index, (rule, is_across)) in rules.enumerate() {
        let id = root(&mut group, index);
        let bbox = if is_across {
            Rect::new(rule.from, rule.at, rule.to, rule.at)
        } else {
            Rect::new(rule.at, rule.from, rule.at, rule.to)
        };
        let at = places.iter().position(|(other, _)| *other == id).unwrap_or_else(|| {
            let empty = Place { kind: Kind::Lattice, area: bbox, across: Vec::new(), down: Vec::new() };
            places.push((id, empty));
            places.len() - 1
        });
        let place = &mut places[at].1;
        place.area = place.area.union(&bbox);
        if is_across { place.across.push(*rule) } else { place.down.push(*rule) }
    }
    let mut places: Vec<Place> = places.into_iter().map(|(_, place)| place).filter(has_inner_rules).collect();
    join_heads(&mut places, page);
    join_shaded(&mut places, page);
    places.sort_by(|a, b| b.area.area().total_cmp(&a.area.area()));
    places.into_iter().filter_map(|place| Some(Grid::over(&place, page)?.trimmed(page))).collect()
}

/// Puts the heads of columns together with the rows they stand over, where a strip of white is between their frames.
fn join_heads(places: &mut Vec<Place>, page: &Page<'_>) {
    places.sort_by(|a, b| a.area.y0.total_cmp(&b.area.y0));
    let mut at = 0;
    while at < places.len() {
        let head = &places[at];
        let is_row = head.across.iter().all(|rule| rule.at - head.area.y0 < TOUCH || head.area.y1 - rule.at < TOUCH);
        let stands_over = |below: &Place| {
            let strip = Rect::new(head.area.x0, head.area.y1, head.area.x1, below.area.y0);
            alike(&head.area, &below.area)
                && (0.0..STRIP).contains(&strip.height())
                && head.down.iter().all(|rule| below.down.iter().any(|other| (rule.at - other.at).abs() < TOUCH))
                && page.lines_in(&strip).is_empty()
        };
        let below = (at + 1..places.len())
            .take_while(|next| places[*next].area.y0 < head.area.y1 + STRIP)
            .find(|next| is_row && stands_over(&places[*next]));
        if let Some(below) = below {
            let below = places.remove(below);
            let head = &mut places[at];
            head.area = head.area.union(&below.area);
            head.across.extend(below.across);
            head.down.extend(below.down);
        }
        at += 1;
    }
}

/// Puts together lattices that are shaded parts of one table: rows without shade are between them, and the heads of
/// the columns may stand over them under the first rule of the table.
fn join_shaded(places: &mut Vec<Place>, page: &Page<'_>) {
    let is_shaded = |place: &Place| place.down.iter().all(|rule| rule.shade);
    places.sort_by(|a, b| a.area.y0.total_cmp(&b.area.y0));
    let mut at = 0;
    while at < places.len() {
        if !is_shaded(&places[at]) {
            headed(&mut places[at], page, PLAIN_HEADS);
            at += 1;
            continue;
        }
        while let Some(next) = (at + 1..places.len()).find(|next| {
            let (upper, lower) = (&places[at].area, &places[*next].area);
            let strip = Rect::new(upper.x0, upper.y1, upper.x1, lower.y0);
            is_shaded(&places[*next])
                && alike(upper, lower)
                && strip.height() > -TOUCH
                && (strip.height() < TOUCH || table_strip(page, &strip).is_some_and(|lines| lines <= 3))
        }) {
            let next = places.remove(next);
            let place = &mut places[at];
            place.area = place.area.union(&next.area);
            place.across.extend(next.across);
            place.down.extend(next.down);
        }
        headed(&mut places[at], page, HEADS);
        rows_below(&mut places[at], page);
        at += 1;
    }
}

/// Adds the heads of the columns, up to the rule over them.
fn headed(place: &mut Place, page: &Page<'_>, most: f32) {
    let area = place.area;
    let above = page.rules.across.iter().rev().filter(|rule| !rule.shade && rule.at < area.y0 - TOUCH);
    let wide = |rule: &&Rule| alike(&Rect::new(rule.from, rule.at, rule.to, rule.at), &area);
    let Some(rule) = above.take_while(|rule| area.y0 - rule.at < most).find(wide) else { return };
    let strip = Rect::new(area.x0, rule.at, area.x1, area.y0);
    let lines = page.lines_in(&strip);
    // Over rules that cross may stand the title of the table; heads are side by side.
    let are_side_by_side = lines.iter().all(|line| page.pieces(line).len() > 1);
    let are_heads = most == HEADS || (are_side_by_side && !judge::has_caption_among(&lines, page));
    if !lines.is_empty() && are_heads && may_be_rows(page, &strip, &lines) {
        place.area.y0 = rule.at;
        let within = page.rules.across.iter().filter(|other| (rule.at..area.y0).contains(&other.at));
        place.across.extend(within.filter(|other| other.overlap(area.x0, area.x1) > 0.6 * other.length()));
    }
}

/// Adds the rows below where only the heads of the columns are shaded.
fn rows_below(place: &mut Place, page: &Page<'_>) {
    let area = place.area;
    if area.height() > HEADS {
        return;
    }
    let pieces_of = |line: &TextLine| page.pieces(line).len();
    let heads = page.lines_in(&area).iter().map(pieces_of).max().unwrap_or(0);
    if heads < 4 {
        return;
    }
    let below = page.lines_in(&Rect::new(area.x0, area.y1, area.x1, page.content.size.0.max(page.content.size.1)));
    let (mut last, mut rows, mut before, mut single) = (area.y1, 0, area.y1, 0);
    for line in below {
        let near = line.bbox.y0 - before < 1.6 * line.size;
        // Titles between rows, and cells that go on, come a few at a time.
        let is_part = single < 2 && line.bbox.width() < 0.62 * area.width();
        let is_row = pieces_of(&line) + 1 >= heads;
        if !near || !(is_row || is_part) || is_running_text(&line, page, area.width()) {
            break;
        }
        before = line.bbox.y1;
        single = if is_row { 0 } else { single + 1 };
        if is_row {
            (last, rows) = (line.bbox.y1, rows + 1);
        }
    }
    if rows >= 3 {
        place.area.y1 = last + 1.0;
    }
}

/// Whether two places are one above the other and equally wide.
fn alike(a: &Rect, b: &Rect) -> bool {
    (a.x0 - b.x0).abs() < 2.0 * TOUCH && (a.x1 - b.x1).abs() < 2.0 * TOUCH
}

fn root(group: &mut [usize], mut at: usize) -> usize {
    while group[at] != at {
        group[at] = group[group[at]];
        at = group[at];
    }
    at
}

/// Whether there is more than a frame, and enough of it.
fn has_inner_rules(place: &Place) -> bool {
    let area = &place.area;
    if place.down.is_empty() || place.across.len() < 2 || area.width() < 30.0 || area.height() < 12.0 {
        return false;
    }
    let inner_down = place.down.iter().any(|rule| rule.at > area.x0 + TOUCH && rule.at < area.x1 - TOUCH);
    let inner_across = place.across.iter().any(|rule| rule.at > area.y0 + TOUCH && rule.at < area.y1 - TOUCH);
    inner_down || inner_across
}

pub(super) fn place_of(kind: Kind, area: Rect, page: &Page<'_>) -> Place {
    let across = page.rules.across.iter().filter(|rule| {
        rule.at > area.y0 - 1.0 && rule.at < area.y1 + 1.0 && rule.overlap(area.x0, area.x1) > 0.6 * rule.length()
    });
    let down = page.rules.down.iter().filter(|rule| {
        rule.at > area.x0 - 1.0 && rule.at < area.x1 + 1.0 && rule.overlap(area.y0, area.y1) > 0.3 * area.height()
    });
    Place { kind, area, across: across.copied().collect(), down: down.copied().collect() }
}

/// The number of lines between two rules when they may be rows of a table; `None` when they are running text.
fn table_strip(page: &Page<'_>, strip: &Rect) -> Option<usize> {
    let lines = page.lines_in(strip);
    may_be_rows(page, strip, &lines).then_some(lines.len())
}

/// Whether the lines between two rules may be rows of a table, and are no running text.
pub(super) fn may_be_rows(page: &Page<'_>, strip: &Rect, lines: &[TextLine]) -> bool {
    if lines.is_empty() {
        return strip.height() < 24.0;
    }
    // Lines of one piece from side to side, one below the other, are a paragraph.
    let is_full = |line: &TextLine| {
        line.words.len() >= 7 && line.bbox.width() > 0.9 * strip.width() && page.pieces(line).len() == 1
    };
    if lines.windows(3).any(|three| three.iter().all(is_full)) {
        return false;
    }
    let running = lines.iter().filter(|line| is_running_text(line, page, strip.width())).count();
    let several = lines.iter().filter(|line| page.pieces(line).len() > 1).count();
    // A row whose cells have many lines has all its values on its first line.
    let is_headed = page.pieces(&lines[0]).len() >= WHOLE_ROW && !runs_out_of(strip, page);
    running * 3 <= lines.len() && (several * 2 >= lines.len() || lines.len() <= 3 || is_headed)
}

/// Whether text runs over one of the sides of a place.
pub(super) fn runs_out_of(strip: &Rect, page: &Page<'_>) -> bool {
    let around = Rect::new(strip.x0 - BESIDE, strip.y0, strip.x1 + BESIDE, strip.y1);
    let leaves = |line: &TextLine| {
        page.pieces(line).iter().any(|piece| piece.crosses(strip.x0 - TOUCH) || piece.crosses(strip.x1 + TOUCH))
    };
    page.lines_in(&around).iter().any(leaves)
}

pub(super) fn is_running_text(line: &TextLine, page: &Page<'_>, width: f32) -> bool {
    line.words.len() >= 7
        && line.bbox.width() > 0.66 * width
        && page.pieces(line).iter().any(|segment| segment.x1 - segment.x0 > 0.6 * width)
}

/// Runs of lines in a column of the page whose words stand in columns, and grids over them.
pub(super) fn aligned_runs(page: &Page<'_>, flow: &[u32], found: &[Grid]) -> Vec<Grid> {
    let taken: Vec<Rect> = found.iter().map(Grid::bbox).collect();
    let mut place_of_id: Vec<Option<usize>> = vec![None; page.content.words.len()];
    for (at, word) in page.words.iter().enumerate() {
        place_of_id[word.id as usize] = Some(at);
    }
    let chosen = flow.iter().filter_map(|id| place_of_id.get(*id as usize).copied().flatten());
    let lines = page.lines_outside(&taken, chosen);
    let several: Vec<bool> = lines.iter().map(|line| page.pieces(line).len() > 1).collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if !several[at] {
            at += 1;
            continue;
        }
        let end = run_end(&lines, &several, at);
        let run = &lines[at..end];
        if run.len() >= 3 {
            out.extend(grid_over(Kind::Aligned, run, page));
        }
        at = end.max(at + 1);
    }
    out
}

/// A grid over lines and the white around them.
pub(super) fn grid_over(kind: Kind, lines: &[TextLine], page: &Page<'_>) -> Option<Grid> {
    let area = Rect::union_all(lines.iter().map(|line| &line.bbox))?;
    let area = Rect::new(area.x0 - 1.0, area.y0 - 0.5, area.x1 + 1.0, area.y1 + 0.5);
    Grid::over(&place_of(kind, area, page), page)
}

/// The end of a run of lines that begins at `begin`: up to two lines of one piece may come in between.
fn run_end(lines: &[TextLine], several: &[bool], begin: usize) -> usize {
    let mut end = begin + 1;
    let mut single = 0;
    let (mut x0, mut x1) = (lines[begin].bbox.x0, lines[begin].bbox.x1);
    for at in begin + 1..lines.len() {
        let (line, before) = (&lines[at], &lines[at - 1]);
        if line.base - before.base > 3.2 * line.size.max(before.size) || line.size > 1.5 * before.size {
            break;
        }
        if several[at] {
            single = 0;
            end = at + 1;
            (x0, x1) = (x0.min(line.bbox.x0), x1.max(line.bbox.x1));
        } else {
            single += 1;
            let short = line.bbox.width() < 0.62 * (x1 - x0) && line.bbox.x0 > x0 - 2.0;
            if single > 2 || !short {
                break;
            }
        }
    }
    end
}
