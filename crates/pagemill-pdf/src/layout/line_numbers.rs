//! Numbers of lines beside the text of a draft: furniture.

use super::lines::Line;
use crate::content::Content;

/// So many numbers that count on make a column of line numbers.
const LEAST: usize = 6;
/// Line numbers stand within this share of the page width from its sides.
const ASIDE: f32 = 0.2;
/// Their edges agree within so many points.
const SAME: f32 = 2.5;

/// The lines that are line numbers: they stand one below the other beside the text and count on evenly.
pub(super) fn find(lines: &[Line], content: &Content, width: f32) -> Vec<usize> {
    let mut numbers: Vec<(usize, u32)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let aside = line.frame.x1 < ASIDE * width || line.frame.x0 > (1.0 - ASIDE) * width;
        if line.chars <= 4
            && line.words.len() == 1
            && aside
            && let Ok(number) = line.first_word(content).parse()
        {
            numbers.push((at, number));
        }
    }
    if numbers.len() < LEAST {
        return Vec::new();
    }
    numbers.sort_by(|a, b| lines[a.0].base.total_cmp(&lines[b.0].base));
    let mut out = Vec::new();
    let mut taken = vec![false; numbers.len()];
    for first in 0..numbers.len() {
        if taken[first] {
            continue;
        }
        let edge = |at: usize| lines[numbers[at].0].frame.x1;
        let column: Vec<usize> =
            (first..numbers.len()).filter(|at| !taken[*at] && (edge(*at) - edge(first)).abs() < SAME).collect();
        column.iter().for_each(|at| taken[*at] = true);
        let steps = column.windows(2).map(|pair| i64::from(numbers[pair[1]].1) - i64::from(numbers[pair[0]].1));
        let steps: Vec<i64> = steps.collect();
        let even = |step: i64| steps.iter().filter(|other| **other == step).count() * 10 >= steps.len() * 8;
        let counts_on = [1, 2, 5, 10].into_iter().any(even);
        let beside = column.iter().filter(|at| has_text_beside(&lines[numbers[**at].0], lines)).count();
        if column.len() >= LEAST && counts_on && beside * 2 > column.len() {
            out.extend(column.into_iter().map(|at| numbers[at].0));
        }
    }
    out
}

/// Whether a line of text stands on the same height.
fn has_text_beside(number: &Line, lines: &[Line]) -> bool {
    lines.iter().any(|line| line.chars > 20 && (line.base - number.base).abs() < 0.5 * number.size.max(line.size))
}
