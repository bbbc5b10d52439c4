//! The indexes against a model of maps: any changes, commits, crashes and replays.

use std::collections::{BTreeMap, BTreeSet};

use pagemill_search::{Change, SearchIndex};
use proptest::prelude::*;

use crate::world::{by_meaning, by_words, chunk, everything, open, remove, upsert, vectors, within};

const PROJECTS: [&str; 2] = ["red", "blue"];
const DOCUMENTS: [&str; 4] = ["d0", "d1", "d2", "d3"];

#[derive(Clone, Debug)]
enum Step {
    /// New text for a document, of the same version or the next, with some of its six chunks.
    Upsert {
        document: usize,
        next_version: bool,
        chunks: u8,
    },
    /// Vectors for some of the document's chunks.
    Vectors {
        document: usize,
        chunks: u8,
        last: bool,
    },
    Remove {
        document: usize,
    },
    Commit,
    /// The process dies: everything since the last commit is replayed, and this many changes before it too.
    Crash {
        extra: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let document = 0..DOCUMENTS.len();
    let step = prop_oneof![
        4 => (document.clone(), any::<bool>(), any::<u8>())
            .prop_map(|(document, next_version, chunks)| Step::Upsert { document, next_version, chunks }),
        4 => (document.clone(), any::<u8>(), any::<bool>())
            .prop_map(|(document, chunks, last)| Step::Vectors { document, chunks, last }),
        1 => document.prop_map(|document| Step::Remove { document }),
        2 => Just(Step::Commit),
        1 => (0_usize..6).prop_map(|extra| Step::Crash { extra }),
    ];
    prop::collection::vec(step, 1..30)
}

/// What the indexes should hold: chunks with their vectors' versions, by document.
#[derive(Clone, Debug, Default, PartialEq)]
struct Expected {
    texts: BTreeMap<usize, BTreeSet<String>>,
    vectors: BTreeMap<usize, BTreeMap<String, u32>>,
}

/// A change as the model understands it.
#[derive(Clone, Debug)]
enum Told {
    Upsert(usize, u32, Vec<String>),
    Vectors(usize, u32, Vec<String>, bool),
    Remove(usize),
}

impl Expected {
    fn apply(&mut self, told: &Told) {
        match told {
            Told::Upsert(document, version, chunks) => {
                self.texts.insert(*document, chunks.iter().cloned().collect());
                if let Some(vectors) = self.vectors.get_mut(document) {
                    vectors.retain(|chunk, of| of == version && chunks.contains(chunk));
                }
            }
            Told::Vectors(document, version, chunks, last) => {
                let vectors = self.vectors.entry(*document).or_default();
                vectors.extend(chunks.iter().map(|chunk| (chunk.clone(), *version)));
                if *last {
                    vectors.retain(|_, of| of == version);
                }
            }
            Told::Remove(document) => {
                self.texts.remove(document);
                self.vectors.remove(document);
            }
        }
    }
}

fn in_project(document: usize) -> &'static str {
    PROJECTS[document % 2]
}

fn change(told: &Told) -> Change {
    let strs = |chunks: &[String]| chunks.to_vec();
    match told {
        Told::Upsert(document, version, chunks) => {
            let chunks = strs(chunks);
            let texts: Vec<(&str, &str)> = chunks.iter().map(|chunk| (chunk.as_str(), "common text")).collect();
            upsert(in_project(*document), DOCUMENTS[*document], *version, &texts)
        }
        Told::Vectors(document, version, chunks, last) => {
            let chunks = strs(chunks);
            let ids: Vec<&str> = chunks.iter().map(String::as_str).collect();
            vectors(in_project(*document), DOCUMENTS[*document], *version, &ids, *last)
        }
        Told::Remove(document) => remove(DOCUMENTS[*document]),
    }
}

fn chunk_names(document: usize, version: u32, bits: u8) -> Vec<String> {
    (0..6).filter(|bit| bits >> bit & 1 == 1).map(|bit| format!("d{document}v{version}c{bit}")).collect()
}

fn check(index: &SearchIndex, expected: &Expected) -> Result<(), TestCaseError> {
    for (number, project) in PROJECTS.iter().enumerate() {
        let of_project = |document: &&usize| **document % 2 == number;
        let texts: Vec<String> =
            expected.texts.iter().filter(|(d, _)| of_project(d)).flat_map(|(_, chunks)| chunks.clone()).collect();
        let with_vectors: Vec<String> = expected
            .vectors
            .iter()
            .filter(|(d, _)| of_project(d))
            .flat_map(|(_, chunks)| chunks.keys().cloned())
            .collect();
        prop_assert_eq!(by_words(index, "common", &everything(project)), texts);
        prop_assert_eq!(by_meaning(index, &everything(project)), with_vectors);
    }
    for (document, name) in DOCUMENTS.iter().enumerate() {
        let filter = within(in_project(document), &[name]);
        let texts: Vec<String> = expected.texts.get(&document).into_iter().flatten().cloned().collect();
        let with_vectors: Vec<String> =
            expected.vectors.get(&document).into_iter().flat_map(|chunks| chunks.keys().cloned()).collect();
        prop_assert_eq!(by_words(index, "common", &filter), texts);
        prop_assert_eq!(by_meaning(index, &filter), with_vectors);
        // Asking for a document through the other project finds nothing.
        let foreign = within(in_project(document + 1), &[name]);
        prop_assert!(by_words(index, "common", &foreign).is_empty());
        prop_assert!(by_meaning(index, &foreign).is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_indexes_hold_what_the_changes_say(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let mut index = open(dir.path());
        let mut log: Vec<Told> = Vec::new();
        let mut versions = [1_u32; DOCUMENTS.len()];
        let mut now = Expected::default();
        let mut committed = (0_usize, Expected::default());
        for step in steps {
            let told = match step {
                Step::Upsert { document, next_version, chunks } => {
                    versions[document] += u32::from(next_version);
                    Told::Upsert(document, versions[document], chunk_names(document, versions[document], chunks))
                }
                Step::Vectors { document, chunks, last } => {
                    let chunks = chunk_names(document, versions[document], chunks);
                    Told::Vectors(document, versions[document], chunks, last)
                }
                Step::Remove { document } => Told::Remove(document),
                Step::Commit => {
                    index.commit(log.len() as i64).unwrap();
                    committed = (log.len(), now.clone());
                    check(&index, &now)?;
                    continue;
                }
                Step::Crash { extra } => {
                    drop(index);
                    index = open(dir.path());
                    prop_assert_eq!(index.lexical_built_to(), committed.0 as i64);
                    prop_assert_eq!(index.vectors_built_to(), committed.0 as i64);
                    check(&index, &committed.1)?;
                    let replayed: Vec<Change> =
                        log[committed.0.saturating_sub(extra)..].iter().map(change).collect();
                    index.apply(&replayed).unwrap();
                    continue;
                }
            };
            now.apply(&told);
            index.apply(&[change(&told)]).unwrap();
            log.push(told);
        }
        index.commit(log.len() as i64).unwrap();
        check(&index, &now)?;
        drop(index);
        check(&open(dir.path()), &now)?;
    }
}

#[test]
fn a_document_that_moves_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    index.apply(&[upsert("red", "d0", 1, &[("a", "common")]), vectors("red", "d0", 1, &["a"], true)]).unwrap();
    index.commit(1).unwrap();
    index.apply(&[upsert("blue", "d0", 1, &[("a", "common")])]).unwrap();
    index.commit(2).unwrap();
    assert!(by_words(&index, "common", &everything("red")).is_empty());
    assert!(by_meaning(&index, &everything("red")).is_empty());
    index.apply(&[vectors("blue", "d0", 1, &["a"], true)]).unwrap();
    index.commit(3).unwrap();
    drop(index);
    let index = open(dir.path());
    assert!(by_meaning(&index, &everything("red")).is_empty());
    assert_eq!(by_meaning(&index, &everything("blue")), ["a"]);
    assert_eq!(index.lexical("common", 5, &everything("blue")).unwrap()[0].chunk, chunk("a"));
}
