//! Words a document writes with a hyphen in the middle of a line: at the end of a line
//! their hyphen stays.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashSet, FxHasher};

/// More compounds than this are not kept.
const MOST: usize = 50_000;

/// The compounds of a document, by hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compounds(FxHashSet<u64>);

impl Compounds {
    /// Notes a word if it has a hyphen between letters.
    pub(crate) fn note(&mut self, word: &str) {
        if self.0.len() >= MOST || !word.as_bytes().contains(&b'-') {
            return;
        }
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        for (at, _) in bare.match_indices('-') {
            if let Some(hash) = hash(&bare[..at], &bare[at + 1..]) {
                self.0.insert(hash);
            }
        }
    }

    /// Whether these parts are joined with a hyphen: elsewhere in the document, or always in English.
    pub(crate) fn has(&self, left: &str, right: &str) -> bool {
        (!self.0.is_empty() && hash(left, right).is_some_and(|hash| self.0.contains(&hash))) || is_usual(left, right)
    }
}

/// Words that English joins to the word before them with a hyphen.
const SECOND: [&str; 25] = [
    "associated",
    "based",
    "controlled",
    "deficient",
    "dependent",
    "derived",
    "driven",
    "enriched",
    "enhanced",
    "free",
    "induced",
    "labelled",
    "labeled",
    "limiting",
    "linked",
    "mediated",
    "oriented",
    "related",
    "resistant",
    "rich",
    "sensitive",
    "specific",
    "stimulated",
    "treated",
    "tolerant",
];
/// Beginnings that are one word with these.
const PREFIXES: [&str; 14] = [
    "anti", "auto", "care", "cross", "hyper", "hypo", "inter", "micro", "mono", "multi", "over", "photo", "super",
    "under",
];
/// Words that English joins to others with a hyphen, and what follows them.
const PAIRS: [(&str, &[&str]); 4] = [
    (
        "high",
        &[
            "density",
            "dose",
            "energy",
            "fat",
            "frequency",
            "level",
            "order",
            "performance",
            "quality",
            "resolution",
            "risk",
            "speed",
            "temperature",
            "throughput",
        ],
    ),
    (
        "low",
        &[
            "cost",
            "density",
            "dose",
            "energy",
            "fat",
            "frequency",
            "level",
            "income",
            "order",
            "quality",
            "resolution",
            "risk",
            "temperature",
        ],
    ),
    ("long", &["lasting", "lived", "range", "term"]),
    ("short", &["lived", "range", "term"]),
];
/// Words in the middle of what is written with several hyphens: part-of-speech, end-to-end.
const MIDDLE: [&str; 12] = ["and", "as", "at", "by", "for", "in", "of", "off", "on", "the", "to", "up"];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const ONES: [&str; 9] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// Whether two words are usually written with a hyphen in English.
fn is_usual(left: &str, right: &str) -> bool {
    let letters = |word: &str| word.chars().filter(|c| c.is_ascii_alphabetic()).collect::<String>().to_lowercase();
    let mut parts = left.trim_start_matches(|c: char| !c.is_alphabetic()).rsplit(|c: char| !c.is_alphabetic());
    let left = parts.next().map(letters).unwrap_or_default();
    let goes_on = parts.next().is_some_and(|part| !part.is_empty());
    let right = right.split(|c: char| !c.is_alphabetic()).next().map(letters).unwrap_or_default();
    let (left, right) = (left.as_str(), right.as_str());
    match left {
        "self" => !matches!(right, "ish" | "ishly" | "ishness" | "less" | "lessly" | "same" | "hood"),
        "well" => right.ends_with("ed") || matches!(right, "being" | "known"),
        _ if goes_on && MIDDLE.contains(&left) => !right.is_empty(),
        _ if TENS.contains(&left) => ONES.contains(&right),
        _ => {
            let follows = |(first, seconds): &(&str, &[&str])| *first == left && seconds.contains(&right);
            PAIRS.iter().any(follows) || (left.len() > 3 && SECOND.contains(&right) && !PREFIXES.contains(&left))
        }
    }
}

/// Of the letters next to the hyphen on either side.
fn hash(left: &str, right: &str) -> Option<u64> {
    let begin = left
        .rfind(|c: char| !c.is_alphabetic())
        .map_or(0, |at| at + left[at..].chars().next().map_or(1, char::len_utf8));
    let end = right.find(|c: char| !c.is_alphabetic()).unwrap_or(right.len());
    let (left, right) = (left.get(begin..)?, right.get(..end)?);
    if left.is_empty() || right.is_empty() {
        return None;
    }
    let mut hasher = FxHasher::default();
    for character in left.chars().chain(['-']).chain(right.chars()).flat_map(char::to_lowercase) {
        character.hash(&mut hasher);
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compound_is_known_again() {
        let mut compounds = Compounds::default();
        compounds.note("(anti-inflammatory,");
        compounds.note("plain");
        assert!(compounds.has("Anti", "inflammatory."));
        assert!(!compounds.has("anti", "septic") && !compounds.has("", "x"));
    }

    #[test]
    fn usual_compounds_of_english_are_known() {
        for (left, right) in [
            ("well", "characterized"),
            ("Twenty", "eight"),
            ("(high", "throughput,"),
            ("insulin", "resistant"),
            ("“part-of", "speech"),
        ] {
            assert!(is_usual(left, right), "{left}-{right}");
        }
        for (left, right) in [
            ("self", "ish"),
            ("well", "ness"),
            ("high", "light"),
            ("inter", "related"),
            ("in", "dependent"),
            ("(in", "related"),
        ] {
            assert!(!is_usual(left, right), "{left}{right}");
        }
    }
}
