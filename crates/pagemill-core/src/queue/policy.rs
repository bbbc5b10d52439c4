//! The numbers of the queue and its fair order.

use std::time::Duration;

use crate::Stage;

/// How long a claim holds without a heart-beat.
pub const LEASE: Duration = Duration::from_secs(30);
/// Errors of a job after which it is set aside.
pub const MAX_ATTEMPTS: u32 = 3;
/// Crashes of a job after which it is set aside.
pub const MAX_CRASHES: u32 = 3;
/// The pause after the first error is at most this long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// No pause is longer.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long to wait before trying again after the `attempt`-th error (from 1): full jitter, so that jobs
/// which failed together do not come back together. `chance` is evenly spread over 0 to 1.
pub fn retry_delay(attempt: u32, chance: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST_PAUSE).mul_f64(chance.clamp(0.0, 1.0))
}

/// The turn of a new task. Within a priority, turns are served in rising order; a project's tasks follow one
/// another, but begin where the queue stands now: after a thousand documents of one project, a single one of
/// another is next. The jobs of a task share its turn, so that what was begun is ended first.
pub fn turn(smallest_waiting: Option<i64>, largest_of_project: Option<i64>) -> i64 {
    smallest_waiting.unwrap_or(0).max(largest_of_project.unwrap_or(0)).saturating_add(1)
}

/// How many jobs may be claimed from a queue: at most `asked`, none while it is paused, and no more than its
/// concurrency leaves free beside those that are `leased`.
pub fn room(asked: u32, paused: bool, concurrency: Option<u32>, leased: u32) -> u32 {
    match (paused, concurrency) {
        (true, _) => 0,
        (false, None) => asked,
        (false, Some(most)) => asked.min(most.saturating_sub(leased)),
    }
}

/// The stage a task goes on with when a job of `stage` was set aside, or `None` when nothing can be done without
/// it. Such a task ends as `partial`.
pub fn goes_on_without(stage: Stage) -> Option<Stage> {
    match stage {
        // Without the words of its pictures the rest of a document can be read; without vectors it is findable by
        // words.
        Stage::Ocr | Stage::Embed => stage.next(),
        Stage::Parse | Stage::Chunk | Stage::Index | Stage::Finish => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_late_project_is_next_and_an_early_one_is_not_punished() {
        // One project has turns 5 to 1000 waiting; another comes.
        assert_eq!(turn(Some(5), None), 6);
        assert_eq!(turn(Some(5), Some(1000)), 1001);
        // Nothing waits: past use does not count.
        assert_eq!(turn(None, None), 1);
    }

    #[test]
    fn a_queue_gives_what_it_may() {
        assert_eq!(room(8, false, None, 100), 8);
        assert_eq!(room(8, true, None, 0), 0);
        assert_eq!(room(8, false, Some(4), 1), 3);
        assert_eq!(room(8, false, Some(4), 9), 0, "it was made smaller meanwhile");
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
