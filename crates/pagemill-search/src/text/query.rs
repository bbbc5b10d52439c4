//! A question as terms. Any text is a query; nothing in it is syntax but quotation marks.

use std::collections::HashMap;

use super::{Language, Word, language::Script, stop::is_stop_word, term, words};

/// What is read of a query, bytes.
const LONGEST_QUERY: usize = 8 << 10;
/// Terms that are looked up at most; the rarest are kept by the scorer.
pub(crate) const MOST_TERMS: usize = 256;

/// A query, made for the languages of an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TextQuery {
    /// What is looked for, each once.
    pub(crate) terms: Vec<QueryTerm>,
    /// Quoted runs of terms that have to stand together.
    pub(crate) phrases: Vec<Vec<String>>,
}

/// A word of the query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QueryTerm {
    /// Its stems, one for each language that cuts it in another way.
    pub(crate) variants: Vec<String>,
    /// How often it stands in the query.
    pub(crate) count: f32,
}

impl TextQuery {
    /// The terms of a text. Stop words count only when there is nothing else.
    pub(crate) fn parse(text: &str, languages: &[Language]) -> Self {
        let text = first_bytes(text, LONGEST_QUERY);
        let found = words(text);
        let asked = Language::detect(text);
        let of_query = if asked == Language::Unknown { Language::English } else { asked };
        let mut content: Vec<&Word> = found.iter().filter(|word| !is_stop_word(&word.normal, of_query)).collect();
        if content.is_empty() {
            content = found.iter().collect();
        }
        let mut terms: Vec<QueryTerm> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for word in content {
            let variants = variants(word, languages);
            match places.get(&variants[0]) {
                Some(place) => terms[*place].count += 1.0,
                None if terms.len() < MOST_TERMS => {
                    places.insert(variants[0].clone(), terms.len());
                    terms.push(QueryTerm { variants, count: 1.0 });
                }
                None => {}
            }
        }
        Self { terms, phrases: phrases(text, &found, languages) }
    }
}

/// The stems of a word in the languages of the index that are written in its script.
fn variants(word: &Word, languages: &[Language]) -> Vec<String> {
    let mut variants = vec![term(word, Language::Unknown.for_script(word.script))];
    if word.script == Script::Latin {
        for language in languages {
            let stem = term(word, *language);
            if !variants.contains(&stem) {
                variants.push(stem);
            }
        }
    }
    variants
}

/// Runs of two words or more between quotation marks, stemmed as the main language of their script.
fn phrases(text: &str, words: &[Word], languages: &[Language]) -> Vec<Vec<String>> {
    let marks: Vec<usize> =
        text.char_indices().filter(|(_, c)| matches!(c, '"' | '“' | '”' | '„' | '«' | '»')).map(|(at, _)| at).collect();
    let language = match languages {
        [only] => *only,
        _ => Language::Unknown,
    };
    marks
        .chunks_exact(2)
        .map(|pair| {
            let inside = words.iter().filter(|word| word.start > pair[0] && word.end <= pair[1]);
            inside.map(|word| term(word, language)).take(16).collect::<Vec<String>>()
        })
        .filter(|phrase| phrase.len() > 1)
        .take(4)
        .collect()
}

/// At most `limit` bytes of a text, cut between characters.
pub(crate) fn first_bytes(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> TextQuery {
        TextQuery::parse(text, &[Language::English])
    }

    fn terms(query: &TextQuery) -> Vec<&str> {
        query.terms.iter().map(|term| term.variants[0].as_str()).collect()
    }

    #[test]
    fn stop_words_go_unless_they_are_all_there_is() {
        assert_eq!(terms(&parse("what is the lift of the wings?")), ["lift", "wing"]);
        assert_eq!(terms(&parse("to be or not to be")), ["to", "be", "or", "not"]);
    }

    #[test]
    fn words_of_other_languages_in_the_index_are_tried() {
        let query = TextQuery::parse("Häuser", &[Language::English, Language::German]);
        assert_eq!(query.terms[0].variants, ["hauser", "haus"]);
    }

    #[test]
    fn quoted_runs_are_phrases() {
        assert_eq!(parse("the \"boundary layer\" of «x»").phrases, [["boundari", "layer"]]);
        assert!(parse("an \"unclosed mark").phrases.is_empty());
    }

    #[test]
    fn any_text_is_a_query_of_bounded_size() {
        let long = "word wort mot كلمة 言葉 ".repeat(5000);
        assert!(parse(&long).terms.len() <= MOST_TERMS);
        for text in ["", "\"", "AND OR NOT ( [ { * ? : ^ ~", "\u{0}\u{1}", "title:\"", "🦀🦀", "''", "\"\"\"\""] {
            let _ = parse(text);
        }
    }
}
