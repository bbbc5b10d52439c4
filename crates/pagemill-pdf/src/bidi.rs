//! Text that runs from right to left, and text without spaces.
//!
//! A page shows glyphs from left to right whatever the script, so words of Arabic or Hebrew come
//! with their letters reversed. Here they are put into the order in which they are read (the
//! Unicode bidirectional algorithm, UAX #9, undoes what it did), and a page that is mostly so
//! is looked at in a mirror: columns, indents and cells then follow each other as on other pages.

use pagemill_core::Rect;
use unicode_bidi::{BidiClass, Level, ParagraphBidiInfo, bidi_class};
use unicode_normalization::UnicodeNormalization;

use crate::content::{Content, Direction};

/// Whether a character belongs to a script that runs from right to left.
pub(crate) fn is_rtl(c: char) -> bool {
    c >= '\u{590}' && matches!(bidi_class(c), BidiClass::R | BidiClass::AL)
}

/// Whether a character is of a script written without spaces: Chinese characters, kana and the signs that go with them.
pub(crate) fn is_wide(c: char) -> bool {
    c >= '\u{2e80}'
        && matches!(c,
        '\u{2e80}'..='\u{2fdf}' | '\u{3000}'..='\u{303f}' | '\u{3040}'..='\u{30ff}' | '\u{3100}'..='\u{312f}'
        | '\u{31c0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether any byte of UTF-8 text may begin a letter that runs from right to left.
fn may_have_rtl(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(is_rtl)
}

/// Puts the letters of words into reading order, and mirrors the page where most of them run from right to left.
pub(crate) fn turn(content: &mut Content) {
    if !may_have_rtl(&content.text) {
        return;
    }
    let (mut rtl, mut ltr) = (0_u32, 0_u32);
    for c in content.text.chars().filter(|c| c.is_alphabetic()) {
        if is_rtl(c) { rtl += 1 } else { ltr += 1 }
    }
    let mirrored = rtl > ltr;
    let width = content.size.0;
    content.mixed = true;
    for at in 0..content.words.len() {
        let word = content.words[at];
        if word.direction == Direction::Right
            && let Some(text) = reading_order(content.word(&word), mirrored)
        {
            content.words[at].start = content.text.len() as u32;
            content.text.push_str(&text);
            content.words[at].end = content.text.len() as u32;
        }
        if mirrored && word.direction == Direction::Right {
            let frame = word.frame;
            content.words[at].frame = Rect::new(width - frame.x1, frame.y0, width - frame.x0, frame.y1);
            content.words[at].direction = Direction::Mirrored;
        }
    }
}

/// The characters of a word in reading order, given as they stand from left to right; `None` when they are so already.
fn reading_order(shown: &str, mirrored: bool) -> Option<String> {
    let base = if mirrored { Level::rtl() } else { Level::ltr() };
    if !mirrored && !may_have_rtl(shown) {
        return None;
    }
    let info = ParagraphBidiInfo::new(shown, Some(base));
    let (levels, runs) = info.visual_runs(0..shown.len());
    let in_order = |bracket: fn(char) -> char| {
        let mut out = String::with_capacity(shown.len());
        for run in &runs {
            let text = shown.get(run.clone()).unwrap_or("");
            if levels.get(run.start).is_some_and(Level::is_rtl) {
                out.extend(text.chars().rev().map(bracket));
            } else {
                out.push_str(text);
            }
        }
        out
    };
    let mut out = in_order(turned);
    // Some files tell the character that was meant, not the shape that is shown.
    if !closes_what_it_opens(&out) {
        let untouched = in_order(std::convert::identity);
        if closes_what_it_opens(&untouched) {
            out = untouched;
        }
    }
    let composed: String = out.nfc().collect();
    (composed != shown).then_some(composed)
}

/// A bracket that opens to the left closes what is read from the right.
fn turned(c: char) -> char {
    match c {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        other => other,
    }
}

/// Whether no round bracket closes before it is opened.
fn closes_what_it_opens(text: &str) -> bool {
    let mut open = 0_i32;
    text.chars().all(|c| {
        open += i32::from(c == '(') - i32::from(c == ')');
        open >= 0
    })
}

/// What a word tells of the way it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Along,
    Against,
    Either,
}

/// Puts words that stand side by side into reading order: runs of words that run against the line are reversed.
pub(crate) fn order_words(words: &mut [u32], content: &Content) {
    let Some(first) = words.first().and_then(|at| content.words.get(*at as usize)) else { return };
    let mirrored = first.direction == Direction::Mirrored;
    let left = |at: &u32| content.words.get(*at as usize).map_or(0.0, |word| word.frame.x0);
    words.sort_by(|a, b| left(a).total_cmp(&left(b)));
    let way = |at: &u32| {
        let text = content.words.get(*at as usize).map_or("", |word| content.word(word));
        match text.chars().find(|c| c.is_alphabetic()) {
            Some(letter) if is_rtl(letter) == mirrored => Way::Along,
            Some(_) => Way::Against,
            None => Way::Either,
        }
    };
    let ways: Vec<Way> = words.iter().map(way).collect();
    let mut at = 0;
    while at < words.len() {
        if ways[at] != Way::Against {
            at += 1;
            continue;
        }
        let end = at + ways[at..].iter().take_while(|way| **way != Way::Along).count();
        let last = at + ways[at..end].iter().rposition(|way| *way == Way::Against).unwrap_or(0);
        words[at..=last].reverse();
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_in_reading_order() {
        assert_eq!(reading_order("םולש", true).as_deref(), Some("שלום"));
        assert_eq!(reading_order(")4()ב(15", true).as_deref(), Some("15(ב)(4)"));
        assert_eq!(reading_order("(םולש)", true).as_deref(), Some("(שלום)"));
        assert_eq!(reading_order(".word", true).as_deref(), Some("word."));
        assert_eq!(reading_order("12,5%", true), None);
        assert_eq!(reading_order("word", false), None);
        assert_eq!(reading_order("םולש", false).as_deref(), Some("שלום"));
    }

    #[test]
    fn scripts_are_told() {
        assert!(is_rtl('ש') && is_rtl('س') && !is_rtl('a') && !is_rtl('5'));
        assert!(is_wide('漢') && is_wide('か') && is_wide('。') && !is_wide('한') && !is_wide('a'));
    }
}
