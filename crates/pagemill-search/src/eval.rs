//! Figures of retrieval, as trec_eval defines them, and the folders they are measured on.
//!
//! nDCG takes the judgement itself as the gain (linear) and discounts rank `i` by
//! `log2(i + 1)`; the ideal ranking is made of all judged documents of the query.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use serde::Deserialize;

use crate::SearchError;

/// A text of a test collection.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct EvalDocument {
    /// Its name in the collection.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its title; often empty.
    #[serde(default)]
    pub title: String,
    /// Its text.
    pub text: String,
}

/// A query of a test collection.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct EvalQuery {
    /// Its name in the collection.
    #[serde(rename = "_id")]
    pub id: String,
    /// What is asked.
    pub text: String,
}

/// Which documents answer a query, and how well: gains above 0.
pub type Judgements = HashMap<String, f64>;

/// A test collection: `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` of a folder.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    /// What is searched.
    pub documents: Vec<EvalDocument>,
    /// What is asked; only queries that have judgements.
    pub queries: Vec<EvalQuery>,
    /// The judgements by query.
    pub judgements: HashMap<String, Judgements>,
}

impl Collection {
    /// Reads a collection. Judgements of queries that are not in `queries.jsonl` are left
    /// out, and so are queries without a judgement above 0.
    ///
    /// # Errors
    /// When a file cannot be read, or a line of it cannot be understood.
    pub fn load(dir: &Path) -> Result<Self, SearchError> {
        let documents = read_lines(&dir.join("corpus.jsonl"))?;
        let mut queries: Vec<EvalQuery> = read_lines(&dir.join("queries.jsonl"))?;
        let asked: HashSet<&str> = queries.iter().map(|query| query.id.as_str()).collect();
        let mut judgements = read_judgements(&dir.join("qrels.tsv"))?;
        judgements.retain(|query, _| asked.contains(query.as_str()));
        queries.retain(|query| judgements.contains_key(&query.id));
        Ok(Self { documents, queries, judgements })
    }
}

fn read(path: &Path) -> Result<String, SearchError> {
    fs::read_to_string(path).map_err(SearchError::io("read", path))
}

fn read_lines<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<T>, SearchError> {
    read(path)?
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| SearchError::Collection {
                path: path.to_owned(),
                line: index + 1,
                reason: error.to_string(),
            })
        })
        .collect()
}

/// Lines `query <tab> document <tab> gain`; a first line whose gain is no number is the header.
fn read_judgements(path: &Path) -> Result<HashMap<String, Judgements>, SearchError> {
    let mut judgements: HashMap<String, Judgements> = HashMap::new();
    for (index, line) in read(path)?.lines().enumerate() {
        let mut fields = line.split('\t').map(str::trim);
        let (Some(query), Some(document), Some(gain)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        match gain.parse::<f64>() {
            Ok(gain) if gain > 0.0 => {
                judgements.entry(query.to_owned()).or_default().insert(document.to_owned(), gain);
            }
            Ok(_) => {}
            Err(_) if index == 0 => {}
            Err(error) => {
                return Err(SearchError::Collection {
                    path: path.to_owned(),
                    line: index + 1,
                    reason: error.to_string(),
                });
            }
        }
    }
    Ok(judgements)
}

/// Normalised discounted cumulative gain of the first `k` of a ranking, 0 to 1.
pub fn ndcg(ranking: &[&str], judged: &Judgements, k: usize) -> f64 {
    let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        gains.take(k).enumerate().map(|(place, gain)| gain / (place as f64 + 2.0).log2()).sum()
    };
    let mut ideal: Vec<f64> = judged.values().copied().collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let best = discounted(&mut ideal.into_iter());
    if best == 0.0 {
        return 0.0;
    }
    discounted(&mut ranking.iter().map(|id| judged.get(*id).copied().unwrap_or(0.0))) / best
}

/// The part of the relevant documents that is among the first `k`.
pub fn recall(ranking: &[&str], judged: &Judgements, k: usize) -> f64 {
    if judged.is_empty() {
        return 0.0;
    }
    let found = ranking.iter().take(k).filter(|id| judged.contains_key(**id)).count();
    found as f64 / judged.len() as f64
}

/// One over the rank of the first relevant document among the first `k`, else 0.
pub fn reciprocal_rank(ranking: &[&str], judged: &Judgements, k: usize) -> f64 {
    let place = ranking.iter().take(k).position(|id| judged.contains_key(*id));
    place.map_or(0.0, |place| 1.0 / (place as f64 + 1.0))
}

/// The means over the queries of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// How many queries.
    pub queries: usize,
    /// Mean nDCG of the first 10.
    pub ndcg_10: f64,
    /// Mean recall of the first 10.
    pub recall_10: f64,
    /// Mean recall of the first 100.
    pub recall_100: f64,
    /// Mean reciprocal rank within the first 10.
    pub mrr_10: f64,
}

impl Figures {
    /// The figures of rankings by query name. A query without a ranking counts as 0.
    pub fn of(collection: &Collection, rankings: &HashMap<String, Vec<String>>) -> Self {
        let mut sum = Self { queries: collection.queries.len(), ..Self::default() };
        for query in &collection.queries {
            let (Some(ranking), Some(judged)) = (rankings.get(&query.id), collection.judgements.get(&query.id)) else {
                continue;
            };
            let ranking: Vec<&str> = ranking.iter().map(String::as_str).collect();
            sum.ndcg_10 += ndcg(&ranking, judged, 10);
            sum.recall_10 += recall(&ranking, judged, 10);
            sum.recall_100 += recall(&ranking, judged, 100);
            sum.mrr_10 += reciprocal_rank(&ranking, judged, 10);
        }
        let count = sum.queries.max(1) as f64;
        Self {
            queries: sum.queries,
            ndcg_10: sum.ndcg_10 / count,
            recall_10: sum.recall_10 / count,
            recall_100: sum.recall_100 / count,
            mrr_10: sum.mrr_10 / count,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn judged(pairs: &[(&str, f64)]) -> Judgements {
        pairs.iter().map(|(id, gain)| ((*id).to_owned(), *gain)).collect()
    }

    #[test]
    fn ndcg_worked_by_hand() {
        // Gains 3, 2, 1 are judged; the ranking finds 2 at rank 1 and 3 at rank 3.
        let judged = judged(&[("a", 3.0), ("b", 2.0), ("c", 1.0)]);
        let dcg = 2.0 / 2_f64.log2() + 3.0 / 4_f64.log2();
        let ideal = 3.0 / 2_f64.log2() + 2.0 / 3_f64.log2() + 1.0 / 4_f64.log2();
        let got = ndcg(&["b", "x", "a"], &judged, 10);
        assert!((got - dcg / ideal).abs() < 1e-12);
        assert!((got - 0.735_007).abs() < 1e-6);
    }

    #[test]
    fn the_ideal_is_cut_at_k_too() {
        let judged: Judgements = (0..20).map(|i| (i.to_string(), 1.0)).collect();
        let ranking: Vec<String> = (0..10).map(|i| i.to_string()).collect();
        let ranking: Vec<&str> = ranking.iter().map(String::as_str).collect();
        assert!((ndcg(&ranking, &judged, 10) - 1.0).abs() < 1e-12);
        assert!((recall(&ranking, &judged, 10) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_first_relevant_counts_for_the_reciprocal_rank() {
        let judged = judged(&[("a", 1.0), ("b", 1.0)]);
        assert!((reciprocal_rank(&["x", "y", "b", "a"], &judged, 10) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(reciprocal_rank(&["x", "y", "b"], &judged, 2), 0.0);
    }

    #[test]
    fn nothing_judged_or_nothing_found_is_zero() {
        assert_eq!(ndcg(&["a"], &Judgements::new(), 10), 0.0);
        assert_eq!(recall(&["a"], &Judgements::new(), 10), 0.0);
        assert_eq!(ndcg(&[], &judged(&[("a", 1.0)]), 10), 0.0);
    }

    #[test]
    fn a_folder_is_read_and_unjudged_queries_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("corpus.jsonl", "{\"_id\":\"d1\",\"title\":\"\",\"text\":\"x\"}\n{\"_id\":\"d2\",\"text\":\"y\"}\n");
        write(
            "queries.jsonl",
            "{\"_id\":\"q1\",\"text\":\"x\"}\n{\"_id\":\"q2\",\"text\":\"y\"}\n{\"_id\":\"q3\",\"text\":\"z\"}\n",
        );
        write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td1\t0\nq9\td1\t1\n");
        let collection = Collection::load(dir.path()).unwrap();
        assert_eq!(collection.documents.len(), 2);
        assert_eq!(collection.queries.iter().map(|q| q.id.as_str()).collect::<Vec<_>>(), ["q1"]);

        let rankings = HashMap::from([("q1".to_owned(), vec!["d2".to_owned(), "d1".to_owned()])]);
        let figures = Figures::of(&collection, &rankings);
        assert!((figures.mrr_10 - 0.5).abs() < 1e-12);
        assert!((figures.recall_10 - 1.0).abs() < 1e-12);
        assert!((figures.ndcg_10 - 1.0 / 3_f64.log2()).abs() < 1e-12);
    }

    #[test]
    fn a_bad_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("corpus.jsonl"), "{\"_id\":\"d1\",\"text\":\"x\"}\nnonsense\n").unwrap();
        let error = Collection::load(dir.path()).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
