//! Pages and their blocks.

use pagemill_core::{Block, Page, PageExtras, Rect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page with its blocks.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PageView {
    /// 1-based number.
    pub number: u32,
    /// The number printed on it.
    pub label: Option<String>,
    /// Width in points.
    pub width: f32,
    /// Height in points.
    pub height: f32,
    /// `text`, `ocr`, `blank`, `skipped` or `failed`.
    pub source: String,
    /// Why it was skipped or failed; `text_unreliable` where the file's text may not be what the page shows.
    pub reason: Option<String>,
    /// For `ocr`: how sure its words are on average, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Blocks in reading order.
    pub blocks: Vec<BlockView>,
    /// `links`, `notes`, `fields` and `hidden` text.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub extras: PageExtras,
}

/// A block of a page.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BlockView {
    /// `heading`, `paragraph`, `list_item`, `table`, `figure`, `caption`, `footnote`, `formula`, `header` or `footer`.
    pub kind: String,
    /// Heading level or nesting of a list item.
    pub level: Option<u8>,
    /// Its text.
    pub text: String,
    /// `[x0, y0, x1, y1]` in points, origin top left.
    #[schema(value_type = Vec<f32>)]
    pub bbox: Rect,
    /// Cells of a table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellView>,
    /// Of a figure or table: its name and number, `Figure 3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Of a figure or table: the place of its caption among the blocks of the page, 0-based.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<u32>,
    /// Whether a figure is a logo or an ornament.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decorative: bool,
    /// Whether a table goes on from the page before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continued: bool,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CellView {
    /// 0-based row.
    pub row: u32,
    /// 0-based column.
    pub col: u32,
    /// Rows it covers.
    pub row_span: u32,
    /// Columns it covers.
    pub col_span: u32,
    /// Whether it belongs to the header.
    pub header: bool,
    /// Its text.
    pub text: String,
    /// Its box.
    #[schema(value_type = Vec<f32>)]
    pub bbox: Rect,
}

impl From<&Page> for PageView {
    fn from(page: &Page) -> Self {
        Self {
            number: page.number,
            label: page.label.clone(),
            width: page.width,
            height: page.height,
            source: page.source.as_str().to_owned(),
            reason: page.reason.clone(),
            confidence: page.confidence,
            blocks: page.blocks.iter().map(BlockView::from).collect(),
            extras: page.extras.clone(),
        }
    }
}

impl From<&Block> for BlockView {
    fn from(block: &Block) -> Self {
        Self {
            kind: block.kind.as_str().to_owned(),
            level: block.level,
            text: block.text.clone(),
            bbox: block.bbox,
            cells: block.cells.iter().map(CellView::from).collect(),
            label: block.float.as_ref().and_then(|float| float.label.clone()),
            caption: block.float.as_ref().and_then(|float| float.caption),
            decorative: block.float.as_ref().is_some_and(|float| float.decorative),
            continued: block.float.as_ref().is_some_and(|float| float.continued),
        }
    }
}
