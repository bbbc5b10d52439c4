//! Light stemming of Arabic.
//!
//! Spelling variants are made one (alef, yeh, teh marbuta, no vowel marks), then the
//! article with its conjunctions and the commonest endings are cut, as in the `light10`
//! stemmer of L. Larkey, L. Ballesteros and M. Connell, *Light Stemming for Arabic
//! Information Retrieval* (2007).

/// Longest first, so that the article goes with its conjunction.
const ARTICLES: [&str; 6] = ["وال", "بال", "كال", "فال", "ال", "لل"];
const ENDINGS: [&str; 10] = ["ها", "ان", "ات", "ون", "ين", "يه", "ية", "ه", "ة", "ي"];

/// The stem of an Arabic word.
pub(super) fn stem(word: &str) -> String {
    let word = normalize(word);
    let mut stem = word.as_str();
    let length = |text: &str| text.chars().count();
    if length(stem) >= 4 {
        stem = stem.strip_prefix('و').unwrap_or(stem);
    }
    if let Some(rest) = ARTICLES.iter().find_map(|article| stem.strip_prefix(article)).filter(|rest| length(rest) >= 2)
    {
        stem = rest;
    }
    for ending in ENDINGS {
        if let Some(rest) = stem.strip_suffix(ending).filter(|rest| length(rest) >= 2) {
            stem = rest;
        }
    }
    stem.to_owned()
}

/// Letters that are written in several ways become one; marks and stretching go.
fn normalize(word: &str) -> String {
    word.chars()
        .filter_map(|letter| match letter {
            '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}' | '\u{640}' => None,
            'أ' | 'إ' | 'آ' | 'ٱ' => Some('ا'),
            'ى' | 'ی' => Some('ي'),
            'ک' => Some('ك'),
            'ة' => Some('ه'),
            'ؤ' => Some('و'),
            'ئ' => Some('ي'),
            letter => Some(letter),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_article_and_endings_do_not_matter() {
        assert_eq!(stem("الإسلام"), stem("اسلام"));
        assert_eq!(stem("مُحَمَّد"), stem("محمد"));
        assert_eq!(stem("والمدرسة"), stem("مدرسه"));
        assert_eq!(stem("المدينة"), stem("مدينه"));
    }

    #[test]
    fn short_words_stay() {
        assert_eq!(stem("في"), "في");
        assert_eq!(stem("ال"), "ال");
    }
}
