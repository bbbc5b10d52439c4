//! `pagemill bench read`: every PDF of a folder through the cell, and what became of each.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::StreamExt;
use pagemill_core::{PageSource, Problem};
use serde::Serialize;

use crate::{
    cell::{Cells, ReadFile, Step},
    config::Settings,
};

/// How often the memory of the reading processes is looked at. The kernel keeps the peak of each while it lives.
const SAMPLE: Duration = Duration::from_millis(20);
/// So many of the slowest files are named.
const SLOWEST: usize = 10;

/// What `pagemill bench read` finds.
#[derive(Clone, Debug, Serialize)]
pub struct ReadReport {
    /// Files given.
    pub files: usize,
    /// Files of which every page was read or is blank.
    pub ok: usize,
    /// Files with pages that were left out or could not be read.
    pub partial: usize,
    /// Files that could not be read.
    pub failed: usize,
    /// Pages that came.
    pub pages: u64,
    /// Pages by `source`, `skipped` and `failed` with their reason.
    pub page_sources: BTreeMap<String, u64>,
    /// Seconds of the whole run.
    pub seconds: f64,
    /// Pages a second.
    pub pages_per_second: f64,
    /// Processes at once.
    pub processes: usize,
    /// Peak resident memory of a reading process, MiB.
    pub peak_child_memory_mib: f64,
    /// What holds the reading processes.
    pub cell: String,
    /// Names of the files by reason: of failed files, and of pages that failed in others.
    pub failures: BTreeMap<String, Vec<String>>,
    /// The slowest files, slowest first.
    pub slowest: Vec<FileReport>,
    /// Every file, by name.
    pub documents: Vec<FileReport>,
}

/// What became of a file.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// Its path.
    pub file: String,
    /// `ok`, `partial` or `failed`.
    pub outcome: &'static str,
    /// For a failed file: its code; for a partial one: the reasons of its pages, each once.
    pub reasons: Vec<String>,
    /// For a failed file: what the user is told.
    pub message: Option<String>,
    /// Pages that came.
    pub pages: u64,
    /// Characters of text that came.
    pub characters: u64,
    /// Seconds from asking for a process to the last answer.
    pub seconds: f64,
    #[serde(skip)]
    sources: BTreeMap<String, u64>,
}

/// Reads files in parallel and counts.
///
/// # Errors
/// When no reading process can be started.
pub async fn read(settings: &Settings, files: &[PathBuf]) -> Result<ReadReport, Problem> {
    let cells = Cells::new(settings.cores, settings.limits)?;
    let cell = cells.held().await?.confinement.level().as_str().to_owned();
    let memory = ChildMemory::watch();
    let started = Instant::now();
    let mut documents: Vec<FileReport> = futures::stream::iter(files)
        .map(|file| read_file(&cells, file))
        .buffer_unordered(settings.cores)
        .collect()
        .await;
    let seconds = started.elapsed().as_secs_f64();
    let peak = memory.stop();
    documents.sort_by(|a, b| a.file.cmp(&b.file));

    let count = |outcome| documents.iter().filter(|document| document.outcome == outcome).count();
    let pages = documents.iter().map(|document| document.pages).sum();
    let (mut page_sources, mut failures) = (BTreeMap::new(), BTreeMap::<String, Vec<String>>::new());
    for document in &documents {
        for (source, count) in &document.sources {
            *page_sources.entry(source.clone()).or_insert(0) += count;
        }
        for reason in &document.reasons {
            failures.entry(reason.clone()).or_default().push(document.file.clone());
        }
    }
    let mut slowest = documents.clone();
    slowest.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    slowest.truncate(SLOWEST);
    Ok(ReadReport {
        files: files.len(),
        ok: count("ok"),
        partial: count("partial"),
        failed: count("failed"),
        pages,
        page_sources,
        seconds,
        pages_per_second: pages as f64 / seconds.max(1e-9),
        processes: settings.cores,
        peak_child_memory_mib: peak as f64 / 1024.0,
        cell,
        failures,
        slowest,
        documents,
    })
}

async fn read_file(cells: &Cells, path: &PathBuf) -> FileReport {
    let started = Instant::now();
    let mut report = FileReport {
        file: path.display().to_string(),
        outcome: "ok",
        reasons: Vec::new(),
        message: None,
        pages: 0,
        characters: 0,
        seconds: 0.0,
        sources: BTreeMap::new(),
    };
    if let Err(problem) = read_pages(cells, path, &mut report).await {
        report.outcome = "failed";
        report.reasons = vec![problem.code.to_string()];
        report.message = Some(problem.message);
    }
    report.seconds = started.elapsed().as_secs_f64();
    report
}

async fn read_pages(cells: &Cells, path: &PathBuf, report: &mut FileReport) -> Result<(), Problem> {
    let bytes = tokio::fs::read(path).await.map_err(|error| crate::library::folder_problem(path, error))?;
    let file = ReadFile::pages(Bytes::from(bytes), 1, u32::MAX);
    let mut reading = cells.read(file);
    let mut failed = 0;
    while let Some(step) = reading.next().await? {
        let Step::Page(page) = step else { continue };
        report.pages += 1;
        report.characters += page.blocks.iter().map(|block| block.text.chars().count() as u64).sum::<u64>();
        let source = page.source.as_str();
        let reason = page.reason.as_deref().map(|reason| format!("{source}({reason})"));
        *report.sources.entry(reason.clone().unwrap_or_else(|| source.to_owned())).or_insert(0) += 1;
        failed += u64::from(page.source == PageSource::Failed);
        if let Some(reason) = reason {
            report.outcome = "partial";
            if !report.reasons.contains(&reason) {
                report.reasons.push(reason);
            }
        }
    }
    if failed == report.pages {
        report.outcome = "failed";
    }
    Ok(())
}

/// The largest peak of any child of this process, looked at on a thread of its own.
struct ChildMemory {
    stop: Arc<AtomicBool>,
    peak_kib: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl ChildMemory {
    fn watch() -> Self {
        let (stop, peak_kib): (Arc<AtomicBool>, Arc<AtomicU64>) = (Arc::default(), Arc::default());
        let (stopping, peak) = (Arc::clone(&stop), Arc::clone(&peak_kib));
        let thread = std::thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                let children = super::family(std::process::id()).into_iter().skip(1);
                let kib = children.map(|child| super::status_kib(child, "VmHWM:")).max().unwrap_or(0);
                peak.fetch_max(kib, Ordering::Relaxed);
                std::thread::sleep(SAMPLE);
            }
        });
        Self { stop, peak_kib, thread }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
        self.peak_kib.load(Ordering::Relaxed)
    }
}
