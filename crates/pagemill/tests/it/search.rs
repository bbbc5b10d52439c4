//! Searching.

use serde_json::{Value, json};

use crate::{
    made_pdf::{pdf, word_of},
    support::{Server, TestDatabase, TestLibrary, Worker, on_page, sample},
};

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

#[tokio::test]
async fn what_a_worker_beside_completed_is_found_at_once() {
    let Some(database) = TestDatabase::new() else { return };
    let library = TestLibrary::new();
    let on = |words: &[&str]| {
        let mut command = library.command(words);
        command.env("PAGEMILL_DATABASE", database.url());
        command
    };
    // The server answers and has the indexes; the worker does the work.
    let server = Server::start(on(&["serve", "--bind", "127.0.0.1:0", "--queues", "images"]));
    let _worker = Worker::start(on(&["worker", "--queues", "default,embeddings"]));
    let client = reqwest::Client::new();
    for pages in 1..=6 {
        let request = client.post(server.at(&format!("/api/v1/documents?name={pages}.pdf")));
        let added: Value = request.body(pdf(pages, &format!("{pages}th"))).send().await.unwrap().json().await.unwrap();
        let task = added["documents"][0]["task"].as_str().unwrap().to_owned();
        server.until(&format!("/api/v1/tasks/{task}?wait=30"), |task| task["status"] == "completed").await;
        // The last page of each is in no document before it.
        let search = json!({ "query": word_of(pages), "mode": "lexical" });
        let found: Value =
            client.post(server.at("/api/v1/search")).json(&search).send().await.unwrap().json().await.unwrap();
        let results = found["results"].as_array().unwrap();
        assert!(results.iter().any(|hit| hit["file"] == format!("{pages}.pdf")), "{pages}: {found}");
    }
}

#[test]
fn without_a_model_documents_are_found_by_their_words() {
    let library = TestLibrary::new();
    let file = sample("two_columns.pdf");
    let added = library.json(&["--model", "none", "add", file.to_str().unwrap(), "--wait"]);
    assert_eq!(added["documents"][0]["status"], "completed", "{added}");
    let found = library.json(&["--model", "none", "search", "patients"]);
    assert_eq!(found["mode"], "lexical");
    assert!(!found["results"].as_array().unwrap().is_empty());
    library.run(&["--model", "none", "search", "patients", "--mode", "semantic"]).assert_failed_with("model_missing");
    assert!(library.run(&["doctor"]).stdout.contains(" 0 vectors"));
    // With a model, the vectors are made when the document is processed anew.
    library.run(&["process", "two_columns.pdf", "--wait"]);
    assert!(!library.json(&["search", "patients", "--mode", "semantic"])["results"].as_array().unwrap().is_empty());
    // And without it again, nothing is left of them.
    library.run(&["--model", "none", "process", "two_columns.pdf", "--from", "chunk", "--wait"]);
    let doctor = library.run(&["doctor"]);
    assert!(doctor.code == 0 && doctor.stdout.contains(" 0 vectors"), "{}", doctor.stdout);
}
