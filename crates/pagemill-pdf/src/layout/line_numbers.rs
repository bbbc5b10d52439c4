//! Numbers of lines beside the text of a draft: furniture.

use super::lines::Line;
use crate::content::Content;

/// So many numbers that count on make a column of line numbers.
const LEAST: usize = 6;
/// Line numbers stand within this share of the page width from its sides.
const ASIDE: f32 = 0.2;
/// Their edges agree within so many points.
const SAME: f32 = 2.5;
/// From one line to the next it is so many ems at most; rows of a table with lines in their cells are further apart.
const PITCH: f32 = 3.2;

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
        let texts: Vec<&Line> = column.iter().filter_map(|at| text_beside(&lines[numbers[*at].0], lines)).collect();
        if column.len() >= LEAST
            && counts_on
            && texts.len() * 2 > column.len()
            && are_lines(&numbers, &column, &texts, lines)
        {
            out.extend(column.into_iter().map(|at| numbers[at].0));
        }
    }
    out
}

/// A line of text on the same height.
fn text_beside<'l>(number: &Line, lines: &'l [Line]) -> Option<&'l Line> {
    lines.iter().find(|line| line.chars > 20 && (line.base - number.base).abs() < 0.5 * number.size.max(line.size))
}

/// Whether the numbers are as far apart as lines of this text are.
fn are_lines(numbers: &[(usize, u32)], column: &[usize], texts: &[&Line], lines: &[Line]) -> bool {
    let size = texts.iter().map(|line| line.size).sum::<f32>() / texts.len().max(1) as f32;
    let is_near = |pair: &&[usize]| {
        let (above, below) = (numbers[pair[0]], numbers[pair[1]]);
        let count = below.1.abs_diff(above.1).max(1) as f32;
        lines[below.0].base - lines[above.0].base < PITCH * size * count
    };
    column.windows(2).filter(is_near).count() * 2 > column.len() - 1
}
