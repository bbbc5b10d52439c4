//! Group commit: one write's misfortune is nobody else's.

#![allow(clippy::unwrap_used)]

use std::future::Future;

use pagemill_core::{ErrorCode, Problem, ProjectId};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    Store, StoreOptions,
    failure::Failure,
    sql::{Tx, Write, args},
};

/// A write that behaves in some way after it has written.
struct Behave {
    key: String,
    how: How,
}

enum How {
    Well,
    Fail,
    Panic,
    /// Asks for more room than there is.
    Swell,
    /// Waits, so that others come into the same transaction.
    Wait(watch::Receiver<bool>),
    /// Lets the database grow by this many pages at most from now on.
    Limit(i64),
}

impl Write for Behave {
    type Output = String;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<String, Failure> {
        tx.execute("INSERT INTO facts (key, value) VALUES ($1, 'x')", args![&self.key]).await?;
        tx.event("test", &ProjectId::default_project(), None, None, &json!({ "key": self.key }))?;
        match &self.how {
            How::Well => {}
            How::Fail => return Err(Problem::new(ErrorCode::Conflict, "as planned").into()),
            How::Panic => panic!("as planned"),
            How::Swell => {
                let value = "x".repeat(1 << 20);
                tx.execute("UPDATE facts SET value = $2 WHERE key = $1", args![&self.key, value]).await?;
            }
            How::Wait(go) => drop(go.clone().wait_for(|go| *go).await),
            How::Limit(more) => {
                let pages = tx.number("PRAGMA page_count", &[]).await? + more;
                tx.rows(sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}")), &[]).await?;
            }
        }
        Ok(self.key.clone())
    }
}

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreOptions::sqlite(&folder.path().join("library.db"))).await.unwrap();
    (folder, store)
}

/// Runs writes in one transaction behind one that waits until all of them are queued.
async fn together(store: &Store, all: Vec<How>) -> Vec<Result<String, Problem>> {
    let (go, wait) = watch::channel(false);
    let mut writes = vec![Box::pin(write(store, "first", How::Wait(wait)))];
    for (place, how) in all.into_iter().enumerate() {
        writes.push(Box::pin(write(store, &place.to_string(), how)));
    }
    // Polled once, each has put its write into the queue.
    for write in &mut writes {
        assert!(futures::poll!(write).is_pending());
    }
    go.send(true).unwrap();
    futures::future::join_all(writes).await
}

fn write(store: &Store, key: &str, how: How) -> impl Future<Output = Result<String, Problem>> + use<> {
    let (store, write) = (store.clone(), Behave { key: key.to_owned(), how });
    async move { store.write(write).await }
}

#[tokio::test]
async fn many_writes_are_one_commit() {
    let (_folder, store) = store().await;
    let commits = store.subscribe();
    let before = commits.borrow().commits;
    let answers = together(&store, (0..100).map(|_| How::Well).collect()).await;
    assert!(answers.iter().all(Result::is_ok));
    // One, unless the machine is so slow that a group is cut off for having taken too long.
    assert!(commits.borrow().commits - before < 20);
    assert_eq!(store.last_event().await.unwrap(), 101);
}

#[tokio::test]
async fn a_write_that_fails_is_undone_alone() {
    let (_folder, store) = store().await;
    let answers = together(&store, vec![How::Well, How::Fail, How::Well, How::Panic, How::Well]).await;
    let codes: Vec<_> = answers.iter().map(|answer| answer.as_ref().map_err(|problem| problem.code)).collect();
    assert_eq!(codes[2].unwrap_err(), ErrorCode::Conflict);
    assert_eq!(codes[4].unwrap_err(), ErrorCode::Internal);
    assert_eq!(codes.iter().filter(|code| code.is_ok()).count(), 4);
    for (key, there) in [("first", true), ("0", true), ("1", false), ("2", true), ("3", false), ("4", true)] {
        assert_eq!(store.fact(key).await.unwrap().is_some(), there, "{key}");
    }
    let events = store.events_since(&ProjectId::default_project(), 0, 100).await.unwrap();
    let told: Vec<_> = events.iter().map(|event| event.data["key"].as_str().unwrap()).collect();
    assert_eq!(told, ["first", "0", "2", "4"]);
}

#[tokio::test]
async fn a_full_disk_refuses_who_needs_room_and_no_one_else() {
    let (_folder, store) = store().await;
    write(&store, "limit", How::Limit(8)).await.unwrap();
    let answers = together(&store, vec![How::Well, How::Swell, How::Well]).await;
    let codes: Vec<_> = answers.iter().map(|answer| answer.as_ref().map_err(|problem| problem.code)).collect();
    assert_eq!(codes[2].unwrap_err(), ErrorCode::DiskFull);
    assert_eq!(codes.iter().filter(|code| code.is_ok()).count(), 3);
    assert_eq!(store.fact("1").await.unwrap(), None);
    assert_eq!(store.fact("2").await.unwrap().as_deref(), Some("x"));
    // Room again, and all is well.
    write(&store, "room", How::Limit(10_000)).await.unwrap();
    write(&store, "later", How::Swell).await.unwrap();
}
