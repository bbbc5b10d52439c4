//! Ruling lines, pieces of one line joined.

use pagemill_core::Rect;

use super::text::{TableWord, WordKind};
use crate::content::{Content, Direction, Ink};

/// Rules this close together are one.
const SAME: f32 = 2.6;
/// Pieces of a rule this far apart are one rule.
const JOIN: f32 = 4.5;
/// Shorter pieces are ticks, not rules.
const SHORTEST: f32 = 5.0;
/// Pages with more pieces than this hold drawings; their rules are not looked at.
const MOST: usize = 12_000;
/// With more rules than this none is taken for an underline.
const MOST_UNDERLINES: usize = 600;

/// A straight line along or across the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rule {
    /// Its place: y of a horizontal one, x of a vertical one.
    pub(super) at: f32,
    /// Where it begins.
    pub(super) from: f32,
    /// Where it ends.
    pub(super) to: f32,
    /// Whether it is nothing but the edge of a painted background.
    pub(super) shade: bool,
}

impl Rule {
    /// Its length.
    pub(super) fn length(&self) -> f32 {
        self.to - self.from
    }

    /// Length of the part of `from..to` it runs along.
    pub(super) fn overlap(&self, from: f32, to: f32) -> f32 {
        (self.to.min(to) - self.from.max(from)).max(0.0)
    }
}

/// The rules of a page.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// From left to right.
    pub(super) across: Vec<Rule>,
    /// From top to bottom.
    pub(super) down: Vec<Rule>,
}

impl Rules {
    /// The rules of a page in the frame of `direction`; edges of painted rectangles count as rules.
    pub(super) fn of(content: &Content, direction: Direction, words: &[TableWord]) -> Self {
        let to_frame = |bbox: &Rect| direction.box_to_frame(bbox, content.size);
        let page = to_frame(&Rect::new(0.0, 0.0, content.size.0, content.size.1));
        let (mut across, mut down) = (Vec::new(), Vec::new());
        if content.rules.len() + content.shapes.len() <= MOST {
            for rule in &content.rules {
                let bbox = to_frame(&rule.bbox);
                if bbox.width() >= bbox.height() {
                    across.push(Rule { at: bbox.center_y(), from: bbox.x0, to: bbox.x1, shade: false });
                } else {
                    down.push(Rule { at: bbox.center_x(), from: bbox.y0, to: bbox.y1, shade: false });
                }
            }
            for bbox in backgrounds(content, direction) {
                if bbox.height() > 5.0 && bbox.width() > 5.0 && bbox.height() < 0.8 * page.height() {
                    across.extend([bbox.y0, bbox.y1].map(|at| Rule { at, from: bbox.x0, to: bbox.x1, shade: true }));
                    down.extend([bbox.x0, bbox.x1].map(|at| Rule { at, from: bbox.y0, to: bbox.y1, shade: true }));
                }
            }
        }
        let dashes = words.iter().filter(|word| word.kind == WordKind::Dashes);
        across.extend(dashes.map(|word| Rule {
            at: word.base - 0.3 * word.size,
            from: word.bbox.x0,
            to: word.bbox.x1,
            shade: false,
        }));
        let mut across = joined(across);
        let down = joined(down);
        if across.len() <= MOST_UNDERLINES {
            across.retain(|rule| !underlines(rule, words));
        }
        Self { across, down }
    }
}

/// Painted rectangles; those of one colour that stand on one another with equal sides are one,
/// as the background of a cell is often painted line by line.
fn backgrounds(content: &Content, direction: Direction) -> Vec<Rect> {
    let mut boxes: Vec<(Rect, Ink)> = content
        .shapes
        .iter()
        .filter(|shape| shape.rectangle)
        .map(|shape| (direction.box_to_frame(&shape.bbox, content.size), shape.ink))
        .collect();
    boxes.sort_by(|(a, _), (b, _)| a.x0.total_cmp(&b.x0).then(a.y0.total_cmp(&b.y0)));
    let mut out: Vec<(Rect, Ink)> = Vec::new();
    for (bbox, ink) in boxes {
        let above = out.iter_mut().rev().take(40).find(|(above, other)| {
            *other == ink
                && (above.x0 - bbox.x0).abs() < 1.0
                && (above.x1 - bbox.x1).abs() < 1.0
                && bbox.y0 < above.y1 + 0.4
                && bbox.y1 > above.y0 - 0.4
        });
        match above {
            Some((above, _)) => *above = above.union(&bbox),
            None => out.push((bbox, ink)),
        }
    }
    out.into_iter().map(|(bbox, _)| bbox).collect()
}

fn joined(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut out: Vec<Rule> = Vec::new();
    let mut rest = rules.as_slice();
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|rule| rule.at - first.at <= SAME).count();
        let (near, others) = rest.split_at(count);
        rest = others;
        let mut near = near.to_vec();
        near.sort_by(|a, b| a.from.total_cmp(&b.from));
        let begin = out.len();
        for rule in near {
            match out.get_mut(begin..).and_then(<[Rule]>::last_mut) {
                Some(last) if rule.from <= last.to + JOIN => {
                    last.to = last.to.max(rule.to);
                    last.shade &= rule.shade;
                }
                _ => out.push(rule),
            }
        }
    }
    out.retain(|rule| rule.length() >= SHORTEST);
    out
}

/// Whether a rule is the underline of words: right below them and as long as they are.
fn underlines(rule: &Rule, words: &[TableWord]) -> bool {
    let above = words.iter().filter(|word| word.kind != WordKind::Dashes).filter(|word| {
        let below_base = rule.at - word.base;
        below_base > -0.1 * word.size
            && below_base < 0.28 * word.size
            && word.bbox.x0 > rule.from - 2.0
            && word.bbox.x1 < rule.to + 2.0
    });
    Rect::union_all(above.map(|word| &word.bbox))
        .is_some_and(|text| (text.x0 - rule.from).abs() < 2.5 && (text.x1 - rule.to).abs() < 2.5)
}
