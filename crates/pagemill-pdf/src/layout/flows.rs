//! The order in which a page is read: lines are parted into flows (columns, and
//! what spans them) by the white space between them.

use super::lines::Line;

/// Columns within columns are looked for this deep.
const MAX_DEPTH: u32 = 12;
/// A gutter is at least this many ems wide.
const GUTTER: f32 = 0.7;
/// Lines of a text column have at least so many characters on average.
const COLUMN_CHARS: f32 = 11.0;
/// Most steps of the coverage count across a page.
const MAX_STEPS: usize = 2000;

/// So many strips of white space are looked at for each part of a page.
const MAX_TRIES: u32 = 60;
/// Parts of more lines than this are looked at less closely.
const MANY_LINES: usize = 4000;

/// The lines (numbers into `lines`) of each flow, flows and lines in reading order.
pub(crate) fn flows(lines: &[Line]) -> Vec<Vec<usize>> {
    let mut all: Vec<usize> = (0..lines.len()).collect();
    all.sort_by(|a, b| lines[*a].base.total_cmp(&lines[*b].base));
    let mut out = Vec::new();
    part(lines, all, 0, &mut out);
    out
}

/// `ids` are sorted from top to bottom.
fn part(lines: &[Line], ids: Vec<usize>, depth: u32, out: &mut Vec<Vec<usize>>) {
    if ids.is_empty() {
        return;
    }
    let gutter = if ids.len() < 4 || depth >= MAX_DEPTH { None } else { best_gutter(lines, &ids) };
    let Some(gutter) = gutter else {
        out.push(ids);
        return;
    };
    let mut band: Vec<usize> = Vec::new();
    let mut spanning: Vec<usize> = Vec::new();
    let close_band = |band: &mut Vec<usize>, out: &mut Vec<Vec<usize>>| {
        let (left, right): (Vec<usize>, Vec<usize>) =
            band.drain(..).partition(|id| gutter.side(&lines[*id]) == Side::Left);
        part(lines, left, depth + 1, out);
        part(lines, right, depth + 1, out);
    };
    for id in ids {
        if gutter.side(&lines[id]) == Side::Across {
            close_band(&mut band, out);
            spanning.push(id);
        } else {
            if !spanning.is_empty() {
                part(lines, std::mem::take(&mut spanning), depth + 1, out);
            }
            band.push(id);
        }
    }
    close_band(&mut band, out);
    if !spanning.is_empty() {
        part(lines, spanning, depth + 1, out);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Across,
}

/// A strip of white space from top to bottom, with the em that measures it.
#[derive(Clone, Copy, Debug)]
struct Gutter {
    x0: f32,
    x1: f32,
    em: f32,
}

impl Gutter {
    fn side(&self, line: &Line) -> Side {
        let middle = (self.x0 + self.x1) / 2.0;
        if line.frame.x0 < self.x0 - self.em && line.frame.x1 > self.x1 + self.em {
            Side::Across
        } else if line.frame.center_x() < middle {
            Side::Left
        } else {
            Side::Right
        }
    }
}

fn best_gutter(lines: &[Line], ids: &[usize]) -> Option<Gutter> {
    let (mut from, mut to) = (f32::MAX, f32::MIN);
    for id in ids {
        from = from.min(lines[*id].frame.x0);
        to = to.max(lines[*id].frame.x1);
    }
    let mut sizes: Vec<f32> = ids.iter().map(|id| lines[*id].size).collect();
    let middle = sizes.len() / 2;
    let em = *sizes.select_nth_unstable_by(middle, f32::total_cmp).1;
    let width = to - from;
    if !width.is_finite() || width < 6.0 * em || em <= 0.0 {
        return None;
    }
    let steps = ((width / 2.0) as usize).clamp(1, MAX_STEPS);
    let step = width / steps as f32;
    let mut change = vec![0_i32; steps + 2];
    for id in ids {
        let frame = &lines[*id].frame;
        let begin = (((frame.x0 - from) / step).ceil() as usize).min(steps);
        let end = (((frame.x1 - from) / step).floor() as usize).min(steps);
        if begin < end {
            change[begin] += 1;
            change[end] -= 1;
        }
    }
    let mut covered = Vec::with_capacity(steps);
    let mut depth = 0;
    for difference in &change[..steps] {
        depth += difference;
        covered.push(depth);
    }
    let total = ids.len() as f32;
    let mut best: Option<(f32, Gutter)> = None;
    let mut tries = if ids.len() > MANY_LINES { 6 } else { MAX_TRIES };
    for share in [0.0, 0.04, 0.12, 0.3, 0.5] {
        let most = (total * share) as i32;
        let mut at = 0;
        while at < steps {
            if covered[at] > most {
                at += 1;
                continue;
            }
            let begin = at;
            while at < steps && covered[at] <= most {
                at += 1;
            }
            let gutter = Gutter { x0: from + begin as f32 * step, x1: from + at as f32 * step, em };
            if begin == 0 || at == steps || gutter.x1 - gutter.x0 < GUTTER * em {
                continue;
            }
            if tries == 0 {
                break;
            }
            tries -= 1;
            if let Some(score) = worth(lines, ids, &gutter)
                && best.is_none_or(|(known, _)| score > known * 1.05)
            {
                best = Some((score, gutter));
            }
        }
    }
    best.map(|(_, gutter)| gutter)
}

/// How well a gutter parts text: characters on the poorer side, less what crosses it.
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
    let (mut left, mut right, mut across) = (empty(), empty(), 0.0_f32);
    let mut painted: Vec<(u32, Side)> = Vec::with_capacity(ids.len());
    for id in ids {
        let line = &lines[*id];
        let side = gutter.side(line);
        let half = match side {
            Side::Left => &mut left,
            Side::Right => &mut right,
            Side::Across => {
                across += line.chars as f32;
                continue;
            }
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
    let total = left.chars + right.chars + across;
    Some(left.chars.min(right.chars) * (1.0 - across / total))
}
