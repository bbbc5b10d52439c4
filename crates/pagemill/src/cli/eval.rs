//! `pagemill eval`: how good is searching?

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pagemill_core::Problem;

use super::{Global, Outcome, output};
use crate::{eval, library::views::SearchMode};

/// Arguments of `eval`.
#[derive(Args)]
pub(crate) struct EvalArgs {
    #[command(subcommand)]
    command: EvalCommand,
}

#[derive(Subcommand)]
enum EvalCommand {
    /// On a folder with `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`.
    Retrieval {
        /// The folder.
        dir: PathBuf,
        /// By words, by meaning, or both.
        #[arg(long, value_enum, default_value_t)]
        mode: SearchMode,
    },
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &EvalArgs) -> Result<Outcome, Problem> {
    let EvalCommand::Retrieval { dir, mode } = &args.command;
    let report = eval::retrieval(&global.settings()?, dir, *mode)?;
    if global.json {
        output::json(&report);
    } else {
        output::line(&format!("queries {}, documents {}", report.queries, report.documents));
        output::line(&format!(
            "nDCG@10 {:.3}  recall@10 {:.3}  recall@100 {:.3}  MRR@10 {:.3}",
            report.ndcg_10, report.recall_10, report.recall_100, report.mrr_10
        ));
        output::line(&format!(
            "indexing {:.0} documents/s, query p50 {:.1} ms, p95 {:.1} ms",
            report.index_docs_per_s, report.query_p50_ms, report.query_p95_ms
        ));
    }
    Ok(Outcome::Done)
}
