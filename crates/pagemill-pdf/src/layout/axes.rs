//! Numbers at the axes of a chart: they stand beside its drawing, each at a tick.

use pagemill_core::Rect;

use super::lines::Line;
use crate::content::Content;

/// Numbers of an axis stand so far from the drawing at most, in points.
const BESIDE: f32 = 16.0;
/// Ticks are not longer than this, in points.
const TICK: f32 = 8.0;
/// A number stands this close to the middle of its tick, in points.
const LEVEL: f32 = 3.5;
/// An axis has so many numbers at least.
const LEAST: usize = 3;

/// The lines that are numbers at the axes of `figures`. `rules` are the ruling lines of the page in the frame of its
/// text, `taken` lines are spoken for.
pub(super) fn labels(
    figures: &[Rect],
    rules: impl Iterator<Item = Rect>,
    lines: &[Line],
    taken: &[bool],
    content: &Content,
) -> Vec<usize> {
    if figures.is_empty() {
        return Vec::new();
    }
    let ticks: Vec<Rect> = rules.filter(|rule| rule.width().max(rule.height()) < TICK).collect();
    if ticks.len() < LEAST {
        return Vec::new();
    }
    let free = lines.iter().enumerate().filter(|(at, _)| !taken[*at]);
    let numbers: Vec<(usize, &Line)> = free.filter(|(_, line)| is_numbers(&line.text(content))).collect();
    let mut out = Vec::new();
    for figure in figures {
        let edge = |tick: &&Rect| figure.contains(tick, 1.0);
        let ticks: Vec<&Rect> = ticks.iter().filter(edge).collect();
        for (side, across) in [(figure.x0, true), (figure.x1, true), (figure.y0, false), (figure.y1, false)] {
            let near = |bbox: &Rect| {
                if across { (bbox.x0 - side).max(side - bbox.x1) } else { (bbox.y0 - side).max(side - bbox.y1) }
            };
            let outside = |bbox: &Rect| (-2.0..BESIDE).contains(&near(bbox)) && !figure.holds_middle_of(bbox, 0.0);
            let along = |bbox: &Rect| if across { bbox.center_y() } else { bbox.center_x() };
            let ticked = |bbox: &Rect| {
                let at_edge = |tick: &&&Rect| near(tick) < TICK && near(tick) > -TICK - 1.0;
                ticks.iter().filter(at_edge).any(|tick| (along(tick) - along(bbox)).abs() < LEVEL)
            };
            let beside: Vec<(usize, &Line)> =
                numbers.iter().filter(|(_, line)| outside(&line.frame)).copied().collect();
            let words = beside.iter().flat_map(|(_, line)| &line.words);
            let boxes: Vec<&Rect> =
                words.filter_map(|at| content.words.get(*at as usize)).map(|word| &word.frame).collect();
            let at_ticks = boxes.iter().filter(|bbox| ticked(bbox)).count();
            if boxes.len() >= LEAST && at_ticks * 3 >= boxes.len() * 2 {
                out.extend(beside.into_iter().map(|(at, _)| at));
            }
        }
    }
    out
}

fn is_numbers(text: &str) -> bool {
    let part = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '.' | ',' | '-' | '−' | '–' | '+' | '%' | 'e' | 'E');
    text.len() < 80 && text.chars().any(|c| c.is_ascii_digit()) && text.chars().all(part)
}
