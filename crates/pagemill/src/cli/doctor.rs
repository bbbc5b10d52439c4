//! `pagemill doctor`: is everything in order?

use pagemill_core::Problem;
use serde::Serialize;

use super::{Global, Outcome, output};
use crate::{
    cell::{self, Cells, ReadFile},
    config::Limits,
    library::Library,
};

/// One thing that was looked at.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

impl Check {
    fn new(name: &'static str, ok: bool, detail: impl Into<String>) -> Self {
        Self { name, ok, detail: detail.into() }
    }
}

/// Runs the command.
pub(crate) async fn run(global: &Global) -> Result<Outcome, Problem> {
    let mut checks = vec![reading().await, cell().await, ocr().await];
    match global.open_current().await {
        Ok(library) => {
            checks.extend(library_checks(&library).await);
            library.close().await;
        }
        Err(problem) => checks.push(Check::new("library", false, format!("{}: {}", problem.code, problem.message))),
    }
    let ok = checks.iter().all(|check| check.ok);
    if global.json {
        output::json(&serde_json::json!({ "ok": ok, "checks": checks }));
    } else {
        for check in &checks {
            let word = if check.ok { "ok " } else { "BAD" };
            output::line(&format!("{word}  {:10} {}", check.name, output::one_line(&check.detail)));
        }
    }
    Ok(if ok { Outcome::Done } else { Outcome::Failed })
}

/// Starts a reading process on a file that is none: the refusal proves that it works.
async fn reading() -> Check {
    let cells = match Cells::new(1, Limits::default()) {
        Ok(cells) => cells,
        Err(problem) => return Check::new("reading", false, problem.message),
    };
    let bytes = bytes::Bytes::from_static(b"no PDF");
    let mut stream = cells.read(ReadFile::pages(bytes, 1, 1));
    match stream.next().await {
        Err(problem) if problem.code == pagemill_core::ErrorCode::NotPdf => match cells.held().await {
            Ok(held) => {
                let start = held.start.as_secs_f64() * 1000.0;
                Check::new("reading", true, format!("a reading process starts in {start:.1} ms"))
            }
            Err(problem) => Check::new("reading", false, format!("{}: {}", problem.code, problem.message)),
        },
        Err(problem) => Check::new("reading", false, format!("{}: {}", problem.code, problem.message)),
        Ok(_) => Check::new("reading", false, "the reading process took a text for a PDF"),
    }
}

/// Has a reading process try to get out. Where a kernel lacks the means to hold it, that is told, but no fault.
async fn cell() -> Check {
    let tried = tokio::task::spawn_blocking(|| cell::probe(Limits::default().child_memory_bytes)).await;
    let probed = match tried.map_err(std::io::Error::other).flatten() {
        Ok(probed) => probed,
        Err(error) => {
            return Check::new("cell", false, format!("the attempt to get out of the cell broke off: {error}"));
        }
    };
    let escaped = probed.ended(cell::Outcome::Escaped);
    let denied = probed.attempts.len() - escaped.len();
    let mut detail = format!("{}; {denied} of {} ways out are closed", probed.confinement, probed.attempts.len());
    if !escaped.is_empty() {
        detail.push_str(&format!(", open: {}", escaped.join(", ")));
    }
    let held = probed.confinement.level() == cell::Level::Full;
    Check::new("cell", !held || escaped.is_empty(), detail)
}

/// OCR may be missing: pages that are pictures are skipped then, which is no disorder.
async fn ocr() -> Check {
    let limits = crate::config::Limits::default();
    match crate::ocr::Engine::find(&limits).await {
        Ok(engine) => {
            Check::new("ocr", true, format!("Tesseract {}, languages: {}", engine.version, engine.languages.join(", ")))
        }
        Err(reason) => Check::new("ocr", true, format!("none, pages that are pictures are skipped: {reason}")),
    }
}

async fn library_checks(library: &Library) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.push(match library.embedder() {
        Some(embedder) => Check::new("model", true, embedder.name()),
        None => Check::new("model", true, "none: searching is by words alone; --model FILE gives one"),
    });
    match library.check_files().await {
        Ok(missing) if missing.is_empty() => checks.push(Check::new("files", true, "every document has its file")),
        Ok(missing) => checks.push(Check::new(
            "files",
            false,
            format!("{} documents have lost their file, {} first; add them again", missing.len(), missing[0]),
        )),
        Err(problem) => checks.push(Check::new("files", false, problem.message)),
    }
    match library.status().await {
        Ok(status) => checks.push(Check::new(
            "library",
            true,
            format!(
                "{} documents, {} pages, {} chunks, {} vectors, {}",
                status.documents, status.pages, status.chunks, status.vectors, status.database
            ),
        )),
        Err(problem) => checks.push(Check::new("library", false, problem.message)),
    }
    match library.check_indexes().await {
        Ok(None) => checks.push(Check::new("indexes", true, "both hold what the database holds")),
        Ok(Some(difference)) => checks.push(Check::new("indexes", false, difference)),
        Err(problem) => checks.push(Check::new("indexes", false, problem.message)),
    }
    checks
}
