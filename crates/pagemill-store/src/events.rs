//! Events for those who watch, and the log of changes that derived indexes follow. Both are numbered in
//! the order of commits, so that a reader who has seen a number has missed nothing before it.

use pagemill_core::{DocumentId, Event, EventId, ProjectId, TaskId};

use crate::{
    Answer, ChangeKind, ChangeRow, Store,
    failure::Failure,
    sql::{Fields, Tx, Write, args},
    webhooks,
};

/// Every type of event that there can be, for those who ask for some of them.
pub const EVENT_KINDS: [&str; 22] = [
    "task.queued",
    "task.started",
    "task.stage",
    "task.progress",
    "task.waiting",
    "task.retrying",
    "task.set_aside",
    "task.paused",
    "task.resumed",
    "task.completed",
    "task.failed",
    "task.cancelled",
    "document.text_extracted",
    "document.text_recognised",
    "document.images_extracted",
    "document.chunks_created",
    "document.embeddings_generated",
    "document.embeddings_skipped",
    "document.indexed",
    "document.completed",
    "document.deleted",
    "broadcast",
];

/// Which events of a project are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// All of them.
    All,
    /// Those that tell about a task.
    Task(TaskId),
    /// Those that tell about a document.
    Document(DocumentId),
}

impl Topic {
    /// Whether an event of the project belongs to it.
    pub fn covers(&self, event: &Event) -> bool {
        match self {
            Self::All => true,
            Self::Task(task) => event.task.as_ref() == Some(task),
            Self::Document(document) => event.document.as_ref() == Some(document),
        }
    }
}

/// The columns [`event_of`] reads, in its order.
macro_rules! event_columns {
    () => {
        "id, at_ms, project, task, document, kind, data"
    };
}
pub(crate) use event_columns;

/// Reads the columns of `event_columns!`.
pub(crate) fn event_of(fields: &mut Fields<'_>) -> Result<Event, Failure> {
    Ok(Event {
        id: fields.int()?,
        at_ms: fields.int()?,
        project: fields.id()?,
        task: fields.id_or_null()?,
        document: fields.id_or_null()?,
        kind: fields.text()?,
        data: fields.json()?,
    })
}

/// How many events one transaction removes, so that no writer waits long.
const PRUNED_AT_ONCE: i64 = 5_000;
/// The fact that tells up to which number events were removed.
const PRUNED: &str = "events_pruned";

impl Store {
    /// Events of a project after a given number, in order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn events_since<'a>(&'a self, project: &'a ProjectId, after: EventId, limit: u32) -> Answer<'a, Vec<Event>> {
        self.events_on(project, &Topic::All, after, limit)
    }

    /// Events of a project on one topic after a given number, in order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn events_on<'a>(
        &'a self,
        project: &'a ProjectId,
        topic: &'a Topic,
        after: EventId,
        limit: u32,
    ) -> Answer<'a, Vec<Event>> {
        const ALL: &str = concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE project = $1 AND id > $2 ORDER BY id LIMIT 0 + $3"
        );
        const OF_TASK: &str = concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE project = $1 AND id > $2 AND task = $4 ORDER BY id LIMIT 0 + $3"
        );
        const OF_DOCUMENT: &str = concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE project = $1 AND id > $2 AND document = $4 ORDER BY id LIMIT 0 + $3"
        );
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut conn = reader.conn();
            let rows = match topic {
                Topic::All => conn.rows(ALL, args![project, after, limit]).await?,
                Topic::Task(task) => conn.rows(OF_TASK, args![project, after, limit, task]).await?,
                Topic::Document(document) => conn.rows(OF_DOCUMENT, args![project, after, limit, document]).await?,
            };
            rows.iter().map(|row| event_of(&mut row.fields())).collect()
        })
    }

    /// Events of every project after a given number, in order: for the one who passes them on to all who listen.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn all_events_since<'a>(&'a self, after: EventId, limit: u32) -> Answer<'a, Vec<Event>> {
        const SQL: &str = concat!("SELECT ", event_columns!(), " FROM events WHERE id > $1 ORDER BY id LIMIT 0 + $2");
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader.conn().rows(SQL, args![after, limit]).await?;
            rows.iter().map(|row| event_of(&mut row.fields())).collect()
        })
    }

    /// Tells all who listen something that is no change of the library.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn announce<'a>(&'a self, project: &'a ProjectId, message: &'a serde_json::Value) -> Answer<'a, ()> {
        self.write(Announce { project: project.clone(), message: message.clone() })
    }

    /// Removes events that happened before a time (milliseconds since 1970), and returns how many. Those that an
    /// enabled webhook has not been told of stay. Numbers go on as if nothing had been removed. Entries in the logs
    /// of webhooks that are as old go, too; they are not counted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn prune_events(&self, before_ms: i64) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut removed = 0;
            loop {
                let (now, more) = self.write(PruneEvents { before_ms }).await?;
                removed += now;
                if !more {
                    self.write(webhooks::PruneDeliveries { before_ms }).await?;
                    return Ok(removed);
                }
            }
        })
    }

    /// The number up to which events were removed for their age: who resumes below it has missed some.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn events_pruned_to(&self) -> Answer<'_, EventId> {
        Box::pin(async move { Ok(self.fact(PRUNED).await?.and_then(|text| text.parse().ok()).unwrap_or(0)) })
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
                    "SELECT seq, kind, project, document, version FROM changes WHERE seq > $1 ORDER BY seq LIMIT 0 + $2",
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

    /// The number of the last change behind `seq` that belongs to a finished task; `seq` when there is none. Once an
    /// index is built up to it, what was told to be completed can be found.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn finished_change<'a>(&'a self, seq: i64) -> Answer<'a, i64> {
        const SQL: &str = "SELECT COALESCE(MAX(c.seq), $1) FROM changes c WHERE c.seq > $1 AND EXISTS \
             (SELECT 1 FROM tasks t WHERE t.document = c.document AND t.version = c.version \
              AND t.status IN ('completed', 'partial'))";
        self.answer(async move {
            let mut reader = self.reader().await?;
            reader.conn().number(SQL, args![seq]).await
        })
    }

    fn counter(&self, name: &'static str) -> Answer<'_, i64> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            reader.conn().number("SELECT value FROM counters WHERE name = $1", args![name]).await
        })
    }
}

struct Announce {
    project: ProjectId,
    message: serde_json::Value,
}

impl Write for Announce {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        tx.event("broadcast", &self.project, None, None, &self.message)
    }
}

struct PruneEvents {
    before_ms: i64,
}

impl Write for PruneEvents {
    /// How many were removed, and whether there may be more.
    type Output = (u64, bool);

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(u64, bool), Failure> {
        let row = tx
            .row(
                "SELECT (SELECT MIN(id) FROM events), (SELECT MIN(seen) FROM webhooks WHERE disabled IS NULL), \
                 (SELECT value FROM counters WHERE name = 'events')",
                &[],
            )
            .await?;
        let Some(row) = row else { return Ok((0, false)) };
        let mut fields = row.fields();
        let (Some(first), seen, last) = (fields.int_or_null()?, fields.int_or_null()?, fields.int()?) else {
            return Ok((0, false));
        };
        let end = (first + PRUNED_AT_ONCE - 1).min(seen.unwrap_or(last));
        // Up to the first one in this stretch that is young enough to stay.
        let young = tx
            .row(
                "SELECT MIN(id) FROM events WHERE id >= $1 AND id <= $2 AND at_ms >= $3",
                args![first, end, self.before_ms],
            )
            .await?;
        let young = young.map(|row| row.fields().int_or_null()).transpose()?.flatten();
        let end = young.map_or(end, |id| id - 1);
        let removed = tx.execute("DELETE FROM events WHERE id <= $1", args![end]).await?;
        if removed > 0 {
            tx.execute(
                "INSERT INTO facts (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
                args![PRUNED, end.to_string()],
            )
            .await?;
        }
        Ok((removed, removed > 0 && young.is_none()))
    }
}
