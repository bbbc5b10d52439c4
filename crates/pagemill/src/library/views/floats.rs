//! Tables and figures of a document.

use pagemill_core::{Cell, Rect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CellView;

/// A part of the tables of a document.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TableListView {
    /// Tables of the document in all.
    pub total: u32,
    /// In reading order; a table that goes on over pages is one.
    pub items: Vec<TableView>,
    /// Give it as `after` to get the next part; `null` at the end.
    pub next: Option<u32>,
}

/// A table, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableView {
    /// Its number in the document, 1-based in reading order.
    pub number: u32,
    /// Its name and number as its caption gives them: `Table 3`.
    pub label: Option<String>,
    /// Its caption.
    pub caption: Option<String>,
    /// Where it stands: one part for each page it goes on over.
    pub parts: Vec<TablePartView>,
    /// Number of its rows; a header that is repeated counts once.
    pub rows: u32,
    /// Number of its columns.
    pub columns: u32,
    /// Its cells, row by row; 20,000 at most.
    pub cells: Vec<CellView>,
    /// How many cells are left out because there are too many for JSON; as Markdown, HTML and CSV it is whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cells_left_out: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What of a table stands on one page.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TablePartView {
    /// 1-based page.
    pub page: u32,
    /// Its box there.
    #[schema(value_type = Vec<f32>)]
    pub bbox: Rect,
    /// The first row that stands there, 0-based: the boxes of cells from there on are of this page.
    pub first_row: u32,
}

/// A part of the figures of a document.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FigureListView {
    /// Figures of the document in all, decorative ones among them.
    pub total: u32,
    /// In reading order.
    pub items: Vec<FigureView>,
    /// Give it as `after` to get the next part; `null` at the end.
    pub next: Option<u32>,
}

/// A figure: an image or a drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FigureView {
    /// Its number in the document, 1-based in reading order; decorative ones count.
    pub number: u32,
    /// Its name and number as its caption gives them: `Figure 3`.
    pub label: Option<String>,
    /// Its caption.
    pub caption: Option<String>,
    /// 1-based page.
    pub page: u32,
    /// Its box there, in points.
    #[schema(value_type = Vec<f32>)]
    pub bbox: Rect,
    /// Whether it is a logo or an ornament: nothing a reader looks at.
    pub decorative: bool,
}

impl From<&Cell> for CellView {
    fn from(cell: &Cell) -> Self {
        Self {
            row: cell.row,
            col: cell.col,
            row_span: cell.row_span,
            col_span: cell.col_span,
            header: cell.header,
            text: cell.text.clone(),
            bbox: cell.bbox,
        }
    }
}
