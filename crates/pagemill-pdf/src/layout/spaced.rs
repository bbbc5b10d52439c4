//! Letters set apart for emphasis: `A B S T R A C T` is one word.

use pagemill_core::Rect;

use super::lines::{Line, settle};
use crate::content::{Content, RawWord};
use crate::fonts::Faces;

/// So many letters in a row are a word set apart.
const LEAST: usize = 5;
/// They are at most this many ems apart.
const APART: f32 = 0.75;
/// A gap wider than the usual one by this factor parts words.
const WORD_GAP: f32 = 1.8;

/// Puts the letters of lines that have nothing but single letters together.
pub(super) fn join(lines: &mut [Line], content: &mut Content, faces: &Faces) {
    for line in lines.iter_mut().filter(|line| line.words.len() >= LEAST) {
        if let Some(words) = words_of(line, content) {
            let first = content.words.len() as u32;
            line.words = (first..).take(words.len()).collect();
            for letters in words {
                let word = joined(&letters, content);
                content.words.push(word);
            }
            settle(line, content, faces);
        }
    }
}

/// The letters of each word of a line; `None` when they are no word set apart.
fn words_of(line: &Line, content: &Content) -> Option<Vec<Vec<RawWord>>> {
    let letter = |at: &u32| {
        let word = content.words.get(*at as usize)?;
        let mut characters = content.word(word).chars();
        let single = characters.next().filter(|c| c.is_alphabetic() && !word.wide)?;
        characters.next().is_none().then_some((*word, single))
    };
    let letters: Vec<(RawWord, char)> = line.words.iter().map(letter).collect::<Option<_>>()?;
    // `A B C D E` are labels.
    if letters.is_sorted_by(|a, b| a.1 < b.1) {
        return None;
    }
    let gaps: Vec<f32> = letters.windows(2).map(|pair| pair[1].0.frame.x0 - pair[0].0.frame.x1).collect();
    let mut sorted = gaps.clone();
    sorted.sort_by(f32::total_cmp);
    let usual = sorted[sorted.len() / 2];
    if usual <= 0.0 || usual > APART * line.size || sorted[0] < 0.0 {
        return None;
    }
    let mut words: Vec<Vec<RawWord>> = vec![vec![letters[0].0]];
    for ((letter, _), gap) in letters[1..].iter().zip(gaps) {
        match words.last_mut() {
            Some(word) if gap <= WORD_GAP * usual => word.push(*letter),
            _ => words.push(vec![*letter]),
        }
    }
    words.iter().any(|word| word.len() >= LEAST).then_some(words)
}

fn joined(letters: &[RawWord], content: &mut Content) -> RawWord {
    let start = content.text.len() as u32;
    for letter in letters {
        let text = content.word(letter).to_owned();
        content.text.push_str(&text);
    }
    let first = letters[0];
    let frame = Rect::union_all(letters.iter().map(|letter| &letter.frame)).unwrap_or(first.frame);
    RawWord { start, end: content.text.len() as u32, frame, space_after: true, ..first }
}
