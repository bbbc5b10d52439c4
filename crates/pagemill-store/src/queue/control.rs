//! What a person says about a queue while it runs: paused or not, and how many jobs of it may be at work.

use std::collections::BTreeMap;

use pagemill_core::{Queue, queue::JobState};
use serde_json::json;

use crate::{
    Answer, QueueState, Store,
    dialect::wall_ms,
    failure::Failure,
    sql::{Conn, Tx, Write, args},
};

/// What holds for a queue.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Setting {
    pub(crate) paused: bool,
    pub(crate) concurrency: Option<u32>,
}

/// The settings of all queues, by name.
pub(crate) async fn settings(conn: &mut Conn<'_>) -> Result<BTreeMap<String, Setting>, Failure> {
    let rows = conn.rows("SELECT name, paused, concurrency FROM queues", &[]).await?;
    rows.iter()
        .map(|row| {
            let mut fields = row.fields();
            let name = fields.text()?;
            let paused = fields.int()? != 0;
            let concurrency = fields.int_or_null()?.map(|most| u32::try_from(most).unwrap_or(0));
            Ok((name, Setting { paused, concurrency }))
        })
        .collect()
}

/// How many jobs of a queue are in a state.
pub(crate) async fn count(conn: &mut Conn<'_>, queue: Queue, state: JobState) -> Result<u32, Failure> {
    let sql = "SELECT COUNT(*) FROM jobs WHERE queue = $1 AND state = $2";
    let sql_leased = "SELECT COUNT(*) FROM jobs WHERE queue = $1 AND state = 'leased'";
    // Only a word in the statement lets the database see that the small index of held jobs is enough.
    let count = match state {
        JobState::Leased => conn.number(sql_leased, args![queue.as_str()]).await?,
        _ => conn.number(sql, args![queue.as_str(), state.as_str()]).await?,
    };
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How many jobs of a queue with a limit are at work. Until the transaction ends nobody else claims from
/// it, so that two who count at the same time do not fill the same place.
pub(crate) async fn hold_and_count(tx: &mut Tx<'_>, queue: Queue) -> Result<u32, Failure> {
    tx.lock_row("SELECT name FROM queues WHERE name = $1", args![queue.as_str()]).await?;
    count(tx.conn(), queue, JobState::Leased).await
}

impl Store {
    /// Pauses a queue or lets it go on. Jobs at work go on to their end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn pause_queue(&self, queue: Queue, paused: bool) -> Answer<'_, ()> {
        self.write(SetQueue { queue, change: Change::Paused(paused) })
    }

    /// Sets how many jobs of a queue may be at work at once over all workers; `None` is as many as they take.
    /// Jobs at work go on to their end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn scale_queue(&self, queue: Queue, concurrency: Option<u32>) -> Answer<'_, ()> {
        self.write(SetQueue { queue, change: Change::Concurrency(concurrency) })
    }

    /// Every queue, with its settings and its jobs counted by state.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn queues<'a>(&'a self) -> Answer<'a, Vec<QueueState>> {
        self.answer(async move {
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let settings = settings(&mut conn).await?;
            let mut queues: Vec<QueueState> = Queue::ALL
                .into_iter()
                .map(|queue| {
                    let setting = settings.get(queue.as_str()).copied().unwrap_or_default();
                    QueueState {
                        queue,
                        paused: setting.paused,
                        concurrency: setting.concurrency,
                        jobs: Vec::new(),
                        oldest_ms: None,
                    }
                })
                .collect();
            let sql = "SELECT queue, state, COUNT(*) FROM jobs GROUP BY queue, state ORDER BY queue, state";
            for row in conn.rows(sql, &[]).await? {
                let mut fields = row.fields();
                let queue = fields.word(Queue::parse)?;
                let counted = (fields.word(JobState::parse)?, fields.count()?);
                if let Some(state) = queues.iter_mut().find(|state| state.queue == queue) {
                    state.jobs.push(counted);
                }
            }
            for state in &mut queues {
                // The one that is next is, within its priority, among the oldest.
                let sql = "SELECT MIN(created_ms) FROM tasks WHERE id IN (SELECT task FROM jobs WHERE queue = $1 \
                           AND state = 'ready' ORDER BY priority, turn, id LIMIT 100)";
                let row = conn.row(sql, args![state.queue.as_str()]).await?;
                state.oldest_ms = row.map(|row| row.fields().int_or_null()).transpose()?.flatten();
            }
            Ok(queues)
        })
    }
}

#[derive(Clone, Copy)]
enum Change {
    Paused(bool),
    Concurrency(Option<u32>),
}

struct SetQueue {
    queue: Queue,
    change: Change,
}

impl Write for SetQueue {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let name = self.queue.as_str();
        let now = wall_ms();
        match self.change {
            Change::Paused(paused) => {
                tx.execute(
                    "UPDATE queues SET paused = $2, changed_ms = $3 WHERE name = $1",
                    args![name, i64::from(paused), now],
                )
                .await?;
            }
            Change::Concurrency(most) => {
                tx.execute(
                    "UPDATE queues SET concurrency = $2, changed_ms = $3 WHERE name = $1",
                    args![name, most.map(i64::from), now],
                )
                .await?;
            }
        }
        tracing::info!(queue = name, change = %json!(match self.change {
            Change::Paused(paused) => json!({ "paused": paused }),
            Change::Concurrency(most) => json!({ "concurrency": most }),
        }), "a queue was changed");
        tx.wake();
        Ok(())
    }
}
