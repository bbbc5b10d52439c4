//! `pagemill bench listeners`: many WebSockets on one server, in processes of their own, while it works.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use futures::{SinkExt, StreamExt};
use pagemill_core::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::pss_kib;
use crate::{eval::percentile, library::folder_problem};

/// How long anything may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(300);
/// Connections opened at once.
const OPENED_AT_ONCE: usize = 32;

/// What `pagemill bench listeners` measures.
#[derive(Clone, Debug, Serialize)]
pub struct ListenersReport {
    /// WebSockets that listened.
    pub connections: usize,
    /// Documents that were processed meanwhile.
    pub documents: usize,
    /// Events of their tasks.
    pub events: usize,
    /// Events that arrived, over all listeners.
    pub delivered: usize,
    /// Events that did not.
    pub missing: usize,
    /// Median milliseconds from an event to a listener.
    pub p50_ms: f64,
    /// 99th percentile of the same.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// Seconds to open and subscribe all of them.
    pub connect_seconds: f64,
    /// The most memory a server has with the same work and no listener, MiB (PSS, without its reading processes).
    pub memory_alone_mib: f64,
    /// The most with them, MiB.
    pub memory_peak_mib: f64,
}

type Socket = WebSocketStream<TcpStream>;

/// What one server was seen to do.
struct Run {
    /// How late each event was at each listener, in milliseconds; a list for each listener.
    delays: Vec<Vec<f64>>,
    connect_seconds: f64,
    memory_peak_mib: f64,
}

/// Has a fresh server process files while many listen to everything, and another without them for comparison.
///
/// # Errors
/// When a server cannot be started, or does not get on.
pub async fn listeners(files: &[PathBuf], connections: usize) -> Result<ListenersReport, Problem> {
    crate::api::raise_open_files();
    if files.is_empty() {
        return Err(broken("give at least one file"));
    }
    let alone = run(files, 0).await?;
    let heard = run(files, connections).await?;
    let events = heard.delays.iter().map(Vec::len).max().unwrap_or(0);
    let mut delays: Vec<f64> = heard.delays.into_iter().flatten().collect();
    Ok(ListenersReport {
        connections,
        documents: files.len(),
        events,
        delivered: delays.len(),
        missing: events * connections - delays.len(),
        p50_ms: percentile(&mut delays, 0.5),
        p99_ms: percentile(&mut delays, 0.99),
        max_ms: delays.iter().copied().fold(0.0, f64::max),
        connect_seconds: heard.connect_seconds,
        memory_alone_mib: alone.memory_peak_mib,
        memory_peak_mib: heard.memory_peak_mib,
    })
}

/// A fresh server with so many listeners, from its start to the last event at the last of them.
async fn run(files: &[PathBuf], connections: usize) -> Result<Run, Problem> {
    let temporary = tempfile::tempdir().map_err(|error| folder_problem(&std::env::temp_dir(), error))?;
    let mut server = Server::start(&temporary.path().join("library")).await?;
    let begun = Instant::now();
    let sockets = server.connect(connections).await?;
    let connect_seconds = begun.elapsed().as_secs_f64();
    let (stop, stopped) = tokio::sync::watch::channel(i64::MAX);
    let mut readers = JoinSet::new();
    for socket in sockets {
        readers.spawn(listen(socket, stopped.clone()));
    }
    let mut memory_peak_mib = server.memory_mib();
    for file in files {
        server.process(file).await?;
        memory_peak_mib = memory_peak_mib.max(server.memory_mib());
    }
    stop.send_replace(server.last_event().await?);
    let mut delays = Vec::new();
    while let Some(read) = readers.join_next().await {
        delays.push(read.map_err(|error| broken(&format!("a listener broke off: {error}")))?);
    }
    memory_peak_mib = memory_peak_mib.max(server.memory_mib());
    Ok(Run { delays, connect_seconds, memory_peak_mib })
}

/// Takes events until one with the last number came; gives how late each was, in milliseconds.
async fn listen(mut socket: Socket, mut last: tokio::sync::watch::Receiver<i64>) -> Vec<f64> {
    let mut delays = Vec::new();
    let mut seen = 0;
    let end = tokio::time::Instant::now() + PATIENCE;
    while seen < *last.borrow_and_update() {
        let message = tokio::select! {
            message = socket.next() => message,
            changed = last.changed() => {
                if changed.is_err() { return delays }
                continue;
            }
            () = tokio::time::sleep_until(end) => return delays,
        };
        let now = OffsetDateTime::now_utc();
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => return delays,
        };
        let event: Value = serde_json::from_str(&text).unwrap_or_default();
        seen = event["id"].as_i64().unwrap_or(seen);
        if event["task"].is_string()
            && let Some(at) = event["at"].as_str().and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok())
        {
            delays.push((now - at).as_seconds_f64().max(0.0) * 1000.0);
        }
    }
    delays
}

struct Server {
    process: Child,
    url: String,
    client: reqwest::Client,
}

impl Server {
    async fn start(library: &Path) -> Result<Self, Problem> {
        let program =
            std::env::current_exe().map_err(|error| broken("the program does not find itself").caused_by(error))?;
        let mut process = Command::new(program)
            .arg("--library")
            .arg(library)
            .args(["serve", "--bind", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| broken("the server does not start").caused_by(error))?;
        let out = process.stdout.take().ok_or_else(|| broken("the server has no output"))?;
        let line = BufReader::new(out).lines().next_line().await.ok().flatten().unwrap_or_default();
        let url = line.strip_prefix("listening on ").ok_or_else(|| broken("the server does not listen"))?.to_owned();
        Ok(Self { process, url, client: reqwest::Client::new() })
    }

    /// Uploads a file and waits for the end of its task.
    async fn process(&mut self, file: &Path) -> Result<(), Problem> {
        let bytes = tokio::fs::read(file).await.map_err(|error| folder_problem(file, error))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let upload = self.client.post(format!("{}/api/v1/documents", self.url)).query(&[("name", name)]).body(bytes);
        let added: Value = answer(upload).await?;
        let task = added["documents"][0]["task"].as_str().unwrap_or_default();
        let end = Instant::now() + PATIENCE;
        loop {
            let task = answer(self.client.get(format!("{}/api/v1/tasks/{task}?wait=30", self.url))).await?;
            if !task["finished"].is_null() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(broken("a document was not done in time"));
            }
        }
    }

    /// Opens WebSockets that are subscribed to everything.
    async fn connect(&self, count: usize) -> Result<Vec<Socket>, Problem> {
        let host = self.url.trim_start_matches("http://");
        let opened = futures::stream::iter((0..count).map(|_number| open(host))).buffer_unordered(OPENED_AT_ONCE);
        opened.collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn last_event(&self) -> Result<i64, Problem> {
        let info = answer(self.client.get(format!("{}/ws/info", self.url))).await?;
        info["last_event"].as_i64().ok_or_else(|| broken("the server does not tell its last event"))
    }

    fn memory_mib(&self) -> f64 {
        self.process.id().map_or(0.0, |process| pss_kib(process) as f64 / 1024.0)
    }
}

/// Opens a WebSocket that is subscribed to everything.
async fn open(host: &str) -> Result<Socket, Problem> {
    let lost = || broken("a WebSocket was not opened");
    let stream = TcpStream::connect(host).await.map_err(|error| lost().caused_by(error))?;
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let opened = client_async_with_config(format!("ws://{host}/ws"), stream, Some(config)).await;
    let (mut socket, _) = opened.map_err(|error| lost().caused_by(error))?;
    let subscribe = Message::text(json!({ "action": "subscribe" }).to_string());
    socket.send(subscribe).await.map_err(|error| lost().caused_by(error))?;
    // The answer says that from now on every event comes.
    match socket.next().await {
        Some(Ok(_)) => Ok(socket),
        _ => Err(lost()),
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value, Problem> {
    let answered = async { request.send().await?.error_for_status()?.json().await };
    answered.await.map_err(|error| broken("the server does not answer as it should").caused_by(error))
}

fn broken(what: &str) -> Problem {
    Problem::new(ErrorCode::Internal, format!("the bench cannot go on: {what}"))
}
