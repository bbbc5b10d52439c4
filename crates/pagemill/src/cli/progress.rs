//! Progress of tasks: bars on a terminal, plain lines in a pipe.

use std::{collections::HashMap, io::IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use crate::library::views::TaskView;

/// Shows how a set of tasks gets on.
pub(crate) struct TaskProgress {
    bar: Option<ProgressBar>,
    quiet: bool,
    last: HashMap<String, f64>,
    ended: usize,
    total: usize,
}

impl TaskProgress {
    /// Progress of `total` tasks; `quiet` shows nothing.
    pub(crate) fn new(total: usize, quiet: bool) -> Self {
        let on_terminal = std::io::stderr().is_terminal() && !quiet;
        let bar = on_terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {elapsed}  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, quiet, last: HashMap::new(), ended: 0, total }
    }

    /// Takes note of where a task stands.
    pub(crate) fn update(&mut self, file: &str, task: &TaskView) {
        self.last.insert(task.id.clone(), task.progress);
        let Some(bar) = &self.bar else { return };
        let share = self.last.values().sum::<f64>() / self.total.max(1) as f64;
        bar.set_position((share * 1000.0) as u64);
        bar.set_message(format!("{}/{} {} – {}", self.ended, self.total, output::one_line(file), doing(task)));
    }

    /// Takes note that a task has ended.
    pub(crate) fn end(&mut self, file: &str, task: &TaskView) {
        self.ended += 1;
        self.last.insert(task.id.clone(), 1.0);
        if self.bar.is_none() && !self.quiet {
            let reason = task.error.as_ref().map(|error| format!(" ({}: {})", error.code, error.message));
            output::note(&format!(
                "[{}/{}] {}: {}, {} pages, {} chunks{}",
                self.ended,
                self.total,
                output::one_line(file),
                task.status,
                task.pages_total,
                task.chunks,
                reason.unwrap_or_default()
            ));
        }
        self.update(file, task);
    }

    /// Clears the bar.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn doing(task: &TaskView) -> String {
    if let Some(waiting) = &task.waiting {
        return format!("waiting: {}", output::one_line(waiting));
    }
    match task.stage.as_str() {
        "parse" if task.pages_total > 0 => format!("page {} of {}", task.pages_done, task.pages_total),
        "ocr" if task.units_total > 0 => format!("OCR, pages {} of {}", task.units_done, task.units_total),
        stage if task.units_total > 1 => {
            format!("{stage}, step {} of {}, {}/{}", task.step, task.steps, task.units_done, task.units_total)
        }
        stage => format!("{stage}, step {} of {}", task.step, task.steps),
    }
}
