//! Tables as text: Markdown, HTML or CSV, written row by row.

use std::fmt::Write as _;

use pagemill_core::Cell;

use crate::format::{escaped, one_line};

/// What a table can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableForm {
    /// A pipe table; a cell that spans several stands in the first.
    Markdown,
    /// A `<table>` with spans, header cells and caption; the text is escaped.
    Html,
    /// CSV (RFC 4180), a cell that spans several stands in the first.
    ///
    /// It is made to be opened in a spreadsheet: text that one would take for a formula (it begins with `=`, `+`, `-`,
    /// `@` or their wide forms and is no number) gets an apostrophe before it, as OWASP advises against CSV injection.
    Csv,
}

impl TableForm {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// Writes a table piece by piece, so that one over hundreds of pages need not be held as a whole.
#[derive(Clone, Debug)]
pub struct TableWriter {
    form: TableForm,
    columns: usize,
    /// The row to come.
    next: u32,
}

impl TableWriter {
    /// A writer of a table with so many columns.
    pub fn new(form: TableForm, columns: u32) -> Self {
        Self { form, columns: columns as usize, next: 0 }
    }

    /// What comes before the first row.
    pub fn head(&self, caption: Option<&str>) -> String {
        match (self.form, caption) {
            (TableForm::Html, Some(caption)) => format!("<table>\n<caption>{}</caption>\n", html(caption)),
            (TableForm::Html, None) => "<table>\n".to_owned(),
            (TableForm::Markdown | TableForm::Csv, _) => String::new(),
        }
    }

    /// The rows that these cells fill, all of them behind those that were written.
    pub fn rows(&mut self, cells: &[Cell]) -> String {
        let mut cells: Vec<&Cell> = cells.iter().filter(|cell| cell.row >= self.next).collect();
        cells.sort_by_key(|cell| (cell.row, cell.col));
        let mut out = String::new();
        let mut rest = cells.as_slice();
        while let Some(row) = rest.first().map(|cell| cell.row) {
            // Rows that only hold cells from above.
            while self.next < row {
                self.row(&mut out, &[]);
            }
            let (now, later) = rest.split_at(rest.partition_point(|cell| cell.row == row));
            self.row(&mut out, now);
            rest = later;
        }
        out
    }

    /// What comes after the last row.
    pub fn tail(&self) -> &'static str {
        match self.form {
            TableForm::Html => "</table>\n",
            TableForm::Markdown | TableForm::Csv => "",
        }
    }

    fn row(&mut self, out: &mut String, cells: &[&Cell]) {
        match self.form {
            TableForm::Html => html_row(out, cells),
            TableForm::Csv => {
                let fields: Vec<String> = self.fields(cells).iter().map(|text| csv_field(text)).collect();
                let _ = write!(out, "{}\r\n", fields.join(","));
            }
            TableForm::Markdown => {
                let fields = self.fields(cells);
                let fields: Vec<String> = fields.iter().map(|text| escaped(text).replace('|', "\\|")).collect();
                let _ = writeln!(out, "| {} |", fields.join(" | "));
                if self.next == 0 {
                    let _ = writeln!(out, "|{}", " --- |".repeat(self.columns));
                }
            }
        }
        self.next += 1;
    }

    /// The text of each column, on one line.
    fn fields(&self, cells: &[&Cell]) -> Vec<String> {
        let mut fields = vec![String::new(); self.columns];
        for cell in cells {
            if let Some(field) = fields.get_mut(cell.col as usize) {
                *field = one_line(&cell.text);
            }
        }
        fields
    }
}

fn html_row(out: &mut String, cells: &[&Cell]) {
    out.push_str("<tr>");
    for cell in cells {
        let name = if cell.header { "th" } else { "td" };
        let _ = write!(out, "<{name}");
        if cell.row_span > 1 {
            let _ = write!(out, " rowspan=\"{}\"", cell.row_span);
        }
        if cell.col_span > 1 {
            let _ = write!(out, " colspan=\"{}\"", cell.col_span);
        }
        let _ = write!(out, ">{}</{name}>", html(&cell.text));
    }
    out.push_str("</tr>\n");
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn csv_field(text: &str) -> String {
    // Where the separator of lists is a semicolon, each of these is a cell.
    let disarmed: Vec<String> = text.split(';').map(disarmed).collect();
    let text = disarmed.join(";");
    if text.contains(['"', ',', ';']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn disarmed(text: &str) -> String {
    let is_number = || text.replace([',', ' ', '%'], "").parse::<f64>().is_ok();
    let begins = text.trim_start().trim_start_matches('"');
    let is_formula = begins.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && !is_number();
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_page::cell_of as cell;

    fn written(form: TableForm, columns: u32, pieces: &[&[Cell]]) -> String {
        let mut writer = TableWriter::new(form, columns);
        let mut out = writer.head(Some("R & D"));
        for piece in pieces {
            out.push_str(&writer.rows(piece));
        }
        out + writer.tail()
    }

    #[test]
    fn html_keeps_spans_and_escapes() {
        let wide = Cell { col_span: 2, ..cell(0, 0, "a < b") };
        let cells = [wide, cell(1, 1, "y"), cell(1, 0, "x")];
        assert_eq!(
            written(TableForm::Html, 2, &[&cells]),
            "<table>\n<caption>R &amp; D</caption>\n<tr><th colspan=\"2\">a &lt; b</th></tr>\n\
             <tr><td>x</td><td>y</td></tr>\n</table>\n"
        );
        assert_eq!(written(TableForm::Markdown, 2, &[&cells]), "| a < b |  |\n| --- | --- |\n| x | y |\n");
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let cells = [cell(0, 0, "a"), cell(0, 1, "b|c"), cell(2, 1, "d\ne"), cell(3, 0, "f")];
        for form in [TableForm::Html, TableForm::Csv, TableForm::Markdown] {
            assert_eq!(written(form, 2, &[&cells]), written(form, 2, &[&cells[..2], &[], &cells[2..3], &cells[3..]]));
        }
        assert_eq!(written(TableForm::Csv, 2, &[&cells]), "a,b|c\r\n,\r\n,d e\r\nf,\r\n");
    }

    #[test]
    fn csv_quotes_and_disarms() {
        let csv = |text: &str| written(TableForm::Csv, 1, &[&[cell(0, 0, text)]]).trim_end().to_owned();
        for (text, field) in [
            ("1,5", "\"1,5\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("-5.2", "-5.2"),
            ("- 5,000 %", "\"- 5,000 %\""),
            ("+x", "'+x"),
            ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
            ("\t=1", "'=1"),
            ("＝1+1", "'＝1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("a;=1+1", "\"a;'=1+1\""),
            ("\"=1\"", "\"'\"\"=1\"\"\""),
            ("a-b", "a-b"),
        ] {
            assert_eq!(csv(text), field, "{text}");
        }
    }
}
