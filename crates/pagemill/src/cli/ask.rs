//! `pagemill ask`.

use clap::Args;
use pagemill_core::Problem;

use super::{Global, Outcome, output, project};
use crate::library::views::QueryRequest;

/// Arguments of `ask`.
#[derive(Args)]
pub(crate) struct AskArgs {
    /// The question.
    question: String,
    /// Only from this document (id, file name or title); may be given several times.
    #[arg(long, value_name = "DOCUMENT")]
    document: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &AskArgs) -> Result<Outcome, Problem> {
    let library = global.open_current().await?;
    let mut documents = Vec::new();
    for word in &args.document {
        documents.push(library.find_document(&project(), word).await?.to_string());
    }
    let answer = library.ask(&project(), &QueryRequest { question: args.question.clone(), documents }).await?;
    library.close().await;
    if global.json {
        output::json(&answer);
        return Ok(Outcome::Done);
    }
    if !answer.found {
        output::line(&answer.answer);
        return Ok(Outcome::Done);
    }
    let mut number = 0;
    for sentence in &answer.sentences {
        let marks: Vec<String> = sentence
            .citations
            .iter()
            .map(|_| {
                number += 1;
                format!("[{number}]")
            })
            .collect();
        output::line(&format!("{} {}", output::one_line(&sentence.text), marks.concat()));
    }
    output::line("");
    for (place, citation) in answer.sentences.iter().flat_map(|sentence| &sentence.citations).enumerate() {
        let doubt = if citation.verified { "" } else { " (not verified)" };
        output::line(&format!(
            "[{}] {}, page {}  ({}){doubt}",
            place + 1,
            output::one_line(&citation.title),
            citation.page,
            citation.file
        ));
    }
    Ok(Outcome::Done)
}
