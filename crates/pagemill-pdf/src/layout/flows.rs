//! The order in which a page is read: lines are parted into flows (columns, and
//! what stands above and below them) along the largest strips of white space.

use pagemill_core::Rect;

use super::lines::Line;

/// Columns within columns are looked for this deep.
const MAX_DEPTH: u32 = 24;
/// In more lines than this no columns are looked for.
const MAX_LINES: usize = 5000;
/// A gutter is at least this many ems wide.
const GUTTER: f32 = 0.7;
/// Lines may reach this many ems into a gutter.
const SLACK: f32 = 0.2;
/// Lines this many ems from the next one are of one column.
const CLOSE: f32 = 0.9;
/// Lines of a text column have at least so many characters on average.
const COLUMN_CHARS: f32 = 11.0;
/// Width of a step of the search, in points.
const STEP: f32 = 2.0;
/// Most steps of the search across a page.
const MAX_STEPS: usize = 1000;
/// So many strips of white space are looked at for each part of a page.
const MAX_TRIES: usize = 12;

/// The lines (numbers into `lines`) of each flow, flows and lines in reading order. `floats` are the boxes of tables
/// and figures, which are no white space.
pub(crate) fn flows(lines: &[Line], floats: &[Rect]) -> Vec<Vec<usize>> {
    let mut all: Vec<usize> = (0..lines.len()).collect();
    all.sort_by(|a, b| lines[*a].base.total_cmp(&lines[*b].base));
    let mut out = Vec::new();
    part(lines, floats, all, 0, &mut out);
    out
}

/// `ids` are sorted from top to bottom.
fn part(lines: &[Line], floats: &[Rect], ids: Vec<usize>, depth: u32, out: &mut Vec<Vec<usize>>) {
    if ids.is_empty() {
        return;
    }
    let gutter = if ids.len() < 4 || ids.len() > MAX_LINES || depth >= MAX_DEPTH {
        None
    } else {
        best_gutter(lines, floats, &ids)
    };
    let Some(gutter) = gutter else {
        out.push(ids);
        return;
    };
    let (mut above, mut left, mut right, mut below) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        match gutter.side(&lines[id]) {
            Side::Above => above.push(id),
            Side::Left => left.push(id),
            Side::Right => right.push(id),
            Side::Below => below.push(id),
        }
    }
    for some in [above, left, right, below] {
        part(lines, floats, some, depth + 1, out);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Above,
    Left,
    Right,
    Below,
}

/// A strip of white space between two columns.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Gutter {
    x0: f32,
    x1: f32,
    y0: f32,
    y1: f32,
    /// How far up it is white where it is longest,
    top: f32,
    /// and how far down.
    bottom: f32,
}

impl Gutter {
    /// Takes in lines of the columns that stick out into the strip but not through it: those next to the others.
    fn reach(&mut self, lines: &[Line], ids: &[usize], em: f32) {
        if self.bottom > self.y1 {
            let mut last = f32::MIN;
            for line in ids.iter().map(|id| &lines[*id].frame).skip_while(|line| line.center_y() < self.y0) {
                if line.center_y() > self.y1 && (line.y0 - last > CLOSE * em || line.center_y() > self.bottom) {
                    break;
                }
                last = last.max(line.y1);
                self.y1 = self.y1.max(line.y1.min(self.bottom));
            }
        }
        if self.top < self.y0 {
            let mut first = f32::MAX;
            for line in ids.iter().rev().map(|id| &lines[*id].frame).skip_while(|line| line.center_y() > self.y1) {
                if line.center_y() < self.y0 && (first - line.y1 > CLOSE * em || line.center_y() < self.top) {
                    break;
                }
                first = first.min(line.y0);
                self.y0 = self.y0.min(line.y0.max(self.top));
            }
        }
    }

    fn side(&self, line: &Line) -> Side {
        let height = line.frame.center_y();
        if height < self.y0 {
            Side::Above
        } else if height > self.y1 {
            Side::Below
        } else if line.frame.center_x() < (self.x0 + self.x1) / 2.0 {
            Side::Left
        } else {
            Side::Right
        }
    }
}

/// The longest runs without text, one at each step across the page. Each part is a row of its own, so that many
/// steps are worked on at once.
struct Runs {
    /// Where the run that is still open began.
    open: Vec<f32>,
    from: Vec<f32>,
    to: Vec<f32>,
}

impl Runs {
    fn new(steps: usize, top: f32) -> Self {
        Self { open: vec![top; steps], from: vec![top; steps], to: vec![top; steps] }
    }

    /// Text from `y0` to `y1` at some steps ends the runs that are open there.
    fn end(&mut self, steps: std::ops::Range<usize>, y0: f32, y1: f32) {
        let (open, from) = (&mut self.open[steps.clone()], &mut self.from[steps.clone()]);
        for ((open, from), to) in open.iter_mut().zip(from).zip(&mut self.to[steps]) {
            let longer = y0 - *open > *to - *from;
            *from = if longer { *open } else { *from };
            *to = if longer { y0 } else { *to };
            *open = if y1 > *open { y1 } else { *open };
        }
    }

    fn len(&self) -> usize {
        self.open.len()
    }

    fn length(&self, at: usize) -> f32 {
        self.to[at] - self.from[at]
    }

    fn same(&self, one: usize, other: usize) -> bool {
        self.from[one] == self.from[other] && self.to[one] == self.to[other]
    }
}

fn best_gutter(lines: &[Line], floats: &[Rect], ids: &[usize]) -> Option<Gutter> {
    let (mut left, mut right, mut top, mut bottom) = (f32::MAX, f32::MIN, f32::MAX, f32::MIN);
    for id in ids {
        let frame = &lines[*id].frame;
        (left, right) = (left.min(frame.x0), right.max(frame.x1));
        (top, bottom) = (top.min(frame.y0), bottom.max(frame.y1));
    }
    let mut sizes: Vec<f32> = ids.iter().map(|id| lines[*id].size).collect();
    let middle = sizes.len() / 2;
    let em = *sizes.select_nth_unstable_by(middle, f32::total_cmp).1;
    let width = right - left;
    if !width.is_finite() || width < 6.0 * em || em <= 0.0 {
        return None;
    }
    let steps = ((width / STEP) as usize).clamp(1, MAX_STEPS);
    let step = width / steps as f32;
    let mut runs = Runs::new(steps, top);
    let place = |x: f32| (((x - left) / step).max(0.0) as usize).min(steps - 1);
    let mut frames: Vec<Rect> = ids.iter().map(|id| lines[*id].frame).collect();
    let between = |float: &&Rect| float.y1 > top && float.y0 < bottom && float.x1 > left && float.x0 < right;
    frames.extend(floats.iter().filter(between));
    if frames.len() > ids.len() {
        frames.sort_by(|a, b| a.y1.total_cmp(&b.y1));
    }
    for frame in &frames {
        let (from, to) = (frame.x0 + SLACK * em, frame.x1 - SLACK * em);
        if from > to {
            continue;
        }
        runs.end(place(from)..place(to) + 1, frame.y0, frame.y1);
    }
    runs.end(0..steps, bottom, bottom);
    let mut candidates = strips(&runs, left, step);
    candidates.retain(|gutter| gutter.x1 - gutter.x0 >= GUTTER * em && gutter.y1 - gutter.y0 > 2.0 * em);
    candidates.sort_by(|a, b| (b.y1 - b.y0).total_cmp(&(a.y1 - a.y0)));
    candidates.truncate(MAX_TRIES);
    let mut best: Option<(f32, Gutter)> = None;
    for mut gutter in candidates {
        gutter.reach(lines, ids, em);
        if let Some(score) = worth(lines, ids, &gutter)
            && best.is_none_or(|(known, _)| score > known * 1.02)
        {
            best = Some((score, gutter));
        }
    }
    best.map(|(_, gutter)| gutter)
}

/// Neighbouring steps with nearly the same run make a strip; so does a step with wider neighbours.
fn strips(runs: &Runs, left: f32, step: f32) -> Vec<Gutter> {
    let mut found: Vec<Gutter> = Vec::new();
    // The last step whose strip is known.
    let mut known = None;
    for at in 0..runs.len() {
        let length = runs.length(at);
        let peak =
            (at == 0 || length >= runs.length(at - 1)) && (at + 1 == runs.len() || length >= runs.length(at + 1));
        if !peak || length <= 0.0 {
            continue;
        }
        // Next to a step with the very same run it would be the same strip.
        if known.replace(at).is_some_and(|before| before + 1 == at && runs.same(before, at)) {
            continue;
        }
        // The strip keeps most of the height of its best step.
        let holds = |other: usize| {
            let common = runs.to[other].min(runs.to[at]) - runs.from[other].max(runs.from[at]);
            common >= 0.9 * length
        };
        let mut begin = at;
        while begin > 0 && holds(begin - 1) {
            begin -= 1;
        }
        let mut end = at + 1;
        while end < runs.len() && holds(end) {
            end += 1;
        }
        let gutter = Gutter {
            x0: left + begin as f32 * step,
            x1: left + end as f32 * step,
            y0: runs.from[begin..end].iter().copied().fold(f32::MIN, f32::max),
            y1: runs.to[begin..end].iter().copied().fold(f32::MAX, f32::min),
            top: runs.from[at],
            bottom: runs.to[at],
        };
        if begin > 0 && end < runs.len() && gutter.y0 < gutter.y1 && !found.contains(&gutter) {
            found.push(gutter);
        }
    }
    found
}

/// How well a gutter parts text: characters on the poorer side.
/// `None` when it parts something else than columns of text.
fn worth(lines: &[Line], ids: &[usize], gutter: &Gutter) -> Option<f32> {
    #[derive(Default)]
    struct Half {
        lines: f32,
        chars: f32,
        top: f32,
        bottom: f32,
    }
    let empty = || Half { top: f32::MAX, bottom: f32::MIN, ..Half::default() };
    let (mut left, mut right) = (empty(), empty());
    let mut painted: Vec<(u32, Side)> = Vec::with_capacity(ids.len());
    for id in ids {
        let line = &lines[*id];
        let side = gutter.side(line);
        let half = match side {
            Side::Left => &mut left,
            Side::Right => &mut right,
            Side::Above | Side::Below => continue,
        };
        half.lines += 1.0;
        half.chars += line.chars as f32;
        half.top = half.top.min(line.frame.y0);
        half.bottom = half.bottom.max(line.frame.y1);
        painted.push((line.painted, side));
    }
    let enough = |half: &Half| half.lines >= 2.0 && half.chars >= COLUMN_CHARS * half.lines;
    if !enough(&left) || !enough(&right) {
        return None;
    }
    let overlap = left.bottom.min(right.bottom) - left.top.max(right.top);
    let least = (left.bottom - left.top).min(right.bottom - right.top);
    if overlap < 0.3 * least {
        return None;
    }
    // Cells of a table are painted row by row, columns one after the other.
    painted.sort_unstable_by_key(|(order, _)| *order);
    let turns = painted.windows(2).filter(|pair| pair[0].1 != pair[1].1).count() as f32;
    let wide = left.chars / left.lines > 28.0 && right.chars / right.lines > 28.0;
    if turns > 0.7 * left.lines.min(right.lines) && turns > 2.0 && !wide {
        return None;
    }
    Some(left.chars.min(right.chars))
}
