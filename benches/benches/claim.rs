//! The queue on SQLite: enqueue → claim → complete with eight workers, beside the usual way (a
//! pool of connections, each step a transaction of its own) on the same disk in the same run;
//! and how long an upload waits for its answer when a hundred come at once.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use pagemill_core::{Priority, ProjectId, Queue, WorkerId};
use pagemill_store::{NewDocument, Store, StoreOptions};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

const WORKERS: usize = 8;
/// Each document is five jobs, one for each stage.
const DOCUMENTS: usize = 200;
const JOBS: usize = DOCUMENTS * 5;
const UPLOADS: usize = 100;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir_in(".").unwrap();
        let peer = peer(&folder.path().join("peer.db")).await;
        let ours = ours(&folder.path().join("ours.db")).await;
        println!("queue, {WORKERS} workers, synchronous FULL: jobs enqueued, claimed and completed per second");
        println!("  a transaction for each step   {peer:8.0}");
        println!("  pagemill-store, group commit  {ours:8.0}   x {:.1}", ours / peer);
        let (p50, p99) = uploads(&folder.path().join("uploads.db")).await;
        println!("add_document, {UPLOADS} at once: p50 {p50:.1} ms, p99 {p99:.1} ms");
    });
}

fn document(number: usize) -> NewDocument {
    NewDocument {
        project: ProjectId::default_project(),
        sha256: format!("{number:064x}"),
        file: format!("{number}.pdf"),
        bytes: 1,
        recipe: "article".to_owned(),
        priority: Priority::Normal,
    }
}

async fn ours(path: &Path) -> f64 {
    let store = Store::open(&StoreOptions::sqlite(path)).await.unwrap();
    let begun = Instant::now();
    for number in 0..DOCUMENTS / 50 {
        let adds = (0..50).map(|place| {
            let store = store.clone();
            async move { store.add_document(&document(number * 50 + place)).await.unwrap() }
        });
        futures::future::join_all(adds).await;
    }
    let done = Arc::new(AtomicU64::new(0));
    let workers = (0..WORKERS).map(|_| {
        let (store, done) = (store.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let worker = WorkerId::new();
            while done.load(Ordering::SeqCst) < JOBS as u64 {
                for claim in store.claim(&worker, &Queue::ALL, 1, Duration::from_secs(30)).await.unwrap() {
                    store.finish_stage(&claim).await.unwrap();
                    done.fetch_add(1, Ordering::SeqCst);
                }
            }
        })
    });
    futures::future::join_all(workers).await;
    let seconds = begun.elapsed().as_secs_f64();
    store.close().await;
    JOBS as f64 / seconds
}

/// What one would write first: a table, a pool, `BEGIN IMMEDIATE` for each step. It does less for each
/// job: no fence, no task, no counters.
async fn peer(path: &Path) -> f64 {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(60));
    let pool = SqlitePoolOptions::new().max_connections(WORKERS as u32).connect_with(options).await.unwrap();
    for sql in [
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT NOT NULL, stage INTEGER NOT NULL)",
        "CREATE INDEX ready ON jobs (id) WHERE state = 'ready'",
        "CREATE TABLE events (id INTEGER PRIMARY KEY, job INTEGER NOT NULL, kind TEXT NOT NULL)",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let begun = Instant::now();
    for _ in 0..DOCUMENTS {
        step(&pool, "INSERT INTO jobs (state, stage) VALUES ('ready', 0) RETURNING id").await;
    }
    let done = Arc::new(AtomicU64::new(0));
    let workers = (0..WORKERS).map(|_| {
        let (pool, done) = (pool.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            const CLAIM: &str = "UPDATE jobs SET state = 'leased' WHERE id = \
                                 (SELECT id FROM jobs WHERE state = 'ready' ORDER BY id LIMIT 1) RETURNING id";
            while done.load(Ordering::SeqCst) < JOBS as u64 {
                if let Some(job) = step(&pool, CLAIM).await {
                    complete(&pool, job).await;
                    done.fetch_add(1, Ordering::SeqCst);
                }
            }
        })
    });
    futures::future::join_all(workers).await;
    let seconds = begun.elapsed().as_secs_f64();
    pool.close().await;
    JOBS as f64 / seconds
}

async fn step(pool: &SqlitePool, sql: &'static str) -> Option<i64> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let id = sqlx::query_scalar(sql).fetch_optional(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    id
}

async fn complete(pool: &SqlitePool, job: i64) {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let sql = "DELETE FROM jobs WHERE id = $1 RETURNING stage";
    let stage: i64 = sqlx::query_scalar(sql).bind(job).fetch_one(&mut *transaction).await.unwrap();
    if stage < 4 {
        let sql = "INSERT INTO jobs (state, stage) VALUES ('ready', $1)";
        sqlx::query(sql).bind(stage + 1).execute(&mut *transaction).await.unwrap();
    }
    let sql = "INSERT INTO events (job, kind) VALUES ($1, 'done')";
    sqlx::query(sql).bind(job).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Median and 99th percentile of the waiting time, in milliseconds, over ten rounds.
async fn uploads(path: &Path) -> (f64, f64) {
    let store = Store::open(&StoreOptions::sqlite(path)).await.unwrap();
    let mut times = Vec::new();
    for round in 0..10 {
        let adds = (0..UPLOADS).map(|place| {
            let store = store.clone();
            tokio::spawn(async move {
                let begun = Instant::now();
                store.add_document(&document(round * UPLOADS + place)).await.unwrap();
                begun.elapsed().as_secs_f64() * 1000.0
            })
        });
        times.extend(futures::future::join_all(adds).await.into_iter().map(|time| time.unwrap()));
    }
    store.close().await;
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
