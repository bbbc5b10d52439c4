//! Queries that people and machines type.

use std::thread;

use pagemill_search::Change;

use crate::world::{by_words, everything, open, project, upsert, vector, vectors, within};

fn library() -> (pagemill_search::SearchIndex, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    index
        .apply(&[
            upsert(
                "p",
                "en",
                1,
                &[
                    ("wing", "The lift of a swept wing in the boundary layer."),
                    ("layer", "A layer of paint marks the boundary of the field."),
                    ("naive", "A naïve Bayes classifier by Müller & Søn, 1,234 samples."),
                ],
            ),
            upsert(
                "p",
                "de",
                1,
                &[("haus", "Die Häuser der Stadt wurden im Jahre 1890 von den Bürgern gebaut und bezahlt.")],
            ),
            upsert("p", "ar", 1, &[("kitab", "الكتاب الذي كتبه المؤلف عن تاريخ المدينة القديمة")]),
            upsert("p", "ja", 1, &[("tokyo", "東京都の人口は増えている。")]),
            vectors("p", "en", 1, &["wing", "layer", "naive"], true),
        ])
        .unwrap();
    index.commit(1).unwrap();
    (index, dir)
}

#[test]
fn words_are_found_in_every_form_and_language() {
    let (index, _dir) = library();
    let all = everything("p");
    assert_eq!(by_words(&index, "wings", &all), ["wing"]);
    assert_eq!(by_words(&index, "NAIVE muller", &all), ["naive"]);
    assert_eq!(by_words(&index, "1234", &all), ["naive"]);
    assert_eq!(by_words(&index, "Haus", &all), ["haus"]);
    assert_eq!(by_words(&index, "مدينه", &all), ["kitab"]);
    assert_eq!(by_words(&index, "東京", &all), ["tokyo"]);
    assert!(by_words(&index, "unheard", &all).is_empty());
}

#[test]
fn quoted_words_stand_together() {
    let (index, _dir) = library();
    let all = everything("p");
    assert_eq!(by_words(&index, "boundary layer", &all), ["layer", "wing"]);
    assert_eq!(by_words(&index, "\"boundary layer\"", &all), ["wing"]);
    assert_eq!(by_words(&index, "\"layer boundary\"", &all), ["layer", "wing"], "no such phrase: the words alone");
}

#[test]
fn a_filter_is_never_passed() {
    let (index, _dir) = library();
    assert!(by_words(&index, "boundary", &everything("other")).is_empty());
    assert!(by_words(&index, "boundary", &within("p", &["de"])).is_empty());
    assert!(by_words(&index, "boundary", &within("p", &[])).is_empty());
    assert!(by_words(&index, "boundary", &within("p", &["unheard"])).is_empty());
    for hits in [
        index.semantic(&vector("wing"), 10, &everything("other")).unwrap(),
        index.hybrid("boundary", &vector("wing"), 10, &everything("other")).unwrap(),
        index.hybrid("boundary", &vector("wing"), 10, &within("p", &["de"])).unwrap(),
    ] {
        assert!(hits.is_empty());
    }
}

#[test]
fn no_query_is_an_error_and_none_takes_long() {
    let (index, _dir) = library();
    let long = "boundary ".repeat(12_000);
    let many: String = (0..20_000).map(|number| format!("w{number} ")).collect();
    let hostile = [
        "",
        " ",
        "\"",
        "\"\"",
        "\"unclosed",
        "AND OR NOT",
        "((((((",
        "title:x^5 ~2 [a TO z] {*} /re.*/",
        "\\ \u{0} \u{feff} \u{202e}",
        "'; DROP TABLE documents; --",
        "🦀🦀🦀",
        "a\u{301}\u{301}\u{301}",
        &long,
        &many,
        &"\"".repeat(100_000),
        &"x".repeat(100_000),
        &"東".repeat(50_000),
    ];
    for query in hostile {
        for k in [0, 1, 10, usize::MAX] {
            index.lexical(query, k, &everything("p")).unwrap();
            index.hybrid(query, &vector("wing"), k, &everything("p")).unwrap();
        }
    }
    assert_eq!(by_words(&index, &long, &everything("p")), ["layer", "wing"]);
}

#[test]
fn a_vector_of_another_size_is_refused() {
    let (index, _dir) = library();
    let error = index.semantic(&[1.0; 3], 5, &everything("p")).unwrap_err();
    let problem = pagemill_core::Problem::from(error);
    assert_eq!(problem.code, pagemill_core::ErrorCode::ModelMismatch);
    assert!(index.semantic(&[f32::NAN; crate::world::DIMS], 5, &everything("p")).is_ok());
}

#[test]
fn titles_and_headings_count() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    let mut change = upsert("p", "d", 1, &[("titled", "Some text."), ("plain", "Some text.")]);
    if let Change::Upsert { chunks, .. } = &mut change {
        chunks[0].title = "Thermal insulation".to_owned();
        chunks[1].heading_path = vec!["Materials".to_owned(), "Glass wool".to_owned()];
    }
    index.apply(&[change]).unwrap();
    index.commit(1).unwrap();
    assert_eq!(by_words(&index, "insulation", &everything("p")), ["titled"]);
    assert_eq!(by_words(&index, "materials", &everything("p")), ["plain"]);
}

#[test]
fn readers_go_on_while_a_library_streams_in() {
    let (index, _dir) = library();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..200 {
                        assert!(by_words(&index, "swept", &everything("p")).contains(&"wing".to_owned()));
                        assert!(!index.semantic(&vector("wing"), 5, &everything("p")).unwrap().is_empty());
                    }
                })
            })
            .collect();
        for number in 0..10_u32 {
            let name = format!("s{number}");
            index
                .apply(&[upsert("p", &name, 1, &[(&name, "streamed")]), vectors("p", &name, 1, &[&name], true)])
                .unwrap();
            index.commit(i64::from(number) + 2).unwrap();
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(by_words(&index, "streamed", &everything("p")).len(), 10);
    assert_eq!(project("p").as_str(), "prj_p");
}
