//! Files that mean harm: each ends as promised, in its time and its memory, and whoever asked lives on.

mod files;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::TestLibrary;

const PAGE_SECONDS: u64 = 2;
const DOCUMENT_SECONDS: u64 = 30;
const MEMORY_MIB: u64 = 512;

/// A library whose files may ask for little, so that the bounds are reached soon.
fn strict_library() -> TestLibrary {
    let library = TestLibrary::new();
    std::fs::create_dir_all(library.path()).unwrap();
    let limits = format!(
        "cores = 2\n[limits]\npage_seconds = {PAGE_SECONDS}\ndocument_seconds = {DOCUMENT_SECONDS}\nchild_memory_bytes = {}\n",
        MEMORY_MIB << 20
    );
    std::fs::write(library.path().join("pagemill.toml"), limits).unwrap();
    library
}

#[test]
fn every_hostile_file_ends_as_promised() {
    let library = strict_library();
    let folder = tempfile::tempdir().unwrap();
    let files = files::all();
    for file in &files {
        std::fs::write(folder.path().join(format!("{}.pdf", file.name)), &file.bytes).unwrap();
    }
    let ran = library.run(&["bench", "read", folder.path().to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    let mut broken = Vec::new();
    for file in &files {
        let path = folder.path().join(format!("{}.pdf", file.name)).display().to_string();
        let documents = report["documents"].as_array().unwrap();
        let found = documents.iter().find(|document| document["file"] == path.as_str()).expect(file.name);
        let reasons: Vec<&str> = found["reasons"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let ended = if reasons.is_empty() { vec!["ok"] } else { reasons };
        if !ended.iter().all(|reason| file.promised.contains(reason)) {
            broken.push(format!("{}: {ended:?}, promised {:?}; {}", file.name, file.promised, found["message"]));
        }
        if found["seconds"].as_f64().unwrap() > (DOCUMENT_SECONDS + 5) as f64 {
            broken.push(format!("{}: took {} s", file.name, found["seconds"]));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let peak = report["peak_child_memory_mib"].as_f64().unwrap();
    assert!(peak <= MEMORY_MIB as f64, "a reading process had {peak} MiB");
}

#[tokio::test]
async fn a_server_outlives_them() {
    let library = strict_library();
    let server = library.serve();
    let chosen = ["bomb behind hexadecimal digits", "forms that draw two of the next", "page tree 100,000 deep"];
    let client = reqwest::Client::new();
    for file in files::all().into_iter().filter(|file| chosen.contains(&file.name)) {
        let request = client.post(server.at("/api/v1/documents")).query(&[("name", file.name)]);
        let answered = request.header("content-type", "application/pdf").body(file.bytes).send().await.unwrap();
        assert_eq!(answered.status().as_u16(), 202, "{}", file.name);
        let added: Value = answered.json().await.unwrap();
        let task = added["documents"][0]["task"].as_str().unwrap().to_owned();
        let ended = |task: &Value| task["status"] != "queued" && task["status"] != "processing";
        let task = server.until(&format!("/api/v1/tasks/{task}"), ended).await;
        assert_ne!(task["status"], "waiting", "{task}");
    }
    assert_eq!(reqwest::get(server.at("/livez")).await.unwrap().status().as_u16(), 200);
}

#[test]
fn pictures_without_end_are_drawn_or_refused() {
    let library = strict_library();
    let drawn = ["picture", "page of 100,000", "page without end", "page of no size", "forms that draw two"];
    for file in files::all().iter().filter(|file| drawn.iter().any(|name| file.name.contains(name))) {
        let path = library.file("hostile.pdf", &file.bytes);
        let page = library.folder.path().join("page.html");
        let started = Instant::now();
        let ran = library.run(&["compare", path.to_str().unwrap(), "-o", page.to_str().unwrap()]);
        assert!([0, 3, 4].contains(&ran.code), "{}: {} {}", file.name, ran.code, ran.stderr);
        assert!(started.elapsed() < Duration::from_secs(DOCUMENT_SECONDS + 5), "{}", file.name);
    }
}
