//! Tesseract as a process of its own: found, asked what it can do, given a picture, bounded in everything.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use pagemill_core::{ErrorCode, Problem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{cell::Tool, config::Limits};

/// Where distributions put the models.
const MODELS: &str = "/usr/share";

/// More than this is not taken from the engine: a page full of words needs a tenth of it.
const MAX_OUTPUT: u64 = 24 << 20;
/// How long the engine may take to say what it is.
const ASKING: Duration = Duration::from_secs(20);
/// How often it is asked before it counts as broken.
const ASKED: u32 = 4;
/// What to do when there is no engine.
const INSTALL: &str =
    "OCR needs Tesseract: install `tesseract-ocr` with the languages you need (`tesseract-ocr-deu`, …), then retry";

/// What parts ink from paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threshold {
    /// One brightness for the whole picture.
    Global,
    /// One for each part of it.
    Local,
}

/// Tesseract on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    program: PathBuf,
    /// The folder of its models, where the environment names one.
    data: Option<PathBuf>,
    /// The folder its models were found in.
    models: Option<PathBuf>,
    /// `5.3.0`.
    pub version: String,
    /// Languages that are installed.
    pub languages: Vec<String>,
}

impl Engine {
    /// Looks for `tesseract` in `PATH` and asks it for its version and languages.
    ///
    /// # Errors
    /// Why there is none, in words, and what to install.
    pub async fn find(limits: &Limits) -> Result<Self, String> {
        let Some(program) = in_path("tesseract") else { return Err(INSTALL.to_owned()) };
        let data = env::var_os("TESSDATA_PREFIX").filter(|value| !value.is_empty()).map(PathBuf::from);
        let mut engine = Self { program, data, models: None, version: String::new(), languages: Vec::new() };
        let mut asked = 1;
        let (version, languages) = loop {
            match engine.describe(limits).await {
                Ok(told) => break told,
                // One that ended without an answer may have been ended from outside.
                Err(_) if asked < ASKED => asked += 1,
                Err(error) => return Err(format!("`{}` does not run: {error}; {INSTALL}", engine.program.display())),
            }
        };
        let first = version.lines().next().unwrap_or("");
        engine.version = first.trim_start_matches("tesseract").trim().trim_start_matches('v').to_owned();
        // `List of available languages in "/usr/share/tesseract-ocr/5/tessdata/" (3):`
        let mut lines = languages.lines();
        let folder = lines.next().and_then(|line| line.split('"').nth(1)).unwrap_or("");
        engine.models = Some(PathBuf::from(folder)).filter(|folder| folder.is_absolute());
        engine.languages = lines.map(|line| line.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        if engine.languages.iter().all(|name| name == "osd") {
            return Err(format!("`{}` has no languages installed; {INSTALL}", engine.program.display()));
        }
        Ok(engine)
    }

    /// Reads a picture (PGM) of some pixels per inch and gives the hOCR it prints. `languages` are those installed, joined by `+`.
    ///
    /// # Errors
    /// `time_limit`, `memory_limit` or `reader_crashed`; `internal` when no process can be started.
    pub(super) async fn read(
        &self,
        picture: Vec<u8>,
        dpi: u32,
        languages: &str,
        threshold: Threshold,
        limits: &Limits,
    ) -> Result<String, Problem> {
        let threshold = match threshold {
            Threshold::Global => "thresholding_method=0",
            Threshold::Local => "thresholding_method=1",
        };
        let dpi = dpi.clamp(70, 2400).to_string();
        let arguments = [
            "stdin",
            "stdout",
            "--dpi",
            &dpi,
            "-l",
            languages,
            "--psm",
            "3",
            "-c",
            "tessedit_create_hocr=1",
            "-c",
            "tessedit_create_txt=0",
            "-c",
            threshold,
        ];
        let patience = limits.ocr_patience();
        let run = self.run(&arguments, picture, limits);
        match tokio::time::timeout(patience, run).await {
            Ok(Ok((output, None))) => Ok(output),
            Ok(Ok((_, Some(end)))) => Err(Problem::new(end, "the OCR process ended without an answer")),
            Ok(Err(error)) => Err(Problem::new(ErrorCode::Overloaded, "cannot start an OCR process").caused_by(error)),
            Err(_late) => Err(Problem::new(ErrorCode::TimeLimit, "OCR took longer than a page may take")),
        }
    }

    /// Its version, and the list of its languages.
    async fn describe(&self, limits: &Limits) -> io::Result<(String, String)> {
        Ok((self.ask("--version", limits).await?, self.ask("--list-langs", limits).await?))
    }

    async fn ask(&self, flag: &str, limits: &Limits) -> io::Result<String> {
        let arguments = [flag];
        let run = self.run(&arguments, Vec::new(), limits);
        let (output, end) = tokio::time::timeout(ASKING, run).await.map_err(io::Error::other)??;
        match end {
            None => Ok(output),
            Some(code) => Err(io::Error::other(code.as_str())),
        }
    }

    /// Runs the engine; how it ended, if not well.
    async fn run(
        &self,
        arguments: &[&str],
        input: Vec<u8>,
        limits: &Limits,
    ) -> io::Result<(String, Option<ErrorCode>)> {
        let mut tool = Tool::new(&self.program, limits.child_memory_bytes, limits.ocr_page_seconds)
            .env("OMP_THREAD_LIMIT", "1")
            .may_read(MODELS);
        for folder in [&self.data, &self.models].into_iter().flatten() {
            tool = tool.may_read(folder);
        }
        if let Some(data) = &self.data {
            tool = tool.env("TESSDATA_PREFIX", data);
        }
        let tool = arguments.iter().fold(tool, Tool::arg);
        let mut command = tool.command().map_err(io::Error::other)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a process without its pipes"));
        };
        let feed = async move {
            // An engine that ends early does not take all of it.
            let _ = stdin.write_all(&input).await;
            drop(stdin);
        };
        let take = async move {
            let mut bytes = Vec::new();
            stdout.take(MAX_OUTPUT).read_to_end(&mut bytes).await.map(|_| bytes)
        };
        let ((), bytes) = tokio::join!(feed, take);
        let status = child.wait().await?;
        let output = String::from_utf8_lossy(&bytes?).into_owned();
        Ok((output, ending(status)))
    }
}

/// Why a process ended that did not end well.
fn ending(status: std::process::ExitStatus) -> Option<ErrorCode> {
    use std::os::unix::process::ExitStatusExt;
    if status.success() {
        return None;
    }
    Some(match status.signal() {
        Some(signal) if signal == rustix::process::Signal::XCPU.as_raw() => ErrorCode::TimeLimit,
        // An allocation that fails ends Tesseract by an exception nobody catches.
        Some(signal) if signal == rustix::process::Signal::ABORT.as_raw() => ErrorCode::MemoryLimit,
        _ => ErrorCode::ReaderCrashed,
    })
}

/// A program in the folders of `PATH`.
fn in_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
