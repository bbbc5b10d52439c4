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

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use futures::FutureExt;
use pagemill_core::{ErrorCode, Problem, Stage, panic_text};
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
pub(crate) struct Progress(Arc<Counters>);

#[derive(Default)]
struct Counters {
    steps: AtomicU64,
    /// The page, or the batch of passages, that was begun last, from 1; 0 before the first.
    unit: AtomicU32,
}

impl Progress {
    /// Something was done.
    pub(crate) fn step(&self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// How many steps were made.
    pub(crate) fn steps(&self) -> u64 {
        self.0.steps.load(Ordering::Relaxed)
    }

    /// Work on a page, or on a batch of passages, begins.
    pub(crate) fn begin(&self, unit: u32) {
        self.0.unit.store(unit, Ordering::Relaxed);
    }

    /// What was begun last, if anything was.
    pub(crate) fn unit(&self) -> Option<u32> {
        Some(self.0.unit.load(Ordering::Relaxed)).filter(|unit| *unit > 0)
    }
}

/// Runs the stage of a claimed job to its committing transaction.
async fn run_stage(context: &StageContext) -> Result<(), Problem> {
    guarded(context.claim.stage, async {
        match context.claim.stage {
            Stage::Parse => parse::run(context).await,
            Stage::Ocr => ocr::run(context).await,
            Stage::Chunk => chunk::run(context).await,
            Stage::Embed => embed::run(context).await,
            Stage::Index => index::run(context).await,
            Stage::Finish => finish::run(context).await,
        }
    })
    .await
}

/// A panic is a crash of the job at once, not work that stands still.
async fn guarded(stage: Stage, work: impl Future<Output = Result<(), Problem>>) -> Result<(), Problem> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let message = format!("`{}` of this document crashed; please report it", stage.as_str());
        Err(Problem::new(ErrorCode::WorkCrashed, message).caused_by(panic_text(panic.as_ref())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stage_that_panics_has_crashed() {
        let problem = guarded(Stage::Chunk, async { panic!("a defect") }).await;
        let problem = problem.expect_err("it panicked");
        assert_eq!(problem.code, ErrorCode::WorkCrashed);
        assert!(problem.with_causes().ends_with("report it: a defect"), "{}", problem.with_causes());
        assert!(guarded(Stage::Chunk, async { Ok(()) }).await.is_ok());
    }
}
