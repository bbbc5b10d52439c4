//! A library of its own for each test, and the program to use it with.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples").join(name)
}

/// A fresh library in a temporary folder.
pub(crate) struct TestLibrary {
    pub(crate) folder: tempfile::TempDir,
}

/// What a command printed, and its exit code.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    /// Exactly one line on standard error, which begins with a code.
    pub(crate) fn assert_failed_with(&self, code: &str) {
        assert_eq!(self.code, 3, "{} {}", self.stdout, self.stderr);
        assert_eq!(self.stderr.trim().lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with(&format!("{code}: ")), "{}", self.stderr);
    }
}

impl TestLibrary {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A library that holds a sample.
    pub(crate) fn with(name: &str) -> Self {
        let library = Self::new();
        let added = library.run(&["add", sample(name).to_str().unwrap(), "--wait", "--json"]);
        assert_eq!(added.code, 0, "{}", added.stderr);
        library
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pagemill"));
        command.arg("--library").arg(self.path()).args(words).env_remove("PAGEMILL_LOG");
        command
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("library")
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        Ran::of(self.command(words).stdin(Stdio::null()).output().unwrap())
    }

    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let mut words = words.to_vec();
        words.push("--json");
        self.run(&words).json()
    }

    /// A file with these bytes.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn serve(&self) -> Server {
        Server::start(self.command(&["serve", "--bind", "127.0.0.1:0"]))
    }
}

/// Starts a process and waits for the line it prints when it is ready.
fn started(mut command: Command) -> (Child, String) {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (process, line)
}

/// A PostgreSQL database of its own, dropped at the end.
pub(crate) struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// `None` when `PAGEMILL_TEST_POSTGRES` names no server and none is required.
    pub(crate) fn new() -> Option<Self> {
        let Ok(server) = std::env::var("PAGEMILL_TEST_POSTGRES") else {
            let required = std::env::var_os("PAGEMILL_REQUIRE_POSTGRES").is_some();
            assert!(!required, "PAGEMILL_TEST_POSTGRES names no server; start one with scripts/postgres");
            return None;
        };
        let database = Self { server, name: format!("test_{}", pagemill_core::WorkerId::new()) };
        database.administer(format!("CREATE DATABASE {}", database.name));
        Some(database)
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/{}", self.server.rsplit_once('/').unwrap().0, self.name)
    }

    /// Runs statements in it.
    pub(crate) fn run(&self, sql: &str) {
        at_database(self.url(), sql.to_owned(), async |database, sql| {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(database).await.unwrap();
        });
    }

    /// The number that a query gives.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        at_database(self.url(), sql.to_owned(), async |database, sql| {
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(database).await.unwrap()
        })
    }

    fn administer(&self, sql: String) {
        at_database(self.server.clone(), sql, async |server, sql| {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(server).await.unwrap();
        });
    }
}

/// On a thread of its own: a test may be inside a runtime already.
fn at_database<T: Send + 'static>(
    url: String,
    sql: String,
    work: impl AsyncFnOnce(&mut sqlx::PgConnection, String) -> T + Send + 'static,
) -> T {
    use sqlx::Connection;
    let work = std::thread::spawn(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
            work(&mut connection, sql).await
        })
    });
    work.join().unwrap()
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.administer(format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// A worker in a process of its own, killed when dropped.
pub(crate) struct Worker(pub(crate) Child);

impl Worker {
    pub(crate) fn start(command: Command) -> Self {
        let (process, line) = started(command);
        assert!(line.starts_with("working as wrk_"), "{line}");
        Self(process)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(command: Command) -> Self {
        let (process, line) = started(command);
        let url = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { process, url }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Asks until the answer satisfies.
    pub(crate) async fn until(&self, path: &str, satisfied: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer: Value = reqwest::get(self.at(path)).await.unwrap().json().await.unwrap();
            if satisfied(&answer) {
                return answer;
            }
            assert!(Instant::now() < end, "gave up waiting: {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether a box lies on a page of US letter or A4 size.
pub(crate) fn on_page(rect: &Value) -> bool {
    let side = |place: usize| rect[place].as_f64().unwrap();
    side(0) < side(2) && side(1) < side(3) && side(0) >= -1.0 && side(1) >= -1.0 && side(2) < 620.0 && side(3) < 850.0
}
