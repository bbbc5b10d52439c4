//! How long another process sleeps after a commit: two stores on one PostgreSQL database.
//!
//! `PAGEMILL_TEST_POSTGRES="$(scripts/postgres)" cargo run --release -p pagemill-store --example wakeup`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use pagemill_core::ProjectId;
use pagemill_store::{Store, StoreOptions};

const ROUNDS: usize = 300;

#[tokio::main]
async fn main() {
    let url = std::env::var("PAGEMILL_TEST_POSTGRES").expect("PAGEMILL_TEST_POSTGRES names a server");
    for deaf in [false, true] {
        let ours = Store::open(&StoreOptions::new(&url)).await.unwrap();
        let theirs = Store::open(&StoreOptions { deaf, ..StoreOptions::new(&url) }).await.unwrap();
        // Both have looked once.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let rounds = if deaf { ROUNDS / 20 } else { ROUNDS };
        let mut times = Vec::with_capacity(rounds);
        for round in 0..rounds {
            let mut wake = theirs.subscribe();
            wake.mark_unchanged();
            ours.announce(&ProjectId::default_project(), &serde_json::json!({ "round": round })).await.unwrap();
            let committed = Instant::now();
            wake.changed().await.unwrap();
            times.push(committed.elapsed().as_secs_f64() * 1000.0);
            // Uneven, so that rounds do not fall into step with the looking.
            tokio::time::sleep(Duration::from_millis(20 + (round as u64 * 37) % 80)).await;
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
        let how = if deaf { "notifications lost" } else { "notified" };
        println!("{how:18} p50 {:7.1} ms  p95 {:7.1} ms  most {:7.1} ms", at(0.5), at(0.95), at(1.0));
        ours.close().await;
        theirs.close().await;
    }
}
