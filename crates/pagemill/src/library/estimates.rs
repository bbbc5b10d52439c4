//! How long work will take, from how long such work took lately.

use std::collections::BTreeMap;

use pagemill_core::{Stage, Task, TaskStatus};
use pagemill_store::FinishedTask;

/// Tasks that estimates are made from: the newest.
pub(super) const SAMPLE: u32 = 100;

/// What the stages cost lately, over the whole library.
#[derive(Clone, Debug, Default)]
pub(super) struct Speeds {
    /// Seconds for a page.
    pub(super) per_page: BTreeMap<Stage, f64>,
    /// Pages of a document on average, for those not yet opened.
    pages: f64,
}

impl Speeds {
    /// Measures tasks that have ended. Those that failed tell nothing of the time a good one takes.
    pub(super) fn measure(finished: &[FinishedTask]) -> Self {
        let good: Vec<&FinishedTask> = finished
            .iter()
            .filter(|task| matches!(task.status, TaskStatus::Completed | TaskStatus::Partial) && task.pages > 0)
            .collect();
        let mut sums: BTreeMap<Stage, (f64, f64)> = BTreeMap::new();
        for task in &good {
            for (stage, seconds) in &task.timings {
                let (time, pages) = sums.entry(*stage).or_default();
                *time += seconds;
                *pages += f64::from(task.pages);
            }
        }
        let all_pages: f64 = good.iter().map(|task| f64::from(task.pages)).sum();
        Self {
            per_page: sums.into_iter().map(|(stage, (time, pages))| (stage, time / pages)).collect(),
            pages: all_pages / (good.len().max(1)) as f64,
        }
    }

    /// Seconds of work that are left of a task, without the time it waits; `None` when nothing was measured yet.
    pub(super) fn left(&self, task: &Task) -> Option<f64> {
        if task.status.is_final() {
            return Some(0.0);
        }
        if self.per_page.is_empty() {
            return None;
        }
        let pages = if task.pages_total > 0 { f64::from(task.pages_total) } else { self.pages };
        let mut seconds = 0.0;
        for stage in Stage::ALL.into_iter().filter(|stage| *stage >= task.stage) {
            let open = if stage == task.stage && task.units_total > 0 {
                1.0 - f64::from(task.units_done.min(task.units_total)) / f64::from(task.units_total)
            } else {
                1.0
            };
            // A stage that none of them ran (OCR, where no page is a picture) is expected to cost nothing.
            seconds += self.per_page.get(&stage).copied().unwrap_or(0.0) * pages * open;
        }
        Some(seconds)
    }

    /// Seconds a whole task takes on average.
    pub(super) fn whole(&self) -> Option<f64> {
        let sum: f64 = self.per_page.values().sum();
        (!self.per_page.is_empty()).then_some(sum * self.pages)
    }
}

/// A time in words a person would use.
pub(super) fn in_words(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 1.5 => "a second".to_owned(),
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5400.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::library::fixtures::task_at_work;

    fn finished(pages: u32, seconds: f64) -> FinishedTask {
        FinishedTask {
            status: TaskStatus::Completed,
            pages,
            timings: Stage::ALL.into_iter().map(|stage| (stage, seconds)).collect(),
            created_ms: 0,
            started_ms: Some(0),
            finished_ms: 1,
        }
    }

    fn task(stage: Stage, pages_total: u32, units_done: u32, units_total: u32) -> Task {
        Task { stage, units_done, units_total, pages_total, ..task_at_work() }
    }

    #[test]
    fn what_is_left_follows_pages_units_and_stages() {
        // Each stage takes 0.1 s a page; documents have 20 pages on average.
        let speeds = Speeds::measure(&[finished(10, 1.0), finished(30, 3.0)]);
        let stages = Stage::ALL.len() as f64;
        let near = |left: Option<f64>, expected: f64| assert!((left.unwrap() - expected).abs() < 1e-9, "{left:?}");
        near(speeds.left(&task(Stage::Parse, 0, 0, 0)), 2.0 * stages);
        near(speeds.left(&task(Stage::Parse, 100, 5, 10)), 10.0 * stages - 5.0);
        near(speeds.left(&task(Stage::Finish, 100, 0, 1)), 10.0);
        near(speeds.whole(), 2.0 * stages);
    }

    #[test]
    fn nothing_measured_is_no_estimate() {
        let failed = FinishedTask { status: TaskStatus::Failed, ..finished(10, 1.0) };
        let speeds = Speeds::measure(&[failed]);
        assert_eq!(speeds.left(&task(Stage::Parse, 10, 0, 0)), None);
        assert_eq!(speeds.whole(), None);
    }
}
