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
    /// The share of the pages whose documents had pictures to recognise, 0 to 1.
    recognised: f64,
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
        let recognised = sums.get(&Stage::Ocr).map_or(0.0, |(_, pages)| pages / all_pages);
        Self {
            recognised,
            per_page: sums.into_iter().map(|(stage, (time, pages))| (stage, time / pages)).collect(),
            pages: all_pages / (good.len().max(1)) as f64,
        }
    }

    /// Seconds of work that are left of a task, without the time it waits; `None` while a stage it has before it was
    /// never measured.
    pub(super) fn left(&self, task: &Task) -> Option<f64> {
        if task.status.is_final() {
            return Some(0.0);
        }
        let pages = if task.pages_total > 0 { f64::from(task.pages_total) } else { self.pages };
        let mut seconds = 0.0;
        for stage in Stage::ALL.into_iter().filter(|stage| *stage >= task.stage) {
            let open = if stage == task.stage && task.units_total > 0 {
                1.0 - f64::from(task.units_done.min(task.units_total)) / f64::from(task.units_total)
            } else {
                1.0
            };
            if open > 0.0 {
                seconds += self.expected(stage, stage == task.stage)? * pages * open;
            }
        }
        Some(seconds)
    }

    /// Seconds that a stage is expected to take for a page; `None` when it was never measured. Whether there is
    /// something to recognise is known only when OCR has begun: before, it costs what it cost over all documents.
    fn expected(&self, stage: Stage, has_begun: bool) -> Option<f64> {
        let measured = self.per_page.get(&stage).copied();
        match stage {
            Stage::Ocr if !has_begun => {
                Some(measured.unwrap_or(0.0) * self.recognised).filter(|_| !self.per_page.is_empty())
            }
            _ => measured,
        }
    }

    /// Seconds a whole task takes on average.
    pub(super) fn whole(&self) -> Option<f64> {
        let seconds: Option<f64> = Stage::ALL.into_iter().map(|stage| self.expected(stage, false)).sum();
        seconds.map(|seconds| seconds * self.pages)
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
    fn a_stage_that_was_never_measured_takes_nobody_knows_how_long() {
        let mut text = finished(10, 1.0);
        text.timings.retain(|(stage, _)| *stage != Stage::Ocr);
        let speeds = Speeds::measure(std::slice::from_ref(&text));
        let stages = Stage::ALL.len() as f64;
        let near = |left: Option<f64>, expected: f64| assert!((left.unwrap() - expected).abs() < 1e-9, "{left:?}");
        // None of them had pictures, so that none are expected; where there are some, they take their time.
        near(speeds.left(&task(Stage::Parse, 10, 0, 1)), stages - 1.0);
        assert_eq!(speeds.left(&task(Stage::Ocr, 10, 0, 10)), None);
        near(speeds.left(&task(Stage::Ocr, 10, 10, 10)), stages - 2.0);
        near(speeds.left(&task(Stage::Chunk, 10, 0, 1)), stages - 2.0);
        // One document in four is a scan.
        let speeds = Speeds::measure(&[finished(10, 8.0), text.clone(), text.clone(), text.clone()]);
        near(Some(speeds.expected(Stage::Ocr, false).unwrap()), 0.2);
        near(Some(speeds.expected(Stage::Ocr, true).unwrap()), 0.8);
        // Of a stage that each document goes through, nothing is known.
        text.timings.retain(|(stage, _)| *stage != Stage::Embed);
        let speeds = Speeds::measure(&[text]);
        assert_eq!((speeds.left(&task(Stage::Parse, 10, 0, 1)), speeds.whole()), (None, None));
        assert!(speeds.left(&task(Stage::Index, 10, 0, 1)).is_some());
    }

    #[test]
    fn nothing_measured_is_no_estimate() {
        let failed = FinishedTask { status: TaskStatus::Failed, ..finished(10, 1.0) };
        let speeds = Speeds::measure(&[failed]);
        assert_eq!(speeds.left(&task(Stage::Parse, 10, 0, 0)), None);
        assert_eq!(speeds.whole(), None);
    }
}
