//! `pagemill search`.

use clap::Args;
use pagemill_core::Problem;

use super::{Global, Outcome, output, project};
use crate::library::views::{SearchMode, SearchRequest};

/// Arguments of `search`.
#[derive(Args)]
pub(crate) struct SearchArgs {
    /// Words to look for.
    query: String,
    /// How many results.
    #[arg(short, default_value_t = 10)]
    k: u32,
    /// By words, by meaning, or both.
    #[arg(long, value_enum, default_value_t)]
    mode: SearchMode,
    /// Only in this document (id, file name or title); may be given several times.
    #[arg(long, value_name = "DOCUMENT")]
    document: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &SearchArgs) -> Result<Outcome, Problem> {
    let library = global.open_current().await?;
    let mut documents = Vec::new();
    for word in &args.document {
        documents.push(library.find_document(&project(), word).await?.to_string());
    }
    let request = SearchRequest { query: args.query.clone(), k: args.k, mode: args.mode, documents };
    let found = library.search(&project(), &request).await?;
    library.close().await;
    if global.json {
        output::json(&found);
        return Ok(Outcome::Done);
    }
    for (place, hit) in found.results.iter().enumerate() {
        output::line(&format!("{}. {}, page {}  ({})", place + 1, output::one_line(&hit.title), hit.page, hit.file));
        if !hit.headings.is_empty() {
            output::line(&format!("   {}", output::one_line(&hit.headings.join(" › "))));
        }
        output::line(&format!("   {}", pagemill_core::excerpt(&hit.text, 240)));
    }
    if found.results.is_empty() {
        output::note("nothing found");
    }
    if found.processing > 0 {
        output::note(&format!("{} documents are still being processed and may be missing here", found.processing));
    }
    Ok(Outcome::Done)
}
