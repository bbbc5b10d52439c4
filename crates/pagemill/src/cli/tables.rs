//! Tables of a document: listed, or each as Markdown, HTML or CSV.

use clap::ValueEnum;
use pagemill_core::{DocumentId, Problem};
use pagemill_pdf::TableForm;

use super::{Global, output, project};
use crate::library::{Library, views::TableView};

/// Tables asked for at once.
const AT_ONCE: u32 = 20;

/// What tables are printed as.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A pipe table.
    Markdown,
    /// A `<table>` with spans.
    Html,
    /// For spreadsheets; what they would take for a formula has an apostrophe before it.
    Csv,
}

impl From<Format> for TableForm {
    fn from(format: Format) -> Self {
        match format {
            Format::Markdown => Self::Markdown,
            Format::Html => Self::Html,
            Format::Csv => Self::Csv,
        }
    }
}

/// Prints the table with a number, or all of them.
pub(super) async fn show(
    global: &Global,
    library: &Library,
    id: &DocumentId,
    number: Option<u32>,
    format: Option<Format>,
) -> Result<(), Problem> {
    match (format, number) {
        (Some(format), Some(number)) => print(library, id, number, format).await,
        (Some(format), None) => {
            let total = library.tables(&project(), id, 0, 1).await?.total;
            for number in 1..=total {
                if number > 1 {
                    output::line("");
                }
                print(library, id, number, format).await?;
            }
            if total == 0 {
                output::note("there are no tables");
            }
            Ok(())
        }
        (None, Some(number)) => {
            let table = library.table(&project(), id, number).await?;
            if global.json {
                output::json(&table)
            } else {
                line(&table)
            }
            Ok(())
        }
        (None, None) => list(global, library, id).await,
    }
}

async fn print(library: &Library, id: &DocumentId, number: u32, format: Format) -> Result<(), Problem> {
    let mut text = library.table_text(&project(), id, number, format.into()).await?;
    while let Some(piece) = text.next().await? {
        output::write(|out| out.write_all(piece.as_bytes()));
    }
    Ok(())
}

async fn list(global: &Global, library: &Library, id: &DocumentId) -> Result<(), Problem> {
    let part = async |behind| library.tables(&project(), id, behind, AT_ONCE).await.map(|part| (part.items, part.next));
    output::list(global.json, "tables", part, line).await
}

/// `  3  Table 1  pages 4-5  12 rows of 4  Caption…`
fn line(table: &TableView) {
    let pages: Vec<u32> = table.parts.iter().map(|part| part.page).collect();
    let pages = match pages.as_slice() {
        [first, .., last] => format!("pages {first}-{last}"),
        [page] => format!("page {page}"),
        [] => String::new(),
    };
    let caption = pagemill_core::excerpt(table.caption.as_deref().or(table.label.as_deref()).unwrap_or(""), 100);
    let line = format!("{:>4}  {pages}, {} rows of {}  {caption}", table.number, table.rows, table.columns);
    output::line(line.trim_end());
}
