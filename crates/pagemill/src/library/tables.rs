//! Tables of a document, each whole, read part by part: a table over a thousand pages is never held as one.

use pagemill_core::{BlockKind, Cell, DocumentId, ErrorCode, Problem, ProjectId};
use pagemill_pdf::{TableForm, TableRows, TableWriter, column_count, goes_on};
use pagemill_store::Store;

use super::{
    Library,
    views::{CellView, TableListView, TablePartView, TableView},
};

/// Pages whose tables are held at once.
const PAGES_AT_ONCE: u32 = 16;
/// Cells in one answer of JSON.
const MOST_CELLS: usize = 20_000;

impl Library {
    /// Tables of a document in reading order, from behind the one with the number `after` on. Fewer than `limit` come
    /// when they have many cells.
    ///
    /// # Errors
    /// `not_found`; `conflict` while the document has not been read, or when it changes meanwhile; of the database.
    pub async fn tables(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        after: u32,
        limit: u32,
    ) -> Result<TableListView, Problem> {
        let tables = self.table_readings(project, id).await?;
        let total = tables.len() as u32;
        let (mut items, mut room) = (Vec::new(), MOST_CELLS);
        for (number, reading) in (1..).zip(tables).skip(after as usize).take(limit as usize) {
            let table = reading.view(number, room).await?;
            // One that does not fit comes first in the next part.
            if table.cells_left_out > 0 && !items.is_empty() {
                break;
            }
            room = room.saturating_sub(table.cells.len());
            items.push(table);
        }
        let next = items.last().map(|table: &TableView| table.number).filter(|number| *number < total);
        Ok(TableListView { total, items, next })
    }

    /// One table.
    ///
    /// # Errors
    /// As [`Self::tables`]; `not_found` when there is no table of this number.
    pub async fn table(&self, project: &ProjectId, id: &DocumentId, number: u32) -> Result<TableView, Problem> {
        self.table_reading(project, id, number).await?.view(number, MOST_CELLS).await
    }

    /// One table as text, to be written piece by piece.
    ///
    /// # Errors
    /// As [`Self::table`].
    pub async fn table_text(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        number: u32,
        form: TableForm,
    ) -> Result<TableText, Problem> {
        let reading = self.table_reading(project, id, number).await?;
        // How many columns there are is known only at the end.
        let (mut columns, mut caption, mut all) = (0, None, reading.clone());
        while let Some(parts) = all.next().await? {
            for part in parts {
                columns = columns.max(column_count(&part.cells));
                caption = caption.or(part.caption);
            }
        }
        let writer = TableWriter::new(form, columns);
        Ok(TableText { head: Some(writer.head(caption.as_deref())), reading: Some(reading), writer })
    }

    async fn table_reading(&self, project: &ProjectId, id: &DocumentId, number: u32) -> Result<Reading, Problem> {
        numbered(self.table_readings(project, id).await?, number, "table", id)
    }

    async fn table_readings(&self, project: &ProjectId, id: &DocumentId) -> Result<Vec<Reading>, Problem> {
        let (document, version) = self.live(project, id).await?;
        let mut tables: Vec<Reading> = Vec::new();
        for place in self.store().float_places(id, version, BlockKind::Table).await? {
            let last = tables
                .last_mut()
                .filter(|table| goes_on(table.places.last().map(|(page, _)| *page), place.page, place.float.continued));
            match last {
                Some(table) => table.places.push((place.page, place.ordinal)),
                None => tables.push(Reading {
                    store: self.store().clone(),
                    document: document.id.clone(),
                    version,
                    places: vec![(place.page, place.ordinal)],
                    at: 0,
                    rows: TableRows::default(),
                }),
            }
        }
        Ok(tables)
    }
}

/// A table on its way out of the database.
#[derive(Clone)]
struct Reading {
    store: Store,
    document: DocumentId,
    version: u32,
    /// Page and place on the page of each part.
    places: Vec<(u32, u32)>,
    /// The part to come.
    at: usize,
    rows: TableRows,
}

struct Part {
    view: TablePartView,
    cells: Vec<Cell>,
    label: Option<String>,
    caption: Option<String>,
}

impl Reading {
    /// The next parts, or none at the end.
    async fn next(&mut self) -> Result<Option<Vec<Part>>, Problem> {
        let rest = &self.places[self.at..];
        let (Some((first, _)), Some((end, _))) = (rest.first(), rest.last()) else { return Ok(None) };
        let last = (first + PAGES_AT_ONCE - 1).min(*end);
        let found = self.store.floats(&self.document, self.version, BlockKind::Table, *first..=last).await?;
        let mut parts = Vec::new();
        for place in rest.iter().take_while(|(page, _)| *page <= last) {
            // A version goes at once with all its blocks.
            let part = found.iter().find(|part| (part.page, part.ordinal) == *place);
            let part = part.ok_or_else(|| changed(&self.document))?;
            let view = TablePartView { page: part.page, bbox: part.block.bbox, first_row: self.rows.count() };
            parts.push(Part {
                view,
                cells: self.rows.add(&part.block.cells),
                label: part.block.float.as_ref().and_then(|float| float.label.clone()),
                caption: part.caption.clone(),
            });
        }
        self.at += parts.len();
        Ok(Some(parts))
    }

    /// The whole table with `most` cells of it.
    async fn view(mut self, number: u32, most: usize) -> Result<TableView, Problem> {
        let mut table = TableView {
            number,
            label: None,
            caption: None,
            parts: Vec::with_capacity(self.places.len()),
            rows: 0,
            columns: 0,
            cells: Vec::new(),
            cells_left_out: 0,
        };
        while let Some(parts) = self.next().await? {
            for part in parts {
                // The caption may stand at the first part or the last.
                table.label = table.label.or(part.label);
                table.caption = table.caption.or(part.caption);
                table.parts.push(part.view);
                table.columns = table.columns.max(column_count(&part.cells));
                let room = most.saturating_sub(table.cells.len());
                table.cells.extend(part.cells.iter().take(room).map(CellView::from));
                table.cells_left_out += part.cells.len().saturating_sub(room) as u64;
            }
        }
        table.rows = self.rows.count();
        Ok(table)
    }
}

/// A table as text that comes piece by piece.
pub struct TableText {
    head: Option<String>,
    reading: Option<Reading>,
    writer: TableWriter,
}

impl TableText {
    /// The next piece, or none at the end.
    ///
    /// # Errors
    /// `conflict` when the document changes meanwhile, and of the database.
    pub async fn next(&mut self) -> Result<Option<String>, Problem> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        let Some(reading) = &mut self.reading else { return Ok(None) };
        let Some(parts) = reading.next().await? else {
            self.reading = None;
            return Ok(Some(self.writer.tail().to_owned()));
        };
        Ok(Some(parts.iter().map(|part| self.writer.rows(&part.cells)).collect()))
    }
}

/// The one with a 1-based number of all that a document has.
pub(super) fn numbered<T>(mut all: Vec<T>, number: u32, what: &str, document: &DocumentId) -> Result<T, Problem> {
    let total = all.len();
    match (number as usize).checked_sub(1).filter(|at| *at < total) {
        Some(at) => Ok(all.swap_remove(at)),
        None => {
            let message = format!("there is no {what} {number}: document {document} has {total}");
            Err(Problem::new(ErrorCode::NotFound, message))
        }
    }
}

/// What was being read has been processed anew meanwhile.
pub(super) fn changed(document: &DocumentId) -> Problem {
    Problem::new(ErrorCode::Conflict, format!("document {document} has changed while it was looked at; ask again"))
}
