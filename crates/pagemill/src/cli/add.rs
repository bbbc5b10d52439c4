//! `pagemill add`: files into the library.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use pagemill_core::{ErrorCode, Problem, TaskId};

use super::{Global, Outcome, output, process, progress::TaskProgress, project};
use crate::library::{
    AddOptions, Library,
    views::{AddedDocument, AddedDocuments},
};

/// Arguments of `add`.
#[derive(Args)]
pub(crate) struct AddArgs {
    /// Files, or folders whose PDFs are added.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The stages and settings documents go through.
    #[arg(long, default_value = "auto")]
    recipe: String,
    /// The project documents go to; there is one in this version.
    #[arg(long, default_value = "default")]
    project: String,
    /// Wait until every document is processed.
    #[arg(long)]
    wait: bool,
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &AddArgs) -> Result<Outcome, Problem> {
    let started = Instant::now();
    if args.project != "default" {
        return Err(Problem::new(
            ErrorCode::NotFound,
            format!(
                "there is no project `{}`; this version has the project `default`",
                output::one_line(&args.project)
            ),
        ));
    }
    let files = pdf_files(&args.paths)?;
    let library = process::open(global, args.wait).await?;
    let workers = process::start_workers(&library, args.wait);
    let options = AddOptions { recipe: args.recipe.clone(), ..AddOptions::default() };
    let mut documents = Vec::with_capacity(files.len());
    for file in &files {
        documents.push(add_file(&library, file, &options).await?);
    }
    if args.wait {
        wait(&library, &mut documents, global.json).await?;
    }
    if let Some(workers) = workers {
        workers.stop().await;
    }
    library.close().await;
    let outcome = outcome(&documents, args.wait);
    report(global, documents, started.elapsed().as_secs_f64());
    Ok(outcome)
}

/// Adds a file. What is wrong with the file is its own line of the result; what is
/// wrong with the machine or the call ends the command.
pub(crate) async fn add_file(library: &Library, file: &Path, options: &AddOptions) -> Result<AddedDocument, Problem> {
    match library.add_file(&project(), file, options).await {
        Ok(added) => Ok(added),
        Err(problem) if is_about_the_file(problem.code) => {
            Ok(AddedDocument::refused(file.display().to_string(), &problem))
        }
        Err(problem) => Err(problem),
    }
}

fn is_about_the_file(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::EmptyFile | ErrorCode::NotPdf | ErrorCode::TooLarge | ErrorCode::NotFound)
}

/// Waits for the tasks of added documents, and brings their lines up to date.
pub(crate) async fn wait(library: &Arc<Library>, documents: &mut [AddedDocument], quiet: bool) -> Result<(), Problem> {
    let mut pending: Vec<usize> = (0..documents.len()).filter(|place| documents[*place].task.is_some()).collect();
    let mut progress = TaskProgress::new(pending.len(), quiet);
    let mut wake = library.wakeups();
    // The process beside which one waits may end before its time.
    while !pending.is_empty() && library.may_be_worked_on() {
        wake.mark_unchanged();
        let mut left = Vec::new();
        for (turn, place) in pending.iter().copied().enumerate() {
            // Tasks run roughly in order; the far end of a long queue need not be looked at each time.
            if turn > 64 {
                left.push(place);
                continue;
            }
            let document = &mut documents[place];
            let id: TaskId = document.task.clone().unwrap_or_default().parse()?;
            let task = library.task(&project(), &id).await?;
            if pagemill_core::TaskStatus::parse(&task.status).is_some_and(pagemill_core::TaskStatus::is_final) {
                progress.end(&document.file, &task);
                document.status = task.status;
                document.pages = task.pages_total;
                document.chunks = task.chunks;
                document.error = task.error;
            } else {
                progress.update(&document.file, &task);
                left.push(place);
            }
        }
        pending = left;
        let _ = tokio::time::timeout(Duration::from_millis(250), wake.changed()).await;
        // Wake-ups come with every commit; looking at each would be most of the work.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    progress.finish();
    Ok(())
}

fn outcome(documents: &[AddedDocument], waited: bool) -> Outcome {
    let bad = documents.iter().filter(|document| document.status == "failed").count();
    let is_open = |status: &str| waited && matches!(status, "queued" | "processing" | "paused");
    let partial = documents.iter().any(|document| document.status == "partial" || is_open(&document.status));
    match bad {
        0 if !partial => Outcome::Done,
        bad if bad == documents.len() && bad > 0 => Outcome::Failed,
        _ => Outcome::Partial,
    }
}

fn report(global: &Global, documents: Vec<AddedDocument>, seconds: f64) {
    if global.json {
        return output::json(&AddedDocuments { documents, seconds });
    }
    for document in &documents {
        let id = document.id.as_deref().unwrap_or("-");
        let reused = if document.reused { ", already here" } else { "" };
        output::line(&format!("{id}  {}  {}{reused}", document.status, output::one_line(&document.file)));
        if let Some(error) = &document.error {
            output::note(&format!("{}: {}", error.code, output::one_line(&error.message)));
        }
    }
    if documents.iter().any(|document| document.status == "queued") {
        output::note("queued; they are processed while `pagemill serve` runs, or with `pagemill add --wait`");
    }
}

/// The files that paths name: a file as it is, a folder by the PDFs in it and below, in order of name.
pub(crate) fn pdf_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        collect(path, &mut files)?;
        files[before..].sort();
        if files.len() == before {
            return Err(Problem::new(
                ErrorCode::NotFound,
                format!("there is no PDF in the folder `{}`; name files, or another folder", path.display()),
            ));
        }
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(ErrorCode::InvalidRequest, format!("cannot list `{}`: {error}", folder.display())).caused_by(error)
    };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        if kind.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf")) {
            files.push(path);
        }
    }
    Ok(())
}
