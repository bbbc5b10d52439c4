//! Pages as plain text and as Markdown.

use std::fmt::Write as _;

use pagemill_core::{Block, BlockKind, Cell, Page};

use crate::table_text::{TableForm, TableWriter};
use crate::whole_tables::{column_count, repeated_rows};

/// The text of pages for a reader: blocks as paragraphs, without running heads and page numbers.
pub fn to_text(pages: &[Page]) -> String {
    let mut out = String::new();
    for block in blocks(pages) {
        out.push_str(&block.text);
        out.push_str("\n\n");
    }
    trimmed(out)
}

/// The text of pages as Markdown: headings, lists and tables marked, without running heads and page numbers.
pub fn to_markdown(pages: &[Page]) -> String {
    let mut out = String::new();
    let mut in_list = false;
    // The first row of the last table, for its next part.
    let mut head: Vec<Cell> = Vec::new();
    for block in blocks(pages) {
        let is_item = block.kind == BlockKind::ListItem;
        if in_list && !is_item {
            out.push('\n');
        }
        in_list = is_item;
        match block.kind {
            BlockKind::Heading => {
                let level = usize::from(block.level.unwrap_or(1).clamp(1, 6));
                heading(&mut out, level, &block.text);
            }
            BlockKind::ListItem => item(&mut out, block),
            BlockKind::Table if !block.cells.is_empty() => {
                let continued = block.float.as_ref().is_some_and(|float| float.continued);
                if continued && repeated_rows(&head, &block.cells) == 0 {
                    table(&mut out, &with_head(&head, &block.cells));
                } else {
                    head = block.cells.iter().filter(|cell| cell.row == 0).cloned().collect();
                    table(&mut out, &block.cells);
                }
            }
            BlockKind::Caption => paragraph(&mut out, &format!("*{}*", escaped(&block.text))),
            BlockKind::Formula => paragraph(&mut out, &format!("`{}`", block.text.replace('`', "'"))),
            BlockKind::Paragraph
            | BlockKind::Table
            | BlockKind::Figure
            | BlockKind::Footnote
            | BlockKind::Header
            | BlockKind::Footer => paragraph(&mut out, &escaped(&block.text)),
        }
    }
    trimmed(out)
}

fn blocks(pages: &[Page]) -> impl Iterator<Item = &Block> {
    let blocks = pages.iter().flat_map(|page| &page.blocks);
    blocks.filter(|block| !block.kind.is_furniture() && !block.text.trim().is_empty())
}

fn heading(out: &mut String, level: usize, text: &str) {
    let _ = write!(out, "{} {}\n\n", "#".repeat(level), one_line(text));
}

fn paragraph(out: &mut String, text: &str) {
    let _ = write!(out, "{text}\n\n");
}

fn item(out: &mut String, block: &Block) {
    let indent = "  ".repeat(usize::from(block.level.unwrap_or(1).max(1) - 1));
    let text = one_line(&block.text);
    let bullets = ['•', '–', '-', '*', '◦', '▪', '‣', '·', '○', '●', '■', '□', '➢', '✓', '\u{fffd}'];
    let rest = text.strip_prefix(bullets).map(str::trim_start);
    let numbered = text.split_once([' ', '\u{a0}']).is_some_and(|(mark, _)| {
        let digits = mark.trim_end_matches(['.', ')']);
        digits.len() < mark.len() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    let _ = match (rest, numbered) {
        (None, true) => writeln!(out, "{indent}{text}"),
        (rest, _) => writeln!(out, "{indent}- {}", escaped(rest.unwrap_or(&text))),
    };
}

/// Cells with a row before them.
fn with_head(head: &[Cell], cells: &[Cell]) -> Vec<Cell> {
    let moved = cells.iter().map(|cell| Cell { row: cell.row + 1, ..cell.clone() });
    head.iter().cloned().chain(moved).collect()
}

fn table(out: &mut String, cells: &[Cell]) {
    out.push_str(&TableWriter::new(TableForm::Markdown, column_count(cells)).rows(cells));
    out.push('\n');
}

/// Text without line breaks.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text that begins like a heading, a quotation or a rule is text all the same.
pub(crate) fn escaped(text: &str) -> String {
    if text.starts_with(['#', '>']) || text.starts_with("---") { format!("\\{text}") } else { text.to_owned() }
}

fn trimmed(mut out: String) -> String {
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_page::{block_of as block, cell_of as cell, page_of};

    fn page(blocks: Vec<Block>) -> Page {
        page_of(1, blocks)
    }

    #[test]
    fn markdown_marks_what_blocks_are() {
        let mut table = block(BlockKind::Table, "a\tb\n1|2\t3");
        table.cells = vec![cell(0, 0, "a"), cell(0, 1, "b"), cell(1, 0, "1|2"), cell(1, 1, "3")];
        let pages = [page(vec![
            block(BlockKind::Header, "Journal"),
            block(BlockKind::Heading, "Results"),
            block(BlockKind::Paragraph, "# of patients"),
            block(BlockKind::ListItem, "• first"),
            table,
        ])];
        assert_eq!(
            to_markdown(&pages),
            "## Results\n\n\\# of patients\n\n  - first\n\n| a | b |\n| --- | --- |\n| 1\\|2 | 3 |\n"
        );
    }

    #[test]
    fn text_leaves_furniture_out() {
        let pages = [page(vec![block(BlockKind::Footer, "7"), block(BlockKind::Paragraph, "Hello.")])];
        assert_eq!(to_text(&pages), "Hello.\n");
        assert_eq!(to_text(&[]), "");
    }
}
