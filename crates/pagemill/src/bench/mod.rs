//! `pagemill bench ingest`: the whole pipeline over the user's own files, in a fresh library.

mod listeners;
mod read;

pub use read::{FileReport, ReadReport, read};

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use pagemill_core::{ErrorCode, Problem, ProjectId, TaskId, TaskStatus};
use serde::Serialize;

use crate::{
    config::Settings,
    eval::percentile,
    jobs::Workers,
    library::{
        AddOptions, Library, folder_problem,
        views::{AddedDocument, SearchMode, SearchRequest, TaskView},
    },
};

pub use listeners::{ListenersReport, listeners};

/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_millis(200);
/// Searches timed at the end.
const SEARCHES: usize = 60;

/// What `pagemill bench ingest` measures.
#[derive(Clone, Debug, Serialize)]
pub struct IngestReport {
    /// Files given.
    pub documents: usize,
    /// Tasks that ended `completed`.
    pub completed: usize,
    /// Tasks that ended `partial`.
    pub partial: usize,
    /// Files refused and tasks that ended `failed`.
    pub failed: usize,
    /// Pages of the documents.
    pub pages: u64,
    /// Chunks made.
    pub chunks: u64,
    /// Vectors made.
    pub vectors: u64,
    /// Seconds from the first file to the last task's end.
    pub seconds: f64,
    /// Files a minute.
    pub documents_per_minute: f64,
    /// Pages a second until everything was done, vectors included.
    pub pages_per_second: f64,
    /// Seconds until the text of every document was findable by words.
    pub words_seconds: f64,
    /// Pages a second until then.
    pub words_pages_per_second: f64,
    /// Seconds of each stage, summed over documents: stages of several documents run side by side.
    pub stage_seconds: BTreeMap<String, f64>,
    /// Peak of the memory of this process and its children together (PSS), MiB.
    pub peak_memory_mib: f64,
    /// Most processes at once, this one included.
    pub peak_processes: u64,
    /// Median milliseconds of a hybrid search, query embedding included.
    pub search_hybrid_p50_ms: f64,
    /// Median milliseconds of a search by words.
    pub search_words_p50_ms: f64,
}

/// Takes files into a fresh temporary library and measures.
///
/// # Errors
/// When the temporary library cannot be made.
pub async fn ingest(settings: &Settings, files: &[PathBuf]) -> Result<IngestReport, Problem> {
    let temporary = tempfile::tempdir().map_err(|error| folder_problem(&std::env::temp_dir(), error))?;
    let mut settings = settings.clone();
    settings.library = temporary.path().to_owned();
    (settings.database, settings.blobs) = (None, None);
    let memory = MemoryWatch::start();
    let library = Library::open(settings).await?;
    let project = ProjectId::default_project();

    let started = Instant::now();
    let workers = Workers::start(&library);
    let mut added = Vec::with_capacity(files.len());
    for file in files {
        added.push(match library.add_file(&project, file, &AddOptions::default()).await {
            Ok(document) => document,
            Err(problem) if problem.code.retryable() => return Err(problem),
            Err(problem) => AddedDocument::refused(file.display().to_string(), &problem),
        });
    }
    let words_seconds = text_findable(&library, &added).await?.duration_since(started).as_secs_f64();
    let tasks = all_ended(&library, &added).await?;
    let seconds = started.elapsed().as_secs_f64();
    let status = library.status().await?;
    let (mut hybrid, mut words) = (Vec::new(), Vec::new());
    for number in 0..SEARCHES {
        hybrid.push(search(&library, number, SearchMode::Hybrid).await?);
        words.push(search(&library, number, SearchMode::Lexical).await?);
    }
    workers.stop().await;
    library.close().await;
    let (peak_memory, peak_processes) = memory.stop();

    let ended = |status: TaskStatus| tasks.iter().filter(|task| task.status == status.as_str()).count();
    let refused = added.iter().filter(|document| document.task.is_none()).count();
    let pages: u64 = tasks.iter().map(|task| u64::from(task.pages_total)).sum();
    let mut stage_seconds = BTreeMap::new();
    for (stage, seconds) in tasks.iter().flat_map(|task| &task.timings) {
        *stage_seconds.entry(stage.clone()).or_insert(0.0) += seconds;
    }
    Ok(IngestReport {
        documents: files.len(),
        completed: ended(TaskStatus::Completed),
        partial: ended(TaskStatus::Partial),
        failed: ended(TaskStatus::Failed) + refused,
        pages,
        chunks: status.chunks,
        vectors: status.vectors,
        seconds,
        documents_per_minute: files.len() as f64 / seconds * 60.0,
        pages_per_second: pages as f64 / seconds,
        words_seconds,
        words_pages_per_second: pages as f64 / words_seconds,
        stage_seconds,
        peak_memory_mib: peak_memory as f64 / 1024.0,
        peak_processes,
        search_hybrid_p50_ms: percentile(&mut hybrid, 0.5),
        search_words_p50_ms: percentile(&mut words, 0.5),
    })
}

/// When the lexical index held the text of every document that has any.
async fn text_findable(library: &Arc<Library>, added: &[AddedDocument]) -> Result<Instant, Problem> {
    for document in added {
        while let Some(task) = task_of(library, document).await? {
            if is_final(&task) || library.has_text(&task.document.parse()?).await? {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    library.text_indexed().await?;
    Ok(Instant::now())
}

async fn all_ended(library: &Arc<Library>, added: &[AddedDocument]) -> Result<Vec<TaskView>, Problem> {
    let mut tasks = Vec::new();
    for document in added {
        loop {
            let Some(task) = task_of(library, document).await? else { break };
            if is_final(&task) {
                tasks.push(task);
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(tasks)
}

async fn task_of(library: &Library, document: &AddedDocument) -> Result<Option<TaskView>, Problem> {
    let Some(id) = &document.task else { return Ok(None) };
    let id: TaskId = id.parse()?;
    library.task(&ProjectId::default_project(), &id).await.map(Some)
}

fn is_final(task: &TaskView) -> bool {
    TaskStatus::parse(&task.status).is_some_and(TaskStatus::is_final)
}

/// Milliseconds of a search for a few words that differ from time to time.
async fn search(library: &Library, number: usize, mode: SearchMode) -> Result<f64, Problem> {
    const WORDS: [&str; 10] = [
        "method",
        "estimation of variance",
        "table",
        "model parameters",
        "figure",
        "random sample",
        "function call",
        "results of the test",
        "data",
        "introduction",
    ];
    let query = format!("{} {}", WORDS[number % WORDS.len()], WORDS[(number / WORDS.len() + 3) % WORDS.len()]);
    let request = SearchRequest { query, k: 10, mode, documents: Vec::new() };
    let started = Instant::now();
    match library.search(&ProjectId::default_project(), &request).await {
        Ok(_) => Ok(started.elapsed().as_secs_f64() * 1000.0),
        Err(problem) if problem.code == ErrorCode::ModelMissing => Ok(0.0),
        Err(problem) => Err(problem),
    }
}

/// Looks at the memory of this process and its children now and then, on a thread of its own.
struct MemoryWatch {
    stop: Arc<AtomicBool>,
    peak_kib: Arc<AtomicU64>,
    peak_processes: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl MemoryWatch {
    fn start() -> Self {
        let (stop, peak_kib, peak_processes) = (Arc::default(), Arc::default(), Arc::default());
        let watch: (Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>) =
            (Arc::clone(&stop), Arc::clone(&peak_kib), Arc::clone(&peak_processes));
        let thread = std::thread::spawn(move || {
            while !watch.0.load(Ordering::Relaxed) {
                let processes = family(std::process::id());
                let kib = processes.iter().map(|process| pss_kib(*process)).sum();
                watch.1.fetch_max(kib, Ordering::Relaxed);
                watch.2.fetch_max(processes.len() as u64, Ordering::Relaxed);
                std::thread::sleep(SAMPLE);
            }
        });
        Self { stop, peak_kib, peak_processes, thread: Some(thread) }
    }

    fn stop(mut self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        (self.peak_kib.load(Ordering::Relaxed), self.peak_processes.load(Ordering::Relaxed))
    }
}

/// A process and its children.
fn family(process: u32) -> Vec<u32> {
    let mut family = vec![process];
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    family
}

/// Proportional set size: shared pages are counted once over all who share them.
fn pss_kib(process: u32) -> u64 {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = fs::read_to_string(Path::new(&path)).unwrap_or_default();
    // A reading process lets only the administrator look into it; its resident size is told to all.
    kib_of(&text, "Pss:").unwrap_or_else(|| status_kib(process, "VmRSS:"))
}

/// A figure of a process's status.
fn status_kib(process: u32, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    kib_of(&text, key).unwrap_or(0)
}

fn kib_of(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}
