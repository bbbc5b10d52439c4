//! Tables between horizontal rules of one width, one below the other.

use pagemill_core::Rect;

use super::grid::{Grid, Kind};
use super::places::{MOST_RULES, TOUCH, is_running_text, may_be_rows, place_of, runs_out_of};
use super::rules::Rule;
use super::text::{TextLine, WordKind};
use super::{Page, judge};

/// Shorter rules are no rules of tables, in points.
const SHORTEST: f32 = 70.0;
/// A rule that ends this close to the edge of the page runs over it, in points.
const EDGE: f32 = 3.0;
/// White of so many ems that runs down a table parts its columns.
const WHITE: f32 = 0.7;
/// A line larger than all of a table by this factor is a heading.
const LARGER: f32 = 1.2;
/// Lines of so many words or more in the first column are text, on average.
const NAME_WORDS: usize = 5;

/// Places between horizontal rules of one width, and grids over them. Where what is between the rules looks like a
/// table at first and is one only if the text after it is in columns, the smaller grid comes after the larger one.
/// `programs` takes the places of programs, which stand between such rules, too.
pub(super) fn rule_stacks(page: &Page<'_>, found: &[Grid], programs: &mut Vec<Rect>) -> Vec<Grid> {
    let taken = |rule: &Rule| {
        found.iter().any(|grid| {
            let bbox = grid.bbox();
            (bbox.y0 - TOUCH..=bbox.y1 + TOUCH).contains(&rule.at)
                && rule.overlap(bbox.x0, bbox.x1) > 0.5 * rule.length()
        })
    };
    // What runs from edge to edge of the page is of the page.
    let sheet =
        page.direction.box_to_frame(&Rect::new(0.0, 0.0, page.content.size.0, page.content.size.1), page.content.size);
    let of_page = |rule: &Rule| rule.from < sheet.x0 + EDGE && rule.to > sheet.x1 - EDGE;
    let is_free = |rule: &&Rule| !taken(rule) && !of_page(rule);
    let free: Vec<Rule> = page.rules.across.iter().filter(is_free).copied().collect();
    if free.len() > MOST_RULES {
        return Vec::new();
    }
    let mut used = vec![false; free.len()];
    let mut out = Vec::new();
    for begin in 0..free.len() {
        if used[begin] || free[begin].length() < SHORTEST {
            continue;
        }
        let mut stack = Stack::at(&free[begin]);
        // What it would be without text in columns.
        let mut sure: Option<Rect> = None;
        for (index, rule) in free.iter().enumerate().skip(begin + 1) {
            if rule.overlap(stack.area.x0, stack.area.x1) <= 0.8 * stack.area.width().max(rule.length()) {
                continue;
            }
            let strip = Rect::new(stack.area.x0, stack.area.y1, stack.area.x1, rule.at);
            let lines = page.lines_in(&strip);
            if stack.lines == 0 && judge::has_title(&lines, page) {
                // A rule over the title is of the page; the table begins below it.
                stack = Stack::at(rule);
                continue;
            }
            if stack.lines == 0 && lines.first().is_some_and(|line| judge::begins_program(line, page)) {
                // One rule stands below the title of a program and one below its steps.
                used[index] = true;
                let alike = |(_, other): &(usize, &Rule)| other.overlap(rule.from, rule.to) > 0.8 * rule.length();
                if let Some((at, closing)) = free.iter().enumerate().skip(index + 1).find(alike) {
                    used[at] = true;
                    programs.push(Rect::new(rule.from, stack.area.y0, rule.to, closing.at));
                }
                break;
            }
            if stack.lines > 0 && stack.ends_before(&lines, page) {
                break;
            }
            if !may_be_rows(page, &strip, &lines) {
                if !stack.parted || !stack.has_columns_of(&lines, &strip, page) {
                    break;
                }
                sure.get_or_insert(stack.area);
            }
            stack.take(&lines, rule, page);
            used[index] = true;
        }
        if stack.lines > 0 {
            for area in std::iter::once(stack.area).chain(sure) {
                let area = Rect::new(area.x0 - 2.0, area.y0, area.x1 + 2.0, area.y1);
                let area = widened(page, grown(page, area));
                out.extend(Grid::over(&place_of(Kind::Stack, area, page), page));
            }
        }
    }
    out
}

/// What stands between the rules looked at so far.
struct Stack {
    /// From the first rule to the last.
    area: Rect,
    /// Number of its lines.
    lines: usize,
    /// Size of its largest line.
    size: f32,
    /// Whether a line has several pieces, as the heads of columns have and the title of an algorithm has not.
    parted: bool,
    /// Where its words stand across, from left to right: what is between is white from top to bottom.
    covered: Vec<(f32, f32)>,
}

impl Stack {
    /// Nothing yet, below a rule.
    fn at(rule: &Rule) -> Self {
        Self {
            area: Rect::new(rule.from, rule.at, rule.to, rule.at),
            lines: 0,
            size: 0.0,
            parted: false,
            covered: Vec::new(),
        }
    }

    /// Adds the lines above a rule.
    fn take(&mut self, lines: &[TextLine], rule: &Rule, page: &Page<'_>) {
        self.area = Rect::new(self.area.x0.min(rule.from), self.area.y0, self.area.x1.max(rule.to), rule.at);
        self.lines += lines.len();
        self.parted |= lines.iter().any(|line| page.pieces(line).len() > 1);
        self.size = lines.iter().map(|line| line.size).fold(self.size, f32::max);
        self.covered = self.covered_with(lines, page);
    }

    fn covered_with(&self, lines: &[TextLine], page: &Page<'_>) -> Vec<(f32, f32)> {
        let words = lines.iter().flat_map(|line| &line.words).map(|at| &page.words[*at].bbox);
        let mut parts: Vec<(f32, f32)> =
            words.map(|bbox| (bbox.x0, bbox.x1)).chain(self.covered.iter().copied()).collect();
        parts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut out: Vec<(f32, f32)> = Vec::new();
        for (x0, x1) in parts {
            match out.last_mut() {
                Some(last) if x0 <= last.1 => last.1 = last.1.max(x1),
                _ => out.push((x0, x1)),
            }
        }
        out
    }

    /// Whether something else begins with these lines: the title of another table, or a heading.
    fn ends_before(&self, lines: &[TextLine], page: &Page<'_>) -> bool {
        let is_heading = |line: &TextLine| line.size > LARGER * self.size && page.pieces(line).len() == 1;
        lines.iter().any(is_heading) || judge::has_title(lines, page)
    }

    /// Whether lines that look like text are cells of many lines: the same white runs down between their words and
    /// those above, names and no text stand left of it, and they end where the table does.
    fn has_columns_of(&self, lines: &[TextLine], strip: &Rect, page: &Page<'_>) -> bool {
        let size = lines.iter().map(|line| line.size).fold(0.0, f32::max);
        let covered = self.covered_with(lines, page);
        let white = covered.windows(2).find(|pair| pair[1].0 - pair[0].1 > WHITE * size);
        white.is_some_and(|pair| are_named(page, lines, (pair[0].1 + pair[1].0) / 2.0)) && !runs_out_of(strip, page)
    }
}

/// Whether names stand left of a place, short or on some lines only, and something else right of it.
fn are_named(page: &Page<'_>, lines: &[TextLine], gutter: f32) -> bool {
    let left = |line: &TextLine| line.words.iter().filter(|at| page.words[**at].bbox.x1 < gutter).count();
    let named: Vec<usize> = lines.iter().map(left).filter(|words| *words > 0).collect();
    let valued = lines.iter().any(|line| line.bbox.x1 > gutter);
    let short = named.iter().sum::<usize>() < NAME_WORDS * named.len();
    let few = named.len() * 10 < lines.len() * 6;
    !named.is_empty() && valued && (short || few)
}

/// The area with the lines above and below that have several pieces within its width.
fn grown(page: &Page<'_>, mut area: Rect) -> Rect {
    let height = page.content.size.0.max(page.content.size.1);
    let width = area.width();
    let within = page.lines_in(&area);
    let size = within.iter().map(|line| line.size).sum::<f32>() / within.len().max(1) as f32;
    let is_row = |line: &TextLine| {
        let pieces = page.pieces(line);
        // Text in columns below a table has lines of many words beside each other, and its own size.
        let is_text = line.words.len() >= 10 && pieces.iter().all(|piece| piece.words >= 4);
        let alike = line.size < 1.15 * size && line.size > 0.85 * size;
        pieces.len() > 1 && (alike || !is_text) && !is_running_text(line, page, width)
    };
    // Where rows end with a value, so do those below the last rule, and what has none is another thing.
    let rows: Vec<&TextLine> = within.iter().filter(|line| page.pieces(line).len() > 2).collect();
    let valued = rows.iter().filter(|line| ends_with_number(line, page)).count();
    let are_valued = rows.len() > 3 && valued * 10 >= rows.len() * 7;
    let below = page.lines_in(&Rect::new(area.x0, area.y1, area.x1, area.y1 + height));
    let mut last = area.y1;
    for line in below {
        let near = line.bbox.y0 - last < 1.6 * line.size;
        if !near || !is_row(&line) || (are_valued && !ends_with_number(&line, page)) {
            break;
        }
        last = line.bbox.y1;
    }
    area.y1 = area.y1.max(last);
    let mut above = page.lines_in(&Rect::new(area.x0, area.y0 - 70.0, area.x1, area.y0));
    let mut first = area.y0;
    while let Some(line) = above.pop() {
        let near = first - line.bbox.y1 < 0.9 * line.size;
        if !near || !is_row(&line) {
            break;
        }
        first = line.bbox.y0;
    }
    area.y0 = area.y0.min(first);
    area
}

fn ends_with_number(line: &TextLine, page: &Page<'_>) -> bool {
    let last = line.words.last().map(|at| page.words[*at].kind);
    last == Some(WordKind::Number)
}

/// The area with words that stick out of it.
fn widened(page: &Page<'_>, mut area: Rect) -> Rect {
    for word in page.words {
        if area.holds_middle_of(&word.bbox, 0.0) {
            area.x0 = area.x0.min(word.bbox.x0 - 1.0);
            area.x1 = area.x1.max(word.bbox.x1 + 1.0);
        }
    }
    area
}
