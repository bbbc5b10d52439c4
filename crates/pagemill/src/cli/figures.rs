//! Figures of a document: listed, or the picture of one.

use std::path::Path;

use pagemill_core::{DocumentId, ErrorCode, Problem};

use super::{Global, output, project};
use crate::library::{Library, views::FigureView};

/// Figures asked for at once.
const AT_ONCE: u32 = 100;

/// Lists the figures, logos and ornaments among them.
pub(super) async fn list(global: &Global, library: &Library, id: &DocumentId) -> Result<(), Problem> {
    let part =
        async |behind| library.figures(&project(), id, true, behind, AT_ONCE).await.map(|part| (part.items, part.next));
    output::list(global.json, "figures", part, line).await
}

/// Shows one figure, and writes its picture where that is wanted.
pub(super) async fn show(
    global: &Global,
    library: &Library,
    id: &DocumentId,
    number: u32,
    picture: Option<(&Path, f32)>,
) -> Result<(), Problem> {
    let figure = library.figure(&project(), id, number).await?;
    if let Some((path, dpi)) = picture {
        let cut = library.figure_cut(&project(), id, number).await?;
        let png = library.figure_image(&project(), id, cut, dpi).await?;
        tokio::fs::write(path, png).await.map_err(|error| {
            let message = format!("cannot write `{}`: {error}; give another place", path.display());
            Problem::new(ErrorCode::InvalidRequest, message).caused_by(error)
        })?;
    }
    if global.json {
        output::json(&figure)
    } else {
        line(&figure)
    }
    Ok(())
}

/// `   3  page 4  Figure 1. Caption…`
fn line(figure: &FigureView) {
    let words = figure.caption.as_deref().or(figure.label.as_deref());
    let words = words.unwrap_or(if figure.decorative { "(decorative)" } else { "" });
    let line = format!("{:>4}  page {}  {}", figure.number, figure.page, pagemill_core::excerpt(words, 100));
    output::line(line.trim_end());
}
