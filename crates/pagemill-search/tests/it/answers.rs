//! Answers out of a small library, without a model and with one that knows a few words.

use pagemill_search::{Passage, Quoted, SearchIndex};

use crate::world::{chunk, everything, open, upsert};

const GLIDER: &str = "The glider of the Aldermoor works was built in 1931. Its wing spans 17.4 metres and is made of \
    spruce, cf. Fig. 3. The workshop burnt down later.\nRegister of parts";
const BREAD: &str = "Sourdough bread needs a starter of flour and water. It rises for twelve hours.";

fn library() -> (SearchIndex, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let index = open(dir.path());
    let fillers: Vec<(String, String)> = (0..30)
        .map(|number| (format!("f{number}"), format!("Notes on matter {number} and how it was made in the works.")))
        .collect();
    let mut chunks: Vec<(&str, &str)> = vec![("glider", GLIDER), ("bread", BREAD)];
    chunks.extend(fillers.iter().map(|(id, text)| (id.as_str(), text.as_str())));
    index.apply(&[upsert("p", "d", 1, &chunks)]).unwrap();
    index.commit(1).unwrap();
    (index, dir)
}

fn passages(index: &SearchIndex, question: &str) -> Vec<Passage> {
    let hits = index.lexical(question, 10, &everything("p")).unwrap();
    let text = |id: &str| match id {
        "chk_glider" => GLIDER,
        "chk_bread" => BREAD,
        _ => "Notes on matter and how it was made in the works.",
    };
    hits.into_iter()
        .map(|hit| Passage { text: text(hit.chunk.as_str()).to_owned(), chunk: hit.chunk, score: hit.score })
        .collect()
}

fn ask(index: &SearchIndex, question: &str) -> Option<Vec<Quoted>> {
    index.answer(question, &passages(index, question), &|_| None, None)
}

fn quote(quoted: &Quoted) -> &'static str {
    let text = if quoted.chunk == chunk("glider") { GLIDER } else { BREAD };
    &text[quoted.start as usize..quoted.end as usize]
}

#[test]
fn the_sentence_that_answers_is_quoted_to_the_letter() {
    let (index, _dir) = library();
    let answer = ask(&index, "When was the Aldermoor glider built?").unwrap();
    assert_eq!(quote(&answer[0]), "The glider of the Aldermoor works was built in 1931.");
    let answer = ask(&index, "How long does sourdough bread rise?").unwrap();
    assert!(answer.iter().any(|quoted| quote(quoted).contains("twelve") || quote(quoted).contains("Sourdough")));
    assert!(answer.len() <= 4);
}

#[test]
fn what_is_not_there_is_not_found() {
    let (index, _dir) = library();
    for question in
        ["Who discovered penicillin in 1928?", "What was the revenue of Amazon in 2017?", "", "???", "the of and"]
    {
        assert!(ask(&index, question).is_none(), "{question}");
    }
}

#[test]
fn a_similar_thing_under_another_name_is_not_the_answer() {
    let (index, _dir) = library();
    assert!(ask(&index, "Which wing area has the Brackenfell seaplane of Tannhauser?").is_none());
}

#[test]
fn a_model_that_fails_in_mid_answer_is_done_without() {
    let (index, _dir) = library();
    let question = "When was the Aldermoor glider built?";
    let found = passages(&index, question);
    let short = |_: &[&str]| Some(vec![vec![1.0, 0.0]]);
    let answer = index.answer(question, &found, &short, Some(&[1.0, 0.0]));
    assert!(answer.is_some_and(|quoted| quote(&quoted[0]).contains("1931")));
    assert!(index.answer(question, &[], &short, None).is_none());
}
