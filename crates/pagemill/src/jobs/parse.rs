//! `parse`: the stored original becomes pages with blocks.

use std::time::Duration;

use pagemill_core::{ErrorCode, Page, Problem, Stage};

use super::StageContext;
use crate::cell::{ReadFile, Step};

/// Pages saved at once: what a kill can cost at most.
const UNIT_PAGES: u32 = 16;

/// Reads the document in a child process, saving every [`UNIT_PAGES`] pages.
/// Safe to run twice: pages that are saved are not read again.
pub(super) async fn run(context: &StageContext) -> Result<(), Problem> {
    let (store, claim) = (context.library.store(), &context.claim);
    let Some(document) = store.document(&claim.project, &claim.document).await? else {
        return Ok(()); // deleted while it was queued
    };
    let done = store.finished_units(&claim.document, claim.version, Stage::Parse).await?;
    let finished = (0..).take_while(|unit| done.contains(unit)).count() as u32;

    let bytes = context.library.blobs().get(&document.sha256).await?;
    let first = finished * UNIT_PAGES + 1;
    let file = ReadFile { bytes, password: None, first, last: u32::MAX, words: true };
    let mut reading = context.library.cells().read(file);
    let mut pages: Vec<Page> = Vec::new();
    let mut unit = finished;
    loop {
        match reading.next().await? {
            Some(Step::Opened { pages }) => {
                context.progress.step();
                store.begin_stage(claim, pages.div_ceil(UNIT_PAGES)).await?;
            }
            Some(Step::Working { .. }) => context.progress.step(),
            Some(Step::Page(page)) => {
                context.progress.step();
                pages.push(*page);
                if pages.len() == UNIT_PAGES as usize {
                    store.save_pages(claim, unit, &pages).await?;
                    pages.clear();
                    unit += 1;
                }
            }
            Some(Step::Done(summary)) => {
                if !pages.is_empty() {
                    store.save_pages(claim, unit, &pages).await?;
                }
                let warnings: Vec<_> = summary
                    .warnings
                    .iter()
                    .map(|w| serde_json::json!({"page": w.page, "code": w.code, "message": w.message}))
                    .collect();
                return store.finish_parse(claim, &summary.info, &summary.outline, &warnings.into()).await;
            }
            None => return Err(Problem::new(ErrorCode::Internal, "reading ended without a summary")),
        }
    }
}

/// A page may take its whole time in more than one child before it shows progress.
pub(super) fn patience(page_seconds: u64) -> Duration {
    Duration::from_secs(page_seconds * 4)
}
