//! `pagemill bench`: how fast is this machine?

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pagemill_core::Problem;

use super::{Global, Outcome, add::pdf_files, output};
use crate::{bench, config::Settings};

/// Arguments of `bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Subcommand)]
enum BenchCommand {
    /// Take files in, in a fresh temporary library.
    Ingest {
        /// Files, or folders of PDFs.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Leave pages that are pictures unread, as on a machine without Tesseract.
        #[arg(long)]
        without_ocr: bool,
    },
    /// Read files without keeping anything: what could be read, what could not and why, and how fast.
    Read {
        /// Files, or folders of PDFs.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Have many WebSockets listen to a fresh server while it takes files in.
    Listeners {
        /// Files, or folders of PDFs; the first only warms the server.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// How many listen.
        #[arg(short = 'n', long, default_value_t = 1000)]
        connections: usize,
    },
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &BenchArgs) -> Result<Outcome, Problem> {
    match &args.command {
        BenchCommand::Ingest { paths, without_ocr } => {
            let mut settings = global.settings()?;
            settings.ocr &= !without_ocr;
            ingest(global, &settings, paths).await
        }
        BenchCommand::Read { paths } => read(global, paths).await,
        BenchCommand::Listeners { paths, connections } => listeners(global, paths, *connections).await,
    }
}

async fn read(global: &Global, paths: &[PathBuf]) -> Result<Outcome, Problem> {
    let report = bench::read(&global.settings()?, &pdf_files(paths)?).await?;
    if global.json {
        output::json(&report);
        return Ok(Outcome::Done);
    }
    output::line(&format!(
        "{} files: {} ok, {} partial, {} failed; {} pages in {:.1} s, {:.0} pages/s in {} processes (cell: {})",
        report.files,
        report.ok,
        report.partial,
        report.failed,
        report.pages,
        report.seconds,
        report.pages_per_second,
        report.processes,
        report.cell
    ));
    output::line(&format!("peak memory of a reading process {:.0} MiB", report.peak_child_memory_mib));
    for (source, pages) in &report.page_sources {
        output::line(&format!("  {pages:>8} pages {source}"));
    }
    for (reason, files) in &report.failures {
        output::line(&format!("{reason}: {} files", files.len()));
        for file in files {
            output::line(&format!("  {}", output::one_line(file)));
        }
    }
    output::line("slowest:");
    for file in &report.slowest {
        output::line(&format!("  {:>7.2} s  {:>5} pages  {}", file.seconds, file.pages, output::one_line(&file.file)));
    }
    Ok(Outcome::Done)
}

async fn listeners(global: &Global, paths: &[PathBuf], connections: usize) -> Result<Outcome, Problem> {
    let report = bench::listeners(&pdf_files(paths)?, connections).await?;
    if global.json {
        output::json(&report);
        return Ok(Outcome::Done);
    }
    output::line(&format!(
        "{} listeners, {} events of {} documents: {} arrived, {} did not",
        report.connections, report.events, report.documents, report.delivered, report.missing
    ));
    output::line(&format!(
        "from event to listener: p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms",
        report.p50_ms, report.p99_ms, report.max_ms
    ));
    output::line(&format!(
        "memory of the server: {:.0} MiB at most without them, {:.0} MiB with them; connected in {:.1} s",
        report.memory_alone_mib, report.memory_peak_mib, report.connect_seconds
    ));
    Ok(if report.missing == 0 { Outcome::Done } else { Outcome::Partial })
}

async fn ingest(global: &Global, settings: &Settings, paths: &[PathBuf]) -> Result<Outcome, Problem> {
    let report = bench::ingest(settings, &pdf_files(paths)?).await?;
    if global.json {
        output::json(&report);
        return Ok(Outcome::Done);
    }
    output::line(&format!(
        "{} documents ({} completed, {} partial, {} failed), {} pages, {} chunks, {} vectors in {:.1} s",
        report.documents,
        report.completed,
        report.partial,
        report.failed,
        report.pages,
        report.chunks,
        report.vectors,
        report.seconds
    ));
    output::line(&format!(
        "{:.0} documents/min, {:.1} pages/s; findable by words at {:.1} pages/s ({:.1} s)",
        report.documents_per_minute, report.pages_per_second, report.words_pages_per_second, report.words_seconds
    ));
    for (stage, seconds) in &report.stage_seconds {
        output::line(&format!("  {stage:8} {seconds:>8.1} s, summed over documents"));
    }
    output::line(&format!(
        "peak memory {:.0} MiB in at most {} processes",
        report.peak_memory_mib, report.peak_processes
    ));
    output::line(&format!(
        "search: hybrid p50 {:.1} ms, by words p50 {:.1} ms",
        report.search_hybrid_p50_ms, report.search_words_p50_ms
    ));
    Ok(Outcome::Done)
}
