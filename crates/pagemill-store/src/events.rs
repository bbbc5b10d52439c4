//! Events for those who watch, and the log of changes that derived indexes follow. Both are numbered in
//! the order of commits, so that a reader who has seen a number has missed nothing before it.

use pagemill_core::{Event, EventId, Problem, ProjectId};

use crate::{ChangeKind, ChangeRow, Store, failure::Failure, sql::args};

impl Store {
    /// Events of a project after a given number, in order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn events_since(&self, project: &ProjectId, after: EventId, limit: u32) -> Result<Vec<Event>, Problem> {
        let read = async {
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
        };
        read.await.map_err(|failure: Failure| self.problem(failure))
    }

    /// The number of the last event of the library, 0 before the first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_event(&self) -> Result<EventId, Problem> {
        self.counter("events").await
    }

    /// Changes after a given number, in order, without gaps.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn changes_since(&self, seq: i64, limit: u32) -> Result<Vec<ChangeRow>, Problem> {
        let read = async {
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
        };
        read.await.map_err(|failure: Failure| self.problem(failure))
    }

    /// The number of the last change, 0 before the first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_change(&self) -> Result<i64, Problem> {
        self.counter("changes").await
    }

    async fn counter(&self, name: &str) -> Result<i64, Problem> {
        let read = async {
            let mut reader = self.reader().await?;
            reader.conn().number("SELECT value FROM counters WHERE name = $1", args![name]).await
        };
        read.await.map_err(|failure: Failure| self.problem(failure))
    }
}
