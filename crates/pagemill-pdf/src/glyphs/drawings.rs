//! Rules, shapes and clips: what is painted beside text.

use hayro_interpret::color::Color;
use hayro_interpret::kurbo::{self, PathEl, Point};
use hayro_interpret::{DrawMode, DrawProps, Paint};
use pagemill_core::Rect;

use super::Painter;
use crate::content::{Ink, Rule, Shape};

/// Rules, shapes and images beyond this many on a page are not kept.
pub(super) const MAX_DRAWINGS: usize = 20_000;
/// Bars up to this thickness, in points, are ruling lines.
const RULE_THICKNESS: f32 = 3.0;
/// A path with more elements than this is a shape, whatever its parts.
pub(super) const MAX_RULE_ELEMENTS: usize = 64;

pub(super) fn ink_of(paint: &Paint<'_>) -> Ink {
    match paint {
        Paint::Color(color) => Ink::Color(rgb(color)),
        Paint::Pattern(_) => Ink::Pattern,
    }
}

pub(super) fn is_white(paint: &Paint<'_>) -> bool {
    let Paint::Color(color) = paint else { return false };
    let components = color.components();
    let perhaps = match components.len() {
        1 | 3 => components.iter().all(|value| *value >= 0.97),
        4 => components.iter().all(|value| *value <= 0.03),
        _ => false,
    };
    perhaps && rgb(color).iter().all(|value| *value >= 247)
}

/// A colour as red, green and blue. Inks are mixed plainly: which of two areas is darker shows without the profile of
/// a press, which takes longer to set up than a page to read.
fn rgb(color: &Color) -> [u8; 3] {
    if let [cyan, magenta, yellow, black] = color.components() {
        return [cyan, magenta, yellow]
            .map(|ink| (255.0 * (1.0 - ink.clamp(0.0, 1.0)) * (1.0 - black.clamp(0.0, 1.0))).round() as u8);
    }
    let [red, green, blue, _] = color.to_rgba().to_rgba8();
    [red, green, blue]
}

pub(super) fn to_rect(rect: kurbo::Rect) -> Option<Rect> {
    let values = [rect.x0, rect.y0, rect.x1, rect.y1].map(|value| value as f32);
    let [x0, y0, x1, y1] = values;
    values.iter().all(|value| value.is_finite() && value.abs() < 1e6).then(|| Rect::new(x0, y0, x1, y1))
}

impl<'a> Painter<'a, '_> {
    fn add_rule(&mut self, bbox: Rect) {
        if self.content.rules.len() < MAX_DRAWINGS {
            let horizontal = bbox.width() >= bbox.height();
            self.content.rules.push(Rule { bbox, horizontal });
        }
    }

    /// Notes a rectangle; of one that is only outlined the sides are rules.
    pub(super) fn add_box(&mut self, bbox: Rect, fill: Ink, outlined: bool) {
        let Some(bbox) = self.seen(bbox) else { return };
        if bbox.width() <= RULE_THICKNESS || bbox.height() <= RULE_THICKNESS {
            self.add_rule(bbox);
            return;
        }
        if outlined {
            for side in [
                Rect::new(bbox.x0, bbox.y0, bbox.x1, bbox.y0),
                Rect::new(bbox.x0, bbox.y1, bbox.x1, bbox.y1),
                Rect::new(bbox.x0, bbox.y0, bbox.x0, bbox.y1),
                Rect::new(bbox.x1, bbox.y0, bbox.x1, bbox.y1),
            ] {
                self.add_rule(side);
            }
        }
        self.add_shape(bbox, true, fill);
    }

    pub(super) fn add_shape(&mut self, bbox: Rect, rectangle: bool, ink: Ink) {
        if self.content.shapes.len() < MAX_DRAWINGS {
            self.content.shapes.push(Shape { bbox, rectangle, ink });
        }
    }

    /// The part of a box inside page and clip.
    pub(super) fn seen(&self, bbox: Rect) -> Option<Rect> {
        let clip = self.clips.last()?;
        let part = Rect {
            x0: bbox.x0.max(clip.x0),
            y0: bbox.y0.max(clip.y0),
            x1: bbox.x1.min(clip.x1),
            y1: bbox.y1.min(clip.y1),
        };
        (part.x0 <= part.x1 && part.y0 <= part.y1).then_some(part)
    }

    pub(super) fn push_clip(&mut self, area: Option<Rect>) {
        let outer = self.clips.last().copied().unwrap_or_default();
        let inner = match area {
            Some(area) => area.intersection(&outer).unwrap_or_default(),
            None => outer,
        };
        self.clips.push(inner);
    }

    /// Notes a path made of straight lines along and across the page as rules; `false` when it is something else.
    pub(super) fn add_lines(&mut self, elements: &[PathEl], props: &DrawProps<'a>, mode: &DrawMode) -> bool {
        let DrawMode::Stroke(stroke) = mode else { return false };
        let mut lines: Vec<(Point, Point)> = Vec::new();
        let (mut start, mut at) = (Point::ZERO, Point::ZERO);
        for element in elements {
            let next = match element {
                PathEl::MoveTo(point) => {
                    start = props.transform * *point;
                    at = start;
                    continue;
                }
                PathEl::LineTo(point) => props.transform * *point,
                PathEl::ClosePath => start,
                PathEl::QuadTo(..) | PathEl::CurveTo(..) => return false,
            };
            let upright = (next.x - at.x).abs() < 0.5 || (next.y - at.y).abs() < 0.5;
            if !upright {
                return false;
            }
            lines.push((at, next));
            at = next;
        }
        if is_white(&props.paint) {
            return true;
        }
        let [a, b, c, d, ..] = props.transform.as_coeffs();
        let thickness = stroke.line_width * (a * d - b * c).abs().sqrt() as f32;
        for (from, to) in lines {
            let Some(bbox) = to_rect(kurbo::Rect::new(from.x, from.y, to.x, to.y)) else { continue };
            if thickness > RULE_THICKNESS && thickness < 1e4 {
                // A band is often drawn as one thick line.
                let half = thickness / 2.0;
                let (x, y) = if bbox.width() >= bbox.height() { (0.0, half) } else { (half, 0.0) };
                let band = Rect::new(bbox.x0 - x, bbox.y0 - y, bbox.x1 + x, bbox.y1 + y);
                self.add_box(band, ink_of(&props.paint), false);
            } else if let Some(bbox) = self.seen(bbox)
                && bbox.width().max(bbox.height()) > 0.5
            {
                self.add_rule(bbox);
            }
        }
        true
    }
}
