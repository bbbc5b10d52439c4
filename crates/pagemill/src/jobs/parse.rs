//! `parse`: the stored original becomes pages with blocks.

use std::{collections::BTreeSet, time::Instant};

use pagemill_core::{DocumentInfo, ErrorCode, Outline, Page, PageSource, Problem, Stage};
use pagemill_store::{ReadBefore, Source, Unit};
use serde_json::Value;

use super::StageContext;
use crate::{
    cell::{ReadFile, ReadWarning, Step},
    library::units::{UNIT_PAGES, parse_key},
    ocr::wants_ocr,
};

/// Units taken over in one transaction.
const UNITS_AT_ONCE: usize = 16;

/// Reads the document in a child process, saving every [`UNIT_PAGES`] pages. Pages that are saved, in this version, an
/// earlier one or another document with the same bytes, are not read again.
pub(super) async fn run(context: &StageContext) -> Result<(), Problem> {
    let (store, claim) = (context.library.store(), &context.claim);
    let Some(source) = store.source(claim).await? else {
        return Ok(()); // deleted while it was queued
    };
    let key = parse_key(&source.sha256);
    let mut parse = Parse {
        context,
        done: store.open_units(claim, &key).await?,
        key,
        source,
        pages_total: None,
        facts: None,
        warnings: Vec::new(),
    };
    parse.reuse().await?;
    parse.read().await?;
    parse.sum_up();
    let Some((info, outline)) = parse.facts else {
        return Err(Problem::new(ErrorCode::Internal, "reading ended without a summary"));
    };
    store.finish_parse(claim, &parse.key, &info, &outline, &Value::Array(parse.warnings)).await
}

/// A document on its way through the stage.
struct Parse<'a> {
    context: &'a StageContext,
    key: String,
    source: Source,
    /// Units that are saved.
    done: BTreeSet<u32>,
    /// The number of pages, once it is known.
    pages_total: Option<u32>,
    /// What is known of the file as a whole.
    facts: Option<(DocumentInfo, Outline)>,
    warnings: Vec<Value>,
}

impl Parse<'_> {
    /// Takes over what an earlier reading of the same bytes has left.
    async fn reuse(&mut self) -> Result<(), Problem> {
        let (store, claim) = (self.context.library.store(), &self.context.claim);
        if !self.source.may_reuse(Stage::Parse) {
            return Ok(());
        }
        let own = Some((&claim.document, claim.version));
        let units = store.reusable_units(Stage::Parse, &self.key, UNIT_PAGES, own).await?;
        let units: Vec<_> = units.into_iter().filter(|unit| !self.done.contains(&unit.number)).collect();
        if units.is_empty() {
            return Ok(());
        }
        let before = store.read_before(&self.key).await?;
        if let Some(before) = &before {
            self.opened(before.info.pages).await?;
        }
        let mut taken = BTreeSet::new();
        for some in units.chunks(UNITS_AT_ONCE) {
            taken.extend(store.reuse_pages(claim, &self.key, UNIT_PAGES, some).await?);
            self.context.progress.step();
        }
        self.done.extend(&taken);
        if let Some(ReadBefore { info, outline, warnings }) = before {
            let of_taken = |warning: &Value| match warning["page"].as_u64() {
                Some(page) => page > 0 && taken.contains(&((page as u32 - 1) / UNIT_PAGES)),
                None => true,
            };
            self.warnings = warnings.as_array().into_iter().flatten().filter(|w| of_taken(w)).cloned().collect();
            self.facts = Some((info, outline));
        }
        Ok(())
    }

    /// Says how many pages there are, once.
    async fn opened(&mut self, pages: u32) -> Result<(), Problem> {
        self.context.progress.step();
        if self.pages_total.replace(pages).is_none() {
            let units = pages.div_ceil(UNIT_PAGES);
            self.context.library.store().begin_reading(&self.context.claim, pages, units).await?;
        }
        Ok(())
    }

    /// Reads the units that are missing, run by run. At the end the facts are there.
    async fn read(&mut self) -> Result<(), Problem> {
        let mut from = 0;
        loop {
            let first = (from..).find(|unit| !self.done.contains(unit)).unwrap_or(from);
            let is_read = self.pages_total.is_some_and(|pages| first * UNIT_PAGES >= pages);
            if is_read && self.facts.is_some() {
                return Ok(());
            }
            let next_done = self.done.range(first..).next().copied();
            self.read_run(first, next_done.map_or(u32::MAX, |unit| unit * UNIT_PAGES)).await?;
            match next_done {
                Some(unit) => from = unit,
                None => return Ok(()),
            }
        }
    }

    /// A file that costs every child which sums it up has no title, but its pages are there all the same.
    fn sum_up(&mut self) {
        if let (Some((info, _)), Some(pages)) = (&mut self.facts, self.pages_total)
            && info.pages == 0
        {
            info.pages = pages;
        }
    }

    /// Reads from the first page of a unit up to a page, or to the end.
    async fn read_run(&mut self, mut unit: u32, last: u32) -> Result<(), Problem> {
        let (store, claim) = (self.context.library.store(), &self.context.claim);
        let bytes = self.context.library.blobs().get(&self.source.sha256).await?;
        let file = ReadFile { words: true, ..ReadFile::pages(bytes, unit * UNIT_PAGES + 1, last) };
        let mut reading = self.context.library.cells().read(file);
        let mut pages: Vec<Page> = Vec::new();
        let mut begun = Instant::now();
        loop {
            let step = reading.next().await.map_err(in_library)?;
            let is_end = matches!(step, Some(Step::Done(_)));
            match step {
                Some(Step::Opened { pages }) => self.opened(pages).await?,
                Some(Step::Working { .. }) => self.context.progress.step(),
                Some(Step::Page(mut page)) => {
                    if wants_ocr(&page) && page.source == PageSource::Skipped {
                        page.reason = Some(ErrorCode::OcrPending.to_string());
                    }
                    tracing::trace!(document = %claim.document, page = page.number, "page read");
                    self.context.progress.step();
                    self.context.progress.begin((page.number + 1).min(self.pages_total.unwrap_or(u32::MAX)));
                    pages.push(*page);
                }
                Some(Step::Done(summary)) => {
                    self.warnings.extend(summary.warnings.iter().map(warning));
                    if summary.info.pages > 0 || self.facts.is_none() {
                        self.facts = Some((summary.info, summary.outline));
                    }
                }
                None => return Err(Problem::new(ErrorCode::Internal, "reading ended without a summary")),
            }
            if pages.len() == UNIT_PAGES as usize || (is_end && !pages.is_empty()) {
                let done = Unit::new(unit, self.key.as_str(), begun.elapsed().as_millis() as u64);
                store.save_pages(claim, done, &pages).await?;
                self.done.insert(unit);
                pages.clear();
                unit += 1;
                begun = Instant::now();
            }
            if is_end {
                return Ok(());
            }
            if pages.is_empty() {
                self.context.may_go_on()?;
            }
        }
    }
}

/// What can be done about a file differs where there is a library: it takes no passwords.
fn in_library(problem: Problem) -> Problem {
    match problem.code {
        ErrorCode::Encrypted => {
            let message = "the file is encrypted, and a library takes no passwords; add a copy without one, or look \
                           into it with `pagemill read --password`";
            Problem { message: message.to_owned(), ..problem }
        }
        _ => problem,
    }
}

fn warning(warning: &ReadWarning) -> Value {
    serde_json::json!({"page": warning.page, "code": warning.code, "message": warning.message})
}
