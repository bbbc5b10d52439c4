//! What a question asks for: its words with their weights, and the kind of thing wanted.

use std::collections::HashSet;

use crate::text::{Language, Script, Word, is_stop_word, term, words};

/// Names and numbers of a question have to be in its answer; other words may be paraphrased.
const NAME_WEIGHT: f32 = 1.5;

/// A question, taken apart.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) words: Vec<QuestionWord>,
    pub(super) wants: Wants,
}

/// A word of the question that carries meaning.
#[derive(Debug)]
pub(super) struct QuestionWord {
    /// Its stems in the languages of the passages.
    pub(super) stems: Vec<String>,
    /// How much it says: rarity in the library, more for names and numbers.
    pub(super) weight: f32,
    /// A name or a number, which no other word can stand for.
    pub(super) is_name: bool,
    /// A name in letters: what the question is about.
    pub(super) is_subject: bool,
}

/// What kind of thing the answer should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    Number,
    Date,
    Name,
    Anything,
}

impl Question {
    /// Takes a question apart. `rarity` is the inverse document frequency of a word, given as stems.
    pub(super) fn parse(text: &str, languages: &[Language], rarity: &dyn Fn(&[String]) -> f32) -> Self {
        let found = words(text);
        let language = match Language::detect(text) {
            Language::Unknown => Language::English,
            known => known,
        };
        let mut seen = HashSet::new();
        let mut out = Vec::new();
        for (index, word) in found.iter().enumerate() {
            if is_stop_word(&word.normal, language) {
                continue;
            }
            let mut stems = vec![term(word, Language::Unknown.for_script(word.script))];
            for language in languages.iter().filter(|_| word.script == Script::Latin) {
                let stem = term(word, *language);
                if !stems.contains(&stem) {
                    stems.push(stem);
                }
            }
            let is_name = is_name(text, word, index == 0);
            if seen.insert(stems[0].clone()) {
                let weight = rarity(&stems) * if is_name { NAME_WEIGHT } else { 1.0 };
                let is_subject = is_name && word.normal.chars().all(char::is_alphabetic);
                out.push(QuestionWord { stems, weight, is_name, is_subject });
            }
        }
        Self { words: out, wants: Wants::of(text) }
    }

    /// The weight of all words together.
    pub(super) fn weight(&self) -> f32 {
        self.words.iter().map(|word| word.weight).sum()
    }

    /// The part of the weight that stands in a set of terms, 0 to 1.
    pub(super) fn coverage(&self, terms: &Terms) -> f32 {
        let all = self.weight();
        if all <= 0.0 {
            return 0.0;
        }
        self.words.iter().filter(|word| terms.has(word)).map(|word| word.weight).sum::<f32>() / all
    }

    /// The part of the weight of names and numbers that stands in a set of terms; 1 without any.
    pub(super) fn names_covered(&self, terms: &Terms) -> f32 {
        self.part_covered(terms, |word| word.is_name)
    }

    /// The same of names in letters alone.
    pub(super) fn subjects_covered(&self, terms: &Terms) -> f32 {
        self.part_covered(terms, |word| word.is_subject)
    }

    fn part_covered(&self, terms: &Terms, counts: impl Fn(&QuestionWord) -> bool) -> f32 {
        let counted = || self.words.iter().filter(|word| counts(word));
        let all: f32 = counted().map(|word| word.weight).sum();
        if all <= 0.0 {
            return 1.0;
        }
        counted().filter(|word| terms.has(word)).map(|word| word.weight).sum::<f32>() / all
    }
}

/// Words with digits, and words with a capital that do not open the question.
fn is_name(text: &str, word: &Word, opens: bool) -> bool {
    let written = &text[word.start..word.end];
    let capitals = written.chars().filter(|c| c.is_uppercase()).count();
    written.chars().any(|c| c.is_ascii_digit()) || capitals > 1 || (capitals == 1 && !opens)
}

impl Wants {
    fn of(question: &str) -> Self {
        let lower = question.to_lowercase();
        let has = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
        if has(&["how many", "how much", "what percent", "how long", "how old", "wie viel", "combien", "كم "]) {
            Self::Number
        } else if has(&["when ", "what year", "which year", "what date", "wann ", "quand ", "متى"]) {
            Self::Date
        } else if has(&["who ", "whom ", "whose ", "wer ", "qui ", "من هو", "من هي"]) {
            Self::Name
        } else {
            Self::Anything
        }
    }

    /// Whether a sentence holds such a thing.
    pub(super) fn is_in(self, sentence: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Number | Self::Date => sentence.chars().any(char::is_numeric),
            Self::Name => {
                let mut words = sentence.split_whitespace().skip(1);
                words.any(|word| word.chars().next().is_some_and(|c| c.is_uppercase() || !c.is_ascii()))
            }
        }
    }
}

/// The terms of a stretch of text.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    set: HashSet<String>,
}

impl Terms {
    pub(super) fn of(text: &str, language: Language) -> Self {
        let mut set = HashSet::new();
        for word in words(text) {
            // `FY2017` holds 2017.
            let digits: String = word.normal.chars().filter(char::is_ascii_digit).collect();
            if digits.len() > 1 && digits.len() < word.normal.len() && !word.normal.contains(['.', ',']) {
                set.insert(digits);
            }
            set.insert(term(&word, language));
        }
        Self { set }
    }

    pub(super) fn has(&self, word: &QuestionWord) -> bool {
        word.stems.iter().any(|stem| {
            self.set.contains(stem) || {
                let digits: String = stem.chars().filter(char::is_ascii_digit).collect();
                digits.len() > 1 && digits.len() < stem.len() && self.set.contains(&digits)
            }
        })
    }

    pub(super) fn len(&self) -> usize {
        self.set.len()
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.set.extend(other.set.iter().cloned());
    }

    /// The part of the smaller set that the two share.
    pub(super) fn overlap(&self, other: &Self) -> f32 {
        let smaller = self.set.len().min(other.set.len()).max(1);
        self.set.intersection(&other.set).count() as f32 / smaller as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: &str) -> Question {
        Question::parse(text, &[Language::English], &|_| 2.0)
    }

    #[test]
    fn names_and_numbers_weigh_more() {
        let question = question("What did Amazon pay in FY2017 for inventories?");
        let names: Vec<&str> =
            question.words.iter().filter(|word| word.is_name).map(|word| word.stems[0].as_str()).collect();
        assert_eq!(names, ["amazon", "fy2017"]);
        assert!((question.weight() - (2.0 * 2.0 + 2.0 * 3.0)).abs() < 1e-6);
    }

    #[test]
    fn coverage_is_the_part_of_the_weight_that_is_there() {
        let question = question("Which inventories did Amazon hold in FY2017?");
        let terms = Terms::of("Inventory of Amazon in 2017", Language::English);
        let missing = 2.0 / question.weight();
        assert!((question.coverage(&terms) - (1.0 - missing)).abs() < 1e-6);
        assert_eq!(question.names_covered(&terms), 1.0);
        assert_eq!(question.names_covered(&Terms::of("Inventory of Apple", Language::English)), 0.0);
    }

    #[test]
    fn what_is_wanted_shows_in_the_question() {
        assert_eq!(Wants::of("How many pages?"), Wants::Number);
        assert_eq!(Wants::of("When was it?"), Wants::Date);
        assert!(Wants::Date.is_in("It was in 1999."));
        assert!(!Wants::Number.is_in("It was long ago."));
        assert!(Wants::Name.is_in("It was by Ada."));
    }
}
