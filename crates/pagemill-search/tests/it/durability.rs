//! What survives a crash, and what is thrown away.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pagemill_search::SearchIndex;

use crate::world::{by_meaning, by_words, everything, open, remove, upsert, vectors};

fn fill(index: &SearchIndex) {
    index
        .apply(&[
            upsert("p", "one", 1, &[("a", "common apple"), ("b", "common banana")]),
            vectors("p", "one", 1, &["a", "b"], true),
        ])
        .unwrap();
    index.commit(7).unwrap();
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()));
    let index = open(dir.path());
    assert_eq!((index.lexical_built_to(), index.vectors_built_to()), (7, 7));
    assert_eq!(by_words(&index, "common", &everything("p")), ["a", "b"]);
    assert_eq!(by_meaning(&index, &everything("p")), ["a", "b"]);
    let stats = index.stats();
    assert_eq!((stats.chunks, stats.vectors, stats.deleted), (2, 2, 0));
    assert!(stats.bytes > 0);
}

#[test]
fn what_was_not_committed_is_gone_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    fill(&index);
    index
        .apply(&[remove("one"), upsert("p", "two", 1, &[("c", "common cherry")]), vectors("p", "two", 1, &["c"], true)])
        .unwrap();
    assert_eq!(by_words(&index, "common", &everything("p")), ["a", "b"], "nothing shows before the commit");
    drop(index);
    let index = open(dir.path());
    assert_eq!((index.lexical_built_to(), index.vectors_built_to()), (7, 7));
    assert_eq!(by_words(&index, "common", &everything("p")), ["a", "b"]);
    assert_eq!(by_meaning(&index, &everything("p")), ["a", "b"]);
}

#[test]
fn a_commit_that_was_cut_off_does_not_stop_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    // So many that the segment is not merged away for the one that goes.
    let others: Vec<(&str, &str)> = ["b", "c", "d", "e", "f", "g"].map(|id| (id, "common banana")).to_vec();
    index.apply(&[upsert("p", "one", 1, &[("a", "common apple")]), upsert("p", "two", 1, &others)]).unwrap();
    index.commit(7).unwrap();
    drop(index);
    // A kill between the list of deleted chunks and the state that names it leaves the list. Its name holds a
    // number that the next commit takes, too: leave one for every number that may be next.
    let text = dir.path().join("text");
    let names: Vec<String> =
        fs::read_dir(&text).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let segment = names.iter().find_map(|name| name.strip_suffix(".store")).unwrap();
    let managed = text.join(".managed.json");
    let mut known: Vec<String> = serde_json::from_slice(&fs::read(&managed).unwrap()).unwrap();
    for number in 0..64 {
        let name = format!("{segment}.{number}.del");
        fs::write(text.join(&name), b"cut off").unwrap();
        known.push(name);
    }
    fs::write(&managed, serde_json::to_vec(&known).unwrap()).unwrap();

    let index = open(dir.path());
    assert_eq!(index.lexical_built_to(), 7);
    index.apply(&[remove("one")]).unwrap();
    index.commit(8).unwrap();
    assert_eq!(by_words(&index, "common", &everything("p")).len(), others.len());
}

#[test]
fn a_commit_without_text_moves_the_number_of_the_text_too() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    fill(&index);
    index.apply(&[vectors("p", "one", 1, &["a"], false)]).unwrap();
    index.commit(9).unwrap();
    index.commit(12).unwrap();
    drop(index);
    let index = open(dir.path());
    assert_eq!((index.lexical_built_to(), index.vectors_built_to()), (12, 12));
    assert_eq!(by_meaning(&index, &everything("p")), ["a", "b"]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.metadata().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_crash_between_the_two_commits_is_healed_by_replaying() {
    let dir = tempfile::tempdir().unwrap();
    let saved = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    fill(&index);
    copy(&dir.path().join("vectors"), saved.path());
    let later = [upsert("p", "one", 2, &[("c", "common cherry")]), vectors("p", "one", 2, &["c"], true)];
    index.apply(&later).unwrap();
    index.commit(9).unwrap();
    drop(index);
    fs::remove_dir_all(dir.path().join("vectors")).unwrap();
    copy(saved.path(), &dir.path().join("vectors"));

    let index = open(dir.path());
    assert_eq!((index.lexical_built_to(), index.vectors_built_to()), (9, 7));
    index.apply(&later).unwrap();
    index.commit(9).unwrap();
    assert_eq!(by_words(&index, "common", &everything("p")), ["c"]);
    assert_eq!(by_meaning(&index, &everything("p")), ["c"]);
}

#[test]
fn bytes_beyond_the_committed_ones_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()));
    for name in ["codes.bin", "halves.bin", "rows.bin", "ids.bin"] {
        let path = dir.path().join("vectors/g1").join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend([0xee; 999]);
        fs::write(&path, bytes).unwrap();
    }
    let index = open(dir.path());
    index.apply(&[vectors("p", "two", 1, &["c"], true)]).unwrap();
    index.commit(8).unwrap();
    drop(index);
    assert_eq!(by_meaning(&open(dir.path()), &everything("p")), ["a", "b", "c"]);
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn a_file_cut_short_or_full_of_rubbish_is_never_a_panic() {
    let whole = tempfile::tempdir().unwrap();
    fill(&open(whole.path()));
    for path in files(whole.path()) {
        let relative = path.strip_prefix(whole.path()).unwrap().to_owned();
        for damage in [Vec::new(), vec![b'x'; 40]] {
            let dir = tempfile::tempdir().unwrap();
            copy(whole.path(), dir.path());
            fs::write(dir.path().join(&relative), damage).unwrap();
            let index = open(dir.path());
            for built_to in [index.lexical_built_to(), index.vectors_built_to()] {
                assert!(built_to == 0 || built_to == 7, "{}: {built_to}", relative.display());
            }
            // Whatever is left, a rebuild brings everything back.
            if index.lexical_built_to().min(index.vectors_built_to()) == 0 {
                fill(&index);
                assert_eq!(by_words(&index, "common", &everything("p")), ["a", "b"], "{}", relative.display());
                assert_eq!(by_meaning(&index, &everything("p")), ["a", "b"], "{}", relative.display());
            }
        }
    }
}

#[test]
fn another_model_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()));
    let index = SearchIndex::open(dir.path(), 16, "other-model").unwrap();
    assert_eq!((index.lexical_built_to(), index.vectors_built_to()), (0, 0));
    assert!(by_words(&index, "common", &everything("p")).is_empty());
    drop(index);
    let index = SearchIndex::open(dir.path(), 16, "other-model").unwrap();
    index.commit(3).unwrap();
    drop(index);
    assert_eq!(SearchIndex::open(dir.path(), 16, "other-model").unwrap().vectors_built_to(), 3);
}

#[test]
fn a_failed_change_is_forgotten_with_those_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    fill(&index);
    let mut bad = vectors("p", "one", 1, &["a"], true);
    if let pagemill_search::Change::Vectors { vectors, .. } = &mut bad {
        vectors[0].1.push(0.0);
    }
    assert!(index.apply(&[remove("one"), bad]).is_err());
    index.commit(8).unwrap();
    assert_eq!(by_words(&index, "common", &everything("p")), ["a", "b"]);
    assert_eq!(by_meaning(&index, &everything("p")), ["a", "b"]);
}

#[test]
fn many_deletions_are_compacted_away() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    let ids: Vec<String> = (0..3000).map(|number| format!("c{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    index.apply(&[vectors("p", "keep", 1, &["k1", "k2"], true)]).unwrap();
    for round in 1..4 {
        index.apply(&[vectors("p", "many", round, &ids, true)]).unwrap();
        index.commit(i64::from(round)).unwrap();
    }
    let stats = index.stats();
    assert_eq!(stats.vectors, 3002);
    assert!(stats.deleted < 4096, "{stats:?}");
    drop(index);
    let index = open(dir.path());
    assert_eq!(index.vectors_built_to(), 3);
    assert_eq!(index.stats().vectors, 3002);
    let hits = index.semantic(&crate::world::vector("c77"), 3, &everything("p")).unwrap();
    assert_eq!(hits[0].chunk, crate::world::chunk("c77"));
    assert!((hits[0].score - 1.0).abs() < 0.01);
}
