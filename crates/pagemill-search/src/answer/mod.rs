//! Extractive answers: the sentences of the found passages that answer a question, word
//! for word, or nothing when the library does not hold an answer.

mod question;
mod sentences;

use std::collections::HashSet;

use pagemill_core::ChunkId;

use crate::text::Language;
use question::{Question, Terms};
use sentences::sentences;

/// A found passage.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The chunk it is.
    pub chunk: ChunkId,
    /// Its text.
    pub text: String,
    /// The score of the hit.
    pub score: f32,
}

/// A quoted sentence: a byte range of a passage's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Quoted {
    /// The chunk it is from.
    pub chunk: ChunkId,
    /// Byte offset of its first character in the passage's text.
    pub start: u32,
    /// Byte offset after its last character.
    pub end: u32,
    /// How well it answers, 0 to 1.
    pub score: f32,
}

/// How much is looked at and how much is said.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Passages that are looked at.
    pub passages: usize,
    /// Sentences that are embedded: the costly part.
    pub embedded: usize,
    /// Sentences of an answer at most.
    pub sentences: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { passages: 20, embedded: 32, sentences: 4 }
    }
}

/// Makes vectors of sentences, in order; `None` when there is no model.
pub type Embed<'a> = dyn Fn(&[&str]) -> Option<Vec<Vec<f32>>> + 'a;

/// What an answer is judged by.
pub struct Judge<'a> {
    /// The vector of the question, where there is a model.
    pub query_vector: Option<&'a [f32]>,
    /// Makes vectors of sentences.
    pub embed: &'a Embed<'a>,
    /// The inverse document frequency of a word in the library, given as its possible stems.
    pub rarity: &'a dyn Fn(&[String]) -> f32,
    /// How much is looked at and said.
    pub limits: Limits,
}

/// A sentence that may be quoted.
struct Candidate {
    passage: usize,
    start: usize,
    end: usize,
    terms: Terms,
    coverage: f32,
    cosine: f32,
    score: f32,
}

/// How strong the case for an answer is; see [`Evidence::strength`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The most of the question's weight that stands in one passage.
    pub passage_coverage: f32,
    /// The most of it in one sentence.
    pub sentence_coverage: f32,
    /// The most of its names and numbers in one passage.
    pub names: f32,
    /// The part of its names in letters that stands in any of the passages: whether the
    /// library speaks of what the question is about.
    pub subjects: f32,
    /// The nearest sentence, where there is a model.
    pub cosine: Option<f32>,
}

/// Weights of a logistic regression: the constant, then the signs in the order of
/// [`Evidence`]. Fitted on 437 questions to libraries that hold their answers (medicine,
/// aerodynamics, library science, Arabic encyclopaedia, reports and papers) and to libraries
/// that do not: of another field, or the same reports without those of the company asked about.
const WITH_MODEL: [f32; 6] = [-7.4, 2.5, 2.2, 0.6, 2.0, 6.7];
/// The same where no sentence has a vector.
const WITHOUT_MODEL: [f32; 5] = [-4.7, 4.7, 3.4, 0.4, 1.5];

impl Evidence {
    /// The probability that the passages hold an answer, as far as these signs tell.
    pub fn strength(&self) -> f32 {
        let signs = [self.passage_coverage, self.sentence_coverage, self.names, self.subjects];
        let sum = |weights: &[f32]| weights[0] + signs.iter().zip(&weights[1..]).map(|(a, b)| a * b).sum::<f32>();
        let logit = match self.cosine {
            Some(cosine) => sum(&WITH_MODEL) + WITH_MODEL[5] * cosine,
            None => sum(&WITHOUT_MODEL),
        };
        1.0 / (1.0 + (-logit).exp())
    }
}

/// The sentences that answer the question, in readable order; `None` when the evidence is
/// too weak to call it an answer. Passages come best first.
pub fn extract(question: &str, passages: &[Passage], judge: &Judge<'_>) -> Option<Vec<Quoted>> {
    let (evidence, candidates) = weigh(question, passages, judge)?;
    tracing::debug!(?evidence, strength = evidence.strength(), "evidence for an answer");
    if evidence.strength() < 0.5 {
        return None;
    }
    let chosen = choose(candidates, judge.limits.sentences);
    let quoted: Vec<Quoted> = chosen
        .into_iter()
        .map(|candidate| Quoted {
            chunk: passages[candidate.passage].chunk.clone(),
            start: candidate.start as u32,
            end: candidate.end as u32,
            score: candidate.score.clamp(0.0, 1.0),
        })
        .collect();
    (!quoted.is_empty()).then_some(quoted)
}

/// How strong the case for an answer is; `None` when there is nothing to judge.
pub fn evidence(question: &str, passages: &[Passage], judge: &Judge<'_>) -> Option<Evidence> {
    weigh(question, passages, judge).map(|(evidence, _)| evidence)
}

/// Scores every sentence, best first, and sums up the evidence.
fn weigh(text: &str, passages: &[Passage], judge: &Judge<'_>) -> Option<(Evidence, Vec<Candidate>)> {
    let passages = &passages[..passages.len().min(judge.limits.passages)];
    let languages: Vec<Language> = passages.iter().map(|passage| Language::detect(&passage.text)).collect();
    let distinct: Vec<Language> = languages.iter().copied().collect::<HashSet<_>>().into_iter().collect();
    let question = Question::parse(text, &distinct, judge.rarity);
    let mut evidence = Evidence::default();
    let mut candidates = Vec::new();
    let mut everything = Terms::default();
    for (number, (passage, language)) in passages.iter().zip(&languages).enumerate() {
        let mut all = Terms::default();
        for range in sentences(&passage.text) {
            let terms = Terms::of(&passage.text[range.clone()], *language);
            all.extend(&terms);
            let coverage = question.coverage(&terms);
            evidence.sentence_coverage = evidence.sentence_coverage.max(coverage);
            candidates.push(Candidate {
                passage: number,
                start: range.start,
                end: range.end,
                terms,
                coverage,
                cosine: 0.0,
                score: 0.0,
            });
        }
        evidence.passage_coverage = evidence.passage_coverage.max(question.coverage(&all));
        evidence.names = evidence.names.max(question.names_covered(&all));
        everything.extend(&all);
    }
    evidence.subjects = question.subjects_covered(&everything);
    if candidates.is_empty() {
        return None;
    }
    let nearness = |candidate: &Candidate| candidate.coverage + 0.3 / (1.0 + candidate.passage as f32);
    candidates.sort_by(|a, b| nearness(b).total_cmp(&nearness(a)));
    evidence.cosine = add_cosines(&mut candidates, passages, judge);
    for candidate in &mut candidates {
        let sentence = &passages[candidate.passage].text[candidate.start..candidate.end];
        let rank = 1.0 / (1.0 + candidate.passage as f32 * 0.5);
        let base = match evidence.cosine {
            Some(_) => 0.45 * candidate.coverage + 0.45 * candidate.cosine.max(0.0) + 0.1 * rank,
            None => 0.85 * candidate.coverage + 0.15 * rank,
        };
        candidate.score = base * worth(sentence, &question, candidate.terms.len());
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    Some((evidence, candidates))
}

/// Embeds the most promising sentences; the others are dropped when there is a model.
/// Returns the best cosine.
fn add_cosines(candidates: &mut Vec<Candidate>, passages: &[Passage], judge: &Judge<'_>) -> Option<f32> {
    let query = judge.query_vector?;
    let count = candidates.len().min(judge.limits.embedded);
    let texts: Vec<&str> = candidates[..count].iter().map(|c| &passages[c.passage].text[c.start..c.end]).collect();
    let vectors = (judge.embed)(&texts).filter(|vectors| vectors.len() == count)?;
    candidates.truncate(count);
    let mut best = -1.0_f32;
    for (candidate, vector) in candidates.iter_mut().zip(&vectors) {
        candidate.cosine = crate::vectors::dot(query, vector);
        best = best.max(candidate.cosine);
    }
    Some(best)
}

/// What kind of sentence is worth quoting: whole ones that hold what was asked for.
fn worth(sentence: &str, question: &Question, terms: usize) -> f32 {
    let mut worth = 1.0;
    if !question.wants.is_in(sentence) {
        worth *= 0.8;
    }
    let is_whole = sentence.ends_with(['.', '!', '?', '。', '؟', '"', '”', ')']);
    let has_number = sentence.chars().any(|c| c.is_ascii_digit());
    if terms < 4 || (!is_whole && !has_number && terms < 10) {
        // A heading says what follows, not what is so.
        worth *= 0.6;
    }
    if sentence.trim_end().ends_with('?') {
        worth *= 0.5;
    }
    worth
}

/// The best sentences that add something, in the order they are read: passages by their
/// best sentence, sentences of a passage as they stand.
fn choose(candidates: Vec<Candidate>, most: usize) -> Vec<Candidate> {
    let best = candidates.first().map_or(0.0, |candidate| candidate.score);
    let mut chosen: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if chosen.len() == most || candidate.score < 0.75 * best {
            break;
        }
        if chosen.iter().all(|other| other.terms.overlap(&candidate.terms) < 0.7) {
            chosen.push(candidate);
        }
    }
    let order: Vec<usize> = chosen.iter().map(|candidate| candidate.passage).collect();
    let place = |passage: usize| order.iter().position(|other| *other == passage);
    chosen.sort_by_key(|candidate| (place(candidate.passage), candidate.start));
    chosen
}
