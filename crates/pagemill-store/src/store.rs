//! The door to the database: opening it, reading from it, writing to it.

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use pagemill_core::{ErrorCode, Problem};
use sqlx::{
    ConnectOptions, Connection, PgPool, Postgres, Sqlite, SqlitePool, Transaction, pool::PoolConnection,
    postgres::PgPoolOptions, sqlite::SqlitePoolOptions,
};
use tokio::sync::watch;

use crate::{
    StoreOptions,
    bell::Bell,
    dialect::{self, Dialect, LeaseClock},
    failure::Failure,
    news::News,
    options::{Target, without_password},
    queue, schema,
    sql::{Conn, Tx, Write, Writer},
};

/// What the store answers. The future is boxed so that statements are compiled here, once, and not
/// again in every crate that waits for them.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Problem>>;

/// Times a write is run again when transactions are in each other's way.
const COLLISIONS: u32 = 10;

/// The database of a library. Cheap to clone; clones share one pool.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    clock: LeaseClock,
    /// Where the database is, without its password.
    place: String,
    hint: watch::Sender<News>,
}

enum Backend {
    Sqlite { writer: Writer, readers: SqlitePool },
    Postgres { pool: PgPool, bell: Bell },
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("place", &self.inner.place).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a database, creating the file and bringing the schema up to date as needed.
    ///
    /// # Errors
    /// `invalid_config` for a URL that names no database, `read_only`, `disk_full`,
    /// `database_unavailable`, and `schema_too_new` for a library of a newer program.
    pub fn open(options: &StoreOptions) -> Answer<'_, Self> {
        Box::pin(async move {
            let place = without_password(&options.url);
            let clock = LeaseClock::new(options.clock.clone());
            let (hint, _) = watch::channel(News::default());
            let backend = match Target::parse(&options.url)? {
                Target::Sqlite(path) => open_sqlite(&path, options.patience, clock.clone(), hint.clone()).await,
                Target::Postgres(url) => open_postgres(&url, options.patience, &hint, options.deaf).await,
            };
            let backend = backend.map_err(|failure| failure.into_problem(&place))?;
            Ok(Self { inner: Arc::new(Inner { backend, clock, place, hint }) })
        })
    }

    /// Lets writes that are queued finish, then closes every connection. Later calls fail.
    pub fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match &self.inner.backend {
                Backend::Sqlite { writer, readers } => {
                    readers.close().await;
                    writer.close().await;
                }
                Backend::Postgres { pool, bell } => {
                    bell.take_down().await;
                    pool.close().await;
                }
            }
        })
    }

    /// Where the database is, as it may be shown.
    pub fn location(&self) -> &str {
        &self.inner.place
    }

    /// Wakes when a commit may have brought jobs, events or changes: at once for those of this process; for those of
    /// others, within milliseconds of their notification, and in a second when that was lost. Jobs that become due
    /// by time wake nobody.
    pub fn subscribe(&self) -> watch::Receiver<News> {
        self.inner.hint.subscribe()
    }

    /// Runs a write as one transaction and answers when it is durable.
    pub(crate) fn write<W: Write>(&self, write: W) -> Answer<'_, W::Output> {
        self.answer(async move {
            match &self.inner.backend {
                Backend::Sqlite { writer, .. } => writer.write(write).await,
                Backend::Postgres { pool, bell } => self.write_postgres(pool, bell, &write).await,
            }
        })
    }

    /// The same for a write whose data had to be put into its stored form first.
    pub(crate) fn write_made<W: Write>(&self, made: Result<W, Failure>) -> Answer<'_, W::Output> {
        match made {
            Ok(write) => self.write(write),
            Err(failure) => self.answer(std::future::ready(Err(failure))),
        }
    }

    /// Does some work, its failures put into the words of users.
    pub(crate) fn answer<'a, T>(&'a self, work: impl Future<Output = Result<T, Failure>> + Send + 'a) -> Answer<'a, T> {
        Box::pin(async move { work.await.map_err(|failure| self.problem(failure)) })
    }

    async fn write_postgres<W: Write>(&self, pool: &PgPool, bell: &Bell, write: &W) -> Result<W::Output, Failure> {
        let mut collisions = 0;
        loop {
            match self.try_postgres(pool, bell, write).await {
                Err(failure) if failure.is_collision() && collisions < COLLISIONS => collisions += 1,
                result => return result,
            }
        }
    }

    async fn try_postgres<W: Write>(&self, pool: &PgPool, bell: &Bell, write: &W) -> Result<W::Output, Failure> {
        let mut transaction = pool.begin().await?;
        let mut tx = Tx::new(Conn::Postgres(&mut transaction), &self.inner.clock);
        // Dropped by an early return, the transaction is rolled back.
        let output = write.run(&mut tx).await?;
        tx.flush().await?;
        let brought = tx.brought();
        transaction.commit().await?;
        brought.tell(&self.inner.hint);
        if brought.anything {
            bell.ring();
        }
        Ok(output)
    }

    /// A connection for single queries.
    pub(crate) async fn reader(&self) -> Result<Reader, Failure> {
        Ok(match &self.inner.backend {
            Backend::Sqlite { readers, .. } => Reader::Sqlite(readers.acquire().await?),
            Backend::Postgres { pool, .. } => Reader::Postgres(pool.acquire().await?),
        })
    }

    /// A connection whose queries all see the same state.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Failure> {
        Ok(match &self.inner.backend {
            Backend::Sqlite { readers, .. } => Snapshot::Sqlite(readers.begin().await?),
            Backend::Postgres { pool, .. } => {
                Snapshot::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// The clock that leases run by.
    pub(crate) fn clock(&self) -> &LeaseClock {
        &self.inner.clock
    }

    /// A failure as users meet it.
    pub(crate) fn problem(&self, failure: Failure) -> Problem {
        failure.into_problem(&self.inner.place)
    }
}

/// A borrowed connection of either database.
pub(crate) enum Reader {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Reader {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(conn) => Conn::Sqlite(conn),
            Self::Postgres(conn) => Conn::Postgres(conn),
        }
    }
}

/// A transaction that only reads.
pub(crate) enum Snapshot {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Snapshot {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(transaction) => Conn::Sqlite(transaction),
            Self::Postgres(transaction) => Conn::Postgres(transaction),
        }
    }
}

async fn open_sqlite(
    path: &std::path::Path,
    patience: Duration,
    clock: LeaseClock,
    hint: watch::Sender<News>,
) -> Result<Backend, Failure> {
    let options = dialect::sqlite_options(path);
    let mut connection = options.connect().await?;
    let version = match Conn::Sqlite(&mut connection).row("SELECT sqlite_version()", &[]).await? {
        Some(row) => row.text()?,
        None => String::new(),
    };
    if !dialect::is_trusted_sqlite(&version) {
        return Err(Problem::new(
            ErrorCode::Internal,
            format!("this build carries SQLite {version}, which can lose data; 3.51.3 or newer is needed"),
        )
        .into());
    }
    schema::migrate(Dialect::Sqlite, &mut connection).await?;
    let writer = Writer::start(connection, clock, hint);
    writer.write(queue::ForgetOlderBoots { boot: dialect::boot_id() }).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(patience)
        // The file does not go away like a server does, and a search waits for every turn to the database.
        .test_before_acquire(false)
        // The pages they read are in the system's memory already; 1 MiB each is for the upper ones of the trees.
        .connect_with(options.pragma("query_only", "ON").pragma("cache_size", "-1024"))
        .await?;
    Ok(Backend::Sqlite { writer, readers })
}

async fn open_postgres(
    url: &str,
    patience: Duration,
    hint: &watch::Sender<News>,
    deaf: bool,
) -> Result<Backend, Failure> {
    let options = dialect::postgres_options(url)?;
    let pool = PgPoolOptions::new().max_connections(16).acquire_timeout(patience).connect_with(options.clone()).await?;
    let mut connection = dialect::patient_postgres_options(url)?.connect().await?;
    schema::migrate(Dialect::Postgres, &mut connection).await?;
    connection.close().await?;
    let bell = Bell::hang(&pool, &options, hint, deaf);
    Ok(Backend::Postgres { pool, bell })
}
