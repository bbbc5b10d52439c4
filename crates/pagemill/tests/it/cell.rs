//! What a reading process could do if a file took it over: nothing. Real children on the real kernel.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Server, TestLibrary};

const GIB: &str = "1073741824";
/// Every mechanism there is.
const ALL: [&str; 9] = [
    "memory_limit",
    "cpu_limit",
    "file_limits",
    "no_new_privileges",
    "no_capabilities",
    "not_dumpable",
    "dies_with_parent",
    "landlock",
    "seccomp",
];

/// A child that tried to get out, held by every mechanism but these.
fn probed(without: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagemill"));
    let output = command.args(["cell-probe", GIB]).args(without).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ended<'v>(probed: &'v Value, how: &str) -> Vec<&'v str> {
    let attempts = probed["attempts"].as_array().unwrap().iter();
    attempts.filter(|attempt| attempt[1] == how).map(|attempt| attempt[0].as_str().unwrap()).collect()
}

/// `full`, `partial` or `none`.
fn hold<'v>(probed: &'v Value, mechanism: &str) -> &'v str {
    let mechanisms = probed["confinement"]["mechanisms"].as_array().unwrap();
    mechanisms.iter().find(|pair| pair[0] == mechanism).map_or("none", |pair| pair[1].as_str().unwrap())
}

#[test]
fn a_reader_can_do_nothing_else() {
    let held = probed(&[]);
    if hold(&held, "seccomp") == "none" {
        // A kernel without system call filters holds a child by less, and the product says so.
        assert_ne!(held["confinement"]["level"], "full");
        return;
    }
    assert_eq!(ended(&held, "escaped"), Vec::<&str>::new());
    assert!(ended(&held, "denied").len() >= 25, "{held}");
}

#[test]
fn the_attempts_are_such_that_a_free_process_succeeds() {
    let free = probed(&ALL);
    let escaped = ended(&free, "escaped");
    // An ordinary user may not do all of it anyway.
    assert!(escaped.len() >= 20, "{escaped:?}");
}

#[test]
fn without_the_filter_landlock_keeps_files_and_signals_away() {
    let held = probed(&["seccomp"]);
    if hold(&held, "landlock") == "none" {
        return; // `the_level_in_force_is_told` sees to it that this is told
    }
    let denied = ended(&held, "denied");
    for attempt in ["read a file", "write a file", "list a folder", "look at its own memory", "delete a file"] {
        assert!(denied.contains(&attempt), "{attempt}: {held}");
    }
    if hold(&held, "landlock") == "full" {
        assert!(denied.contains(&"signal its parent"), "{held}");
    }
}

#[test]
fn limits_hold_on_every_kernel() {
    let held = probed(&["seccomp", "landlock"]);
    for mechanism in &ALL[..7] {
        assert_eq!(hold(&held, mechanism), "full", "{mechanism}");
    }
    let denied = ended(&held, "denied");
    for attempt in ["map more memory than it may", "raise its limit of memory", "open a raw socket", "mount"] {
        assert!(denied.contains(&attempt), "{attempt}: {held}");
    }
}

#[tokio::test]
async fn the_level_in_force_is_told() {
    let held = probed(&[]);
    let library = TestLibrary::new();
    let server = library.serve();
    let health: Value = reqwest::get(server.at("/health")).await.unwrap().json().await.unwrap();
    for mechanism in ALL {
        assert_eq!(health["cell"]["mechanisms"][mechanism], hold(&held, mechanism), "{health}");
    }
    assert_eq!(health["cell"]["level"], health["library"]["cell"]);
    drop(server);

    let doctor = library.json(&["doctor"]);
    let check = doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "cell").unwrap();
    assert_eq!(check["ok"], true, "{check}");
    let level = health["cell"]["level"].as_str().unwrap();
    assert!(check["detail"].as_str().unwrap().starts_with(&format!("{level}: memory_limit")), "{check}");
}

/// Runs a program as tools are run, with these folders to read.
fn tool(read: &[&str], words: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagemill"));
    command.args(["cell-tool", "--memory", GIB, "--cpu-seconds", "10"]);
    for path in ["/bin", "/usr/bin", "/lib", "/lib64", "/usr/lib", "/etc/ld.so.cache"].iter().chain(read) {
        command.args(["--read", path]);
    }
    let output = command.arg("--").args(words).env_clear().stdin(Stdio::null()).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_tool_reads_what_it_is_given_and_writes_nothing() {
    let held = probed(&[]);
    let given = tempfile::tempdir().unwrap();
    std::fs::write(given.path().join("data"), "given").unwrap();
    let folder = given.path().to_str().unwrap();
    let data = format!("{folder}/data");
    assert_eq!(tool(&[folder], &["/bin/cat", &data]), (true, "given".to_owned()));
    if hold(&held, "landlock") != "none" {
        assert_eq!(tool(&[], &["/bin/cat", &data]), (false, String::new()));
        assert!(!tool(&[folder], &["/bin/sh", "-c", &format!("echo > {folder}/new")]).0);
        assert!(!given.path().join("new").exists());
        let program = format!("{folder}/program");
        std::fs::copy("/bin/true", &program).unwrap();
        assert!(!tool(&[], &[&program]).0);
    }
    if hold(&held, "seccomp") != "none" {
        // A process of its own it may not start; without one the shell does not reach the end.
        assert_eq!(tool(&[], &["/bin/sh", "-c", "/bin/true; echo reached"]), (false, String::new()));
    }
}

/// The processes a server has started and not yet seen off.
fn children(server: &Server) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.process.id())).unwrap();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn a_reading_process_is_replaced_after_so_many_files() {
    const FILES: usize = 3;
    let library = TestLibrary::with("two_columns.pdf");
    std::fs::write(library.path().join("pagemill.toml"), format!("limits = {{ files_per_child = {FILES} }}")).unwrap();
    let server = library.serve();
    let listed = server.until("/api/v1/documents", |listed| listed["items"][0]["id"].is_string()).await;
    let image = format!("/api/v1/documents/{}/pages/1/image?dpi=30", listed["items"][0]["id"].as_str().unwrap());
    let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
    for _ in 0..3 * FILES {
        assert!(reqwest::get(server.at(&image)).await.unwrap().status().is_success());
        for pid in children(&server) {
            *seen.entry(pid).or_default() += 1;
        }
    }
    // A warm one serves several files, and none serves all.
    assert!(seen.len() >= 2 && seen.values().any(|draws| *draws > 1), "{seen:?}");
    assert!(seen.values().all(|draws| *draws <= FILES), "{seen:?}");
}
