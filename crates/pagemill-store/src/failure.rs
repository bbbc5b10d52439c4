//! What can go wrong inside the store, and how users meet it.

use pagemill_core::{ErrorCode, Problem};

use crate::{
    Claim,
    dialect::{self, Ailment},
};

/// A failure inside the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The database refused or did not answer.
    #[error("a statement failed")]
    Sql(#[from] sqlx::Error),
    /// What was asked for cannot be done; already in the words of the user.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// Another transaction came in between; this one is to be run again.
    #[error("another transaction came in between")]
    Collision,
    /// What is stored makes no sense: a defect, or someone else's hand.
    #[error("the database holds something that cannot be read: {0}")]
    Damaged(String),
}

/// Stored data that makes no sense.
pub(crate) fn damaged(what: impl Into<String>) -> Failure {
    Failure::Damaged(what.into())
}

/// The answer to a worker whose job is no longer its own.
pub(crate) fn lease_lost(claim: &Claim) -> Failure {
    let Claim { job, stage, fence, .. } = claim;
    Failure::Problem(Problem::new(
        ErrorCode::LeaseLost,
        format!("job {job} ({}) is no longer held under fence {fence}; its result was discarded", stage.as_str()),
    ))
}

impl Failure {
    /// What ails the database, where it was the database.
    pub(crate) fn ailment(&self) -> Option<Ailment> {
        match self {
            Self::Sql(error) => Some(dialect::ailment(error)),
            Self::Collision => Some(Ailment::Collision),
            Self::Problem(_) | Self::Damaged(_) => None,
        }
    }

    /// Whether the same transaction may succeed if it is run again at once.
    pub(crate) fn is_collision(&self) -> bool {
        self.ailment() == Some(Ailment::Collision)
    }

    /// The failure as users meet it; `place` is the database without its password.
    pub(crate) fn into_problem(self, place: &str) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Collision => {
                Problem::new(ErrorCode::DatabaseUnavailable, format!("the database `{place}` is too busy; try again"))
            }
            Self::Damaged(_) => {
                Problem::new(ErrorCode::Internal, format!("the database `{place}` holds something that cannot be read"))
                    .caused_by(self)
            }
            Self::Sql(error) => {
                let (code, what) = match dialect::ailment(&error) {
                    Ailment::DiskFull => (ErrorCode::DiskFull, "has no space left on its disk; free some"),
                    Ailment::ReadOnly => {
                        (ErrorCode::ReadOnly, "cannot be written; check the permissions of its folder")
                    }
                    Ailment::Unavailable | Ailment::Collision => {
                        (ErrorCode::DatabaseUnavailable, "does not answer; it will be tried again")
                    }
                    Ailment::Refused => {
                        (ErrorCode::InvalidConfig, "refuses the connection; check user, password and database name")
                    }
                    Ailment::NotADatabase => (
                        ErrorCode::InvalidConfig,
                        "is damaged or not a database; restore a backup or give another path",
                    ),
                    Ailment::Defect => (ErrorCode::Internal, "refused a statement"),
                };
                Problem::new(code, format!("the database `{place}` {what}")).caused_by(error)
            }
        }
    }
}
