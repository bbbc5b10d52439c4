//! How long a job waits until it is claimed by a worker that sleeps: in the same process, and in another one.
//!
//! `PAGEMILL_TEST_POSTGRES="$(scripts/postgres)" cargo run --release -p pagemill-store --example wakeup`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use pagemill_core::{DocumentId, Priority, ProjectId, Queue, WorkerId};
use pagemill_store::{NewDocument, Store, StoreOptions};
use tokio::sync::mpsc;

const ROUNDS: usize = 400;
/// Without notifications a round takes up to a second.
const DEAF_ROUNDS: usize = 20;

#[tokio::main]
async fn main() {
    let url = std::env::var("PAGEMILL_TEST_POSTGRES").expect("PAGEMILL_TEST_POSTGRES names a server");
    if let Some(role) = std::env::args().nth(1) {
        let store = Store::open(&StoreOptions { deaf: role == "deaf", ..StoreOptions::new(&url) }).await.unwrap();
        return claim_all(store, || println!("claimed")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = StoreOptions::sqlite(&folder.path().join("library.db"));
    for (name, options) in [("SQLite, same process", file), ("PostgreSQL, same process", StoreOptions::new(&url))] {
        let store = Store::open(&options).await.unwrap();
        let (tell, claimed) = mpsc::unbounded_channel();
        let claimer = tokio::spawn(claim_all(store.clone(), move || tell.send(()).unwrap_or(())));
        measure(name, &store, claimed, ROUNDS).await;
        claimer.abort();
        store.close().await;
    }
    for (name, role, rounds) in
        [("PostgreSQL, another process", "hears", ROUNDS), ("PostgreSQL, notifications lost", "deaf", DEAF_ROUNDS)]
    {
        let store = Store::open(&StoreOptions::new(&url)).await.unwrap();
        let mut claimer =
            Command::new(std::env::current_exe().unwrap()).arg(role).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(claimer.stdout.take().unwrap()).lines();
        let (tell, claimed) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            lines.for_each(|line| line.and_then(|_| tell.send(()).map_err(std::io::Error::other)).unwrap_or(()))
        });
        measure(name, &store, claimed, rounds).await;
        claimer.kill().unwrap();
        claimer.wait().unwrap();
        store.close().await;
    }
}

/// Claims what comes, as a worker does: when it is woken, and once a second.
async fn claim_all(store: Store, mut tell: impl FnMut()) {
    let worker = WorkerId::new();
    let mut wake = store.subscribe();
    loop {
        wake.mark_unchanged();
        let claims = store.claim(&worker, &[Queue::Default], 8, Duration::from_secs(30)).await.unwrap();
        if !claims.is_empty() {
            tell();
            continue;
        }
        tokio::select! {
            _ = wake.changed() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// Queues documents, one after the other, and prints the times from each commit until its claim was told of.
async fn measure(name: &str, store: &Store, mut claimed: mpsc::UnboundedReceiver<()>, rounds: usize) {
    let project = ProjectId::default_project();
    let mut times = Vec::with_capacity(rounds);
    for round in 0..=rounds {
        let new = NewDocument {
            project: project.clone(),
            sha256: format!("wakeup {}", DocumentId::new()),
            file: "wakeup.pdf".to_owned(),
            bytes: 1,
            recipe: "article".to_owned(),
            priority: Priority::Normal,
        };
        let added = store.add_document(&new).await.unwrap();
        let committed = Instant::now();
        claimed.recv().await.expect("the claimer is alive");
        times.push(committed.elapsed().as_secs_f64() * 1000.0);
        store.delete_document(&project, &added.document.id).await.unwrap();
        // Uneven, so that rounds do not fall into step with the looking.
        tokio::time::sleep(Duration::from_millis(20 + (round as u64 * 37) % 80)).await;
    }
    // In the first the claimer had to start.
    times.remove(0);
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    println!("{name:31} {rounds} jobs: p50 {:6.1} ms, p95 {:6.1} ms, most {:6.1} ms", at(0.5), at(0.95), at(1.0));
}
