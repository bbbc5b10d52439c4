//! Pages and the blocks on them.

use serde::{Deserialize, Serialize};

use crate::{Rect, Word};

/// How the text of a page came about, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageSource {
    /// From the text layer of the file.
    Text,
    /// Recognised from the picture of the page.
    Ocr,
    /// There is nothing on the page.
    Blank,
    /// Left out on purpose or for want of a tool; see [`Page::reason`].
    Skipped,
    /// Could not be read; see [`Page::reason`].
    Failed,
}

impl PageSource {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Text, Self::Ocr, Self::Blank, Self::Skipped, Self::Failed];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Ocr => "ocr",
            Self::Blank => "blank",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }

    /// The value of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

/// One page of a document as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// 1-based number in the file.
    pub number: u32,
    /// The number printed on it (`iv`, `A-3`), where the file says so.
    pub label: Option<String>,
    /// Width in points, as shown (rotation applied).
    pub width: f32,
    /// Height in points, as shown (rotation applied).
    pub height: f32,
    /// How its text came about.
    pub source: PageSource,
    /// For `skipped` and `failed`: a stable code, `ocr_unavailable` for example. For `text`:
    /// `text_unreliable` when the file's text is not what the page shows.
    pub reason: Option<String>,
    /// For `ocr`: how sure the words are on average, 0 to 1.
    #[serde(default)]
    pub confidence: Option<f32>,
    /// Blocks in reading order.
    pub blocks: Vec<Block>,
}

impl Page {
    /// A page of which nothing is known but that it could not be read.
    pub fn failed(number: u32, reason: impl Into<String>) -> Self {
        Self {
            number,
            label: None,
            width: 0.0,
            height: 0.0,
            source: PageSource::Failed,
            reason: Some(reason.into()),
            confidence: None,
            blocks: Vec::new(),
        }
    }
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading; its level is in [`Block::level`].
    Heading,
    /// Running text.
    Paragraph,
    /// An item of a list; its nesting is in [`Block::level`], 1 for the outermost.
    ListItem,
    /// A table; its cells are in [`Block::cells`].
    Table,
    /// An image or drawing.
    Figure,
    /// The caption of a figure or table.
    Caption,
    /// A note at the foot of the page.
    Footnote,
    /// A formula set apart.
    Formula,
    /// A running head: page furniture.
    Header,
    /// A page number or running foot: page furniture.
    Footer,
}

impl BlockKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Heading,
        Self::Paragraph,
        Self::ListItem,
        Self::Table,
        Self::Figure,
        Self::Caption,
        Self::Footnote,
        Self::Formula,
        Self::Header,
        Self::Footer,
    ];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Heading => "heading",
            Self::Paragraph => "paragraph",
            Self::ListItem => "list_item",
            Self::Table => "table",
            Self::Figure => "figure",
            Self::Caption => "caption",
            Self::Footnote => "footnote",
            Self::Formula => "formula",
            Self::Header => "header",
            Self::Footer => "footer",
        }
    }

    /// The kind of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether it repeats from page to page and is no part of the text.
    pub fn is_furniture(self) -> bool {
        matches!(self, Self::Header | Self::Footer)
    }
}

/// A part of a page that belongs together: a paragraph, a heading, a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Heading level (1 is the highest) or nesting of a list item.
    pub level: Option<u8>,
    /// Its text: lines joined, hyphenation undone, ligatures spelled out.
    /// For a table: rows as lines, cells separated by tabs.
    pub text: String,
    /// Its box on the page it begins on.
    pub bbox: Rect,
    /// Cells of a table, row by row.
    #[serde(default)]
    pub cells: Vec<Cell>,
    /// Where each word of `text` stands, in the order of `text`. A paragraph that
    /// goes on in the next column or on the next page has words there.
    #[serde(default)]
    pub words: Vec<Word>,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// 0-based row of its top left corner.
    pub row: u32,
    /// 0-based column of its top left corner.
    pub col: u32,
    /// Rows it covers, at least 1.
    #[serde(default = "one")]
    pub row_span: u32,
    /// Columns it covers, at least 1.
    #[serde(default = "one")]
    pub col_span: u32,
    /// Whether it belongs to the header.
    #[serde(default)]
    pub header: bool,
    /// Its text.
    pub text: String,
    /// Its box.
    pub bbox: Rect,
}

fn one() -> u32 {
    1
}
