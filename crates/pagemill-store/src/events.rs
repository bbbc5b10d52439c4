//! Events for those who watch, and the log of changes that derived indexes follow. Both are numbered in
//! the order of commits, so that a reader who has seen a number has missed nothing before it.

use pagemill_core::{Event, EventId, ProjectId};

use crate::{Answer, ChangeKind, ChangeRow, Store, failure::Failure, sql::args};

impl Store {
    /// Events of a project after a given number, in order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn events_since<'a>(&'a self, project: &'a ProjectId, after: EventId, limit: u32) -> Answer<'a, Vec<Event>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows(
                    "SELECT id, at_ms, project, task, document, kind, data FROM events \
                     WHERE project = $1 AND id > $2 ORDER BY id LIMIT $3",
                    args![project, after, limit],
                )
                .await?;
            rows.iter()
                .map(|row| {
                    let mut fields = row.fields();
                    Ok(Event {
                        id: fields.int()?,
                        at_ms: fields.int()?,
                        project: fields.id()?,
                        task: fields.id_or_null()?,
                        document: fields.id_or_null()?,
                        kind: fields.text()?,
                        data: fields.json()?,
                    })
                })
                .collect::<Result<Vec<_>, Failure>>()
        })
    }

    /// The number of the last event of the library, 0 before the first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn last_event<'a>(&'a self) -> Answer<'a, EventId> {
        self.counter("events")
    }

    /// Changes after a given number, in order, without gaps.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn changes_since<'a>(&'a self, seq: i64, limit: u32) -> Answer<'a, Vec<ChangeRow>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows(
                    "SELECT seq, kind, project, document, version FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2",
                    args![seq, limit],
                )
                .await?;
            rows.iter()
                .map(|row| {
                    let mut fields = row.fields();
                    Ok(ChangeRow {
                        seq: fields.int()?,
                        kind: fields.word(ChangeKind::parse)?,
                        project: fields.id()?,
                        document: fields.id()?,
                        version: fields.count()?,
                    })
                })
                .collect::<Result<Vec<_>, Failure>>()
        })
    }

    /// The number of the last change, 0 before the first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn last_change<'a>(&'a self) -> Answer<'a, i64> {
        self.counter("changes")
    }

    fn counter(&self, name: &'static str) -> Answer<'_, i64> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            reader.conn().number("SELECT value FROM counters WHERE name = $1", args![name]).await
        })
    }
}
