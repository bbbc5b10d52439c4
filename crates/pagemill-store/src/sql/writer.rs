//! The one writer of a SQLite file, with group commit.
//!
//! Writes wait in a queue. The writer takes what is there, runs each in a savepoint of one
//! transaction, commits once, and only then answers all of them: a hundred uploads at the
//! same moment cost a few syncs of the disk instead of a hundred. A write that fails is
//! undone alone; when the transaction itself breaks, its writes are run again one by one.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use pagemill_core::{ErrorCode, Problem};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Conn, Tx, Write};
use crate::{dialect::LeaseClock, failure::Failure, news::News};

/// Writes that may wait; more wait outside.
const WAITING: usize = 1024;
/// Writes in one transaction at most.
const GROUP: usize = 256;
/// A transaction that has taken so long takes in no more writes.
const GROUP_TIME: Duration = Duration::from_millis(25);

/// The way to the writer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Write(Box<dyn Queued>),
    Close(oneshot::Sender<()>),
}

/// A write in the queue, its types forgotten.
trait Queued: Send {
    /// Runs it and keeps its result for later.
    fn run<'t>(&'t mut self, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Outcome>;
    /// Sets aside what it did, because it was not committed.
    fn refuse(&mut self, failure: Failure);
    /// Answers whoever waits.
    fn answer(self: Box<Self>);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Failed,
}

struct Pending<W: Write> {
    write: W,
    result: Option<Result<W::Output, Failure>>,
    waiting: oneshot::Sender<Result<W::Output, Failure>>,
}

impl<W: Write> Queued for Pending<W> {
    fn run<'t>(&'t mut self, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Outcome> {
        async move {
            let result = AssertUnwindSafe(self.write.run(tx)).catch_unwind().await;
            let result = result.unwrap_or_else(|_| {
                Err(Problem::new(ErrorCode::Internal, "a write to the database broke off; this is a defect").into())
            });
            let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Failed };
            self.result = Some(result);
            outcome
        }
        .boxed()
    }

    fn refuse(&mut self, failure: Failure) {
        self.result = Some(Err(failure));
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // Whoever asked may have gone away meanwhile; the write stands.
            let _ = self.waiting.send(result);
        }
    }
}

impl Writer {
    /// Starts the writer on its own connection. `hint` is raised after commits that others should look at.
    pub(crate) fn start(connection: SqliteConnection, clock: LeaseClock, hint: watch::Sender<News>) -> Self {
        let (queue, messages) = mpsc::channel(WAITING);
        tokio::spawn(Loop { connection, clock, hint }.run(messages));
        Self { queue }
    }

    /// Queues a write and waits until it is durable.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Output, Failure> {
        let (waiting, answer) = oneshot::channel();
        let pending = Box::new(Pending { write, result: None, waiting });
        let closed = || Failure::Sql(sqlx::Error::PoolClosed);
        self.queue.send(Message::Write(pending)).await.map_err(|_gone| closed())?;
        answer.await.unwrap_or_else(|_gone| Err(closed()))
    }

    /// Lets what is queued finish and closes the connection.
    pub(crate) async fn close(&self) {
        let (done, wait) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

struct Loop {
    connection: SqliteConnection,
    clock: LeaseClock,
    hint: watch::Sender<News>,
}

impl Loop {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut closing = None;
        while closing.is_none() {
            match messages.recv().await {
                Some(Message::Write(first)) => closing = self.run_group(first, &mut messages).await,
                Some(Message::Close(done)) => closing = Some(done),
                None => break,
            }
        }
        if let Err(error) = self.connection.close().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database did not close cleanly");
        }
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    /// Commits the first write together with those that come while it runs.
    async fn run_group(
        &mut self,
        first: Box<dyn Queued>,
        messages: &mut mpsc::Receiver<Message>,
    ) -> Option<oneshot::Sender<()>> {
        let mut closing = None;
        let mut more = || match messages.try_recv() {
            Ok(Message::Write(next)) => Some(next),
            Ok(Message::Close(done)) => {
                closing = Some(done);
                None
            }
            Err(_empty_or_closed) => None,
        };
        let mut group = Vec::new();
        if let Err(failure) = self.try_group(first, &mut more, &mut group).await {
            self.undo().await;
            // A write that failed keeps its own reason.
            let undone = group.iter_mut().filter(|(outcome, _)| *outcome == Outcome::Done);
            let mut undone: Vec<_> = undone.map(|(_, write)| write).collect();
            if let [alone] = undone.as_mut_slice() {
                alone.refuse(failure);
            } else {
                for write in undone {
                    self.run_alone(write.as_mut()).await;
                }
            }
        }
        for (_, write) in group {
            write.answer();
        }
        closing
    }

    /// Runs writes until none waits, then commits. Every write taken is in `group` afterwards, with its outcome.
    async fn try_group(
        &mut self,
        first: Box<dyn Queued>,
        more: &mut (dyn FnMut() -> Option<Box<dyn Queued>> + Send),
        group: &mut Vec<(Outcome, Box<dyn Queued>)>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        group.push((Outcome::Done, first));
        let mut tx = Tx::new(Conn::Sqlite(&mut self.connection), &self.clock);
        tx.conn().batch("BEGIN IMMEDIATE").await?;
        loop {
            let Some((outcome, write)) = group.last_mut() else { return Ok(()) };
            let mark = tx.mark();
            tx.conn().batch("SAVEPOINT one").await?;
            *outcome = write.run(&mut tx).await;
            if *outcome == Outcome::Done {
                tx.conn().batch("RELEASE one").await?;
            } else {
                tx.rewind(mark);
                tx.conn().batch("ROLLBACK TO one; RELEASE one").await?;
            }
            if group.len() == GROUP || begun.elapsed() > GROUP_TIME {
                break;
            }
            match more() {
                Some(next) => group.push((Outcome::Done, next)),
                None => break,
            }
        }
        tx.flush().await?;
        let brought = tx.brought();
        tx.conn().batch("COMMIT").await?;
        brought.tell(&self.hint);
        Ok(())
    }

    /// Runs a write again in a transaction of its own.
    async fn run_alone(&mut self, write: &mut dyn Queued) {
        let mut tx = Tx::new(Conn::Sqlite(&mut self.connection), &self.clock);
        let committed = async {
            tx.conn().batch("BEGIN IMMEDIATE").await?;
            if write.run(&mut tx).await == Outcome::Failed {
                return Ok(None);
            }
            tx.flush().await?;
            tx.conn().batch("COMMIT").await?;
            Ok(Some(tx.brought()))
        }
        .await;
        match committed {
            Ok(Some(brought)) => brought.tell(&self.hint),
            Ok(None) => self.undo().await,
            Err(failure) => {
                write.refuse(failure);
                self.undo().await;
            }
        }
    }

    /// Ends whatever transaction is open; it is no error if none is.
    async fn undo(&mut self) {
        let _ = Conn::Sqlite(&mut self.connection).batch("ROLLBACK").await;
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
