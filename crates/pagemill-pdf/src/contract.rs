//! The JSON that `pagemill read --format json` prints.

use pagemill_core::{
    Block, BlockKind, Cell, DocumentInfo, FormField, HiddenText, Link, Note, Outline, Page, PageSource, Rect,
};
use serde::Serialize;

use crate::open::Warning;
use crate::read::Summary;
use crate::whole_tables::{TablePart, WholeTable, whole_tables};

/// What the JSON has beside pages and blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct With {
    /// `tables`: each whole over the pages it goes on over.
    pub tables: bool,
    /// `figures`: each with its caption and place.
    pub figures: bool,
}

#[derive(Serialize)]
struct Contract<'a> {
    document: &'a DocumentInfo,
    pages: Vec<PageLine<'a>>,
    outline: &'a Outline,
    warnings: Vec<WarningLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<Vec<TableLine<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<Vec<FigureLine<'a>>>,
}

#[derive(Serialize)]
struct TableLine<'a> {
    number: usize,
    label: Option<&'a str>,
    caption: Option<&'a str>,
    parts: Vec<PartLine>,
    rows: u32,
    columns: u32,
    cells: &'a [Cell],
}

#[derive(Serialize)]
struct PartLine {
    page: u32,
    bbox: Rect,
    first_row: u32,
}

#[derive(Serialize)]
struct FigureLine<'a> {
    number: usize,
    label: Option<&'a str>,
    caption: Option<&'a str>,
    page: u32,
    bbox: Rect,
    decorative: bool,
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
    #[serde(skip_serializing_if = "<[Link]>::is_empty")]
    links: &'a [Link],
    #[serde(skip_serializing_if = "<[Note]>::is_empty")]
    notes: &'a [Note],
    #[serde(skip_serializing_if = "<[FormField]>::is_empty")]
    fields: &'a [FormField],
    #[serde(skip_serializing_if = "<[HiddenText]>::is_empty")]
    hidden: &'a [HiddenText],
}

#[derive(Serialize)]
struct BlockLine<'a> {
    kind: BlockKind,
    level: Option<u8>,
    text: &'a str,
    bbox: Rect,
    #[serde(skip_serializing_if = "<[Cell]>::is_empty")]
    cells: &'a [Cell],
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    /// The place of the caption among the blocks of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    decorative: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continued: bool,
}

#[derive(Serialize)]
struct WarningLine<'a> {
    page: Option<u32>,
    code: &'a str,
    message: &'a str,
}

/// Writes a document as one JSON object: what is known of it, its pages with their blocks
/// (without the places of single words), outline, warnings, and what else is wanted.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_json(out: &mut dyn std::io::Write, summary: &Summary, pages: &[Page], with: With) -> std::io::Result<()> {
    let tables = if with.tables { whole_tables(pages) } else { Vec::new() };
    let contract = Contract {
        document: &summary.info,
        pages: pages.iter().map(page_line).collect(),
        outline: &summary.outline,
        warnings: summary.warnings.iter().map(warning_line).collect(),
        tables: with.tables.then(|| (1..).zip(&tables).map(table_line).collect()),
        figures: with.figures.then(|| figure_lines(pages)),
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
                label: block.float.as_ref().and_then(|float| float.label.as_deref()),
                caption: block.float.as_ref().and_then(|float| float.caption),
                decorative: block.float.as_ref().is_some_and(|float| float.decorative),
                continued: block.float.as_ref().is_some_and(|float| float.continued),
            })
            .collect(),
        links: &page.extras.links,
        notes: &page.extras.notes,
        fields: &page.extras.fields,
        hidden: &page.extras.hidden,
    }
}

fn table_line((number, table): (usize, &WholeTable)) -> TableLine<'_> {
    let part = |part: &TablePart| PartLine { page: part.page, bbox: part.bbox, first_row: part.first_row };
    TableLine {
        number,
        label: table.label.as_deref(),
        caption: table.caption.as_deref(),
        parts: table.parts.iter().map(part).collect(),
        rows: table.rows(),
        columns: table.columns(),
        cells: &table.cells,
    }
}

fn figure_lines(pages: &[Page]) -> Vec<FigureLine<'_>> {
    let blocks = pages.iter().flat_map(|page| page.blocks.iter().map(move |block| (page, block)));
    let figures = blocks.filter(|(_, block)| block.kind == BlockKind::Figure);
    let line = |(number, (page, block))| {
        let (page, block): (&Page, &Block) = (page, block);
        let float = block.float.as_ref();
        let caption = float.and_then(|float| float.caption).and_then(|at| page.blocks.get(at as usize));
        FigureLine {
            number,
            label: float.and_then(|float| float.label.as_deref()),
            caption: caption.map(|caption| caption.text.as_str()),
            page: page.number,
            bbox: block.bbox,
            decorative: float.is_some_and(|float| float.decorative),
        }
    };
    (1..).zip(figures).map(line).collect()
}

fn warning_line(warning: &Warning) -> WarningLine<'_> {
    WarningLine { page: warning.page, code: &warning.code, message: &warning.message }
}
