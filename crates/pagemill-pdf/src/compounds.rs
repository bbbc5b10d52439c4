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

    /// Whether the document elsewhere joins these parts with a hyphen.
    pub(crate) fn has(&self, left: &str, right: &str) -> bool {
        !self.0.is_empty() && hash(left, right).is_some_and(|hash| self.0.contains(&hash))
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
}
