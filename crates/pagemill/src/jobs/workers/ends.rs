//! How jobs end that did not finish: the fault decides, and it is written down however long the database is away.

use std::time::Duration;

use pagemill_core::{ErrorCode, Fault, Problem, TaskError, queue::retry_delay};
use pagemill_store::{Claim, Store};

use super::{POLL, chance};
use crate::jobs::StageContext;

/// Pause of a job that waits for the machine (a full disk, a database that is away).
const WAIT: Duration = Duration::from_secs(10);

/// What becomes of a job that did not finish.
#[derive(Debug)]
pub(super) enum End {
    /// Another has it, or nobody should: its result is discarded.
    Lost,
    /// The program stops, or others have their turn.
    GivenBack,
    /// The machine cannot do it for now; no attempt is spent.
    Waits { reason: String, pause: Duration },
    /// It is tried again; an attempt is spent.
    TriedAgain { error: TaskError, pause: Duration },
    /// What ran it died of it.
    Crashed { error: TaskError, pause: Duration },
    /// The file is at fault: its task ends.
    Refused(TaskError),
}

impl End {
    /// What a problem comes to; says once why the job did not finish.
    pub(super) fn of(claim: &Claim, problem: &Problem) -> Self {
        let (stage, document, code) = (claim.stage.as_str(), &claim.document, problem.code);
        let error = TaskError { code, message: problem.message.clone() };
        match (code, code.fault()) {
            (ErrorCode::LeaseLost, _) => {
                tracing::info!(stage, %document, "the lease was lost; the result is discarded");
                Self::Lost
            }
            (ErrorCode::ShuttingDown, _) => Self::GivenBack,
            (_, Fault::Input) => Self::Refused(error),
            (_, Fault::Machine) => {
                tracing::warn!(stage, %document, %code, "waiting: {problem}");
                // Not all at once when the machine is well again.
                Self::Waits { reason: error.message, pause: WAIT.mul_f64(0.5 + chance()) }
            }
            (_, Fault::Crash) => {
                tracing::error!(stage, %document, %code, cause = %problem.with_causes(), "stage crashed");
                Self::Crashed { error, pause: retry_delay(claim.crashes + 1, chance()) }
            }
            (_, Fault::Passing | Fault::Internal) => {
                tracing::error!(stage, %document, %code, cause = %problem.with_causes(), "stage failed");
                Self::TriedAgain { error, pause: retry_delay(claim.attempt, chance()) }
            }
        }
    }

    /// What being stopped at the hard limit comes to. One that got something done lately goes on from its last unit,
    /// after others had their turn.
    pub(super) fn overdue(claim: &Claim, limit: Duration, is_lively: bool) -> Self {
        let (stage, seconds) = (claim.stage.as_str(), limit.as_secs());
        let message = format!("`{stage}` was stopped at its hard limit of {seconds} s");
        tracing::warn!(stage, task = %claim.task, is_lively, "{message}");
        if is_lively {
            return Self::GivenBack;
        }
        let error = TaskError { code: ErrorCode::TimeLimit, message };
        Self::TriedAgain { error, pause: retry_delay(claim.attempt, chance()) }
    }

    /// The word that figures count it under.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Lost => "lease_lost",
            Self::GivenBack => "given_back",
            Self::Waits { .. } => "waiting",
            Self::TriedAgain { .. } => "error",
            Self::Crashed { .. } => "crashed",
            Self::Refused(_) => "failed",
        }
    }

    /// Writes it down. As long as that cannot be done the job stays in hand, and moves: were its lease to run out, it
    /// would look as if it had brought its worker down.
    pub(super) async fn write(&self, context: &StageContext) {
        let (store, claim) = (context.library.store(), &context.claim);
        while let Err(problem) = self.try_to_write(store, claim).await {
            let (stage, document, code) = (claim.stage.as_str(), &claim.document, problem.code);
            tracing::warn!(stage, %document, %code, "cannot write how a job ended: {problem}");
            if code.fault() != Fault::Machine {
                break;
            }
            context.progress.step();
            tokio::time::sleep(POLL).await;
        }
    }

    async fn try_to_write(&self, store: &Store, claim: &Claim) -> Result<(), Problem> {
        match self {
            Self::Lost => Ok(()),
            Self::GivenBack => store.release(claim, None, Duration::ZERO).await,
            Self::Waits { reason, pause } => store.release(claim, Some(reason), *pause).await,
            Self::TriedAgain { error, pause } => store.retry_later(claim, error, *pause).await,
            Self::Crashed { error, pause } => store.crash_job(claim, error, *pause).await,
            Self::Refused(error) => store.fail_task(claim, error).await,
        }
    }
}
