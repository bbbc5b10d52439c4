//! Text that rises aslant, as heads of narrow columns do. It belongs to what it stands over: a table takes such
//! a line where it begins, and what no table takes (watermarks, labels in drawings) is left out.

use pagemill_core::Rect;

use crate::content::{Content, Direction, RawWord, Sight};
use crate::pen::{Pen, RISE, SINK, Stroke};

/// Lines less steep are level, steeper ones upright, as the sine of their angle.
const STEEP: std::ops::Range<f32> = 0.12..0.993;
/// Words of a line are at most this many ems apart.
const WORD_SPACE: f32 = 1.0;
/// A page with more lines aslant is a drawing.
const MOST: usize = 400;
/// Angles that differ by less are one, as the difference of their sines.
const SAME: f32 = 0.01;

/// Notes lines that rise aslant while they are painted.
#[derive(Debug, Default)]
pub(crate) struct Slanted {
    /// Its pen, which knows the characters of its strokes.
    pub(crate) pen: Pen,
    /// Words of the lines at one angle, in a frame in which they are level.
    turned: Content,
    /// Cosine and sine of the angle.
    angle: (f32, f32),
    lines: Vec<Line>,
}

/// A line of text with the place it begins at and the size of its type.
#[derive(Debug)]
struct Line {
    words: Vec<String>,
    start: (f32, f32),
    size: f32,
    face: u16,
}

/// Cosine and sine of the angle of a glyph's transform when text with it rises aslant.
pub(crate) fn angle(a: f32, b: f32) -> Option<(f32, f32)> {
    let length = a.hypot(b);
    let (cos, sin) = (a / length, -b / length);
    (cos > 0.0 && STEEP.contains(&sin)).then_some((cos, sin))
}

impl Slanted {
    /// Turns what comes next by this angle.
    pub(crate) fn turn(&mut self, angle: (f32, f32)) {
        if (angle.1 - self.angle.1).abs() > SAME {
            self.gather();
            self.angle = angle;
        }
    }

    /// A place on the page in the frame of the lines.
    pub(crate) fn to_frame(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let (cos, sin) = self.angle;
        (x * cos - y * sin, x * sin + y * cos)
    }

    fn to_page(&self, (u, v): (f32, f32)) -> (f32, f32) {
        let (cos, sin) = self.angle;
        (u * cos + v * sin, v * cos - u * sin)
    }

    /// Draws glyphs of one run.
    pub(crate) fn draw(&mut self, strokes: &[Stroke]) {
        if self.lines.len() < MOST {
            let everywhere = Rect::new(-1e6, -1e6, 1e6, 1e6);
            self.pen.draw(strokes, Direction::Right, Sight::Slanted, &everywhere, &mut self.turned);
        }
    }

    /// Makes lines of the words at this angle.
    fn gather(&mut self) {
        self.pen.lift(&mut self.turned);
        let turned = std::mem::take(&mut self.turned);
        let mut before: Option<&RawWord> = None;
        for word in &turned.words {
            let follows = before.is_some_and(|before| {
                let gap = word.frame.x0 - before.frame.x1;
                (word.base - before.base).abs() < 0.3 * word.size && (-0.3..WORD_SPACE).contains(&(gap / word.size))
            });
            before = Some(word);
            let text = turned.word(word).to_owned();
            match self.lines.last_mut() {
                Some(line) if follows => line.words.push(text),
                _ => {
                    let start = self.to_page((word.frame.x0, word.base));
                    self.lines.push(Line { words: vec![text], start, size: word.size, face: word.face });
                }
            }
        }
    }

    /// Adds the lines to the words of their page, each word where its line begins.
    pub(crate) fn settle(mut self, content: &mut Content) {
        self.gather();
        if self.lines.len() > MOST {
            return;
        }
        for line in self.lines {
            let (mut x, base) = line.start;
            let width = 0.6 * line.size / line.words.len() as f32;
            for word in line.words {
                let start = content.text.len() as u32;
                content.text.push_str(&word);
                content.words.push(RawWord {
                    start,
                    end: content.text.len() as u32,
                    frame: Rect::new(x, base - RISE * line.size, x + width, base + SINK * line.size),
                    base,
                    size: line.size,
                    face: line.face,
                    direction: Direction::Right,
                    sight: Sight::Slanted,
                    space_after: true,
                    wide: false,
                });
                x += width;
            }
        }
    }
}
