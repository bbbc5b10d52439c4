//! Listens to the engine painting a page and notes words, rules, shapes and images.
//! No image is decoded, and outlines are computed of a few glyphs alone whose characters are in doubt.

mod drawings;
mod shapes;

use hayro_interpret::font::{Glyph, GlyphIdentifier, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::kurbo::{self, Affine, BezPath, Point};
use hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, Paint, SoftMask};
use hayro_syntax::object::Dict;
use pagemill_core::Rect;
use rustc_hash::FxHashMap;

use self::drawings::{MAX_DRAWINGS, MAX_RULE_ELEMENTS, ink_of, is_white, to_rect};
use crate::boxes::upright_boxes;
use crate::content::{Content, Direction, Mark, Sight, WHOLE_PAGE};
use crate::fonts::{Faces, PageFonts};
use crate::pen::{Pen, Stroke};
use crate::slanted::{self, Slanted};
use crate::tex;

/// Marked content nests no deeper than this.
const MAX_NESTED: usize = 256;
/// White text is looked for on so many of the last shapes and images.
const MAX_BACKED: usize = 500;
/// A document shows fewer different glyphs than this, or the memo starts anew.
const MAX_KNOWN: usize = 60_000;

/// What is known of a glyph from its first showing.
#[derive(Clone, Debug)]
struct Known {
    text: Characters,
    advance: f32,
    face: u16,
    /// How far below its origin the baseline is, in ems.
    drop: f32,
}

/// The characters a glyph stands for.
#[derive(Clone, Debug)]
enum Characters {
    One(char),
    Several(Box<str>),
    Unknown,
}

/// Remembers glyphs over the pages of one document.
#[derive(Default)]
pub(crate) struct GlyphMemo {
    known: FxHashMap<(GlyphIdentifier, u32), Known>,
}

/// The device that notes what is painted.
pub(crate) struct Painter<'a, 'd> {
    content: Content,
    pen: Pen,
    slanted: Slanted,
    faces: &'d mut Faces,
    memo: &'d mut GlyphMemo,
    fonts: PageFonts<'a>,
    clips: Vec<Rect>,
    scratch: Vec<Stroke>,
    last_run: Option<(u32, f32, f32)>,
    type3_size: f32,
    /// Marked content that has begun.
    marks: Vec<Mark>,
}

impl<'a, 'd> Painter<'a, 'd> {
    /// A device for a page of this size in points.
    pub(crate) fn new(size: (f32, f32), faces: &'d mut Faces, memo: &'d mut GlyphMemo, fonts: PageFonts<'a>) -> Self {
        if memo.known.len() > MAX_KNOWN {
            memo.known.clear();
        }
        Self {
            content: Content { size, ..Content::default() },
            pen: Pen::default(),
            slanted: Slanted::default(),
            faces,
            memo,
            fonts,
            clips: vec![Rect::new(-2.0, -2.0, size.0 + 2.0, size.1 + 2.0)],
            scratch: Vec::new(),
            last_run: None,
            type3_size: 10.0,
            marks: Vec::new(),
        }
    }

    /// What was painted.
    pub(crate) fn finish(mut self) -> Content {
        self.pen.lift(&mut self.content);
        self.mark(Mark::None);
        self.slanted.settle(&mut self.content);
        self.content
    }

    /// What is drawn from now on belongs to this. A word that goes on stays with what it began in.
    fn mark(&mut self, mark: Mark) {
        let from = self.content.words.len() as u32 + u32::from(self.pen.is_down());
        match self.content.marks.last_mut() {
            Some(last) if last.0 == from => last.1 = mark,
            Some(last) if last.1 == mark => {}
            _ => self.content.marks.push((from, mark)),
        }
    }

    fn known(&mut self, glyph: &Glyph<'a>, run: &GlyphRun<'_, 'a>) -> Known {
        match glyph {
            Glyph::Outline(outline) => {
                let key = (outline.identifier(), outline.char_code());
                if let Some(known) = self.memo.known.get(&key) {
                    return known.clone();
                }
                let mut text = characters(outline.as_unicode());
                let mut drop = 0.0;
                match text {
                    Characters::One('√') => drop = shapes::drop_of_root(&outline.outline()),
                    Characters::One(character) if shapes::is_doubtful(character) => {
                        if let Some(sign) = shapes::sign(&outline.outline()) {
                            text = Characters::One(sign);
                        }
                    }
                    _ => {}
                }
                let known = Known {
                    text,
                    drop,
                    advance: outline.advance_width().unwrap_or(0.0),
                    face: self.faces.of_glyph(outline, run, &mut self.fonts).unwrap_or(u16::MAX),
                };
                // Glyphs that a substitute font lacks share one identifier: their text is asked for each time.
                if outline.glyph_id().to_u32() != 0 {
                    self.memo.known.insert(key, known.clone());
                }
                known
            }
            Glyph::Type3(type3) => Known {
                text: match characters(type3.as_unicode()) {
                    Characters::Unknown => unnamed(type3.char_code()),
                    known => known,
                },
                advance: type3.advance_width().unwrap_or(0.0),
                drop: 0.0,
                face: u16::MAX,
            },
        }
    }

    fn sight(&self, paint: &Paint<'a>, mode: &DrawMode, at: (f32, f32)) -> Sight {
        if matches!(mode, DrawMode::Invisible) {
            return Sight::Inkless;
        }
        if !is_white(paint) {
            return Sight::Seen;
        }
        let at = (at.0 + 2.0, at.1 - 2.0);
        let under = |area: &Rect| area.x0 <= at.0 && at.0 <= area.x1 && area.y0 <= at.1 && at.1 <= area.y1;
        let backed = self.content.images.iter().rev().take(MAX_BACKED).any(under)
            || self.content.shapes.iter().rev().take(MAX_BACKED).any(|shape| under(&shape.bbox));
        if backed { Sight::Seen } else { Sight::White }
    }

    /// Notes a run that rises aslant.
    fn draw_slanted(&mut self, run: &GlyphRun<'_, 'a>, transform: Affine) {
        let clip = self.clips.last().copied().unwrap_or_default();
        self.scratch.clear();
        for glyph in run.glyphs() {
            let [a, b, c, d, e, f] = (transform * glyph.transform()).as_coeffs().map(|value| value as f32);
            let Some(angle) = slanted::angle(a, b) else { return };
            let size = 1000.0 * c.hypot(d);
            let inside = clip.x0 <= e && e <= clip.x1 && clip.y0 <= f && f <= clip.y1;
            if !inside || !(0.01..10_000.0).contains(&size) || matches!(&**glyph, Glyph::Type3(_)) {
                continue;
            }
            let known = self.known(glyph, run);
            let advance = (known.advance * a.hypot(b)).clamp(0.0, size * 8.0);
            self.slanted.turn(angle);
            let (u, base) = self.slanted.to_frame((e, f));
            let text = self.slanted.pen.note(known.text_ref(), &mut self.content);
            self.scratch.push(Stroke { text, u, base, advance, size, face: known.face });
        }
        self.slanted.draw(&self.scratch);
    }

    /// The run as strokes along its line; `None` when it is not to be kept.
    fn gather(&mut self, run: &GlyphRun<'_, 'a>, transform: Affine) -> Option<(Direction, bool)> {
        self.scratch.clear();
        let vertical = run.writing_mode() == WritingMode::Vertical;
        let mut direction = Direction::Right;
        let mut type3 = false;
        for (index, glyph) in run.glyphs().iter().enumerate() {
            let [a, b, c, d, e, f] = (transform * glyph.transform()).as_coeffs().map(|value| value as f32);
            if index == 0 {
                direction = if vertical { Direction::Down } else { direction_of(a, b)? };
            }
            if !(e.is_finite() && f.is_finite()) {
                continue;
            }
            let known = self.known(glyph, run);
            let mut size = 1000.0 * c.hypot(d);
            type3 |= matches!(&**glyph, Glyph::Type3(_));
            let mut advance = if vertical { size } else { known.advance * a.hypot(b) };
            if !(size.is_finite() && advance.is_finite() && size > 0.01 && size < 10_000.0) {
                continue;
            }
            advance = advance.clamp(0.0, size * 8.0);
            let (mut u, mut v) = direction.to_frame((e, f), self.content.size);
            if vertical {
                // The origin of a vertical glyph is at the middle of its top.
                v += size * 0.3;
                u += size * 0.1;
                size *= 0.98;
            }
            v += known.drop * size;
            if let Some(last) = self.scratch.last_mut() {
                // Fonts that are not embedded are stretched: the next origin knows the true width.
                let step = u - last.u;
                if step > 0.2 * last.advance && step < last.advance && (v - last.base).abs() < 0.1 * size {
                    last.advance = step;
                }
            }
            self.scratch.push(Stroke { text: 0, u, base: v, advance, size, face: known.face });
            let index = self.scratch.len() - 1;
            self.scratch[index].text = self.pen.note(known.text_ref(), &mut self.content);
        }
        Some((direction, type3))
    }
}

impl Known {
    fn text_ref(&self) -> crate::pen::Text<'_> {
        match &self.text {
            Characters::One(character) => crate::pen::Text::One(*character),
            Characters::Several(several) => crate::pen::Text::Several(several),
            Characters::Unknown => crate::pen::Text::Unknown,
        }
    }
}

/// What a glyph shows of whose font only the code is known.
fn unnamed(code: u32) -> Characters {
    match (tex::text_of_code(code), tex::character_of_code(code)) {
        (Some(text), _) => Characters::Several(text.into()),
        (None, Some(character)) => Characters::One(character),
        (None, None) => Characters::Unknown,
    }
}

fn characters(unicode: Option<BfString>) -> Characters {
    match unicode {
        Some(BfString::Char(character)) => Characters::One(character),
        Some(BfString::String(several)) if !several.is_empty() => Characters::Several(several.into_boxed_str()),
        _ => Characters::Unknown,
    }
}

/// Slanted text (a watermark, the head of a narrow column) has no direction of the four.
fn direction_of(a: f32, b: f32) -> Option<Direction> {
    let steep = 0.12;
    if b.abs() <= steep * a.abs() {
        Some(if a >= 0.0 { Direction::Right } else { Direction::Left })
    } else if a.abs() <= steep * b.abs() {
        Some(if b < 0.0 { Direction::Up } else { Direction::Down })
    } else {
        None
    }
}

impl<'a> Device<'a> for Painter<'a, '_> {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        let Some(first) = run.glyphs().first() else { return };
        let origin = props.transform * first.transform() * Point::ZERO;
        let origin = (origin.x as f32, origin.y as f32);
        // Text filled and stroked is shown twice.
        let mark = (first.char_code(), origin.0, origin.1);
        if matches!(mode, DrawMode::Stroke(_)) && self.last_run == Some(mark) {
            return;
        }
        self.last_run = Some(mark);
        let Some((direction, type3)) = self.gather(run, props.transform) else {
            if !matches!(mode, DrawMode::Invisible) && !is_white(&props.paint) {
                self.draw_slanted(run, props.transform);
            }
            return;
        };
        if type3 {
            self.type3_size = type3_size(&self.scratch, self.type3_size);
            for stroke in &mut self.scratch {
                stroke.size = self.type3_size;
            }
        }
        self.content.glyphs = self.content.glyphs.saturating_add(self.scratch.len() as u32);
        let sight = self.sight(&props.paint, mode, origin);
        let clip = self.clips.last().copied().unwrap_or_default();
        let clip = direction.box_to_frame(&clip, self.content.size);
        let strokes = std::mem::take(&mut self.scratch);
        self.pen.draw(&strokes, direction, sight, &clip, &mut self.content);
        self.scratch = strokes;
    }

    fn draw_rect(&mut self, rect: &kurbo::Rect, props: DrawProps<'a>, mode: &DrawMode) {
        if is_white(&props.paint) && !matches!(mode, DrawMode::Stroke(_)) {
            return;
        }
        if let Some(bbox) = to_rect(props.transform.transform_rect_bbox(*rect)) {
            self.add_box(bbox, ink_of(&props.paint), matches!(mode, DrawMode::Stroke(_)));
        }
    }

    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        let elements = path.elements();
        if elements.len() <= MAX_RULE_ELEMENTS {
            if self.add_lines(elements, &props, mode) {
                return;
            }
            if !matches!(mode, DrawMode::Stroke(_))
                && let Some(boxes) = upright_boxes(elements, props.transform)
            {
                for bbox in boxes {
                    self.draw_rect(&bbox, DrawProps { transform: Affine::IDENTITY, ..props.clone() }, mode);
                }
                return;
            }
        }
        let Some(bbox) = to_rect(props.transform.transform_rect_bbox(path.control_box())) else { return };
        if let Some(bbox) = self.seen(bbox)
            && !is_white(&props.paint)
        {
            self.add_shape(bbox, false, ink_of(&props.paint));
        }
    }

    fn begin_marked_content(&mut self, tag: &[u8], properties: Option<&Dict<'_>>) {
        let number = properties.and_then(|properties| properties.get::<u32>(b"MCID"));
        let mark = match number {
            Some(number) => Mark::Numbered(number),
            None if tag == b"Artifact" => Mark::Artifact,
            None => self.marks.last().copied().unwrap_or(Mark::None),
        };
        if self.marks.len() < MAX_NESTED {
            self.marks.push(mark);
            self.mark(mark);
        }
    }

    fn end_marked_content(&mut self) {
        self.marks.pop();
        self.mark(self.marks.last().copied().unwrap_or(Mark::None));
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = kurbo::Rect::new(0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
        let Some(bbox) = to_rect(props.transform.transform_rect_bbox(pixels)) else { return };
        let Some(bbox) = self.seen(bbox) else { return };
        let share = bbox.area() / (self.content.size.0 * self.content.size.1).max(1.0);
        if share > self.content.main_image.1 {
            let [a, b, c, d, ..] = props.transform.as_coeffs();
            let point = a.hypot(b).min(c.hypot(d)).max(1e-3);
            self.content.main_image = ((72.0 / point) as f32, share);
        }
        if share > WHOLE_PAGE {
            // White text that a scan is laid over is what another program's OCR read.
            self.pen.lift(&mut self.content);
            for word in self.content.words.iter_mut().filter(|word| word.sight == Sight::White) {
                word.sight = Sight::Inkless;
            }
        }
        if self.content.images.len() < MAX_DRAWINGS {
            self.content.images.push(bbox);
        }
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        self.push_clip(to_rect(clip.path.control_box()));
    }

    fn push_clip_rect(&mut self, rect: &kurbo::Rect) {
        self.push_clip(to_rect(*rect));
    }

    fn pop_clip(&mut self) {
        if self.clips.len() > 1 {
            self.clips.pop();
        }
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn pop_transparency_group(&mut self) {}
}

/// Type 3 fonts have a unit of their own: small letters are about half an em wide.
fn type3_size(strokes: &[Stroke], before: f32) -> f32 {
    let nominal = strokes.first().map_or(before, |stroke| stroke.size);
    let widths: Vec<f32> = strokes.iter().map(|stroke| stroke.advance).filter(|width| *width > 0.0).collect();
    if widths.is_empty() {
        return before;
    }
    let mean = widths.iter().sum::<f32>() / widths.len() as f32;
    if (0.3..=0.75).contains(&(mean / nominal)) {
        return nominal;
    }
    let guess = mean / 0.48;
    if widths.len() < 6 && (0.6..=1.6).contains(&(guess / before)) { before } else { guess }
}
