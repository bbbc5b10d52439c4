//! `pagemill worker`: a process that takes jobs beside others.

use clap::Args;
use pagemill_core::{ErrorCode, Problem, Queue};

use super::{Global, Outcome, output, serve, which::parse_queue};
use crate::jobs::{WorkerOptions, Workers};

/// Flags that say what a process works on.
#[derive(Args, Clone, Default)]
pub(crate) struct WorkFlags {
    /// The queues to take jobs of: `default`, `images`, `embeddings`; all unless told.
    #[arg(long, value_delimiter = ',', value_name = "QUEUE,…", value_parser = parse_queue)]
    queues: Vec<Queue>,
    /// Jobs of each queue at once; by the number of cores unless told.
    #[arg(long, value_name = "JOBS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    concurrency: Option<u32>,
}

impl WorkFlags {
    pub(crate) fn options(&self) -> WorkerOptions {
        WorkerOptions { queues: self.queues.clone(), concurrency: self.concurrency }
    }
}

/// Arguments of `worker`.
#[derive(Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    work: WorkFlags,
}

/// Runs the command until it is told to stop (SIGTERM, SIGINT).
pub(crate) async fn run(global: &Global, args: &WorkerArgs) -> Result<Outcome, Problem> {
    let options = args.work.options();
    let settings = global.settings()?;
    if !settings.is_shared() {
        return Err(Problem::new(
            ErrorCode::InvalidConfig,
            "this library is a SQLite file, on which one process works: `pagemill serve` has its workers inside \
             (`serve --queues … --concurrency …`); to add workers, use a PostgreSQL database with --database postgres://…",
        ));
    }
    let stop = serve::stop_signal()?;
    let library = global.open_beside().await?;
    let workers = Workers::start_with(&library, &options);
    output::line(&format!("working as {}", workers.id()));
    stop.await;
    workers.stop().await;
    library.close().await;
    Ok(Outcome::Done)
}
