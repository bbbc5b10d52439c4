//! Killed in mid-work and started again: the same library.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, TestLibrary, sample};

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

#[test]
fn a_server_stops_when_it_is_told() {
    let library = TestLibrary::new();
    let mut server = library.serve();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(server.process.id() as i32).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    let end = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = server.process.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "it does not stop");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
}
