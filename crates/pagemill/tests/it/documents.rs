//! Adding, listing, showing, deleting.

use crate::support::{TestLibrary, sample};

#[test]
fn an_added_document_is_listed_shown_and_found() {
    let library = TestLibrary::with("two_columns.pdf");
    let listed = library.json(&["ls"]);
    let document = &listed["documents"][0];
    assert_eq!(document["status"], "completed");
    assert_eq!(document["file"], "two_columns.pdf");
    let id = document["id"].as_str().unwrap();
    let shown = library.json(&["show", id]);
    assert_eq!(shown["page_outcomes"]["text"], document["pages"]);
    assert_eq!(library.json(&["show", "two_columns.pdf"])["document"]["id"], id);
    let tasks = library.json(&["tasks", "--status", "completed"]);
    assert_eq!(tasks["tasks"][0]["document"], id);
    let timings = tasks["tasks"][0]["timings"].as_object().unwrap();
    assert!(timings.contains_key("parse") && timings.contains_key("finish"), "{timings:?}");
}

#[test]
fn the_same_bytes_are_one_document() {
    let library = TestLibrary::with("two_columns.pdf");
    let copy = library.file("another name.pdf", &std::fs::read(sample("two_columns.pdf")).unwrap());
    let again = library.json(&["add", copy.to_str().unwrap(), "--wait"]);
    assert_eq!(again["documents"][0]["reused"], true);
    assert_eq!(again["documents"][0]["status"], "completed");
    assert_eq!(library.json(&["ls"])["documents"].as_array().unwrap().len(), 1);
}

#[test]
fn a_deleted_document_is_gone_everywhere() {
    let library = TestLibrary::with("two_columns.pdf");
    let text = library.run(&["show", "two_columns.pdf", "--text"]).stdout;
    let word = text.split_whitespace().find(|word| word.len() > 8 && word.chars().all(char::is_alphabetic)).unwrap();
    let before = library.json(&["search", word, "--mode", "lexical"]);
    assert!(!before["results"].as_array().unwrap().is_empty());

    let receipt = library.json(&["rm", "two_columns.pdf"]);
    let removed = &receipt["deleted"][0]["removed"];
    assert!(removed["chunks"].as_u64().unwrap() > 0, "{receipt}");
    assert_eq!(removed["files"], 1);
    assert_eq!(receipt["deleted"][0]["left"], serde_json::json!({}));

    let after = library.json(&["search", word, "--mode", "lexical"]);
    assert!(after["results"].as_array().unwrap().is_empty());
    assert_eq!(library.run(&["dump"]).stdout, TestLibrary::new().run(&["dump"]).stdout);
    library.run(&["rm", "two_columns.pdf"]).assert_failed_with("not_found");
    assert_eq!(library.run(&["doctor"]).code, 0);
}

#[test]
fn an_unknown_recipe_or_project_is_refused() {
    let library = TestLibrary::new();
    let article = sample("two_columns.pdf").display().to_string();
    library.run(&["add", &article, "--recipe", "soup"]).assert_failed_with("invalid_request");
    library.run(&["add", &article, "--project", "other"]).assert_failed_with("not_found");
}
