//! A transaction in which one or more writes run.

use pagemill_core::{DocumentId, ProjectId, TaskId};
use sqlx::SqlSafeStr;

use super::{Conn, Row, Value, args, to_json};
use crate::{
    EVENT_KINDS,
    dialect::{Dialect, LeaseClock, wall_ms},
    failure::Failure,
    news::Brought,
    records::ChangeKind,
};

/// Something that is done as a whole or not at all. It may be run again after a failure
/// of the machine, so that it only reads its own data.
pub(crate) trait Write: Send + Sync + 'static {
    /// What it tells its caller.
    type Output: Send + 'static;

    /// Runs inside a transaction. An error undoes what it did.
    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

/// An event to be written at the end of the transaction.
struct NewEvent {
    project: ProjectId,
    task: Option<TaskId>,
    document: Option<DocumentId>,
    kind: &'static str,
    data: String,
}

/// A transaction. Events and changes get their numbers at its very end, because the
/// counters stay locked from then on until it commits: so numbers rise in the order of commits.
pub(crate) struct Tx<'c> {
    conn: Conn<'c>,
    clock: &'c LeaseClock,
    events: Vec<NewEvent>,
    changes: Vec<(ChangeKind, ProjectId, DocumentId, u32)>,
    brought: Brought,
}

/// How far the pending output of a transaction had come.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    events: usize,
    changes: usize,
}

impl<'c> Tx<'c> {
    /// Takes a connection on which a transaction has begun.
    pub(crate) fn new(conn: Conn<'c>, clock: &'c LeaseClock) -> Self {
        Self { conn, clock, events: Vec::new(), changes: Vec::new(), brought: Brought::default() }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.conn.dialect()
    }

    pub(crate) fn conn(&mut self) -> &mut Conn<'c> {
        &mut self.conn
    }

    /// Milliseconds on the clock that leases run by.
    pub(crate) async fn now(&mut self) -> Result<i64, Failure> {
        self.clock.now(&mut self.conn).await
    }

    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr + Send, values: &[Value]) -> Result<u64, Failure> {
        self.conn.execute(sql, values).await
    }

    pub(crate) async fn rows(&mut self, sql: impl SqlSafeStr + Send, values: &[Value]) -> Result<Vec<Row>, Failure> {
        self.conn.rows(sql, values).await
    }

    pub(crate) async fn row(&mut self, sql: impl SqlSafeStr + Send, values: &[Value]) -> Result<Option<Row>, Failure> {
        self.conn.row(sql, values).await
    }

    pub(crate) async fn number(&mut self, sql: impl SqlSafeStr + Send, values: &[Value]) -> Result<i64, Failure> {
        self.conn.number(sql, values).await
    }

    /// The rows of a query, held until the transaction ends.
    pub(crate) async fn lock_rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Failure> {
        let sql = self.dialect().for_update(sql);
        self.conn.rows(sql, values).await
    }

    /// The first row of a query, held until the transaction ends.
    pub(crate) async fn lock_row(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, Failure> {
        Ok(self.lock_rows(sql, values).await?.into_iter().next())
    }

    /// Tells those who watch a project.
    pub(crate) fn event(
        &mut self,
        kind: &'static str,
        project: &ProjectId,
        task: Option<&TaskId>,
        document: Option<&DocumentId>,
        data: &serde_json::Value,
    ) -> Result<(), Failure> {
        debug_assert!(cfg!(test) || EVENT_KINDS.contains(&kind), "`{kind}` is missing from EVENT_KINDS");
        self.events.push(NewEvent {
            project: project.clone(),
            task: task.cloned(),
            document: document.cloned(),
            kind,
            data: to_json(data)?,
        });
        self.brought.anything = true;
        Ok(())
    }

    /// Tells the derived indexes. The number it will have is known only at the end.
    pub(crate) fn change(&mut self, kind: ChangeKind, project: &ProjectId, document: &DocumentId, version: u32) {
        self.changes.push((kind, project.clone(), document.clone(), version));
        self.brought.anything = true;
    }

    /// Says that there is a job to take, or room to take one.
    pub(crate) fn wake(&mut self) {
        self.brought = Brought::ALL;
    }

    /// What those who wait should look at, after the commit.
    pub(crate) fn brought(&self) -> Brought {
        self.brought
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { events: self.events.len(), changes: self.changes.len() }
    }

    /// Forgets what was to be told since the mark.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.events.truncate(mark.events);
        self.changes.truncate(mark.changes);
    }

    /// Writes events and changes with their numbers; the last thing before the commit.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        const NUMBERS: &str = "UPDATE counters SET value = value + $1 WHERE name = $2 RETURNING value";
        if !self.events.is_empty() {
            let count = self.events.len() as i64;
            let last = self.conn.number(NUMBERS, args![count, "events"]).await?;
            let now = wall_ms();
            let mut values = Vec::with_capacity(self.events.len() * 7);
            for (event, id) in self.events.iter().zip(last - count + 1..) {
                values.extend_from_slice(args![
                    id,
                    now,
                    &event.project,
                    event.task.as_ref().map(ToString::to_string),
                    event.document.as_ref().map(ToString::to_string),
                    event.kind,
                    event.data.as_str(),
                ]);
            }
            let head = "INSERT INTO events (id, at_ms, project, task, document, kind, data) VALUES";
            self.conn.insert_many(head, 7, "", &values).await?;
        }
        if !self.changes.is_empty() {
            let count = self.changes.len() as i64;
            let last = self.conn.number(NUMBERS, args![count, "changes"]).await?;
            let mut values = Vec::with_capacity(self.changes.len() * 5);
            for ((kind, project, document, version), seq) in self.changes.iter().zip(last - count + 1..) {
                values.extend_from_slice(args![seq, kind.as_str(), project, document, *version]);
            }
            let head = "INSERT INTO changes (seq, kind, project, document, version) VALUES";
            self.conn.insert_many(head, 5, "", &values).await?;
        }
        Ok(())
    }
}
