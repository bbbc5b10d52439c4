//! The pipeline: `parse → ocr → chunk → embed → index → finish`, each stage a job.
//!
//! A stage is pure work in the middle and one short transaction at the end, which
//! writes output, checkpoint, next job and event together and is refused when the
//! lease was lost. To add one: a file here, a name in `pagemill_core::Stage`, an arm
//! in [`run_stage`].

mod chunk;
pub mod chunker;
mod embed;
mod embed_pool;
mod finish;
mod index;
mod ocr;
mod parse;
mod pressure;
mod webhooks;
mod workers;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use pagemill_core::{ErrorCode, Problem, Stage};
use pagemill_store::Claim;
use tokio::sync::watch;

use crate::library::Library;

pub use workers::{WorkerOptions, Workers};

use embed_pool::EmbedPool;

/// What a stage has at hand.
pub(crate) struct StageContext {
    /// The library it works on.
    pub(crate) library: Arc<Library>,
    /// The threads that make vectors.
    pub(crate) embed_pool: Arc<EmbedPool>,
    /// The claimed job; every write carries its fence.
    pub(crate) claim: Claim,
    /// Proof of progress, which is what keeps the lease.
    pub(crate) progress: Progress,
    /// Whether the program is told to stop.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl StageContext {
    /// To be asked before each unit of work.
    ///
    /// # Errors
    /// `shutting_down` when the program is told to stop: the units that are done stand, and the job is given back.
    pub(crate) fn may_go_on(&self) -> Result<(), Problem> {
        if *self.stopping.borrow() {
            return Err(Problem::new(
                ErrorCode::ShuttingDown,
                "the program is stopping; the work goes on when it runs again",
            ));
        }
        Ok(())
    }
}

/// Counts what a job has got done; a job that stands still loses its lease.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Something was done.
    pub(crate) fn step(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many steps were made.
    pub(crate) fn steps(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs the stage of a claimed job to its committing transaction.
async fn run_stage(context: &StageContext) -> Result<(), Problem> {
    match context.claim.stage {
        Stage::Parse => parse::run(context).await,
        Stage::Ocr => ocr::run(context).await,
        Stage::Chunk => chunk::run(context).await,
        Stage::Embed => embed::run(context).await,
        Stage::Index => index::run(context).await,
        Stage::Finish => finish::run(context).await,
    }
}
