//! `pagemill ls`: the documents.

use clap::Args;
use pagemill_core::Problem;

use super::{Global, Outcome, output, project};

/// Arguments of `ls`.
#[derive(Args)]
pub(crate) struct LsArgs {
    /// Most documents to list.
    #[arg(short = 'n', long, default_value_t = 1000)]
    limit: u32,
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &LsArgs) -> Result<Outcome, Problem> {
    let library = global.open_beside().await?;
    let documents = library.documents(&project(), None, args.limit).await?;
    library.close().await;
    if global.json {
        output::json(&serde_json::json!({ "documents": documents }));
        return Ok(Outcome::Done);
    }
    for document in &documents {
        let title = document.title.as_deref().unwrap_or(&document.file);
        output::line(&format!(
            "{}  {:10}  {:>5} pages  {:>6} chunks  {}  ({})",
            document.id,
            document.status,
            document.pages,
            document.chunks,
            pagemill_core::excerpt(title, 70),
            output::one_line(&document.file)
        ));
    }
    if documents.is_empty() {
        output::note("the library is empty; add files with `pagemill add PATH`");
    }
    Ok(Outcome::Done)
}
