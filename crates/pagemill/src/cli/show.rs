//! `pagemill show`: one document.

use std::path::PathBuf;

use clap::Args;
use pagemill_core::Problem;

use super::{Global, Outcome, figures, output, project, tables};
use crate::library::views::PageLedgerView;

/// Arguments of `show`.
#[derive(Args)]
pub(crate) struct ShowArgs {
    /// The document's id, file name or title.
    document: String,
    /// Print its text instead.
    #[arg(long, conflicts_with = "markdown")]
    text: bool,
    /// Print its text as Markdown instead.
    #[arg(long)]
    markdown: bool,
    /// Print what became of each page instead.
    #[arg(long, conflicts_with_all = ["text", "markdown"])]
    pages: bool,
    /// List its tables instead; with --format, print them.
    #[arg(long, conflicts_with_all = ["text", "markdown", "pages"])]
    tables: bool,
    /// Only the table with this number.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["text", "markdown", "pages", "figures"])]
    table: Option<u32>,
    /// How tables are printed.
    #[arg(long, value_enum, conflicts_with_all = ["text", "markdown", "pages", "figures", "figure"])]
    format: Option<tables::Format>,
    /// List its figures instead.
    #[arg(long, conflicts_with_all = ["text", "markdown", "pages", "tables"])]
    figures: bool,
    /// Only the figure with this number.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["text", "markdown", "pages", "tables", "table"])]
    figure: Option<u32>,
    /// Write the picture of the figure into this file, as PNG.
    #[arg(long, value_name = "FILE", requires = "figure")]
    out: Option<PathBuf>,
    /// Dots per inch of the picture.
    #[arg(long, default_value_t = 150.0, requires = "out")]
    dpi: f32,
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &ShowArgs) -> Result<Outcome, Problem> {
    let library = global.open_beside().await?;
    let id = library.find_document(&project(), &args.document).await?;
    if args.text || args.markdown {
        output::text(&library.text(&project(), &id, args.markdown).await?);
        library.close().await;
        return Ok(Outcome::Done);
    }
    if args.tables || args.table.is_some() || args.format.is_some() {
        tables::show(global, &library, &id, args.table, args.format).await?;
        library.close().await;
        return Ok(Outcome::Done);
    }
    if args.figures || args.figure.is_some() {
        match args.figure {
            Some(number) => {
                let picture = args.out.as_deref().map(|path| (path, args.dpi));
                figures::show(global, &library, &id, number, picture).await?;
            }
            None => figures::list(global, &library, &id).await?,
        }
        library.close().await;
        return Ok(Outcome::Done);
    }
    let document = library.document(&project(), &id).await?;
    let ledger = library.page_ledger(&project(), &id).await?;
    library.close().await;
    if args.pages {
        show_pages(global, &ledger);
        return Ok(Outcome::Done);
    }
    if global.json {
        output::json(&serde_json::json!({ "document": document, "page_outcomes": ledger.counts }));
        return Ok(Outcome::Done);
    }
    let show = |name: &str, value: &str| output::line(&format!("{name:10} {}", output::one_line(value)));
    show("id", &document.id);
    show("file", &document.file);
    show("title", document.title.as_deref().unwrap_or("(none)"));
    if !document.authors.is_empty() {
        show("authors", &document.authors.join(", "));
    }
    show("language", document.language.as_deref().unwrap_or("(unknown)"));
    show("size", &format!("{} bytes, SHA-256 {}", document.bytes, document.sha256));
    let outcomes: Vec<String> = ledger.counts.iter().map(|(source, count)| format!("{count} {source}")).collect();
    show("pages", &format!("{} ({})", document.pages, outcomes.join(", ")));
    show("chunks", &document.chunks.to_string());
    show("added", &document.created);
    if let Some(task) = &document.task {
        show("task", &format!("{}, {} (step {} of {}: {})", task.id, task.status, task.step, task.steps, task.stage));
        if let Some(waiting) = &task.waiting {
            show("waiting", waiting);
        }
        for (stage, seconds) in &task.timings {
            show("", &format!("{stage} {seconds:.2} s"));
        }
        for stage in task.ledger.iter().filter(|stage| stage.reused + stage.failed > 0) {
            let (items, done, failed) = (&stage.items, stage.done, stage.failed);
            show("", &format!("{}: {} {items} reused, {done} done, {failed} failed", stage.stage, stage.reused));
        }
        if let Some(error) = &task.error {
            show("reason", &format!("{}: {}", error.code, error.message));
        }
    }
    for entry in document.outline.iter().take(40) {
        let page = entry.page.map(|page| format!("  {page}")).unwrap_or_default();
        output::line(&format!("{}{}{page}", "  ".repeat(usize::from(entry.level)), output::one_line(&entry.title)));
    }
    Ok(Outcome::Done)
}

/// One line a page: its number, the number printed on it, its outcome.
fn show_pages(global: &Global, ledger: &PageLedgerView) {
    if global.json {
        return output::json(ledger);
    }
    for page in &ledger.items {
        let label = page.label.as_deref().map(|label| format!(" ({})", output::one_line(label))).unwrap_or_default();
        let reason = page.reason.as_deref().map(|reason| format!("({reason})")).unwrap_or_default();
        let reused = if page.reused { "  reused" } else { "" };
        output::line(&format!("{:>5}{label}  {}{reason}{reused}", page.number, page.source));
    }
}
