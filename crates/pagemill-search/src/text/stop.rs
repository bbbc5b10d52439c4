//! Words that say nothing about what is asked. They are indexed, so that quotations are
//! found, and left out of queries.

use std::{collections::HashMap, sync::LazyLock};

use tantivy::tokenizer::{Language as Listed, RawTokenizer, StopWordFilter, TextAnalyzer};

use super::Language;

/// English function words and the words questions are made with.
const ENGLISH: &str = "a about above after again against all also am an and any are aren as at be because been \
    before being below between both but by can could couldn d did didn do does doesn doing don down during each few \
    find for from further give given had hadn has hasn have haven having he her here hers herself him himself his how \
    however i if in into is isn it its itself just ll m may me might more most must my myself no nor not now of off \
    on once only or other ought our ours ourselves out over own re s same shall she should shouldn so some such t \
    tell than that the their theirs them themselves then there these they this those through to too under until up \
    upon us ve very was wasn we were weren what when where whether which while who whom whose why will with won would \
    wouldn you your yours yourself yourselves";

/// Arabic particles, pronouns and the words questions are made with, in normal spelling.
const ARABIC: &str = "ما ماذا من متي اين كيف هل كم لماذا اي في علي الي عن مع هو هي هم هذا هذه ذلك تلك التي الذي الذين \
    ان او ثم لا لم لن قد كان كانت و ب ل يا اذا كل بعد قبل عند بين حتي منذ هنا هناك هى الى على متى فى اى حتى أن إن أي \
    أو إلى أين إذا أى";

static ENGLISH_WORDS: LazyLock<std::collections::HashSet<&str>> =
    LazyLock::new(|| ENGLISH.split_whitespace().collect());
static ARABIC_WORDS: LazyLock<std::collections::HashSet<&str>> = LazyLock::new(|| ARABIC.split_whitespace().collect());

/// The lists that come with tantivy, behind the only door there is to them: a filter.
static LISTED: LazyLock<HashMap<Language, TextAnalyzer>> = LazyLock::new(|| {
    [
        (Language::Danish, Listed::Danish),
        (Language::Dutch, Listed::Dutch),
        (Language::Finnish, Listed::Finnish),
        (Language::French, Listed::French),
        (Language::German, Listed::German),
        (Language::Hungarian, Listed::Hungarian),
        (Language::Italian, Listed::Italian),
        (Language::Norwegian, Listed::Norwegian),
        (Language::Portuguese, Listed::Portuguese),
        (Language::Russian, Listed::Russian),
        (Language::Spanish, Listed::Spanish),
        (Language::Swedish, Listed::Swedish),
    ]
    .into_iter()
    .filter_map(|(language, listed)| {
        let filter = StopWordFilter::new(listed)?;
        Some((language, TextAnalyzer::builder(RawTokenizer::default()).filter(filter).build()))
    })
    .collect()
});

/// Whether a lower-cased word is a stop word in a text of this language.
pub(crate) fn is_stop_word(word: &str, language: Language) -> bool {
    match language {
        Language::English => ENGLISH_WORDS.contains(word),
        Language::Arabic => ARABIC_WORDS.contains(word),
        other => LISTED.get(&other).is_some_and(|list| !list.clone().token_stream(word).advance()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_own() {
        assert!(is_stop_word("the", Language::English));
        assert!(!is_stop_word("die", Language::English));
        assert!(is_stop_word("die", Language::German));
        assert!(is_stop_word("في", Language::Arabic));
        assert!(!is_stop_word("the", Language::Unknown));
    }
}
