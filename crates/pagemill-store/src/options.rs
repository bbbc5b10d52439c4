//! Where a library's database is, and the clock its leases run by.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use pagemill_core::{ErrorCode, Problem};

/// How to reach a database.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite:PATH` or `postgres://user:password@host:port/database`.
    pub url: String,
    /// Fault injection: how far the clock of leases is shifted. Left alone outside tests.
    pub clock: ClockShift,
    /// How long a call waits for a connection before it says `database_unavailable`; 10 s unless told.
    pub patience: Duration,
    /// Fault injection: notifications of other processes are not heard, only looked for. Left alone outside tests.
    pub deaf: bool,
}

impl StoreOptions {
    /// The options for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), clock: ClockShift::default(), patience: Duration::from_secs(10), deaf: false }
    }

    /// The options for a SQLite file.
    pub fn sqlite(path: &Path) -> Self {
        Self::new(format!("sqlite:{}", path.display()))
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions").field("url", &without_password(&self.url)).finish_non_exhaustive()
    }
}

/// Shifts the clock by which leases end and pauses pass, so that tests need not wait.
/// Clones move together.
#[derive(Clone, Debug, Default)]
pub struct ClockShift(Arc<AtomicI64>);

impl ClockShift {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the clock back, as whoever corrects it does.
    pub fn set_back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Milliseconds to add to the database's clock.
    pub(crate) fn millis(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Which database a URL names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file.
    Sqlite(PathBuf),
    /// A server; the URL with its password.
    Postgres(String),
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// `invalid_config` for anything that is not one of the two databases.
    pub(crate) fn parse(url: &str) -> Result<Self, Problem> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => Err(Problem::new(
                ErrorCode::InvalidConfig,
                format!(
                    "`{}` is not a database; give `sqlite:PATH` or `postgres://user@host/database`",
                    without_password(url)
                ),
            )),
        }
    }
}

/// A URL as it may be shown: the password replaced by `***`.
pub(crate) fn without_password(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    match url::Url::parse(url) {
        Ok(mut parsed) => {
            if parsed.password().is_some() {
                // A URL with a password has a host, so that this cannot be refused.
                let _ = parsed.set_password(Some("***"));
            }
            let secret_in_query = parsed.query_pairs().any(|(key, _)| key.eq_ignore_ascii_case("password"));
            if secret_in_query {
                parsed.set_query(None);
            }
            parsed.to_string()
        }
        // Whatever it is, it is shown only up to where secrets could begin.
        Err(_) => url.split("://").next().map_or_else(|| "***".to_owned(), |scheme| format!("{scheme}://***")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let options = StoreOptions::new("postgres://ada:s3cret@db.example:5432/mill?password=s3cret");
        let shown = format!("{options:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("ada") && shown.contains("db.example"), "{shown}");
        assert!(!without_password("postgres://ada:s3cret@[bad").contains("s3cret"));
    }

    #[test]
    fn targets_are_told_apart() {
        assert_eq!(Target::parse("sqlite:/a b/c?.db").unwrap(), Target::Sqlite("/a b/c?.db".into()));
        assert_eq!(Target::parse("sqlite:///x/y.db").unwrap(), Target::Sqlite("/x/y.db".into()));
        assert!(matches!(Target::parse("postgresql://h/d").unwrap(), Target::Postgres(_)));
        assert_eq!(Target::parse("mysql://h/d").unwrap_err().code, ErrorCode::InvalidConfig);
        assert!(Target::parse("sqlite:").is_err());
    }
}
