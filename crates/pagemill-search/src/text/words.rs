//! From text to the terms of the index: words by Unicode's rules, lower case, stems,
//! accents folded. Scripts without spaces give pairs of characters.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::language::{Language, Script};

/// Longer words are cut here, in characters: nothing a person searches for is longer.
const LONGEST_WORD: usize = 48;

/// A word of a text, in its normal form but not stemmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Byte range in the text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Lower case, compatibility forms resolved, accents kept.
    pub(crate) normal: String,
    pub(crate) script: Script,
}

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::with_capacity(text.len() / 6);
    let mut run: Vec<(usize, char)> = Vec::new();
    for (start, piece) in text.unicode_word_indices() {
        let script = piece.chars().map(Script::of).find(|script| *script != Script::Other).unwrap_or(Script::Other);
        if script == Script::Unspaced {
            // The segmenter gives such characters one by one or in runs; what touches belongs together.
            if run.last().is_some_and(|(at, last)| at + last.len_utf8() != start) {
                pair_characters(&mut out, &mut run);
            }
            run.extend(piece.char_indices().map(|(offset, character)| (start + offset, character)));
        } else {
            pair_characters(&mut out, &mut run);
            split_apostrophes(&mut out, start, piece, script);
        }
    }
    pair_characters(&mut out, &mut run);
    out
}

/// Overlapping pairs of a run of characters; a single one stands for itself.
fn pair_characters(out: &mut Vec<Word>, run: &mut Vec<(usize, char)>) {
    for (index, (start, first)) in run.iter().enumerate() {
        let (end, normal) = match run.get(index + 1) {
            Some((at, second)) => (at + second.len_utf8(), [*first, *second].iter().collect::<String>()),
            None if index == 0 => (start + first.len_utf8(), first.to_string()),
            None => break,
        };
        out.push(Word { start: *start, end, normal: normal.nfkc().collect(), script: Script::Unspaced });
    }
    run.clear();
}

/// `patient's` is `patient`; `l'avion` is `l` and `avion`.
fn split_apostrophes(out: &mut Vec<Word>, start: usize, piece: &str, script: Script) {
    let mut at = start;
    let parts: Vec<&str> = piece.split(['\'', '\u{2019}', '\u{2bc}']).collect();
    let separators: Vec<usize> =
        piece.chars().filter(|c| matches!(c, '\'' | '\u{2019}' | '\u{2bc}')).map(char::len_utf8).collect();
    for (index, part) in parts.iter().enumerate() {
        let is_possessive = index > 0 && part.eq_ignore_ascii_case("s");
        if !part.is_empty() && !is_possessive {
            let normal = normal_form(part);
            if !normal.is_empty() {
                out.push(Word { start: at, end: at + part.len(), normal, script });
            }
        }
        at += part.len() + separators.get(index).copied().unwrap_or(0);
    }
}

/// Lower case and compatibility forms; digits lose their thousands separators.
fn normal_form(word: &str) -> String {
    if word.is_ascii() {
        let mut out = word.to_ascii_lowercase();
        out.truncate(LONGEST_WORD);
        if out.contains(',') && out.bytes().all(|b| b.is_ascii_digit() || b == b',' || b == b'.') {
            out.retain(|c| c != ',');
        }
        return out;
    }
    word.nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{307}'))
        .take(LONGEST_WORD)
        .collect()
}

/// The term of a word in a text of this language.
pub(crate) fn term(word: &Word, language: Language) -> String {
    let stem = match word.script {
        Script::Unspaced => return word.normal.clone(),
        script => language.for_script(script).stem(&word.normal),
    };
    if stem.is_ascii() { stem } else { fold(&stem) }
}

/// Takes accents off letters, so that `Müller` finds `Muller`.
fn fold(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for character in word.nfkd() {
        match character {
            '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' => {}
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ø' => out.push('o'),
            'đ' | 'ð' => out.push('d'),
            'ł' => out.push('l'),
            'ı' => out.push('i'),
            'þ' => out.push_str("th"),
            other => out.push(other),
        }
    }
    out
}

/// The terms of a text in this language, in order.
pub(crate) fn terms(text: &str, language: Language) -> Vec<String> {
    words(text).iter().map(|word| term(word, language)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn english(text: &str) -> Vec<String> {
        terms(text, Language::English)
    }

    #[test]
    fn words_are_lowered_stemmed_and_folded() {
        assert_eq!(english("The Müllers' RUNNING patient’s naïve"), ["the", "muller", "run", "patient", "naiv"]);
        assert_eq!(english("ﬁnancial co\u{ad}operation"), ["financi", "cooper"]);
    }

    #[test]
    fn numbers_keep_together() {
        assert_eq!(english("1,234,567.5 and 3.14 in 2021"), ["1234567.5", "and", "3.14", "in", "2021"]);
    }

    #[test]
    fn each_word_is_stemmed_by_its_script() {
        assert_eq!(terms("running المدرسة", Language::Arabic), ["run", &terms("مدرسه", Language::Arabic)[0]]);
        assert_eq!(terms("Häuser", Language::German), ["haus"]);
        assert_eq!(terms("l'avion", Language::French), ["l", "avion"]);
    }

    #[test]
    fn unspaced_scripts_give_pairs() {
        assert_eq!(english("東京都 x 水"), ["東京", "京都", "x", "水"]);
    }

    proptest! {
        #[test]
        fn any_text_has_words_within_it(text in any::<String>()) {
            for word in words(&text) {
                prop_assert!(word.start < word.end);
                prop_assert!(text.get(word.start..word.end).is_some());
                prop_assert!(!word.normal.is_empty() || word.script == Script::Unspaced);
                for language in [Language::English, Language::Arabic, Language::German, Language::Unknown] {
                    let _ = term(&word, language);
                }
            }
        }
    }
}
