//! Which way the lines of a picture run, and how much they slope: rows of ink are
//! sharpest when they are summed along the lines (projection profile, Postl 1986).

use super::gray::Gray;

/// The steepest slope looked for, in degrees.
const STEEPEST: f32 = 20.0;
/// So many edge pixels tell the slope.
const POINTS: usize = 120_000;
/// Rows are summed so many to the longer side.
const ROWS: f32 = 1600.0;
/// Lines run down the page when rows down are this much sharper than rows across.
const DOWN: f64 = 1.25;
/// With less difference between the two, it is not certain.
const SURE: f64 = 1.6;

/// Edges of ink: where lines stand.
pub(super) struct Ink {
    /// Pixels with paper below them, and pixels with paper to one side, relative to the middle of the picture.
    below: Vec<(f32, f32)>,
    beside: Vec<(f32, f32)>,
    reach: f32,
    /// Width and height of the picture.
    size: (f32, f32),
}

/// How the lines of a picture run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slope {
    /// Whether they run from top to bottom or back rather than across.
    pub(super) down: bool,
    /// By how many degrees they fall to the right (once turned, where they run down).
    pub(super) degrees: f32,
    /// Whether that is certain.
    pub(super) sure: bool,
}

impl Ink {
    /// The edges of a picture's ink.
    pub(super) fn of(picture: &Gray) -> Self {
        let dark = picture.threshold();
        let (half_x, half_y) = (picture.width as f32 / 2.0, picture.height as f32 / 2.0);
        let (mut below, mut beside) = (Vec::new(), Vec::new());
        // The border of a scan is often black: what stands right at the edge tells nothing.
        let margin = (picture.width.min(picture.height) / 50).max(1);
        for y in margin..picture.height.saturating_sub(margin) {
            let (row, next) = (picture.row(y), picture.row(y + 1));
            for x in margin..picture.width.saturating_sub(margin) {
                if row[x as usize] > dark {
                    continue;
                }
                let at = (x as f32 - half_x, y as f32 - half_y);
                if next.get(x as usize).is_some_and(|pixel| *pixel > dark) {
                    below.push(at);
                }
                if row.get(x as usize + 1).is_some_and(|pixel| *pixel > dark) {
                    beside.push(at);
                }
            }
        }
        Self {
            below: thinned(below),
            beside: thinned(beside),
            reach: half_x.hypot(half_y),
            size: (2.0 * half_x, 2.0 * half_y),
        }
    }

    /// How the lines run.
    pub(super) fn slope(&self) -> Slope {
        if self.below.len() < 200 || self.beside.len() < 200 {
            return Slope { down: false, degrees: 0.0, sure: false };
        }
        let across = self.best(&self.below, false);
        let down = self.best(&self.beside, true);
        let is_down = down.1 > DOWN * across.1;
        let (degrees, more, less) = if is_down { (down.0, down.1, across.1) } else { (across.0, across.1, down.1) };
        Slope { down: is_down, degrees, sure: more > SURE * less }
    }

    /// The angle at which rows are sharpest, and how sharp they are there.
    fn best(&self, points: &[(f32, f32)], down: bool) -> (f32, f64) {
        let mut best = (0.0_f32, f64::MIN);
        let mut look = |degrees: f32| {
            let sharp = self.sharpness(points, degrees, down);
            if sharp > best.1 {
                best = (degrees, sharp);
            }
        };
        let coarse = 0.5;
        let steps = (STEEPEST / coarse) as i32;
        (-steps..=steps).for_each(|step| look(step as f32 * coarse));
        let middle = best.0;
        let mut look = |degrees: f32| {
            let sharp = self.sharpness(points, degrees, down);
            if sharp > best.1 {
                best = (degrees, sharp);
            }
        };
        (-10..=10).for_each(|step| look(middle + step as f32 * 0.05));
        best
    }

    /// How uneven the sums of rows are that fall by some degrees, relative to their size.
    fn sharpness(&self, points: &[(f32, f32)], degrees: f32, down: bool) -> f64 {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let mut rows = vec![0_u32; ROWS as usize + 2];
        let step = ROWS / (2.0 * self.reach).max(1.0);
        for &(x, y) in points {
            // Seen from a line that runs down, across is what height is for the others.
            let height = if down { -x * cos - y * sin } else { y * cos - x * sin };
            let at = ((height + self.reach) * step) as usize;
            if let Some(row) = rows.get_mut(at) {
                *row += 1;
            }
        }
        let difference: f64 = rows.windows(2).map(|pair| (f64::from(pair[0]) - f64::from(pair[1])).powi(2)).sum();
        // The same points on fewer rows differ more: what counts is how they are spread on as many rows as there are.
        let rows = f64::from(if down { self.size.0 } else { self.size.1 }.max(1.0));
        rows * difference / (points.len() as f64).powi(2)
    }
}

/// Some of the points, evenly chosen.
fn thinned(points: Vec<(f32, f32)>) -> Vec<(f32, f32)> {
    let step = points.len().div_ceil(POINTS).max(1);
    if step == 1 { points } else { points.into_iter().step_by(step).collect() }
}
