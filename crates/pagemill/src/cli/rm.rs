//! `pagemill rm`: documents out of the library, with a receipt.

use clap::Args;
use pagemill_core::Problem;

use super::{Global, Outcome, output, project};

/// Arguments of `rm`.
#[derive(Args)]
pub(crate) struct RmArgs {
    /// Ids, file names or titles.
    #[arg(required = true)]
    documents: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &RmArgs) -> Result<Outcome, Problem> {
    let library = global.open_or_beside().await?;
    let mut receipts = Vec::new();
    let mut problems = 0;
    for word in &args.documents {
        let deleted = match library.find_document(&project(), word).await {
            Ok(id) => library.delete_document(&project(), &id).await,
            Err(problem) => Err(problem),
        };
        match deleted {
            Ok(receipt) => receipts.push(receipt),
            Err(problem) => {
                output::problem(&problem);
                problems += 1;
            }
        }
    }
    library.close().await;
    let whole = receipts.iter().all(|receipt| receipt.left.is_empty());
    if global.json {
        output::json(&serde_json::json!({ "deleted": receipts }));
    } else {
        for receipt in &receipts {
            let counts: Vec<String> = receipt.removed.iter().map(|(what, count)| format!("{count} {what}")).collect();
            output::line(&format!("deleted {}: {}", receipt.document, counts.join(", ")));
            for (what, count) in &receipt.left {
                output::note(&format!("still there: {count} {what}; run the command again"));
            }
        }
    }
    Ok(match (problems, whole) {
        (0, true) => Outcome::Done,
        (problems, _) if problems == args.documents.len() => Outcome::Failed,
        _ => Outcome::Partial,
    })
}
