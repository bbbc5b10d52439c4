//! A found table as text with the place of each word.

use pagemill_core::{Cell, Word};

use super::FoundTable;
use crate::content::{Content, Direction};
use crate::layout::Writer;

/// The text of a table: rows as lines, cells separated by tabs; its words and its cells.
pub(crate) fn written(
    table: &FoundTable,
    content: &Content,
    direction: Direction,
    page: u32,
) -> (String, Vec<Word>, Vec<Cell>) {
    let mut text = String::new();
    let mut words: Vec<Word> = Vec::new();
    let mut cells: Vec<Cell> = Vec::with_capacity(table.cells.len());
    let (mut row, mut col) = (0, 0);
    let mut in_order: Vec<_> = table.cells.iter().collect();
    in_order.sort_by_key(|cell| (cell.row, cell.col));
    for cell in in_order {
        while row < cell.row {
            text.push('\n');
            (row, col) = (row + 1, 0);
        }
        while col < cell.col {
            text.push('\t');
            col += 1;
        }
        let mut writer = Writer::new(content, direction, page);
        for line in &cell.lines {
            writer.some(line);
        }
        let offset = text.len() as u32;
        text.push_str(&writer.text);
        words.extend(writer.words.into_iter().map(|word| Word {
            start: word.start + offset,
            end: word.end + offset,
            ..word
        }));
        cells.push(Cell {
            row: cell.row,
            col: cell.col,
            row_span: cell.row_span,
            col_span: cell.col_span,
            header: cell.header,
            text: writer.text,
            bbox: cell.bbox,
        });
    }
    (text, words, cells)
}
