//! Tables as a reader wants them: parts on several pages joined.

use pagemill_core::{Block, BlockKind, Cell, Page, Rect};

use crate::table_text::{TableForm, TableWriter};

/// A table with the parts that go on over pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WholeTable {
    /// Its name and number, `Table 3`, where its caption gives them.
    pub label: Option<String>,
    /// Its caption.
    pub caption: Option<String>,
    /// Its cells; rows count on over the parts, repeated headers are left out.
    pub cells: Vec<Cell>,
    /// Its parts in order.
    pub parts: Vec<TablePart>,
}

/// A part of a table: what of it stands on one page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TablePart {
    /// 1-based page.
    pub page: u32,
    /// Its box there.
    pub bbox: Rect,
    /// The first row of the table that stands there, 0-based; the boxes of cells from there on are of this page.
    pub first_row: u32,
}

/// The tables of consecutive pages, each whole.
pub fn whole_tables(pages: &[Page]) -> Vec<WholeTable> {
    let mut out: Vec<(WholeTable, TableRows)> = Vec::new();
    for page in pages {
        for block in page.blocks.iter().filter(|block| block.kind == BlockKind::Table && !block.cells.is_empty()) {
            let continued = block.float.as_ref().is_some_and(|float| float.continued);
            match out.last_mut() {
                Some((last, rows)) if goes_on(last.parts.last().map(|part| part.page), page.number, continued) => {
                    last.add(page, block, rows);
                }
                _ => {
                    let (mut table, mut rows) = (WholeTable::default(), TableRows::default());
                    table.add(page, block, &mut rows);
                    out.push((table, rows));
                }
            }
        }
    }
    out.into_iter().map(|(table, _)| table).collect()
}

/// Whether a part on a page goes on with a table whose last part stands on page `last`; `continued` is what the
/// reader said of it ([`pagemill_core::Float`]).
pub fn goes_on(last: Option<u32>, page: u32, continued: bool) -> bool {
    continued && last.is_some_and(|last| last + 1 == page)
}

/// Numbers the rows of a table on over its parts.
#[derive(Clone, Debug, Default)]
pub struct TableRows {
    /// The cells of the first part.
    first: Vec<Cell>,
    /// Rows so far.
    count: u32,
}

impl TableRows {
    /// Rows of the parts so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The cells of the next part under the numbers they have in the whole table, without a header that is repeated.
    pub fn add(&mut self, cells: &[Cell]) -> Vec<Cell> {
        let before = self.count;
        if before == 0 {
            self.first = cells.to_vec();
            self.count = row_count(cells);
            return cells.to_vec();
        }
        let repeated = repeated_rows(&self.first, cells);
        let rest = cells.iter().filter(|cell| cell.row >= repeated);
        let added = rest.map(|cell| Cell { row: cell.row - repeated + before, header: false, ..cell.clone() });
        self.count += row_count(cells).saturating_sub(repeated);
        added.collect()
    }
}

impl WholeTable {
    fn add(&mut self, page: &Page, block: &Block, rows: &mut TableRows) {
        if let Some(float) = &block.float {
            // The caption may stand at the first part or the last.
            self.label = self.label.take().or_else(|| float.label.clone());
            let caption = float.caption.and_then(|at| page.blocks.get(at as usize));
            self.caption = self.caption.take().or_else(|| caption.map(|caption| caption.text.clone()));
        }
        self.parts.push(TablePart { page: page.number, bbox: block.bbox, first_row: rows.count() });
        self.cells.extend(rows.add(&block.cells));
    }

    /// Number of its rows.
    pub fn rows(&self) -> u32 {
        row_count(&self.cells)
    }

    /// Number of its columns.
    pub fn columns(&self) -> u32 {
        column_count(&self.cells)
    }

    /// As an HTML table with spans, header cells and caption; the text is escaped.
    pub fn to_html(&self) -> String {
        self.written(TableForm::Html)
    }

    /// As CSV, see [`TableForm::Csv`].
    pub fn to_csv(&self) -> String {
        self.written(TableForm::Csv)
    }

    /// As a pipe table of Markdown: a cell that spans several stands in the first.
    pub fn to_markdown(&self) -> String {
        self.written(TableForm::Markdown)
    }

    fn written(&self, form: TableForm) -> String {
        let mut writer = TableWriter::new(form, self.columns());
        let mut out = writer.head(self.caption.as_deref());
        out.push_str(&writer.rows(&self.cells));
        out.push_str(writer.tail());
        out
    }
}

/// The number of leading rows of a part that say what the first rows of the table said.
pub(crate) fn repeated_rows(table: &[Cell], part: &[Cell]) -> u32 {
    let row = |cells: &[Cell], number: u32| -> Vec<(u32, String)> {
        cells.iter().filter(|cell| cell.row == number).map(|cell| (cell.col, cell.text.clone())).collect()
    };
    let same = |number: &u32| !row(part, *number).is_empty() && row(table, *number) == row(part, *number);
    (0..row_count(part)).take_while(same).count() as u32
}

fn row_count(cells: &[Cell]) -> u32 {
    cells.iter().map(|cell| cell.row.saturating_add(1)).max().unwrap_or(0)
}

/// How many columns cells reach over.
pub fn column_count(cells: &[Cell]) -> u32 {
    cells.iter().map(|cell| cell.col.saturating_add(cell.col_span.max(1))).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use pagemill_core::Float;

    use super::*;
    use crate::test_page::{block_of, cell_of as cell, page_of};

    fn page(number: u32, continued: bool, cells: Vec<Cell>) -> Page {
        let float = Some(Float { continued, ..Float::default() });
        page_of(number, vec![Block { cells, float, ..block_of(BlockKind::Table, "") }])
    }

    #[test]
    fn a_table_that_goes_on_is_one() {
        let pages = [
            page(1, false, vec![cell(0, 0, "Drug"), cell(0, 1, "Dose"), cell(1, 0, "A"), cell(1, 1, "5")]),
            page(2, true, vec![cell(0, 0, "Drug"), cell(0, 1, "Dose"), cell(1, 0, "B"), cell(1, 1, "7")]),
            page(3, true, vec![cell(0, 0, "C"), cell(0, 1, "9")]),
            page(4, false, vec![cell(0, 0, "other")]),
            // What it would go on with is not on the page before.
            page(6, true, vec![cell(0, 0, "another")]),
        ];
        let tables = whole_tables(&pages);
        assert_eq!(tables.len(), 3);
        assert_eq!(tables[0].to_csv(), "Drug,Dose\r\nA,5\r\nB,7\r\nC,9\r\n");
        let parts: Vec<_> = tables[0].parts.iter().map(|part| (part.page, part.first_row)).collect();
        assert_eq!(parts, [(1, 0), (2, 2), (3, 3)]);
        assert_eq!((tables[0].rows(), tables[0].columns()), (4, 2));
    }
}
