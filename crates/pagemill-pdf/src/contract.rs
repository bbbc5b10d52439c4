//! The JSON that `pagemill read --format json` prints.

use pagemill_core::{BlockKind, Cell, DocumentInfo, Outline, Page, PageSource, Rect};
use serde::Serialize;

use crate::open::Warning;
use crate::read::Summary;

#[derive(Serialize)]
struct Contract<'a> {
    document: &'a DocumentInfo,
    pages: Vec<PageLine<'a>>,
    outline: &'a Outline,
    warnings: Vec<WarningLine<'a>>,
}

#[derive(Serialize)]
struct PageLine<'a> {
    number: u32,
    label: Option<&'a str>,
    width: f32,
    height: f32,
    source: PageSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
    blocks: Vec<BlockLine<'a>>,
}

#[derive(Serialize)]
struct BlockLine<'a> {
    kind: BlockKind,
    level: Option<u8>,
    text: &'a str,
    bbox: Rect,
    #[serde(skip_serializing_if = "<[Cell]>::is_empty")]
    cells: &'a [Cell],
}

#[derive(Serialize)]
struct WarningLine<'a> {
    page: Option<u32>,
    code: &'a str,
    message: &'a str,
}

/// Writes a document as one JSON object: what is known of it, its pages with their blocks
/// (without the places of single words), outline and warnings.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_json(out: &mut dyn std::io::Write, summary: &Summary, pages: &[Page]) -> std::io::Result<()> {
    let contract = Contract {
        document: &summary.info,
        pages: pages.iter().map(page_line).collect(),
        outline: &summary.outline,
        warnings: summary.warnings.iter().map(warning_line).collect(),
    };
    serde_json::to_writer(&mut *out, &contract)?;
    out.write_all(b"\n")
}

fn page_line(page: &Page) -> PageLine<'_> {
    PageLine {
        number: page.number,
        label: page.label.as_deref(),
        width: page.width,
        height: page.height,
        source: page.source,
        reason: page.reason.as_deref(),
        confidence: page.confidence,
        blocks: page
            .blocks
            .iter()
            .map(|block| BlockLine {
                kind: block.kind,
                level: block.level,
                text: &block.text,
                bbox: block.bbox,
                cells: &block.cells,
            })
            .collect(),
    }
}

fn warning_line(warning: &Warning) -> WarningLine<'_> {
    WarningLine { page: warning.page, code: &warning.code, message: &warning.message }
}
