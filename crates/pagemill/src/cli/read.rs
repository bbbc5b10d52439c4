//! `pagemill read`: what a PDF says, without a library.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use clap::{Args, ValueEnum};
use pagemill_core::{DocumentInfo, ErrorCode, Page, PageSource, Problem};
use pagemill_pdf::{Summary, Warning};

use super::{Global, Outcome, output};
use crate::{
    cell::{Cells, ReadFile, ReadSummary, Step},
    ocr::{Languages, Ocr as OcrEngine, wants_ocr},
};

/// Arguments of `read`.
#[derive(Args)]
pub(crate) struct ReadArgs {
    /// The file.
    file: PathBuf,
    /// Pages to read: `3`, `1-5` or `4-`.
    #[arg(long, value_parser = parse_pages)]
    pages: Option<(u32, u32)>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// What the JSON has beside pages and blocks: `tables` that are whole over pages, `figures`; or both: `tables,figures`.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    with: Vec<With>,
    /// Which pages are recognised from their picture (OCR).
    #[arg(long, value_enum, default_value_t)]
    ocr: Ocr,
    /// Languages for OCR, as Tesseract calls them (`eng`, `deu+eng`); by default that of the document's text, and English.
    #[arg(long, value_parser = parse_languages)]
    lang: Option<Languages>,
    /// The password of an encrypted file.
    #[arg(long, env = "PAGEMILL_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Paragraphs as lines.
    #[default]
    Text,
    /// Headings, lists and tables marked.
    Markdown,
    /// Pages, blocks and boxes.
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum With {
    /// Tables, each whole over the pages it goes on over.
    Tables,
    /// Figures with their captions and places.
    Figures,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Ocr {
    /// Where a page has no usable text.
    #[default]
    Auto,
    /// Nowhere.
    Never,
    /// On every page.
    Always,
}

impl ReadArgs {
    fn wanted(&self) -> pagemill_pdf::With {
        pagemill_pdf::With { tables: self.with.contains(&With::Tables), figures: self.with.contains(&With::Figures) }
    }
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &ReadArgs) -> Result<Outcome, Problem> {
    let json = global.json || args.format == Format::Json;
    if !json && !args.with.is_empty() {
        let message = "`--with` adds to the JSON: give `--format json` as well";
        return Err(Problem::new(ErrorCode::InvalidRequest, message));
    }
    match read(global, args).await {
        Ok((pages, summary)) => {
            print(args, json, &pages, &summary);
            Ok(outcome(&pages))
        }
        Err(problem) => {
            if json {
                // Whoever reads the JSON learns there, too, that a password is what is missing.
                let info = DocumentInfo { encrypted: problem.code == ErrorCode::Encrypted, ..DocumentInfo::default() };
                let warning = Warning { page: None, code: problem.code.to_string(), message: problem.message.clone() };
                let summary = Summary { info, outline: Vec::new(), warnings: vec![warning] };
                output::write(|out| pagemill_pdf::write_json(out, &summary, &[], args.wanted()));
            }
            Err(problem)
        }
    }
}

async fn read(global: &Global, args: &ReadArgs) -> Result<(Vec<Page>, Summary), Problem> {
    let settings = global.settings()?;
    let cells = Arc::new(Cells::new(1, settings.limits)?);
    // The child starts while the file is fetched. Should it not, the reading itself says so.
    let (bytes, _) = tokio::join!(read_bytes(&args.file), cells.held());
    let bytes = bytes?;
    let (first, last) = args.pages.unwrap_or((1, u32::MAX));
    let file =
        ReadFile { password: args.password.clone(), excerpt: true, ..ReadFile::pages(Bytes::from(bytes), first, last) };
    let (pages, mut summary) = read_pages(&cells, file.clone(), args).await?;
    let wanted: Vec<u32> = match args.ocr {
        Ocr::Never => Vec::new(),
        Ocr::Auto => pages.iter().filter(|page| wants_ocr(page)).map(|page| page.number).collect(),
        Ocr::Always => pages.iter().map(|page| page.number).collect(),
    };
    if wanted.is_empty() {
        return Ok((pages, summary));
    }
    let engine = OcrEngine::new(Arc::clone(&cells), settings.limits, 1);
    let detected = summary.info.language.as_deref();
    let languages = args.lang.clone().unwrap_or_else(|| Languages::of_document(detected, &settings.ocr_languages));
    let outcome = engine.recognise_pages(&file, &wanted, &languages, args.lang.is_none() && detected.is_none()).await;
    let recognised = match outcome {
        Ok(recognised) => recognised,
        Err(problem) if args.ocr == Ocr::Always => return Err(problem),
        Err(problem) => {
            summary.warnings.push(Warning { page: None, code: problem.code.to_string(), message: problem.message });
            return Ok((pages, summary));
        }
    };
    let file = ReadFile { recognised: recognised.pages, ..file };
    // Why the text of a page was not taken is told whatever came in its place.
    let doubts: Vec<Warning> =
        summary.warnings.into_iter().filter(|warning| warning.code == ErrorCode::TextUnreliable.as_str()).collect();
    let (mut pages, mut summary) = read_pages(&cells, file, args).await?;
    for doubt in doubts {
        if !summary.warnings.contains(&doubt) {
            summary.warnings.push(doubt);
        }
    }
    for (number, problem) in recognised.failed {
        if let Some(page) = pages.iter_mut().find(|page| page.number == number && page.source == PageSource::Skipped) {
            (page.source, page.reason) = (PageSource::Failed, Some(problem.code.to_string()));
        }
        summary.warnings.push(Warning { page: Some(number), code: problem.code.to_string(), message: problem.message });
    }
    Ok((pages, summary))
}

async fn read_pages(cells: &Cells, file: ReadFile, args: &ReadArgs) -> Result<(Vec<Page>, Summary), Problem> {
    let first = file.first;
    let mut reading = cells.read(file);
    let mut pages = Vec::new();
    let mut summary = ReadSummary::default();
    while let Some(step) = reading.next().await.map_err(|problem| name_file(problem, args))? {
        match step {
            Step::Opened { pages } if first > pages => {
                return Err(Problem::new(
                    ErrorCode::NotFound,
                    format!("`{}` has pages 1 to {pages}; ask for those", args.file.display()),
                ));
            }
            Step::Opened { .. } | Step::Working { .. } => {}
            Step::Page(page) => pages.push(*page),
            Step::Done(told) => summary = *told,
        }
    }
    let warnings = summary.warnings.into_iter();
    let warnings = warnings.map(|w| Warning { page: w.page, code: w.code, message: w.message }).collect();
    Ok((pages, Summary { info: summary.info, outline: summary.outline, warnings }))
}

/// The bytes of a file that the user named.
pub(super) async fn read_bytes(file: &Path) -> Result<Vec<u8>, Problem> {
    tokio::fs::read(file).await.map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorCode::NotFound,
            _ => ErrorCode::InvalidRequest,
        };
        Problem::new(code, format!("cannot read `{}`: {error}; check the path", file.display())).caused_by(error)
    })
}

/// The message of a child does not know the file's name.
fn name_file(mut problem: Problem, args: &ReadArgs) -> Problem {
    problem.message = format!("`{}`: {}", args.file.display(), problem.message);
    problem
}

fn print(args: &ReadArgs, json: bool, pages: &[Page], summary: &Summary) {
    match args.format {
        _ if json => output::write(|out| pagemill_pdf::write_json(out, summary, pages, args.wanted())),
        Format::Markdown => output::text(&pagemill_pdf::to_markdown(pages)),
        Format::Text | Format::Json => output::text(&pagemill_pdf::to_text(pages)),
    }
    if !json {
        for warning in &summary.warnings {
            let page = warning.page.map(|page| format!("page {page}: ")).unwrap_or_default();
            output::note(&format!("{}: {page}{}", warning.code, output::one_line(&warning.message)));
        }
    }
}

/// Partial when some pages could not be read, failed when none could.
fn outcome(pages: &[Page]) -> Outcome {
    let failed = pages.iter().filter(|page| page.source == PageSource::Failed).count();
    let skipped = pages.iter().any(|page| page.source == PageSource::Skipped);
    match failed {
        0 if !skipped => Outcome::Done,
        failed if failed == pages.len() && failed > 0 => Outcome::Failed,
        _ => Outcome::Partial,
    }
}

fn parse_languages(text: &str) -> Result<Languages, String> {
    Languages::parse(text).ok_or_else(|| format!("`{text}` is no list of languages; write `eng` or `deu+eng`"))
}

pub(super) fn parse_pages(text: &str) -> Result<(u32, u32), String> {
    let usage = || format!("`{text}` is not a range of pages; write `3`, `1-5` or `4-`");
    let number = |part: &str| part.trim().parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(usage);
    match text.split_once('-') {
        None => number(text).map(|page| (page, page)),
        Some((first, "")) => number(first).map(|first| (first, u32::MAX)),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            if first <= last { Ok((first, last)) } else { Err(usage()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_pages;

    #[test]
    fn page_ranges() {
        assert_eq!(parse_pages("3"), Ok((3, 3)));
        assert_eq!(parse_pages("1-5"), Ok((1, 5)));
        assert_eq!(parse_pages("4-"), Ok((4, u32::MAX)));
        for wrong in ["0", "5-1", "x", "-3", ""] {
            assert!(parse_pages(wrong).is_err(), "{wrong}");
        }
    }
}
