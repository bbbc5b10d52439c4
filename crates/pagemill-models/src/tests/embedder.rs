//! What callers of the embedder rely on.

use proptest::prelude::*;

use super::sample::{HIDDEN, embedders, small};
use crate::Embedder;

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn a_text_has_one_vector_whatever_its_company() {
    for embedder in embedders() {
        proptest!(ProptestConfig::with_cases(12), |(
            texts in prop::collection::vec("([a-z]{1,7} ){0,60}", 1..24),
            threads in 0_usize..5,
        )| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let together = embedder.embed(&texts, threads);
            prop_assert_eq!(together.len(), texts.len());
            for (text, vector) in texts.iter().zip(&together) {
                prop_assert_eq!(vector, &embedder.embed_query(text));
                prop_assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
            }
        });
    }
}

#[test]
fn nothing_gives_nothing_and_an_empty_text_a_vector() {
    for embedder in embedders() {
        assert!(embedder.embed(&[], 2).is_empty());
        let empty = embedder.embed_query("");
        assert_eq!(empty.len(), embedder.dims());
        assert_eq!(embedder.embed(&["", " \n"], 2), [empty.clone(), empty]);
    }
}

#[test]
fn what_is_beyond_the_longest_input_is_not_seen() {
    for embedder in embedders() {
        let fits = embedder.max_tokens() - 2;
        let words = |count: usize| "a ".repeat(count);
        assert_eq!(embedder.max_tokens(), 256);
        assert_eq!(embedder.count_tokens(&words(5 * fits)), 5 * fits);
        let full = embedder.embed_query(&words(fits));
        assert_eq!(embedder.embed_query(&words(5 * fits)), full);
        assert_ne!(embedder.embed_query(&words(fits - 1)), full);
    }
}

#[test]
fn ends_and_count_agree() {
    for embedder in embedders() {
        for text in ["", "The unable.", "a\u{0}b", "Ünïcödé – 中国 [SEP]"] {
            let ends = embedder.token_ends(text);
            assert_eq!(ends.len(), embedder.count_tokens(text));
            assert!(ends.is_sorted() && ends.iter().all(|&end| text.is_char_boundary(end as usize)));
        }
    }
}

#[test]
fn the_name_tells_model_precision_and_content() {
    let folder = tempfile::tempdir().unwrap();
    let embedder = small(&folder);
    let digest = embedder.name().strip_prefix("all-MiniLM-L6-v2/int8/").unwrap();
    assert!(digest.len() == 8 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(embedder.dims(), HIDDEN);
}

/// Cosines measured with the published weights in 32-bit floating point.
#[test]
fn the_real_model_knows_what_is_alike() {
    let Ok(embedder) = Embedder::builtin() else {
        assert!(Embedder::builtin().unwrap_err().to_string().contains("scripts/setup"));
        return;
    };
    let vectors = embedder.embed(&["A man is eating food.", "A man eats something.", "The girl plays the violin."], 1);
    for (a, b, expected) in REFERENCE {
        let found = cosine(&vectors[*a], &vectors[*b]);
        assert!((found - expected).abs() < 0.02, "{a} and {b}: {found}, not {expected}");
    }
}

const REFERENCE: &[(usize, usize, f32)] = &[(0, 1, 0.8749), (0, 2, -0.0723), (1, 2, -0.0580)];
