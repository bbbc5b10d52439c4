//! The queue: enqueue → claim → complete with eight workers on SQLite, beside the usual way (a pool of connections,
//! each step a transaction of its own) on the same disk in the same run, and on PostgreSQL where there is one; how
//! long a claim takes while many jobs wait and another transaction stays open; how long an upload waits
//! for its answer when a hundred come at once; how soon a sleeping worker has a new job.
//!
//! `cargo bench -p pagemill-benches --bench claim -- --waiting 1000000 --finished 100000 --seconds 60` is the long
//! form. PostgreSQL is measured when `PAGEMILL_TEST_POSTGRES` names a server (`scripts/postgres` starts one, which
//! does not sync its disk).

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
    AssertSqlSafe, Connection, Executor, PgConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

const WORKERS: usize = 8;
/// Jobs a worker claims and completes at once.
const BATCH: u32 = 16;
/// Each document is five jobs or more, one for each stage.
const DOCUMENTS: usize = 400;
/// Jobs of the peer, which is slow.
const PEER_JOBS: usize = 1000;
const UPLOADS: usize = 100;
const LEASE: Duration = Duration::from_secs(30);

/// How much is measured.
struct Size {
    waiting: usize,
    finished: usize,
    seconds: u64,
}

impl Size {
    /// From the command line; small unless told.
    fn from_args() -> Self {
        let words: Vec<String> = std::env::args().collect();
        let number = |name: &str, usual: usize| {
            let place = words.iter().position(|word| word == name);
            place.and_then(|place| words.get(place + 1)?.parse().ok()).unwrap_or(usual)
        };
        Self {
            waiting: number("--waiting", 20_000),
            finished: number("--finished", 2_000),
            seconds: number("--seconds", 3) as u64,
        }
    }
}

fn main() {
    let size = Size::from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir_in(".").unwrap();
        let sqlite = |name: &str| StoreOptions::sqlite(&folder.path().join(name));
        let peer = peer(&folder.path().join("peer.db")).await;
        println!("queue, {WORKERS} workers, every step durable: jobs enqueued, claimed and completed per second");
        println!("  SQLite, a transaction for each step       {peer:8.0}");
        for batch in [1, BATCH] {
            let ours = ours(&sqlite(&format!("ours{batch}.db")), batch).await;
            println!("  SQLite, pagemill-store, batches of {batch:2}     {ours:8.0}   x {:.1}", ours / peer);
        }
        let (p50, p99) = uploads(&folder.path().join("uploads.db")).await;
        println!("add_document, {UPLOADS} at once on SQLite: p50 {p50:.1} ms, p99 {p99:.1} ms");
        let (p50, p95) = wake_up(&sqlite("wake.db")).await;
        println!("from enqueue to claim, one process, SQLite: p50 {p50:.1} ms, p95 {p95:.1} ms");
        deep("SQLite", &sqlite("deep.db"), &size).await;
        if let Ok(server) = std::env::var("PAGEMILL_TEST_POSTGRES") {
            for batch in [1, BATCH] {
                let database = Database::create(&server).await;
                let ours = ours(&database.options(), batch).await;
                println!("  PostgreSQL, pagemill-store, batches of {batch:2} {ours:8.0}");
                database.remove().await;
            }
            let database = Database::create(&server).await;
            deep("PostgreSQL", &database.options(), &size).await;
            database.remove().await;
        }
    });
}

/// A database of its own on a server.
struct Database {
    server: String,
    name: String,
}

impl Database {
    async fn create(server: &str) -> Self {
        let name = format!("bench_{}", WorkerId::new());
        let mut admin = PgConnection::connect(server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        Self { server: server.to_owned(), name }
    }

    fn options(&self) -> StoreOptions {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        StoreOptions::new(format!("{server}/{}", self.name))
    }

    async fn remove(self) {
        let mut admin = PgConnection::connect(&self.server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("DROP DATABASE {} WITH (FORCE)", self.name))).await.unwrap();
    }
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

/// Jobs a second through the whole queue: documents added, every stage of each claimed and completed.
async fn ours(options: &StoreOptions, batch: u32) -> f64 {
    let store = Store::open(options).await.unwrap();
    let begun = Instant::now();
    for number in 0..DOCUMENTS / 50 {
        let adds = (0..50).map(|place| {
            let store = store.clone();
            async move { store.add_document(&document(number * 50 + place)).await.unwrap() }
        });
        futures::future::join_all(adds).await;
    }
    let done = Arc::new(AtomicU64::new(0));
    let jobs = (DOCUMENTS * pagemill_core::Stage::ALL.len()) as u64;
    let workers = (0..WORKERS).map(|_| {
        let (store, done) = (store.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let worker = WorkerId::new();
            while done.load(Ordering::SeqCst) < jobs {
                let claims = store.claim(&worker, &Queue::ALL, batch, LEASE).await.unwrap();
                if claims.is_empty() {
                    tokio::task::yield_now().await;
                    continue;
                }
                assert!(store.finish_stages(&claims).await.unwrap().is_empty());
                done.fetch_add(claims.len() as u64, Ordering::SeqCst);
            }
        })
    });
    for worker in futures::future::join_all(workers).await {
        worker.unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    store.close().await;
    jobs as f64 / seconds
}

/// Claims while many jobs wait, many tasks have ended, and another transaction stays open: it keeps a
/// PostgreSQL server from clearing away what is dead.
async fn deep(name: &str, options: &StoreOptions, size: &Size) {
    let store = Store::open(options).await.unwrap();
    let begun = Instant::now();
    fill(options, size).await;
    println!(
        "{name}: {} jobs wait, {} have ended (made in {:.0} s)",
        size.waiting,
        size.finished,
        begun.elapsed().as_secs_f64()
    );
    let pinned = Pinned::begin(options).await;
    let worker = WorkerId::new();
    for batch in [1, BATCH] {
        let (mut claimed, mut completed, mut jobs) = (Vec::new(), Vec::new(), 0);
        let end = Instant::now() + Duration::from_secs(size.seconds) / 2;
        while Instant::now() < end {
            let begun = Instant::now();
            let claims = store.claim(&worker, &[Queue::Default], batch, LEASE).await.unwrap();
            claimed.push(begun.elapsed().as_secs_f64() * 1000.0);
            let begun = Instant::now();
            store.finish_stages(&claims).await.unwrap();
            completed.push(begun.elapsed().as_secs_f64() * 1000.0);
            jobs += claims.len();
        }
        let ((p50, p95), (done50, done95)) = (median_and_95th(claimed), median_and_95th(completed));
        println!(
            "  {batch:2} at once, {jobs} jobs: claim p50 {p50:.2} ms, p95 {p95:.2} ms; complete p50 {done50:.2} ms, p95 {done95:.2} ms"
        );
    }
    pinned.end().await;
    store.close().await;
}

fn median_and_95th(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 95 / 100])
}

/// A transaction that has seen something and stays open.
enum Pinned {
    Sqlite(sqlx::SqliteConnection),
    Postgres(PgConnection),
}

impl Pinned {
    async fn begin(options: &StoreOptions) -> Self {
        const SEE: &str = "SELECT COUNT(*) FROM facts";
        if options.url.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(&options.url).await.unwrap();
            connection.execute("BEGIN").await.unwrap();
            connection.execute(SEE).await.unwrap();
            Self::Sqlite(connection)
        } else {
            let mut connection = PgConnection::connect(&options.url).await.unwrap();
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
            connection.execute(SEE).await.unwrap();
            Self::Postgres(connection)
        }
    }

    async fn end(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}

/// Fills a library: tasks whose first job waits, and tasks that have ended.
async fn fill(options: &StoreOptions, size: &Size) {
    let last = size.waiting + size.finished;
    let is_sqlite = options.url.starts_with("sqlite:");
    let (numbers, text) = if is_sqlite {
        (
            format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last}) "),
            "printf('%026d', i)",
        )
    } else {
        (format!("WITH n(i) AS (SELECT generate_series(1, {last})) "), "lpad(CAST(i AS TEXT), 26, '0')")
    };
    let finished = size.finished;
    let tables = [
        format!(
            "INSERT INTO documents (id, project, sha256, file, bytes, info, outline, created_ms) {numbers} SELECT \
             'doc_' || {text}, 'prj_' || (i % 10), {text}, 'a.pdf', 1, '{{}}', '[]', 0 FROM n"
        ),
        format!(
            "INSERT INTO tasks (id, document, project, recipe, version, status, priority, turn, stage, units_done, \
             units_total, pages_total, pages_done, pages_unread, chunks, reused, created_ms, finished_ms, timings) \
             {numbers} SELECT 'task_' || {text}, 'doc_' || {text}, 'prj_' || (i % 10), 'auto', 1, \
             CASE WHEN i <= {finished} THEN 'completed' ELSE 'queued' END, 1, i, 'parse', 0, 0, 0, 0, 0, 0, 0, 0, \
             CASE WHEN i <= {finished} THEN i END, '[]' FROM n"
        ),
        format!(
            "INSERT INTO jobs (id, task, document, project, queue, stage, unit, version, recipe, priority, turn, state, \
             run_at, attempt, crashes, fence) {numbers} SELECT 'job_' || {text}, 'task_' || {text}, 'doc_' || {text}, \
             'prj_' || (i % 10), 'default', 'parse', 0, 1, 'auto', 1, i, 'ready', 0, 0, 0, 0 FROM n WHERE i > {finished}"
        ),
    ];
    if is_sqlite {
        let mut connection = sqlx::SqliteConnection::connect(&options.url).await.unwrap();
        for sql in tables {
            connection.execute(AssertSqlSafe(sql)).await.unwrap();
        }
        connection.close().await.unwrap();
    } else {
        let mut connection = PgConnection::connect(&options.url).await.unwrap();
        for sql in tables {
            connection.execute(AssertSqlSafe(sql)).await.unwrap();
        }
        connection.execute("ANALYZE").await.unwrap();
        connection.close().await.unwrap();
    }
}

/// How soon a worker that sleeps has a job that is added, in milliseconds.
async fn wake_up(options: &StoreOptions) -> (f64, f64) {
    let store = Store::open(options).await.unwrap();
    let worker = WorkerId::new();
    let mut times = Vec::new();
    for number in 0..100 {
        let mut wake = store.subscribe();
        wake.mark_unchanged();
        let sleeper = {
            let (store, worker) = (store.clone(), worker.clone());
            tokio::spawn(async move {
                loop {
                    wake.changed().await.unwrap();
                    let claims = store.claim(&worker, &Queue::ALL, BATCH, LEASE).await.unwrap();
                    if !claims.is_empty() {
                        return Instant::now();
                    }
                }
            })
        };
        let begun = Instant::now();
        store.add_document(&document(number)).await.unwrap();
        times.push((sleeper.await.unwrap() - begun).as_secs_f64() * 1000.0);
    }
    store.close().await;
    median_and_95th(times)
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
    for _ in 0..PEER_JOBS / 5 {
        step(&pool, "INSERT INTO jobs (state, stage) VALUES ('ready', 0) RETURNING id").await;
    }
    let done = Arc::new(AtomicU64::new(0));
    let workers = (0..WORKERS).map(|_| {
        let (pool, done) = (pool.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            const CLAIM: &str = "UPDATE jobs SET state = 'leased' WHERE id = \
                                 (SELECT id FROM jobs WHERE state = 'ready' ORDER BY id LIMIT 1) RETURNING id";
            while done.load(Ordering::SeqCst) < PEER_JOBS as u64 {
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
    PEER_JOBS as f64 / seconds
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
