//! What the queue decides, as pure functions: no clock, no database, no chance.

use std::time::Duration;

use pagemill_core::{Fault, Stage};

/// Errors of a job after which its task fails.
pub const MAX_ATTEMPTS: u32 = 3;
/// Deaths of workers holding a job after which it is set aside.
pub const MAX_CRASHES: u32 = 3;
/// The pause after the first error is at most this long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What happens to a job whose lease ended without a word from its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterExpiry {
    /// It is up for claiming again.
    Again {
        /// Deaths so far.
        crashes: u32,
        /// Attempts so far: a death is no error and spends none.
        attempt: u32,
    },
    /// It becomes a dead letter, and its task ends.
    SetAside {
        /// Deaths so far.
        crashes: u32,
    },
}

/// Decides about a job whose worker died.
pub(crate) fn after_expiry(attempt: u32, crashes: u32) -> AfterExpiry {
    let crashes = crashes.saturating_add(1);
    if crashes >= MAX_CRASHES {
        AfterExpiry::SetAside { crashes }
    } else {
        AfterExpiry::Again { crashes, attempt: attempt.saturating_sub(1) }
    }
}

/// Whether a job that failed for the `attempt`-th time (from 1) is tried again.
pub(crate) fn may_retry(attempt: u32) -> bool {
    attempt < MAX_ATTEMPTS
}

/// How long to wait before trying again after the `attempt`-th error (from 1): full jitter, so that jobs
/// which failed together do not come back together. `chance` is evenly spread over 0 to 1.
pub fn retry_delay(attempt: u32, chance: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST_PAUSE).mul_f64(chance.clamp(0.0, 1.0))
}

/// The turn of a new task. Turns are served in rising order; a project's tasks follow one another, but begin where the
/// queue stands now: after a thousand documents of one project, a single one of another is next.
pub(crate) fn turn(smallest_waiting: Option<i64>, largest_of_project: Option<i64>) -> i64 {
    smallest_waiting.unwrap_or(0).max(largest_of_project.unwrap_or(0)).saturating_add(1)
}

/// Where a new task for a failed or cancelled one begins: after the stages that are done.
/// A fault of the file is looked at afresh: `failed` is the stage and fault it failed with.
pub(crate) fn resume_stage(done: &[Stage], failed: Option<(Stage, Fault)>) -> Stage {
    let first_open = Stage::ALL.into_iter().find(|stage| !done.contains(stage)).unwrap_or(Stage::Finish);
    match failed {
        // Only pages without a text fail at the end: they are read again.
        Some((Stage::Finish, Fault::Input)) => Stage::Parse,
        Some((stage, Fault::Input)) => stage.min(first_open),
        _ => first_open,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_third_death_sets_a_job_aside() {
        assert_eq!(after_expiry(1, 0), AfterExpiry::Again { crashes: 1, attempt: 0 });
        assert_eq!(after_expiry(2, 1), AfterExpiry::Again { crashes: 2, attempt: 1 });
        assert_eq!(after_expiry(3, 2), AfterExpiry::SetAside { crashes: 3 });
    }

    #[test]
    fn attempts_are_bounded() {
        assert!(may_retry(1));
        assert!(may_retry(MAX_ATTEMPTS - 1));
        assert!(!may_retry(MAX_ATTEMPTS));
    }

    #[test]
    fn a_late_project_is_next_and_an_early_one_is_not_punished() {
        // One project has turns 5 to 1000 waiting; another comes.
        assert_eq!(turn(Some(5), None), 6);
        assert_eq!(turn(Some(5), Some(1000)), 1001);
        // Nothing waits: past use does not count.
        assert_eq!(turn(None, None), 1);
    }

    #[test]
    fn a_retry_goes_on_where_work_ended_unless_the_file_was_at_fault() {
        assert_eq!(resume_stage(&[], None), Stage::Parse);
        let cut = [Stage::Parse, Stage::Ocr, Stage::Chunk];
        assert_eq!(resume_stage(&cut, Some((Stage::Embed, Fault::Passing))), Stage::Embed);
        assert_eq!(resume_stage(&[], Some((Stage::Parse, Fault::Input))), Stage::Parse);
        let all_but_finish = [Stage::Parse, Stage::Ocr, Stage::Chunk, Stage::Embed, Stage::Index];
        assert_eq!(resume_stage(&all_but_finish, Some((Stage::Parse, Fault::Input))), Stage::Parse);
        assert_eq!(resume_stage(&all_but_finish, Some((Stage::Finish, Fault::Input))), Stage::Parse);
    }

    proptest! {
        #[test]
        fn pauses_grow_and_stay_under_the_cap(attempt in 0_u32..100, chance in 0.0_f64..1.0) {
            let pause = retry_delay(attempt, chance);
            prop_assert!(pause <= LONGEST_PAUSE);
            prop_assert!(pause <= retry_delay(attempt, 1.0));
            prop_assert!(retry_delay(attempt, 1.0) <= retry_delay(attempt + 1, 1.0));
        }
    }
}
