//! All that differs between SQLite and PostgreSQL: how to connect, how to lock,
//! whose clock, and what their error codes mean. The schema differs in `migrations/`.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sqlx::{
    AssertSqlSafe, SqlSafeStr, SqlStr,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{ClockShift, failure::Failure, sql::Conn};

/// The oldest SQLite without the defect that can lose a reset of the write-ahead log.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// Which database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// A query whose rows stay locked until the transaction ends. SQLite has one writer
    /// and needs no locks.
    pub(crate) fn for_update(self, sql: impl SqlSafeStr) -> SqlStr {
        self.locking(sql, "FOR UPDATE")
    }

    /// The same, passing over rows that someone else has locked.
    pub(crate) fn skip_locked(self, sql: impl SqlSafeStr) -> SqlStr {
        self.locking(sql, "FOR UPDATE SKIP LOCKED")
    }

    fn locking(self, sql: impl SqlSafeStr, clause: &str) -> SqlStr {
        let sql = sql.into_sql_str();
        match self {
            Self::Sqlite => sql,
            Self::Postgres => AssertSqlSafe(format!("{} {clause}", sql.as_str())).into_sql_str(),
        }
    }

    /// An `ON CONFLICT` action on a vector that is already there. On PostgreSQL it locks the row, so that
    /// no deletion running beside removes the vector as unused.
    pub(crate) fn keep_vector(self) -> &'static str {
        match self {
            Self::Sqlite => "ON CONFLICT (model, hash) DO NOTHING",
            Self::Postgres => "ON CONFLICT (model, hash) DO UPDATE SET hash = EXCLUDED.hash",
        }
    }
}

/// How the writer and the readers of a SQLite file connect.
pub(crate) fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(256)
        // What is deleted is overwritten where that costs no extra disk access.
        .pragma("secure_delete", "FAST")
        // A log that once grew large gives its space back.
        .pragma("journal_size_limit", "67108864")
        .pragma("temp_store", "MEMORY")
}

/// How connections to a PostgreSQL server are made.
///
/// A process that stands still in a transaction (stopped, swapped out) holds up all who need its rows, the numbers of
/// events among them. The server ends it well before the leases of the others run out, and whoever waits for a lock
/// gives up before that, so that no other connection of the sleeper gets the lock next.
pub(crate) fn postgres_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(url.parse::<PgConnectOptions>()?.application_name("pagemill").statement_cache_capacity(256).options([
        ("statement_timeout", "60s"),
        ("lock_timeout", "8s"),
        ("idle_in_transaction_session_timeout", "10s"),
    ]))
}

/// The same for long work that others may have to wait for: bringing a schema up to date, copying a library.
pub(crate) fn patient_postgres_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(postgres_options(url)?.options([
        ("statement_timeout", "0"),
        ("lock_timeout", "60s"),
        ("idle_in_transaction_session_timeout", "0"),
    ]))
}

/// Whether a SQLite of this version may be trusted with a library.
pub(crate) fn is_trusted_sqlite(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= OLDEST_SQLITE
}

/// The clock that leases run by. PostgreSQL's own; for SQLite, whose users share one machine,
/// the time since boot, which no one can set back.
#[derive(Clone, Debug)]
pub(crate) struct LeaseClock {
    shift: ClockShift,
}

impl LeaseClock {
    pub(crate) fn new(shift: ClockShift) -> Self {
        Self { shift }
    }

    /// Milliseconds since some point that stays the same until the machine is booted again.
    pub(crate) async fn now(&self, conn: &mut Conn<'_>) -> Result<i64, Failure> {
        let clock = match conn.dialect() {
            Dialect::Sqlite => boot_ms(),
            Dialect::Postgres => {
                conn.number("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)", &[]).await?
            }
        };
        Ok(clock.saturating_add(self.shift.millis()))
    }
}

/// Milliseconds since boot, sleep included.
#[cfg(target_os = "linux")]
fn boot_ms() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}

/// Without a clock that counts sleep, the wall's.
#[cfg(not(target_os = "linux"))]
fn boot_ms() -> i64 {
    wall_ms()
}

/// Tells one boot of this machine from the next.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}

/// The time of day, milliseconds since 1970: for people, never for decisions.
pub(crate) fn wall_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// What an error of a database means for whoever waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ailment {
    DiskFull,
    ReadOnly,
    /// It is down, restarting, overloaded or out of reach.
    Unavailable,
    /// Two transactions were in each other's way; one has to run again.
    Collision,
    /// It does not let us in.
    Refused,
    NotADatabase,
    /// A statement was wrong.
    Defect,
}

/// Reads an error of either database.
pub(crate) fn ailment(error: &sqlx::Error) -> Ailment {
    use sqlx::Error;
    match error {
        Error::Database(inner) => {
            let code = inner.code().unwrap_or_default();
            if inner.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                sqlite_ailment(code.parse().unwrap_or(0))
            } else {
                postgres_ailment(&code)
            }
        }
        Error::Io(io) => match io.kind() {
            std::io::ErrorKind::StorageFull => Ailment::DiskFull,
            std::io::ErrorKind::ReadOnlyFilesystem => Ailment::ReadOnly,
            _ => Ailment::Unavailable,
        },
        Error::Tls(_) | Error::Protocol(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => {
            Ailment::Unavailable
        }
        Error::Configuration(_) => Ailment::Refused,
        _ => Ailment::Defect,
    }
}

/// Result codes of SQLite; the low byte is the primary one.
fn sqlite_ailment(code: u32) -> Ailment {
    match code & 0xff {
        13 => Ailment::DiskFull,            // SQLITE_FULL
        3 | 8 | 14 => Ailment::ReadOnly,    // SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN
        5 | 6 | 10 => Ailment::Unavailable, // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR
        11 | 26 => Ailment::NotADatabase,   // SQLITE_CORRUPT, SQLITE_NOTADB
        _ => Ailment::Defect,
    }
}

/// SQLSTATE codes of PostgreSQL; the first two letters are the class.
fn postgres_ailment(code: &str) -> Ailment {
    match code {
        "53100" => Ailment::DiskFull,
        "25006" => Ailment::ReadOnly,
        "40001" | "40P01" => Ailment::Collision,
        "28000" | "28P01" | "3D000" | "42501" => Ailment::Refused,
        // Lock and statement timeouts.
        "55P03" | "57014" => Ailment::Unavailable,
        // Connection trouble, no resources, an operator's stop, trouble of the system below.
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Ailment::Unavailable,
        _ => Ailment::Defect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_sqlite_are_compared_as_numbers() {
        assert!(is_trusted_sqlite("3.51.3"));
        assert!(is_trusted_sqlite("3.100.0"));
        assert!(is_trusted_sqlite("4.0"));
        assert!(!is_trusted_sqlite("3.51.2"));
        assert!(!is_trusted_sqlite("3.9.9"));
        assert!(!is_trusted_sqlite("nonsense"));
    }

    #[test]
    fn error_codes_are_told_apart() {
        assert_eq!(sqlite_ailment(13), Ailment::DiskFull);
        assert_eq!(sqlite_ailment(1032), Ailment::ReadOnly);
        assert_eq!(sqlite_ailment(14), Ailment::ReadOnly);
        assert_eq!(sqlite_ailment(517), Ailment::Unavailable);
        assert_eq!(sqlite_ailment(26), Ailment::NotADatabase);
        assert_eq!(postgres_ailment("53100"), Ailment::DiskFull);
        assert_eq!(postgres_ailment("57P01"), Ailment::Unavailable);
        assert_eq!(postgres_ailment("40P01"), Ailment::Collision);
        assert_eq!(postgres_ailment("28P01"), Ailment::Refused);
        assert_eq!(postgres_ailment("42601"), Ailment::Defect);
    }

    #[test]
    fn locks_are_asked_for_where_there_are_any() {
        assert_eq!(Dialect::Sqlite.skip_locked("SELECT 1").as_str(), "SELECT 1");
        assert_eq!(Dialect::Postgres.skip_locked("SELECT 1").as_str(), "SELECT 1 FOR UPDATE SKIP LOCKED");
    }
}
