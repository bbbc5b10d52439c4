//! Killed again and again in the middle of a long document: at most one unit is done twice for each kill.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use crate::{
    made_pdf::{pdf, word_of},
    support::{PATIENCE, TestLibrary},
};

const PAGES: u32 = 500;
/// Pages of a unit.
const UNIT: usize = 16;
/// Kills happen when so many more pages have been read.
const KILL_AFTER: [usize; 6] = [1, 90, 37, 160, 16, 121];

/// Pages that a run has read, by its log.
fn pages_read(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().lines().filter(|line| line.contains("page read")).count()
}

#[test]
fn a_kill_costs_at_most_one_unit() {
    let library = TestLibrary::new();
    let file = library.file("long.pdf", &pdf(PAGES, "long"));
    let words = ["add", file.to_str().unwrap(), "--wait", "--json"];
    let mut read = 0;
    let mut kills = 0;
    for (run, after) in KILL_AFTER.into_iter().enumerate() {
        let log = library.folder.path().join(format!("log {run}"));
        let mut process = library
            .command(&words)
            .env("PAGEMILL_LOG", "pagemill=trace")
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let end = Instant::now() + PATIENCE;
        while pages_read(&log) < after && process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "no page is read");
            std::thread::sleep(Duration::from_millis(2));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        read += pages_read(&log);
        kills += 1;
    }
    let log = library.folder.path().join("last log");
    let mut last = library.command(&words);
    last.env("PAGEMILL_LOG", "pagemill=trace").stderr(File::create(&log).unwrap());
    assert!(last.stdin(Stdio::null()).output().unwrap().status.success());
    read += pages_read(&log);
    assert!(read >= PAGES as usize && read <= PAGES as usize + kills * UNIT, "{read} pages were read, {kills} kills");

    // The ledger counts each unit once, and nothing of it was taken over from elsewhere.
    let task = library.json(&["tasks"])["tasks"][0].clone();
    let parse = &task["ledger"][0];
    assert_eq!((parse["stage"].as_str(), parse["done"].as_u64()), (Some("parse"), Some(u64::from(PAGES))), "{task}");
    assert_eq!((parse["units_done"].as_u64(), parse["reused"].as_u64()), (Some(32), Some(0)), "{task}");

    let undisturbed = TestLibrary::new();
    let copy = undisturbed.file("long.pdf", &pdf(PAGES, "long"));
    assert_eq!(undisturbed.run(&["add", copy.to_str().unwrap(), "--wait"]).code, 0);
    assert_eq!(library.run(&["dump"]).stdout, undisturbed.run(&["dump"]).stdout);
}

fn blobs(library: &TestLibrary) -> Vec<PathBuf> {
    let shelves = std::fs::read_dir(library.path().join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let shelves = shelves.filter(|shelf| shelf.file_name().unwrap().len() == 2);
    shelves.flat_map(|shelf| std::fs::read_dir(shelf).unwrap().map(|entry| entry.unwrap().path())).collect()
}

#[test]
fn a_deletion_that_is_killed_is_whole_or_has_not_begun() {
    let library = TestLibrary::new();
    let empty = library.run(&["dump"]).stdout;
    let file = library.file("gone.pdf", &pdf(12, "gone"));
    for kill in 0..8_u64 {
        let added = library.json(&["add", file.to_str().unwrap(), "--wait"]);
        let id = added["documents"][0]["id"].as_str().unwrap().to_owned();
        // In the middle of being processed anew, at that.
        library.json(&["process", &id]);
        let mut process = library.command(&["rm", &id]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(kill * 12));
        process.kill().unwrap();
        process.wait().unwrap();
        let found = || library.json(&["search", &word_of(7), "--mode", "lexical"])["results"].as_array().unwrap().len();
        if library.run(&["show", &id]).code == 0 {
            assert_eq!((found(), blobs(&library).len()), (1, 1), "kill {kill}");
            assert_eq!(library.run(&["rm", &id]).code, 0);
        } else {
            assert_eq!(found(), 0, "kill {kill}");
            // The file may have been left marked; the next sweep takes it.
            library.json(&["schedules", "run", "files"]);
        }
        assert_eq!((library.run(&["dump"]).stdout, blobs(&library)), (empty.clone(), Vec::new()), "kill {kill}");
        assert_eq!(library.run(&["doctor"]).code, 0);
    }
}
