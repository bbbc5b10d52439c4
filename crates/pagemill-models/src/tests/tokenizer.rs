//! Our tokenizer beside the `tokenizers` crate.

use proptest::prelude::*;
use tokenizers::Tokenizer;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::sample::{embedders, tokenizer_json};
use crate::{Embedder, tokenizer::tokenize};

/// Each embedder with the tokenizer it is compared with.
fn pairs() -> Vec<(Embedder, Tokenizer)> {
    embedders()
        .into_iter()
        .map(|embedder| {
            let tokens = embedder.model.vocabulary.tokens();
            let reference = Tokenizer::from_bytes(tokenizer_json(&tokens)).unwrap();
            (embedder, reference)
        })
        .collect()
}

fn ours(embedder: &Embedder, text: &str) -> Vec<(u32, u32)> {
    let mut tokens = Vec::new();
    tokenize(&embedder.model.vocabulary, text, |id, end| {
        tokens.push((id, end));
        true
    });
    tokens
}

/// Says what differs, if anything does. Ends may differ by the accents and
/// removed characters that follow a token: ours belong to it.
fn difference(embedder: &Embedder, reference: &Tokenizer, text: &str) -> Option<String> {
    let encoding = reference.encode(text, false).unwrap();
    let ours = ours(embedder, text);
    let ids: Vec<u32> = ours.iter().map(|(id, _)| *id).collect();
    if ids != encoding.get_ids() {
        return Some(format!("{text:?}: {ids:?} is not {:?}", encoding.get_ids()));
    }
    for ((_, end), (_, reference)) in ours.iter().zip(encoding.get_offsets()) {
        let between = text.get(*reference..*end as usize);
        if !between
            .is_some_and(|between| between.chars().all(|c| c.general_category() == GeneralCategory::NonspacingMark))
        {
            return Some(format!("{text:?}: a token ends at {end}, not {reference}"));
        }
    }
    None
}

/// Characters whose category changed since the tables of the `tokenizers` crate (Unicode 8)
/// or that were added since; on these the tables differ, not the algorithm.
fn is_disputed(character: char) -> bool {
    use unicode_categories::UnicodeCategories as Old;
    let category = character.general_category();
    let is = |group: &[GeneralCategory]| group.contains(&category);
    use GeneralCategory as G;
    Old::is_mark_nonspacing(character) != is(&[G::NonspacingMark])
        || Old::is_other(character) != is(&[G::Control, G::Format, G::PrivateUse])
        || Old::is_punctuation(character)
            != is(&[
                G::ConnectorPunctuation,
                G::DashPunctuation,
                G::OpenPunctuation,
                G::ClosePunctuation,
                G::InitialPunctuation,
                G::FinalPunctuation,
                G::OtherPunctuation,
            ])
}

#[test]
fn every_character_is_treated_as_by_the_tokenizers_crate() {
    let (embedder, reference) = pairs().pop().unwrap();
    let characters = (0..0x3_2400).chain(0xe_0000..0xe_0200).filter_map(char::from_u32);
    let mut differences = Vec::new();
    let mut disputed = 0;
    for character in characters {
        if is_disputed(character) {
            disputed += 1;
        } else {
            differences.extend(difference(&embedder, &reference, &format!("a{character}b")));
        }
    }
    assert!(differences.is_empty(), "{}: {:#?}", differences.len(), &differences[..differences.len().min(50)]);
    assert!(disputed < 2500, "{disputed}");
}

#[test]
fn long_and_unknown_words_are_one_token() {
    let (embedder, reference) = pairs().remove(0);
    let unknown = embedder.model.vocabulary.unknown;
    assert_eq!(ours(&embedder, "ж x"), [(unknown, 2), (ours(&embedder, "x")[0].0, 4)]);
    for length in [99, 100, 101] {
        let word = "x".repeat(length);
        assert_eq!(difference(&embedder, &reference, &word), None);
        assert_eq!(embedder.count_tokens(&word), if length > 100 { 1 } else { length });
    }
}

#[test]
fn an_accent_belongs_to_its_letter() {
    let (embedder, _) = pairs().remove(0);
    assert_eq!(embedder.token_ends("e\u{301}x"), [3, 4]);
    assert_eq!(embedder.token_ends("éx"), [2, 3]);
    assert_eq!(embedder.token_ends(""), [0; 0]);
    assert_eq!(embedder.token_ends(" \n\t\u{a0}"), [0; 0]);
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-zA-Z]{1,12}",
        3 => Just(" ".to_owned()),
        2 => "[ \t\n\r.,;:!?()'\"-]{1,3}",
        1 => "[0-9]{1,6}",
        1 => prop::sample::select(vec!["[CLS]", "[SEP", "[MASK]", "[UNK]", "[", "##", "ﬁ", "İ", "ǅ", "ß", "Å", "ḍ̇", "ệ"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["preference", "unable", "Straße", "Einstein", "THE", "中国", "–", "“"]).prop_map(str::to_owned),
        1 => any::<char>().prop_filter("categories differ between versions of Unicode", |c| !is_disputed(*c)).prop_map(String::from),
        1 => prop::char::range('\u{a0}', '\u{24f}').prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

#[test]
fn texts_are_cut_as_by_the_tokenizers_crate() {
    let pairs = pairs();
    proptest!(|(text in texts())| {
        for (embedder, reference) in &pairs {
            prop_assert_eq!(difference(embedder, reference, &text), None);
        }
    });
}
