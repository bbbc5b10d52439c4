//! Answers made of quotations.

use crate::support::{TestLibrary, on_page};

#[test]
fn an_answer_cites_the_very_words() {
    let library = TestLibrary::with("two_columns.pdf");
    let text = library.run(&["show", "two_columns.pdf", "--text"]).stdout;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let answer = library.json(&["ask", "What was the rate of shunt infection?"]);
    assert_eq!(answer["found"], true, "{answer}");
    for sentence in answer["sentences"].as_array().unwrap() {
        let citations = sentence["citations"].as_array().unwrap();
        assert!(!citations.is_empty(), "{sentence}");
        for citation in citations {
            assert_eq!(citation["verified"], true);
            assert_eq!(citation["file"], "two_columns.pdf");
            assert!(citation["boxes"].as_array().unwrap().iter().all(on_page), "{citation}");
            let quote = citation["quote"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(&quote), "{quote}");
        }
    }
}

#[test]
fn what_is_not_there_is_not_answered() {
    let library = TestLibrary::with("two_columns.pdf");
    let answer = library.json(&["ask", "Which volcano erupted in Iceland in 2010?"]);
    assert_eq!(answer["found"], false, "{answer}");
    assert_eq!(answer["sentences"], serde_json::json!([]));
}
