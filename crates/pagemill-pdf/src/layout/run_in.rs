//! Headings that stand at the beginning of their paragraph: `2.1. Search strategy. We searched …`.

use super::lines::{Line, part_of};
use super::marks;
use crate::content::Content;
use crate::fonts::Faces;

/// A run-in heading has at most so many characters.
const LONGEST: usize = 120;
/// The paragraph after it has at least so many.
const LEAST_TEXT: u32 = 60;

/// The lines of the heading and those of the paragraph after it.
pub(crate) fn split(lines: &[Line], content: &Content, faces: &Faces) -> Option<(Vec<Line>, Vec<Line>)> {
    let opening = lines.get(..lines.len().min(2))?;
    let words: Vec<(usize, usize, u32)> = opening
        .iter()
        .enumerate()
        .flat_map(|(row, line)| line.words.iter().enumerate().map(move |(at, word)| (row, at, *word)))
        .collect();
    let style = |word: u32| {
        let face = content.words.get(word as usize).map_or(u16::MAX, |word| word.face);
        (face, faces.bold(face), faces.italic(face))
    };
    let (first_face, bold, italic) = style(words.first()?.2);
    if !bold && !italic {
        return None;
    }
    let end = words.iter().position(|(.., word)| style(*word).0 != first_face)?;
    let (row, at, _) = words[end];
    let (.., last) = *words[..end].last()?;
    let last = content.words.get(last as usize).map_or("", |word| content.word(word));
    let text = words[..end]
        .iter()
        .filter_map(|(.., word)| content.words.get(*word as usize))
        .map(|word| content.word(word))
        .collect::<Vec<_>>()
        .join(" ");
    let rest: u32 = lines.iter().map(|line| line.chars).sum::<u32>().saturating_sub(text.len() as u32);
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let numbered = marks::numbering(&text).is_some_and(|(depth, _)| depth > 1);
    if !last.ends_with('.') || letters < 4 || text.len() > LONGEST || rest < LEAST_TEXT || !(numbered || bold) {
        return None;
    }
    if marks::caption_start(&text) != marks::CaptionStart::No {
        return None;
    }
    let mut head: Vec<Line> = lines[..row].to_vec();
    head.extend(part_of(&lines[row], lines[row].words.get(..at)?, content, faces));
    let mut tail: Vec<Line> = part_of(&lines[row], lines[row].words.get(at..)?, content, faces).into_iter().collect();
    tail.extend(lines[row + 1..].iter().cloned());
    Some((head, tail))
}
