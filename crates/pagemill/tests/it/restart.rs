//! Killed in mid-work and started again: the same library.

use std::{
    io::Write,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    made_pdf::pdf,
    support::{TestLibrary, sample},
};

#[test]
fn a_killed_add_goes_on_where_it_was() {
    let files: Vec<String> =
        ["two_columns.pdf", "procedure.pdf", "loan_file.pdf"].iter().map(|n| sample(n).display().to_string()).collect();
    let mut words = vec!["add"];
    words.extend(files.iter().map(String::as_str));
    words.extend(["--wait", "--json"]);
    let undisturbed = TestLibrary::new();
    assert_eq!(undisturbed.run(&words).code, 0);
    let expected = undisturbed.run(&["dump"]).stdout;
    assert!(expected.lines().count() > 50);

    let library = TestLibrary::new();
    for kill in 1..=4_u32 {
        let mut process = library.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(kill) * 60));
        process.kill().unwrap();
        process.wait().unwrap();
    }
    assert_eq!(library.run(&words).code, 0);
    assert_eq!(library.run(&["dump"]).stdout, expected);
    assert_eq!(library.run(&["doctor"]).code, 0);
}

#[tokio::test]
async fn a_server_finishes_what_a_killed_one_began() {
    let library = TestLibrary::new();
    // Queued, and never worked on.
    let added = library.json(&["add", sample("two_columns.pdf").to_str().unwrap()]);
    assert_eq!(added["documents"][0]["status"], "queued");
    let mut server = library.serve();
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    let server = library.serve();
    let task = added["documents"][0]["task"].as_str().unwrap();
    let done = server.until(&format!("/api/v1/tasks/{task}"), |task| task["status"] == "completed").await;
    assert_eq!(done["progress"], 1.0);
}

#[tokio::test]
async fn a_server_stops_in_time_with_work_and_an_upload_in_hand() {
    let library = TestLibrary::new();
    let mut server = library.serve();
    let client = reqwest::Client::new();
    let mut tasks = Vec::new();
    for number in 1..=6 {
        let upload = client.post(server.at(&format!("/api/v1/documents?name={number}.pdf")));
        let upload = upload.body(pdf(1_500, &format!("{number}th"))).send().await.unwrap();
        let added: Value = upload.json().await.unwrap();
        tasks.push(added["documents"][0]["task"].as_str().unwrap().to_owned());
    }
    let embeds = |task: &Value| task["stage"] == "embed" && task["units_done"].as_u64() > Some(0);
    server.until(&format!("/api/v1/tasks/{}", tasks[0]), embeds).await;
    // An upload whose end never comes.
    let mut stream = std::net::TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    stream
        .write_all(
            b"POST /api/v1/documents?name=half.pdf HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\n%PDF",
        )
        .unwrap();
    let begun = Instant::now();
    let pid = rustix::process::Pid::from_raw(server.process.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = tokio::task::spawn_blocking(move || server.process.wait().map(|status| (status, server)));
    let (status, _server) = status.await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // The jobs were given back, with no attempt burned, and the units that were done stand.
    for task in &tasks {
        let task = &library.json(&["tasks", task])["tasks"][0];
        for attempt in task["attempts"].as_array().unwrap() {
            assert!(["done", "released"].contains(&attempt["outcome"].as_str().unwrap()), "{attempt}");
        }
    }
    let first = &library.json(&["tasks", &tasks[0]])["tasks"][0];
    assert!(first["units_done"].as_u64() > Some(0) || first["status"] == "completed", "{first}");
}
