//! Wake-ups between processes on PostgreSQL.
//!
//! `NOTIFY` inside a transaction takes a lock of the whole server until the commit is on disk, one commit after the
//! other. So the bell is rung after commits, by a task of its own that gathers what came meanwhile. A notification is
//! a hint and may be lost; the truth is asked for once a second: the numbers that every event and change raises.

use std::{sync::Arc, time::Duration};

use pagemill_core::WorkerId;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{
    sync::{Mutex, Notify, watch},
    task::JoinSet,
};

use crate::{
    failure::Failure,
    news::{Brought, News},
    sql::{Conn, args},
};

/// Where notifications are sent. A channel belongs to one database.
const CHANNEL: &str = "pagemill";
/// Rings are at least this far apart.
const GATHER: Duration = Duration::from_millis(10);
/// How often the numbers are looked at, whatever was heard.
const POLL: Duration = Duration::from_secs(1);
/// The pause before a listener that lost its server tries again.
const RECONNECT: Duration = Duration::from_millis(500);

/// Rings for other processes, and hears them.
pub(crate) struct Bell {
    rung: Arc<Notify>,
    stop: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
}

impl Bell {
    /// Starts to listen, ring and look. `hint` is raised when another process may have committed something;
    /// a `deaf` one hears no notification.
    pub(crate) fn hang(pool: &PgPool, options: &PgConnectOptions, hint: &watch::Sender<News>, deaf: bool) -> Self {
        let stop = watch::Sender::new(false);
        let rung = Arc::new(Notify::new());
        // What this process rings is no news to it.
        let me = WorkerId::new().to_string();
        let mut tasks = JoinSet::new();
        tasks.spawn(until(stop.subscribe(), ring(pool.clone(), Arc::clone(&rung), me.clone())));
        tasks.spawn(until(stop.subscribe(), look(pool.clone(), hint.clone())));
        if !deaf {
            tasks.spawn(until(stop.subscribe(), listen(options.clone(), hint.clone(), me)));
        }
        Self { rung, stop, tasks: Mutex::new(tasks) }
    }

    /// Lets the others know that something was committed.
    pub(crate) fn ring(&self) {
        self.rung.notify_one();
    }

    /// Stops, and gives its connections back.
    pub(crate) async fn take_down(&self) {
        self.stop.send_replace(true);
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }
}

async fn until(mut stop: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        // An error means that the bell is gone.
        _ = stop.wait_for(|stopped| *stopped) => {}
    }
}

async fn ring(pool: PgPool, rung: Arc<Notify>, me: String) {
    loop {
        rung.notified().await;
        if let Err(failure) = notify(&pool, &me).await {
            tracing::debug!("a notification was not sent: {failure}");
        }
        tokio::time::sleep(GATHER).await;
    }
}

async fn notify(pool: &PgPool, me: &str) -> Result<(), Failure> {
    let mut connection = pool.acquire().await?;
    Conn::Postgres(&mut connection).execute("SELECT pg_notify($1, $2)", args![CHANNEL, me]).await.map(drop)
}

async fn listen(options: PgConnectOptions, hint: watch::Sender<News>, me: String) {
    loop {
        if let Err(error) = hear(&options, &hint, &me).await {
            tracing::debug!("notifications cannot be heard for now: {error}");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

/// Hears notifications on a connection of its own until it is lost.
async fn hear(options: &PgConnectOptions, hint: &watch::Sender<News>, me: &str) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    // Whatever was rung before nobody heard.
    Brought::ALL.tell(hint);
    while let Some(notification) = listener.try_recv().await? {
        if notification.payload() != me {
            Brought::ALL.tell(hint);
        }
    }
    Ok(())
}

/// Looks at the numbers of events and changes.
async fn look(pool: PgPool, hint: watch::Sender<News>) {
    let mut seen = None;
    loop {
        match numbers(&pool).await {
            Ok(now) => {
                if seen.is_some_and(|seen| seen != now) {
                    Brought::ALL.tell(&hint);
                }
                seen = Some(now);
            }
            Err(failure) => tracing::debug!("cannot look for news: {failure}"),
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn numbers(pool: &PgPool) -> Result<i64, Failure> {
    let mut connection = pool.acquire().await?;
    let sql = "SELECT CAST(SUM(value) AS BIGINT) FROM counters WHERE name IN ('events', 'changes')";
    Conn::Postgres(&mut connection).number(sql, &[]).await
}
