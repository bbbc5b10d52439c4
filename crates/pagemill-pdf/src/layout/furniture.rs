//! Running heads, running feet and page numbers: what comes again at the edge of
//! neighbouring pages.

use rustc_hash::FxHashSet;

use super::lines::Line;
use super::looks;
use super::marks::{self, CaptionStart};
use crate::content::{Content, Tag};

/// Furniture stands within this share of the page height from its edge.
const ZONE: f32 = 0.14;
/// It returns at the same height within so many points.
const SAME_HEIGHT: f32 = 5.0;
/// At most so many lines at each edge are looked at.
const MAX_LINES: usize = 12;
/// At most so many rows at each edge may be furniture by their looks alone.
const MAX_ROWS: usize = 3;
/// A picture over this share of a page is what the page is for.
const PICTURED: f32 = 0.3;

/// A line at the edge of a page.
#[derive(Clone, Debug)]
struct Edge {
    line: usize,
    pattern: String,
    number: Option<i64>,
    base: f32,
    top: bool,
    /// Whether it takes less than half the width of the page.
    short: bool,
    /// Whether it looks like furniture by itself.
    looks: bool,
}

/// The lines at the edges of a page, kept while its neighbours are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edges {
    lines: Vec<Edge>,
    /// Whether no other line is on the page, and no picture that takes a good part of it.
    sole: bool,
}

impl Edges {
    /// The lines of a page of this width and height that may be furniture.
    pub(crate) fn of(lines: &[Line], content: &Content, (width, height): (f32, f32)) -> Self {
        let mut edges = Vec::new();
        let mut order: Vec<usize> = (0..lines.len()).collect();
        order.sort_by(|a, b| lines[*a].base.total_cmp(&lines[*b].base));
        let zone = ZONE * height;
        let top = order.iter().take_while(|at| lines[**at].frame.y1 < zone).take(MAX_LINES);
        let bottom = order.iter().rev().take_while(|at| lines[**at].frame.y0 > height - zone).take(MAX_LINES);
        // The caption of a table that comes again over its next part is no head, nor is what stands below it.
        let mut captioned = f32::MAX;
        for (at, top) in top.map(|at| (*at, true)).chain(bottom.map(|at| (*at, false))) {
            let text = lines[at].text(content);
            if top && marks::caption_start(&text) == CaptionStart::Marked {
                captioned = captioned.min(lines[at].base - SAME_HEIGHT);
            }
            if text.len() > 300 || (top && lines[at].base > captioned) {
                continue;
            }
            edges.push(Edge {
                line: at,
                number: last_number(&text),
                pattern: pattern(&text),
                base: lines[at].base,
                top,
                short: lines[at].frame.width() < 0.5 * width,
                looks: false,
            });
        }
        for top in [true, false] {
            let looks = looks::rows(lines, &order, content, height, top, MAX_ROWS);
            for edge in edges.iter_mut().filter(|edge| edge.top == top) {
                edge.looks = looks.contains(&edge.line);
            }
        }
        let sole = edges.len() == lines.len() && content.main_image.1 < PICTURED;
        Self { lines: edges, sole }
    }

    /// Lines at the edges that the tags of the file call no content, each with whether it stands at the top.
    pub(crate) fn tagged(&self, lines: &[Line], content: &Content) -> Vec<(usize, bool)> {
        let is_artifact = |edge: &&Edge| lines[edge.line].words.iter().all(|word| content.tag(*word) == Tag::Artifact);
        self.lines.iter().filter(is_artifact).map(|edge| (edge.line, edge.top)).collect()
    }

    /// Whether these are all of so many lines.
    pub(crate) fn are_all_of(&self, lines: usize) -> bool {
        self.lines.len() == lines
    }

    /// The lines of this page that are furniture, and whether each is at the top.
    /// `neighbours` are other pages with their distance in pages.
    pub(crate) fn furniture(&self, neighbours: &[(i64, &Self)]) -> Vec<(usize, bool)> {
        // The first page often has furniture of its own.
        let first = neighbours.iter().all(|(distance, _)| *distance > 0);
        let found = self.known(neighbours, first);
        if !self.sole || found.len() < self.lines.len() {
            return found;
        }
        // Furniture is beside something: where there is nothing else, its looks and pages alike are no proof.
        let others: Vec<(i64, &Self)> = neighbours.iter().filter(|(_, page)| !page.sole).copied().collect();
        self.known(&others, false)
    }

    /// The lines that come again on other pages, page numbers, and what goes with them; with `by_looks` also what looks
    /// like furniture.
    fn known(&self, neighbours: &[(i64, &Self)], by_looks: bool) -> Vec<(usize, bool)> {
        let mut found: FxHashSet<usize> = FxHashSet::default();
        let (mut lowest_top, mut highest_bottom) = (f32::MIN, f32::MAX);
        let mut heights: Vec<f32> = Vec::new();
        for edge in &self.lines {
            let again = |(distance, page): &(i64, &Self)| page.lines.iter().any(|other| edge.returns(other, *distance));
            let known = neighbours.iter().any(again) || edge.is_lone_number(self) || (by_looks && edge.looks);
            if !known {
                continue;
            }
            found.insert(edge.line);
            heights.push(edge.base);
            if !edge.has_words() {
                continue;
            }
            if edge.top {
                lowest_top = lowest_top.max(edge.base);
            } else {
                highest_bottom = highest_bottom.min(edge.base);
            }
        }
        // What stands beyond furniture is furniture, and so is something short beside it.
        let beyond =
            |edge: &Edge| if edge.top { edge.base < lowest_top - 4.0 } else { edge.base > highest_bottom + 4.0 };
        let beside = |edge: &Edge| edge.short && heights.iter().any(|height| (height - edge.base).abs() < 2.5);
        self.lines
            .iter()
            .filter(|edge| found.contains(&edge.line) || beyond(edge) || beside(edge))
            .map(|edge| (edge.line, edge.top))
            .collect()
    }
}

impl Edge {
    fn returns(&self, other: &Self, distance: i64) -> bool {
        if self.top != other.top || (self.base - other.base).abs() > SAME_HEIGHT || self.pattern != other.pattern {
            return false;
        }
        if self.has_words() {
            return true;
        }
        match (self.number, other.number) {
            (Some(here), Some(there)) => there - here == distance,
            _ => self.pattern.chars().any(char::is_alphabetic),
        }
    }

    fn has_words(&self) -> bool {
        self.pattern.chars().filter(|c| c.is_alphabetic()).count() >= 3
    }

    /// A number alone in the outermost line, or a page number that says so.
    fn is_lone_number(&self, page: &Edges) -> bool {
        let spelled =
            matches!(self.pattern.as_str(), "page #" | "page # of #" | "- # -" | "– # –" | "seite #" | "p. #");
        let bare = self.pattern == "#" || is_roman(&self.pattern);
        let outermost = page
            .lines
            .iter()
            .filter(|edge| edge.top == self.top)
            .all(|edge| if self.top { edge.base >= self.base - 1.0 } else { edge.base <= self.base + 1.0 });
        let alone = page.lines.iter().filter(|edge| (edge.base - self.base).abs() < 3.0).count() == 1;
        outermost && alone && (spelled || (bare && !self.top))
    }
}

fn is_roman(text: &str) -> bool {
    !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| matches!(b, b'i' | b'v' | b'x' | b'l'))
}

/// The text with every number as `#`, in lower case.
fn pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_digit() {
            if !out.ends_with('#') {
                out.push('#');
            }
        } else {
            out.extend(character.to_lowercase());
        }
    }
    out
}

fn last_number(text: &str) -> Option<i64> {
    let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    let begin = text[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    let digits = text.get(begin..end).or_else(|| text[..end].rsplit(|c: char| !c.is_ascii_digit()).next())?;
    digits.get(..digits.len().min(9))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_do_not_tell_patterns_apart() {
        assert_eq!(pattern("Page 12 of 240"), "page # of #");
        assert_eq!(last_number("Page 12 of 240"), Some(240));
        assert_eq!(last_number("é 7"), Some(7));
        assert_eq!(last_number("none"), None);
    }
}
