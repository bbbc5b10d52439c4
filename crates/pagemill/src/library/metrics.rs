//! Figures for monitoring, in the text format of Prometheus.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use pagemill_core::{Problem, Stage};

use super::{Library, views::LibraryView};

/// Upper bounds of the classes into which times of jobs fall, in seconds.
const BOUNDS: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0];
/// Counting a large library takes a while; the counts of a scrape are good for the next ones.
const COUNTS_KEPT: Duration = Duration::from_secs(10);

/// What the jobs of this process did since it started.
#[derive(Default)]
pub(crate) struct Metrics {
    jobs: Mutex<BTreeMap<(Stage, &'static str), u64>>,
    times: Mutex<BTreeMap<Stage, Times>>,
    counts: Mutex<Option<(Instant, LibraryView)>>,
}

#[derive(Clone, Copy, Default)]
struct Times {
    classes: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

impl Metrics {
    /// Takes note of a job that ended.
    pub(crate) fn job_ended(&self, stage: Stage, outcome: &'static str, took: Duration) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner).entry((stage, outcome)).or_default() += 1;
        let seconds = took.as_secs_f64();
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = times.entry(stage).or_default();
        times.count += 1;
        times.seconds += seconds;
        for (class, bound) in times.classes.iter_mut().zip(BOUNDS) {
            *class += u64::from(seconds <= bound);
        }
    }
}

impl Library {
    /// What the jobs of this process did.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The figures of this process and of the library.
    ///
    /// # Errors
    /// Of the database.
    pub async fn metrics_text(&self) -> Result<String, Problem> {
        let library = self.recent_counts().await?;
        let last_event = self.last_event().await?;
        let (busy, idle) = self.cells().figures();
        let mut out = Page::default();
        out.family("pagemill_build_info", "gauge", "The program.");
        out.value("pagemill_build_info", &[("version", &library.version), ("database", &library.database)], 1.0);
        for (name, help, count) in [
            ("pagemill_documents", "Documents in the library.", library.documents),
            ("pagemill_pages", "Pages of live versions.", library.pages),
            ("pagemill_chunks", "Chunks of live versions.", library.chunks),
            ("pagemill_vectors", "Chunks that have a vector.", library.vectors),
        ] {
            out.family(name, "gauge", help);
            out.value(name, &[], count as f64);
        }
        out.family("pagemill_tasks", "gauge", "Tasks by status.");
        for (status, count) in &library.tasks {
            out.value("pagemill_tasks", &[("status", status)], *count as f64);
        }
        out.family("pagemill_queue_jobs", "gauge", "Jobs that are not done, by queue and state.");
        for (place, count) in &library.jobs {
            let (queue, state) = place.split_once('/').unwrap_or((place, ""));
            out.value("pagemill_queue_jobs", &[("queue", queue), ("state", state)], *count as f64);
        }
        out.family("pagemill_events_total", "counter", "Events since the library was made.");
        out.value("pagemill_events_total", &[], last_event as f64);
        out.family("pagemill_children", "gauge", "Reading processes of this program.");
        out.value("pagemill_children", &[("state", "busy")], busy as f64);
        out.value("pagemill_children", &[("state", "idle")], idle as f64);
        self.job_figures(&mut out);
        if let Some(bytes) = resident_bytes() {
            out.family("process_resident_memory_bytes", "gauge", "Memory of this process.");
            out.value("process_resident_memory_bytes", &[], bytes as f64);
        }
        Ok(out.text)
    }

    fn job_figures(&self, out: &mut Page) {
        out.family("pagemill_jobs_total", "counter", "Jobs that this process ran, by stage and outcome.");
        for ((stage, outcome), count) in self.metrics.jobs.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            out.value("pagemill_jobs_total", &[("stage", stage.as_str()), ("outcome", outcome)], *count as f64);
        }
        out.family("pagemill_stage_seconds", "histogram", "How long jobs took in this process, by stage.");
        for (stage, times) in self.metrics.times.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let stage = stage.as_str();
            for (class, bound) in times.classes.iter().zip(BOUNDS) {
                let labels = [("stage", stage), ("le", &bound.to_string())];
                out.value("pagemill_stage_seconds_bucket", &labels, *class as f64);
            }
            let labels = [("stage", stage), ("le", "+Inf")];
            out.value("pagemill_stage_seconds_bucket", &labels, times.count as f64);
            out.value("pagemill_stage_seconds_sum", &[("stage", stage)], times.seconds);
            out.value("pagemill_stage_seconds_count", &[("stage", stage)], times.count as f64);
        }
    }

    async fn recent_counts(&self) -> Result<LibraryView, Problem> {
        let kept = self.metrics.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, view)) = kept
            && at.elapsed() < COUNTS_KEPT
        {
            return Ok(view);
        }
        let view = self.status().await?;
        *self.metrics.counts.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), view.clone()));
        Ok(view)
    }
}

/// Lines of figures.
#[derive(Default)]
pub(crate) struct Page {
    pub(crate) text: String,
}

impl Page {
    /// Begins the figures of a name.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A figure.
    pub(crate) fn value(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(key, text)| format!("{key}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The memory of this process, where the system tells.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let mut page = Page::default();
        page.family("a_total", "counter", "What a is.");
        page.value("a_total", &[("x", "say \"hi\"\n"), ("y", "b")], 1.5);
        assert_eq!(
            page.text,
            "# HELP a_total What a is.\n# TYPE a_total counter\na_total{x=\"say \\\"hi\\\"\\n\",y=\"b\"} 1.5\n"
        );
    }

    #[test]
    fn classes_of_times_are_cumulative() {
        let metrics = Metrics::default();
        metrics.job_ended(Stage::Parse, "done", Duration::from_millis(200));
        metrics.job_ended(Stage::Parse, "failed", Duration::from_secs(1000));
        let times = metrics.times.lock().unwrap_or_else(PoisonError::into_inner)[&Stage::Parse];
        assert_eq!(times.classes, [0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(times.count, 2);
        let jobs = metrics.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(jobs[&(Stage::Parse, "failed")], 1);
    }
}
