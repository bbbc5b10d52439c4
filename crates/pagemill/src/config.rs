//! Every setting, from flags, `PAGEMILL_*` variables and `pagemill.toml`, in that order.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use pagemill_core::{ErrorCode, Problem, Stage};
use serde::Deserialize;

use crate::ocr::Languages;

/// What pictures are read in unless said otherwise.
const DEFAULT_LANGUAGES: &str = "eng";

/// Settings of a library and of the process that opens it.
#[derive(Clone)]
pub struct Settings {
    /// The library's folder: database, files and indexes, unless said otherwise.
    pub library: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; by default a SQLite file in the library.
    pub database: Option<String>,
    /// A folder or `s3://BUCKET/PREFIX`; by default a folder in the library.
    pub blobs: Option<String>,
    /// A model file to use instead of the one in the binary, or `none`: searching is by words alone.
    pub model: Option<PathBuf>,
    /// Length of a chunk in tokens of the embedding model, at most what the model can see at once.
    pub chunk_tokens: usize,
    /// Tokens a chunk repeats from the one before.
    pub chunk_overlap: usize,
    /// Reading processes and embedding threads.
    pub cores: usize,
    /// Whether pages without usable text are recognised from their picture, where there is an engine.
    pub ocr: bool,
    /// Languages pictures of text are read in, before the language of the document is known.
    pub ocr_languages: Languages,
    /// What a single file may ask for.
    pub limits: Limits,
    /// When workers stop taking jobs, and when they give one up.
    pub workers: WorkerSettings,
    /// How long things of the past are kept.
    pub retention: Retention,
    /// How listeners are kept.
    pub events: EventSettings,
    /// How events are told to other programs.
    pub webhooks: WebhookSettings,
    /// Where backups go that are asked for over HTTP; by default `backups` in the library.
    pub backups: PathBuf,
}

/// When workers stop taking jobs, and when they give one up.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerSettings {
    /// No job is taken while more of the machine's memory is in use than this.
    pub memory_percent: u8,
    /// A stage that takes longer is told of in the log, in seconds.
    pub soft_seconds: u64,
    /// A stage that takes longer is stopped; what it got done stays, in seconds.
    pub hard_seconds: u64,
    /// Other limits for some stages.
    pub stages: BTreeMap<Stage, StageTimes>,
}

/// The limits of one stage; what is not said is as for every stage.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct StageTimes {
    /// See [`WorkerSettings::soft_seconds`].
    pub soft_seconds: Option<u64>,
    /// See [`WorkerSettings::hard_seconds`].
    pub hard_seconds: Option<u64>,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { memory_percent: 80, soft_seconds: 25 * 60, hard_seconds: 30 * 60, stages: BTreeMap::new() }
    }
}

impl WorkerSettings {
    /// When a stage is told of for taking long.
    pub fn soft_limit(&self, stage: Stage) -> Duration {
        let own = self.stages.get(&stage).and_then(|times| times.soft_seconds);
        Duration::from_secs(own.unwrap_or(self.soft_seconds))
    }

    /// When a stage is stopped.
    pub fn hard_limit(&self, stage: Stage) -> Duration {
        let own = self.stages.get(&stage).and_then(|times| times.hard_seconds);
        Duration::from_secs(own.unwrap_or(self.hard_seconds))
    }
}

/// How long things of the past are kept.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Days that events and the logs of webhooks are kept.
    pub event_days: u32,
    /// Days that ended tasks are kept, but for the newest of each document, which stays.
    pub task_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { event_days: 30, task_days: 90 }
    }
}

/// How listeners are kept.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct EventSettings {
    /// Seconds between the pings to a WebSocket.
    pub ping_seconds: u64,
    /// Seconds after which a WebSocket from which nothing comes, not even a pong, is closed.
    pub idle_seconds: u64,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self { ping_seconds: 20, idle_seconds: 60 }
    }
}

impl EventSettings {
    /// The time between pings.
    pub fn ping(&self) -> Duration {
        Duration::from_secs(self.ping_seconds.max(1))
    }

    /// How long a connection may be silent.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds.max(1))
    }
}

/// How events are told to other programs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Whether they may go to this machine and to private networks.
    pub allow_private: bool,
    /// Attempts after which a delivery is given up.
    pub attempts: u32,
    /// Seconds for an answer.
    pub timeout_seconds: u64,
    /// The pause after the first failed attempt, in milliseconds, at most; it doubles up to an hour.
    pub first_pause_ms: u64,
    /// Deliveries given up in a row after which a webhook is disabled.
    pub failures: u32,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self { allow_private: false, attempts: 10, timeout_seconds: 10, first_pause_ms: 5_000, failures: 10 }
    }
}

/// What a single file may ask for; every refusal has its own code.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest upload in bytes (`too_large`).
    pub upload_bytes: u64,
    /// Most pages of a document (`too_many_pages`).
    pub pages: u32,
    /// Longest side of a page image in pixels; a page that would be larger is drawn smaller.
    pub page_side_px: u32,
    /// Most pixels of a page image; a page that would have more is drawn smaller.
    pub page_pixels: u64,
    /// Bytes the content of a page may unfold to (`stream_too_large`).
    pub stream_bytes: u64,
    /// How deeply arrays and dictionaries may lie within each other (`nesting_too_deep`).
    pub nesting: u32,
    /// Address space of a reading process in bytes (`memory_limit`).
    pub child_memory_bytes: u64,
    /// Files a reading process serves before it is replaced, so that nothing it leaks adds up.
    pub files_per_child: u32,
    /// Seconds of CPU for one page (`page_time_limit`). A process that does not come to them, on a busy
    /// machine, is waited for twice as long.
    pub page_seconds: u64,
    /// Seconds for a whole document (`time_limit`).
    pub document_seconds: u64,
    /// Seconds of CPU that OCR may take for one page (`time_limit`); it is waited for three times as long.
    pub ocr_page_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes: 100 << 20,
            pages: 2_000,
            page_side_px: 10_000,
            page_pixels: 40_000_000,
            stream_bytes: 75 << 20,
            nesting: 256,
            child_memory_bytes: 1 << 30,
            files_per_child: 200,
            page_seconds: 30,
            document_seconds: 15 * 60,
            ocr_page_seconds: 120,
        }
    }
}

impl Limits {
    /// How long to wait for a sign of life from a process at work on a page.
    pub fn page_patience(&self) -> Duration {
        Duration::from_secs(self.page_seconds.saturating_mul(2))
    }

    /// How long to wait for OCR of a page, whose CPU time the kernel bounds: on a busy machine it gets a part of the
    /// time that passes, and that is no fault of the page.
    pub fn ocr_patience(&self) -> Duration {
        Duration::from_secs(self.ocr_page_seconds.saturating_mul(3))
    }

    /// How long one unit of a stage may take: what shows no progress for longer stands still.
    pub fn unit_patience(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Parse => self.page_patience(),
            // It shows progress with each look at a page.
            Stage::Ocr => self.ocr_patience(),
            Stage::Chunk | Stage::Embed | Stage::Index | Stage::Finish => Duration::from_secs(60),
        }
    }

    /// How long to wait for a document.
    pub fn document_time(&self) -> Duration {
        Duration::from_secs(self.document_seconds)
    }
}

/// `pagemill.toml` in the library's folder.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    database: Option<String>,
    blobs: Option<String>,
    model: Option<PathBuf>,
    chunk: ChunkFile,
    cores: Option<usize>,
    ocr: OcrFile,
    limits: Limits,
    workers: WorkerSettings,
    retention: Retention,
    events: EventSettings,
    webhooks: WebhookSettings,
    backups: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OcrFile {
    enabled: Option<bool>,
    languages: Option<String>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ChunkFile {
    tokens: usize,
    overlap: usize,
}

impl Default for ChunkFile {
    fn default() -> Self {
        Self { tokens: 512, overlap: 50 }
    }
}

/// What flags and variables say; `None` leaves the choice to the file.
#[derive(Clone, Default)]
pub struct Overrides {
    /// See [`Settings::database`].
    pub database: Option<String>,
    /// See [`Settings::blobs`].
    pub blobs: Option<String>,
    /// See [`Settings::model`].
    pub model: Option<PathBuf>,
}

impl Settings {
    /// Settings of the library in `library`.
    ///
    /// # Errors
    /// `invalid_config` when `pagemill.toml` is there but wrong.
    pub fn load(library: &Path, overrides: Overrides) -> Result<Self, Problem> {
        let path = library.join("pagemill.toml");
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str::<File>(&text).map_err(|error| {
                let what = error.message().to_owned();
                Problem::new(
                    ErrorCode::InvalidConfig,
                    format!("`{}` is wrong: {what}; mend or remove it", path.display()),
                )
                .caused_by(error)
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => File::default(),
            Err(error) => {
                return Err(Problem::new(ErrorCode::InvalidConfig, format!("cannot read `{}`", path.display()))
                    .caused_by(error));
            }
        };
        if file.chunk.tokens < 32 || file.chunk.overlap * 2 > file.chunk.tokens {
            return Err(Problem::new(
                ErrorCode::InvalidConfig,
                format!("`{}`: chunk.tokens must be at least 32, and chunk.overlap at most half of it", path.display()),
            ));
        }
        let languages = file.ocr.languages.as_deref().unwrap_or(DEFAULT_LANGUAGES);
        let Some(ocr_languages) = Languages::parse(languages) else {
            return Err(Problem::new(
                ErrorCode::InvalidConfig,
                format!("`{}`: ocr.languages must be names as Tesseract has them, such as `deu+eng`", path.display()),
            ));
        };
        Ok(Self {
            library: library.to_owned(),
            database: overrides.database.or(file.database),
            blobs: overrides.blobs.or(file.blobs),
            model: overrides.model.or(file.model),
            chunk_tokens: file.chunk.tokens,
            chunk_overlap: file.chunk.overlap,
            cores: file.cores.unwrap_or_else(available_cores).max(1),
            ocr: file.ocr.enabled.unwrap_or(true),
            ocr_languages,
            limits: file.limits,
            workers: file.workers,
            retention: file.retention,
            events: file.events,
            webhooks: file.webhooks,
            backups: file.backups.unwrap_or_else(|| library.join("backups")),
        })
    }

    /// The URL of the database.
    pub fn database_url(&self) -> String {
        self.database.clone().unwrap_or_else(|| format!("sqlite:{}", self.library.join("library.db").display()))
    }

    /// Whether other processes may work on the same database.
    pub fn is_shared(&self) -> bool {
        self.database_url().starts_with("postgres")
    }

    /// Whether the database is there already; one on a server is asked when it is opened.
    pub fn has_database(&self) -> bool {
        let url = self.database_url();
        let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        path.is_none_or(|path| Path::new(path).exists())
    }

    /// The place of the files.
    pub fn blobs_url(&self) -> String {
        self.blobs.clone().unwrap_or_else(|| self.library.join("blobs").display().to_string())
    }
}

impl fmt::Debug for Settings {
    /// Without the URLs, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("library", &self.library)
            .field("chunk_tokens", &self.chunk_tokens)
            .field("cores", &self.cores)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

fn available_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_stage_has_its_own_limits_or_those_of_all() {
        let text = "workers = { hard_seconds = 5, stages = { ocr = { hard_seconds = 9 } } }";
        let workers = toml::from_str::<File>(text).unwrap().workers;
        let seconds = |stage| (workers.soft_limit(stage).as_secs(), workers.hard_limit(stage).as_secs());
        assert_eq!(seconds(Stage::Ocr), (1500, 9));
        assert_eq!(seconds(Stage::Parse), (1500, 5));
        assert!(toml::from_str::<File>("workers = { stages = { reading = {} } }").is_err());
    }
}
