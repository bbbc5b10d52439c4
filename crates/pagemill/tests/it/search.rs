//! Searching.

use crate::support::{TestLibrary, on_page};

#[test]
fn a_sentence_is_found_on_its_page_with_its_place() {
    let library = TestLibrary::with("two_columns.pdf");
    let page = library.run(&["show", "two_columns.pdf", "--text"]).stdout;
    let sentence = page.split(". ").find(|s| s.len() > 60 && s.len() < 160 && !s.contains('\n')).unwrap();
    let found = library.json(&["search", sentence, "--mode", "lexical", "-k", "3"]);
    assert_eq!(found["mode"], "lexical");
    let first = &found["results"][0];
    assert!(first["text"].as_str().unwrap().contains(&sentence[..40]), "{sentence:?} {first}");
    let spans = first["spans"].as_array().unwrap();
    assert_eq!(first["page"], spans[0]["page"]);
    for span in spans {
        for rect in span["boxes"].as_array().unwrap() {
            assert!(on_page(rect), "{rect}");
        }
    }
}

#[test]
fn a_search_can_be_limited_to_documents() {
    let library = TestLibrary::with("two_columns.pdf");
    let other = "doc_00000000000000000000000000";
    library.run(&["search", "patients", "--document", other]).assert_failed_with("not_found");
    let found = library.json(&["search", "patients", "--document", "two_columns.pdf"]);
    assert!(!found["results"].as_array().unwrap().is_empty());
}

#[test]
fn an_empty_library_finds_nothing() {
    let found = TestLibrary::new().json(&["search", "anything"]);
    assert_eq!(found["results"], serde_json::json!([]));
}
