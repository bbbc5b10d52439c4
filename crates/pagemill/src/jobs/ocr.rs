//! `ocr`: pages without usable text get the words of their pictures.
//!
//! Each page is a unit: recognised in children, its words stored. When all are there, the document is read
//! again with the words in their places, so that columns, running heads and paragraphs that go on over pages come
//! out as they do for any other text.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use pagemill_core::{DocumentInfo, ErrorCode, Fault, Outline, Page, PageSource, Problem, Stage};
use pagemill_pdf::Recognised;
use pagemill_store::{Recognition, Unit};

use super::StageContext;
use crate::{
    cell::{ReadFile, ReadSummary, Step},
    library::units::{UNIT_PAGES, ocr_key},
    ocr::{Languages, PageToRecognise, window_of},
};

/// Pages read again in one go, each with the words of its neighbours at hand.
const WINDOW: u32 = 128;

/// Recognises the pages that wait, and reads the document again with what was found. Safe to run twice: pages that
/// were recognised are not looked at again.
pub(super) async fn run(context: &StageContext) -> Result<(), Problem> {
    let (store, claim) = (context.library.store(), &context.claim);
    let Some(source) = store.source(claim).await? else {
        return Ok(()); // deleted while it was queued
    };
    let waiting = store.recognitions(&claim.document, claim.version).await?;
    store.begin_stage(claim, waiting.len() as u32).await?;
    let stage = OcrStage {
        context,
        bytes: context.library.blobs().get(&source.sha256).await?,
        sha256: source.sha256.clone(),
        may_reuse: source.may_reuse(Stage::Ocr),
        done: store.finished_units(&claim.document, claim.version, Stage::Ocr).await?,
    };
    match stage.recognise(&waiting).await {
        Ok(()) => {}
        Err(problem) if problem.code == ErrorCode::OcrUnavailable => {
            let count = waiting.len();
            let message = format!("{count} pages need OCR and keep what they have: {}", problem.message);
            let warning = serde_json::json!({"page": null, "code": problem.code, "message": message});
            return store.finish_ocr(claim, None, &[warning]).await;
        }
        Err(problem) => return Err(problem),
    }
    let (info, outline, warnings) = stage.read_again().await?;
    store.finish_ocr(claim, Some((&info, &outline)), &warnings).await
}

/// A document on its way through the stage.
struct OcrStage<'a> {
    context: &'a StageContext,
    bytes: Bytes,
    sha256: String,
    may_reuse: bool,
    /// Units that are checked off.
    done: BTreeSet<u32>,
}

impl OcrStage<'_> {
    /// Recognises what is not recognised yet, some pages at a time.
    async fn recognise(&self, waiting: &[Recognition]) -> Result<(), Problem> {
        let Some(first) = waiting.first() else { return Ok(()) };
        let languages = self.languages(first).await?;
        let mut pages: Vec<BoxFuture<'_, _>> = Vec::with_capacity(waiting.len());
        for waiting in waiting {
            pages.push(Box::pin(self.page(waiting, &languages)));
        }
        // The places of OCR bound what is in work; here only enough is asked for to fill them.
        stream::iter(pages).buffer_unordered(self.context.library.settings().cores).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// The languages of the document: of its text, or else of what its first picture turns out to say.
    async fn languages(&self, first: &Recognition) -> Result<Languages, Problem> {
        let (library, claim) = (&self.context.library, &self.context.claim);
        let usual = &library.settings().ocr_languages;
        let info = library.store().document(&claim.project, &claim.document).await?.map(|document| document.info);
        if let Some(language) = info.and_then(|info| info.language) {
            return Ok(Languages::of_document(Some(&language), usual));
        }
        let key = self.key(first.page, usual).await?;
        let seen = match from_stored(&first.words) {
            Some(words) if !first.key.is_empty() => words,
            _ => match self.look(first.page, usual).await? {
                Ok(words) => {
                    self.save(first.page, &key, Ok(&words), 0, false).await?;
                    words
                }
                Err(_unread) => return Ok(usual.clone()),
            },
        };
        library.ocr().languages_of(&seen, usual).await
    }

    /// Recognises a page, unless that was done with these languages.
    async fn page(&self, waiting: &Recognition, languages: &Languages) -> Result<(), Problem> {
        let page = waiting.page;
        let key = self.key(page, languages).await?;
        if waiting.key == key && self.done.contains(&(page - 1)) {
            return Ok(());
        }
        if self.may_reuse
            && let Some(words) = self.context.library.store().recognised_under(&key).await?
            && let Some(words) = from_stored(&words)
        {
            return self.save(page, &key, Ok(&words), 0, true).await;
        }
        self.context.may_go_on()?;
        self.context.progress.begin(page);
        let begun = Instant::now();
        let outcome = self.look(page, languages).await?;
        let ms = begun.elapsed().as_millis() as u64;
        self.save(page, &key, outcome.as_ref().map_err(|code| *code), ms, false).await
    }

    /// Recognises a page: its words, or why it has none. An error is not the page's fault.
    async fn look(&self, page: u32, languages: &Languages) -> Result<Result<Recognised, ErrorCode>, Problem> {
        let job = PageToRecognise { bytes: self.bytes.clone(), password: None, page, languages: languages.clone() };
        let progress = self.context.progress.clone();
        let seen = self.context.library.ocr().recognise(&job, &move || progress.step()).await;
        match seen {
            Ok(words) => Ok(Ok(words)),
            Err(problem) if problem.code != ErrorCode::OcrUnavailable && problem.code.fault() == Fault::Input => {
                tracing::info!(document = %self.context.claim.document, page, code = %problem.code, "no OCR: {problem}");
                Ok(Err(problem.code))
            }
            Err(problem) => Err(problem),
        }
    }

    async fn key(&self, page: u32, languages: &Languages) -> Result<String, Problem> {
        let engine = self.context.library.ocr().engine().await?;
        Ok(ocr_key(&self.sha256, page, &engine.version, &languages.joined()))
    }

    async fn save(
        &self,
        page: u32,
        key: &str,
        outcome: Result<&Recognised, ErrorCode>,
        ms: u64,
        reused: bool,
    ) -> Result<(), Problem> {
        let words = outcome.map(postcard::to_stdvec);
        let words = match words {
            Ok(Ok(words)) => Ok(words),
            Ok(Err(error)) => {
                return Err(Problem::new(ErrorCode::Internal, "words of OCR cannot be stored").caused_by(error));
            }
            Err(code) => Err(code),
        };
        let unit = Unit::new(page - 1, key, ms);
        self.context.library.store().save_recognition(&self.context.claim, unit, page, words, reused).await
    }

    /// Reads the document with the words in place, and stores its pages anew.
    async fn read_again(&self) -> Result<(DocumentInfo, Outline, Vec<serde_json::Value>), Problem> {
        let (store, claim) = (self.context.library.store(), &self.context.claim);
        let mut seen: BTreeMap<u32, Recognised> = BTreeMap::new();
        let mut failed: BTreeMap<u32, String> = BTreeMap::new();
        for row in store.recognitions(&claim.document, claim.version).await? {
            match (row.error, from_stored(&row.words)) {
                (Some(code), _) => drop(failed.insert(row.page, code)),
                (None, Some(words)) => drop(seen.insert(row.page, words)),
                (None, None) => drop(failed.insert(row.page, ErrorCode::Internal.to_string())),
            }
        }
        let mut first = 1;
        loop {
            let last = first + WINDOW - 1;
            let summary = self.read_window(first, last, &seen, &failed).await?;
            if last < summary.info.pages {
                first = last + 1;
                continue;
            }
            let message = |code: &str| format!("OCR could not read the page: {code}");
            let warnings = failed
                .iter()
                .map(|(page, code)| serde_json::json!({"page": page, "code": code, "message": message(code)}));
            return Ok((summary.info, summary.outline, warnings.collect()));
        }
    }

    async fn read_window(
        &self,
        first: u32,
        last: u32,
        seen: &BTreeMap<u32, Recognised>,
        failed: &BTreeMap<u32, String>,
    ) -> Result<ReadSummary, Problem> {
        let (store, claim) = (self.context.library.store(), &self.context.claim);
        let recognised = window_of(seen, first, last);
        let file = ReadFile { words: true, recognised, ..ReadFile::pages(self.bytes.clone(), first, last) };
        let mut reading = self.context.library.cells().read(file);
        let mut pages: Vec<Page> = Vec::new();
        loop {
            let step = reading.next().await?;
            self.context.progress.step();
            let done = match step {
                Some(Step::Opened { .. } | Step::Working { .. }) => None,
                Some(Step::Page(mut page)) => {
                    if let Some(code) = failed.get(&page.number).filter(|_| page.source == PageSource::Skipped) {
                        (page.source, page.reason) = (PageSource::Failed, Some(code.clone()));
                    }
                    pages.push(*page);
                    None
                }
                Some(Step::Done(summary)) => Some(summary),
                None => return Err(Problem::new(ErrorCode::Internal, "reading ended without a summary")),
            };
            if pages.len() == UNIT_PAGES as usize || (done.is_some() && !pages.is_empty()) {
                store.replace_pages(claim, &pages).await?;
                pages.clear();
            }
            if let Some(summary) = done {
                return Ok(*summary);
            }
        }
    }
}

/// Words as they were stored.
fn from_stored(words: &[u8]) -> Option<Recognised> {
    if words.is_empty() { None } else { postcard::from_bytes(words).ok() }
}
