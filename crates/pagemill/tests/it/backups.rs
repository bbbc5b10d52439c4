//! Backups: made under load, restored elsewhere, the same library.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::{
    made_pdf::{pdf, word_of},
    support::{TestLibrary, sample},
};

fn restored(backup: &std::path::Path) -> (TestLibrary, Value) {
    let library = TestLibrary::new();
    let restored = library.json(&["restore", backup.to_str().unwrap()]);
    (library, restored)
}

#[test]
fn a_restored_library_is_the_same_and_can_be_searched() {
    let library = TestLibrary::with("two_columns.pdf");
    let backup = library.folder.path().join("backup");
    let made = library.json(&["backup", backup.to_str().unwrap()]);
    assert_eq!((&made["documents"], &made["files"]), (&json!(1), &json!(1)), "{made}");
    let (copy, restored) = restored(&backup);
    assert_eq!((&restored["identical"], &restored["differences"]), (&json!(true), &json!([])), "{restored}");
    assert_eq!(copy.run(&["dump"]).stdout, library.run(&["dump"]).stdout);
    for mode in ["lexical", "hybrid"] {
        let [ours, theirs] = [&library, &copy].map(|library| {
            library.json(&["search", "shunt infection", "--mode", mode])["results"].as_array().unwrap().clone()
        });
        assert!(!ours.is_empty() && ours == theirs, "{ours:?} {theirs:?}");
    }
    assert_eq!(copy.run(&["doctor"]).code, 0);

    library.run(&["backup", backup.to_str().unwrap()]).assert_failed_with("conflict");
    copy.run(&["restore", backup.to_str().unwrap()]).assert_failed_with("conflict");
    TestLibrary::new().run(&["backup", copy.folder.path().join("b").to_str().unwrap()]).assert_failed_with("not_found");
    let rows = backup.join("rows.jsonl");
    let text = std::fs::read_to_string(&rows).unwrap().replacen("two_columns", "two_colunms", 1);
    std::fs::write(&rows, text).unwrap();
    TestLibrary::new().run(&["restore", backup.to_str().unwrap()]).assert_failed_with("invalid_request");
}

#[test]
fn a_backup_is_made_while_documents_come_in() {
    let library = TestLibrary::with("procedure.pdf");
    let files: Vec<String> = (0..12)
        .map(|number| {
            let file = library.file(&format!("{number}.pdf"), &pdf(6 + number, &format!("number {number}")));
            file.display().to_string()
        })
        .collect();
    let mut words = vec!["add", "--wait"];
    words.extend(files.iter().map(String::as_str));
    let mut adding = library.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut backups = 0;
    while adding.try_wait().unwrap().is_none() || backups == 0 {
        let backup = library.folder.path().join(format!("backup {backups}"));
        let made = library.run(&["backup", backup.to_str().unwrap(), "--json"]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let (copy, restored) = restored(&backup);
        assert_eq!((&restored["identical"], &restored["differences"]), (&json!(true), &json!([])), "{restored}");
        let documents = copy.json(&["ls"])["documents"].as_array().unwrap().len() as u64;
        assert_eq!(Some(documents), made.json()["documents"].as_u64());
        // What was in work goes on in the copy.
        if backups == 0 {
            let again = copy.json(&["add", sample("procedure.pdf").to_str().unwrap(), &files[0], "--wait"]);
            assert!(again["documents"].as_array().unwrap().iter().all(|d| d["status"] == "completed"), "{again}");
            let found = copy.json(&["search", &word_of(3), "--mode", "lexical"]);
            assert!(!found["results"].as_array().unwrap().is_empty());
        }
        backups += 1;
    }
    assert!(adding.wait().unwrap().success());
}

#[test]
fn no_secret_is_in_a_backup() {
    let library = TestLibrary::with("two_columns.pdf");
    std::fs::write(library.path().join("pagemill.toml"), "# hunter2-canary\n").unwrap();
    let backup = library.folder.path().join("backup");
    assert_eq!(library.run(&["backup", backup.to_str().unwrap()]).code, 0);
    let mut left = vec![backup];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(14).any(|window| window == b"hunter2-canary"), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_server_is_backed_up_while_it_serves() {
    let library = TestLibrary::with("two_columns.pdf");
    let expected = library.run(&["dump"]).stdout;
    let server = library.serve();
    let backup = library.path().join("backups/monday");
    let client = reqwest::Client::new();
    let address = server.at("/api/v1/backup");
    let made = client.post(&address).json(&json!({ "name": "monday" })).send().await.unwrap();
    assert_eq!(made.status(), 200);
    let unnamed: Value = client.post(&address).send().await.unwrap().json().await.unwrap();
    assert_eq!(unnamed["documents"], 1, "{unnamed}");
    let (copy, restored) = restored(&backup);
    assert_eq!(restored["identical"], true, "{restored}");
    assert_eq!(copy.run(&["dump"]).stdout, expected);
    // The command works beside the server as well.
    let beside = library.folder.path().join("beside");
    assert_eq!(library.run(&["backup", beside.to_str().unwrap()]).code, 0);
    for name in ["../x", "", "/etc/x", "a b"] {
        let refused = client.post(&address).json(&json!({ "name": name })).send().await.unwrap();
        assert_eq!(refused.status(), 400, "{name}");
    }
}
