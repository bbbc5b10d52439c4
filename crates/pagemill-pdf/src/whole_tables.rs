//! Tables as a reader wants them: parts on several pages joined, as Markdown, HTML or CSV.

use std::fmt::Write as _;

use pagemill_core::{Block, BlockKind, Cell, Page, Rect};

/// A table with the parts that go on over pages.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeTable {
    /// Its name and number, `Table 3`, where its caption gives them.
    pub label: Option<String>,
    /// Its caption.
    pub caption: Option<String>,
    /// Its cells; rows count on over the parts, repeated headers are left out.
    pub cells: Vec<Cell>,
    /// Where its parts stand: 1-based page and box.
    pub parts: Vec<(u32, Rect)>,
}

/// The tables of consecutive pages, each whole.
pub fn whole_tables(pages: &[Page]) -> Vec<WholeTable> {
    let mut out: Vec<WholeTable> = Vec::new();
    for page in pages {
        for block in page.blocks.iter().filter(|block| block.kind == BlockKind::Table && !block.cells.is_empty()) {
            let continued = block.float.as_ref().is_some_and(|float| float.continued);
            match out.last_mut() {
                Some(last) if continued && last.parts.last().is_some_and(|(number, _)| number + 1 == page.number) => {
                    last.go_on(page.number, block);
                }
                _ => out.push(WholeTable::begun(page, block)),
            }
        }
    }
    out
}

impl WholeTable {
    fn begun(page: &Page, block: &Block) -> Self {
        let caption = block.float.as_ref().and_then(|float| float.caption);
        let caption = caption.and_then(|at| page.blocks.get(at as usize)).map(|caption| caption.text.clone());
        Self {
            label: block.float.as_ref().and_then(|float| float.label.clone()),
            caption,
            cells: block.cells.clone(),
            parts: vec![(page.number, block.bbox)],
        }
    }

    fn go_on(&mut self, page: u32, block: &Block) {
        let repeated = repeated_rows(&self.cells, &block.cells);
        let rows = row_count(&self.cells);
        let rest = block.cells.iter().filter(|cell| cell.row >= repeated);
        self.cells.extend(rest.map(|cell| Cell { row: cell.row - repeated + rows, header: false, ..cell.clone() }));
        self.parts.push((page, block.bbox));
    }

    /// As an HTML table with spans, header cells and caption; the text is escaped.
    pub fn to_html(&self) -> String {
        let mut out = String::from("<table>\n");
        if let Some(caption) = &self.caption {
            let _ = writeln!(out, "<caption>{}</caption>", escaped(caption));
        }
        let mut row = None;
        for cell in in_order(&self.cells) {
            if row != Some(cell.row) {
                if row.is_some() {
                    out.push_str("</tr>\n");
                }
                // Rows that only hold cells from above.
                for _ in row.map_or(0, |row| row + 1)..cell.row {
                    out.push_str("<tr></tr>\n");
                }
                out.push_str("<tr>");
                row = Some(cell.row);
            }
            let name = if cell.header { "th" } else { "td" };
            let _ = write!(out, "<{name}");
            if cell.row_span > 1 {
                let _ = write!(out, " rowspan=\"{}\"", cell.row_span);
            }
            if cell.col_span > 1 {
                let _ = write!(out, " colspan=\"{}\"", cell.col_span);
            }
            let _ = write!(out, ">{}</{name}>", escaped(&cell.text));
        }
        if row.is_some() {
            out.push_str("</tr>\n");
        }
        out.push_str("</table>\n");
        out
    }

    /// As CSV (RFC 4180): a cell that spans several stands in the first. Text that a spreadsheet
    /// would take for a formula is marked with an apostrophe.
    pub fn to_csv(&self) -> String {
        let mut out = String::new();
        for row in self.grid() {
            let fields: Vec<String> = row.into_iter().map(|text| csv_field(&text)).collect();
            let _ = write!(out, "{}\r\n", fields.join(","));
        }
        out
    }

    /// As a pipe table of Markdown: a cell that spans several stands in the first.
    pub fn to_markdown(&self) -> String {
        let mut out = String::new();
        for (number, row) in self.grid().into_iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|text| text.replace('|', "\\|")).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
            if number == 0 {
                let _ = writeln!(out, "|{}", " --- |".repeat(cells.len()));
            }
        }
        out
    }

    fn grid(&self) -> Vec<Vec<String>> {
        let columns = self.cells.iter().map(|cell| cell.col + cell.col_span.max(1)).max().unwrap_or(0) as usize;
        let mut grid = vec![vec![String::new(); columns]; row_count(&self.cells) as usize];
        for cell in &self.cells {
            if let Some(place) = grid.get_mut(cell.row as usize).and_then(|row| row.get_mut(cell.col as usize)) {
                *place = cell.text.split_whitespace().collect::<Vec<_>>().join(" ");
            }
        }
        grid
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

fn in_order(cells: &[Cell]) -> Vec<&Cell> {
    let mut cells: Vec<&Cell> = cells.iter().collect();
    cells.sort_by_key(|cell| (cell.row, cell.col));
    cells
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn csv_field(text: &str) -> String {
    let is_number = |text: &str| text.replace([',', ' ', '%'], "").parse::<f64>().is_ok();
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(text);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
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
        ];
        let tables = whole_tables(&pages);
        assert_eq!(tables.len(), 2);
        assert_eq!(tables[0].to_csv(), "Drug,Dose\r\nA,5\r\nB,7\r\nC,9\r\n");
        assert_eq!(tables[0].parts.iter().map(|(page, _)| *page).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn html_keeps_spans_and_escapes() {
        let wide = Cell { col_span: 2, ..cell(0, 0, "a < b") };
        let tables = whole_tables(&[page(1, false, vec![wide, cell(1, 0, "x"), cell(1, 1, "y")])]);
        assert_eq!(
            tables[0].to_html(),
            "<table>\n<tr><th colspan=\"2\">a &lt; b</th></tr>\n<tr><td>x</td><td>y</td></tr>\n</table>\n"
        );
        assert_eq!(tables[0].to_markdown(), "| a < b |  |\n| --- | --- |\n| x | y |\n");
    }

    #[test]
    fn csv_quotes_and_disarms() {
        let texts = ["1,5", "say \"hi\"", "=1+1", "-5.2", "+x"];
        let cells = texts.into_iter().zip(0..).map(|(text, col)| cell(0, col, text)).collect();
        let csv = whole_tables(&[page(1, false, cells)])[0].to_csv();
        assert_eq!(csv, "\"1,5\",\"say \"\"hi\"\"\",'=1+1,-5.2,'+x\r\n");
    }
}
