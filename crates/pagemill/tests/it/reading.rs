//! `pagemill read`.

use serde_json::Value;

use crate::support::{TestLibrary, on_page, sample};

fn read(words: &[&str]) -> crate::support::Ran {
    let library = TestLibrary::new();
    let mut all = vec!["read"];
    all.extend(words);
    let ran = library.run(&all);
    assert!(!library.path().exists(), "reading touches no library");
    ran
}

fn article() -> String {
    sample("two_columns.pdf").display().to_string()
}

#[test]
fn json_has_the_promised_shape() {
    let ran = read(&[&article(), "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let json = ran.json();
    for key in ["title", "authors", "pages", "encrypted", "language", "metadata"] {
        assert!(json["document"].get(key).is_some(), "document.{key}");
    }
    assert_eq!(json["document"]["language"], "eng");
    let pages = json["pages"].as_array().unwrap();
    assert_eq!(pages.len() as u64, json["document"]["pages"].as_u64().unwrap());
    assert!(json["outline"].is_array() && json["warnings"].is_array());
    for (number, page) in (1..).zip(pages) {
        assert_eq!(page["number"], number);
        assert_eq!(page["source"], "text");
        for block in page["blocks"].as_array().unwrap() {
            assert!(block["kind"].is_string() && block["text"].is_string());
            assert!(on_page(&block["bbox"]), "{block}");
        }
    }
}

#[test]
fn a_page_is_the_same_in_every_reading() {
    let whole = read(&[&article(), "--format", "json"]).json();
    let tail = read(&[&article(), "--format", "json", "--pages", "3-"]).json();
    for key in ["document", "outline"] {
        assert_eq!(whole[key], tail[key], "what is known of the document does not depend on the pages read");
    }
    let whole: Vec<&Value> = whole["pages"].as_array().unwrap().iter().skip(2).collect();
    let tail: Vec<&Value> = tail["pages"].as_array().unwrap().iter().collect();
    assert!(!tail.is_empty());
    assert_eq!(whole, tail);
}

#[test]
fn text_and_markdown_leave_page_numbers_out() {
    let text = read(&[&article(), "--pages", "1"]).stdout;
    assert!(text.len() > 500);
    let markdown = read(&[&article(), "--pages", "1", "--format", "markdown"]).stdout;
    assert!(markdown.starts_with("# Shunt infection"), "{}", &markdown[..200]);
}

#[test]
fn pages_beyond_the_end_are_an_error() {
    read(&[&article(), "--pages", "500"]).assert_failed_with("not_found");
}

#[test]
fn wrong_usage_exits_with_2() {
    assert_eq!(read(&[&article(), "--pages", "5-1"]).code, 2);
    assert_eq!(read(&[]).code, 2);
}
