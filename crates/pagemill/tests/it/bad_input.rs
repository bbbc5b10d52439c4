//! What bad input gets: one line, a stable code, and everything else goes on.

use std::net::TcpListener;

use crate::support::{TestLibrary, sample};

fn article_bytes() -> Vec<u8> {
    std::fs::read(sample("two_columns.pdf")).unwrap()
}

#[test]
fn each_bad_file_has_its_code_and_the_good_one_is_read() {
    let library = TestLibrary::new();
    let empty = library.file("empty.pdf", b"");
    let text = library.file("text.pdf", b"Dear reader, this is no PDF.");
    let rubble = library.file("rubble.pdf", b"%PDF-1.7\nand then nothing that makes sense");
    let good = sample("two_columns.pdf");
    let ran = library.run(&[
        "add",
        empty.to_str().unwrap(),
        text.to_str().unwrap(),
        rubble.to_str().unwrap(),
        good.to_str().unwrap(),
        "--wait",
        "--json",
    ]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let outcome: Vec<(String, String)> = ran.json()["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["status"].as_str().unwrap().into(), d["error"]["code"].as_str().unwrap_or("").into()))
        .collect();
    let expected = [("failed", "empty_file"), ("failed", "not_pdf"), ("failed", "damaged"), ("completed", "")];
    let expected: Vec<(String, String)> = expected.iter().map(|(s, c)| ((*s).into(), (*c).into())).collect();
    assert_eq!(outcome, expected);
}

#[test]
fn read_tells_faults_of_the_file_apart() {
    let library = TestLibrary::new();
    let empty = library.file("empty.pdf", b"");
    library.run(&["read", empty.to_str().unwrap()]).assert_failed_with("empty_file");
    let text = library.file("text.pdf", b"hello");
    library.run(&["read", text.to_str().unwrap()]).assert_failed_with("not_pdf");
    library.run(&["read", "no-such-file.pdf"]).assert_failed_with("not_found");
    let cut = library.file("cut.pdf", &article_bytes()[..400]);
    library.run(&["read", cut.to_str().unwrap()]).assert_failed_with("damaged");
}

#[test]
fn a_page_whose_content_is_lost_is_not_called_blank() {
    let library = TestLibrary::new();
    let whole = std::fs::read(sample("procedure.pdf")).unwrap();
    // The pages are named near the beginning, their content stands near the end.
    let cut = library.file("cut.pdf", &whole[..20_000]);
    let ran = library.run(&["read", cut.to_str().unwrap(), "--format", "json"]);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    for page in ran.json()["pages"].as_array().unwrap() {
        assert_eq!((&page["source"], &page["reason"]), (&"failed".into(), &"damaged".into()));
    }
}

#[test]
fn a_locked_file_is_named_as_such_and_opens_with_its_password() {
    let library = TestLibrary::new();
    let locked = sample("encrypted.pdf").display().to_string();
    let ran = library.run(&["read", &locked, "--format", "json"]);
    ran.assert_failed_with("encrypted");
    assert_eq!(ran.json()["document"]["encrypted"], true);
    library.run(&["read", &locked, "--password", "wrong"]).assert_failed_with("encrypted");
    let opened = library.run(&["read", &locked, "--password", "open sesame"]);
    assert_eq!(opened.code, 0, "{}", opened.stderr);
    assert!(opened.stdout.len() > 100);
    // A library takes no passwords, and asks for none.
    let added = library.json(&["add", &locked, "--wait"]);
    let error = &added["documents"][0]["error"];
    assert_eq!(error["code"], "encrypted", "{added}");
    assert!(error["message"].as_str().unwrap().contains("a copy without one"), "{added}");
}

#[test]
fn questions_are_bounded() {
    let library = TestLibrary::new();
    library.run(&["search", " "]).assert_failed_with("invalid_query");
    library.run(&["ask", &"why ".repeat(25_000)]).assert_failed_with("invalid_query");
    for odd in ["\"", "a AND (", "title:", "*", "\u{0}x".trim_start_matches('\u{0}'), "🙂 +-!"] {
        assert_eq!(library.run(&["search", odd]).code, 0, "{odd}");
    }
}

#[test]
fn a_library_has_one_process_at_a_time() {
    let library = TestLibrary::new();
    let _server = library.serve();
    let refused = library.run(&["search", "bridge"]);
    refused.assert_failed_with("library_in_use");
    assert!(refused.stderr.contains("HTTP API"), "{}", refused.stderr);
    // What is wrong with the flags is told before anything is opened.
    assert_eq!(library.run(&["serve", "--bind", "127.0.0.1:0", "--queues", "bogus"]).code, 2);
}

#[test]
fn what_a_command_does_not_know_is_a_usage_error() {
    let library = TestLibrary::new();
    for words in [
        ["tasks", "--status", "bogus"].as_slice(),
        &["tasks", "--since", "yesterday"],
        &["tasks", "--stats", "--since", "2030-01-01T00:00:00Z"],
        &["tasks", "task_0", "--status", "failed"],
        &["cancel", "x.pdf", "--status", "queued"],
        &["pause"],
        &["queues", "pause", "bogus"],
        &["queues", "scale", "images", "many"],
        &["worker", "--queues", "default,bogus"],
        &["dead-letters", "--code", "encrypted", "replay", "--all"],
        &["dead-letters", "replay", "--all", "--code", "encrypted"],
    ] {
        let ran = library.run(words);
        assert_eq!(ran.code, 2, "{words:?}: {} {}", ran.stdout, ran.stderr);
    }
    assert!(library.run(&["pause"]).stderr.contains("--status"));
    assert!(library.run(&["tasks", "--status", "bogus"]).stderr.contains("queued"));
    assert!(!library.path().exists(), "nothing was opened");
}

#[test]
fn a_port_in_use_and_an_open_address_are_refused() {
    let library = TestLibrary::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    library.run(&["serve", "--bind", &address]).assert_failed_with("address_in_use");
    library.run(&["serve", "--bind", "0.0.0.0:0"]).assert_failed_with("invalid_config");
}

#[test]
fn a_library_that_cannot_be_there_is_refused() {
    let library = TestLibrary::new();
    std::fs::write(library.path(), "a file").unwrap();
    library.run(&["ls"]).assert_failed_with("invalid_config");
}

#[test]
fn a_wrong_setting_is_named() {
    let library = TestLibrary::new();
    std::fs::create_dir_all(library.path()).unwrap();
    std::fs::write(library.path().join("pagemill.toml"), "chunk = { tokens = \"many\" }").unwrap();
    library.run(&["ls"]).assert_failed_with("invalid_config");
    library.run(&["--database", "mysql://x/y", "ls"]).assert_failed_with("invalid_config");
}

#[test]
fn a_model_that_is_none_is_refused() {
    let library = TestLibrary::new();
    let model = library.file("model.pmm", b"not a model");
    library.run(&["--model", model.to_str().unwrap(), "ls"]).assert_failed_with("model_invalid");
}
