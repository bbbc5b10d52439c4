//! The end of a task: every page is explained, or the task does not end well.

use std::collections::BTreeMap;

use pagemill_core::{Document, ErrorCode, PageSource, Stage, Task, TaskError, TaskStatus};
use serde_json::json;

use crate::{
    Answer, Claim, PageOutcome, Store,
    dialect::wall_ms,
    documents,
    failure::{Failure, lease_lost},
    pages, queue,
    sql::{Tx, Write, args, from_json, to_json},
    stages, tasks,
};

impl Store {
    /// Ends a task: `completed`, `partial` when some pages could not be read, `failed` when none
    /// could or when the outcome of a page is missing. Returns the task as it ended.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn finish_task<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Task> {
        self.write(FinishTask(claim.clone()))
    }
}

struct FinishTask(Claim);

impl Write for FinishTask {
    type Output = Task;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Task, Failure> {
        let Self(claim) = self;
        let held = queue::hold(tx, claim).await?;
        let document = documents::lock_document(tx, &claim.project, &claim.document).await?;
        let Some(document) = document else { return Err(lease_lost(claim)) };
        let ledger = pages::ledger(tx.conn(), &claim.document, claim.version).await?;
        let set_aside = set_aside(tx, claim).await?;
        let is_aside = set_aside.is_some();
        let (status, error) = with_set_aside(verdict(&document, &ledger), set_aside);
        // A document of which nothing can be used is among the dead letters; one of whose stages was set aside is already.
        match error.as_ref().filter(|_| status == TaskStatus::Failed && !is_aside) {
            Some(error) => queue::refuse(tx, claim, &held, error).await?,
            None => stages::advance(tx, claim, &held, "").await?,
        }
        let now = wall_ms();
        let unread = ledger.iter().filter(|page| is_unread(page)).count();
        let error_text = error.as_ref().map(to_json).transpose()?;
        // Whoever waits for the end of a task waits for one of two events; which end it was is in the status.
        let (kind, is_done) = match status {
            TaskStatus::Completed | TaskStatus::Partial => ("task.completed", true),
            _ => ("task.failed", false),
        };
        tx.execute(
            "UPDATE tasks SET status = $2, stage = $3, units_done = $10, units_total = 1, error = $4, waiting = NULL, \
             finished_ms = $5, pages_done = $6, pages_unread = $7, \
             chunks = (SELECT COUNT(*) FROM chunks WHERE document = $8 AND version = $9) WHERE id = $1",
            args![
                &claim.task,
                status.as_str(),
                Stage::Finish.as_str(),
                error_text,
                now,
                ledger.len() as i64,
                unread as i64,
                &claim.document,
                claim.version,
                i64::from(is_done),
            ],
        )
        .await?;
        let data = json!({
            "status": status.as_str(),
            "stage": Stage::Finish.as_str(),
            "units_done": i64::from(is_done),
            "units_total": 1,
            "pages": document.info.pages,
            "unread": unread,
            "code": error.as_ref().map(|error| error.code.as_str()),
            "message": error.as_ref().map(|error| error.message.as_str()),
        });
        if is_done {
            tx.event("document.completed", &claim.project, Some(&claim.task), Some(&claim.document), &data)?;
        }
        tx.event(kind, &claim.project, Some(&claim.task), Some(&claim.document), &data)?;
        tasks::lock_task(tx, &claim.project, &claim.task).await?.ok_or_else(|| lease_lost(claim))
    }
}

/// The first stage of the task that was set aside while the rest went on, with its error.
async fn set_aside(tx: &mut Tx<'_>, claim: &Claim) -> Result<Option<(Stage, TaskError)>, Failure> {
    let sql = "SELECT stage, error FROM jobs WHERE task = $1 AND state = 'dead' ORDER BY id LIMIT 1";
    let Some(row) = tx.row(sql, args![&claim.task]).await? else { return Ok(None) };
    let mut fields = row.fields();
    let stage = fields.word(Stage::parse)?;
    let unknown = || TaskError { code: ErrorCode::Internal, message: "no reason is recorded".to_owned() };
    let error = fields.text_or_null()?.map(|text| from_json(&text)).transpose()?;
    Ok(Some((stage, error.unwrap_or_else(unknown))))
}

/// A task that went on without one of its stages is not complete.
fn with_set_aside(
    (status, error): (TaskStatus, Option<TaskError>),
    set_aside: Option<(Stage, TaskError)>,
) -> (TaskStatus, Option<TaskError>) {
    match (status, error, set_aside) {
        (TaskStatus::Completed, _, Some((stage, reason))) => {
            let stage = stage.as_str();
            let message = format!(
                "everything but `{stage}` is done; that was set aside: {}; retry the task to try it again",
                reason.message
            );
            (TaskStatus::Partial, Some(TaskError { code: reason.code, message }))
        }
        (status, Some(error), Some((stage, reason))) => {
            let message = format!("{}; `{}` was set aside: {}", error.message, stage.as_str(), reason.message);
            // When nothing could be read, what was set aside is why.
            let code = if status == TaskStatus::Failed { reason.code } else { error.code };
            (status, Some(TaskError { code, message }))
        }
        (status, error, _) => (status, error),
    }
}

fn is_unread(page: &PageOutcome) -> bool {
    matches!(page.source, PageSource::Skipped | PageSource::Failed)
}

/// How a task ends, from what is known of the document's pages.
fn verdict(document: &Document, ledger: &[PageOutcome]) -> (TaskStatus, Option<TaskError>) {
    let total = document.info.pages as usize;
    let failed = |code, message| (TaskStatus::Failed, Some(TaskError { code, message }));
    if total == 0 {
        return failed(ErrorCode::Damaged, "the file has no pages that could be read".to_owned());
    }
    let pending = |page: &&PageOutcome| page.reason.as_deref() == Some(ErrorCode::OcrPending.as_str());
    let recorded = ledger.len() - ledger.iter().filter(pending).count();
    if recorded != total {
        let message =
            format!("the outcome of {} of {total} pages is not recorded; this is a defect", total.abs_diff(recorded));
        return failed(ErrorCode::Internal, message);
    }
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for page in ledger.iter().filter(|page| is_unread(page)) {
        *reasons.entry((page.source.as_str(), page.reason.as_deref().unwrap_or("unknown"))).or_default() += 1;
    }
    let unread: usize = reasons.values().sum();
    if unread == 0 {
        return (TaskStatus::Completed, None);
    }
    let list: Vec<String> =
        reasons.iter().map(|((source, reason), count)| format!("{count} {source} ({reason})")).collect();
    let advice = advice(reasons.keys().map(|(_, reason)| *reason));
    let message = format!("{unread} of {total} pages could not be read: {}; {advice}", list.join(", "));
    if unread < total {
        return (TaskStatus::Partial, Some(TaskError { code: ErrorCode::PagesUnread, message }));
    }
    // When nothing was read for one reason, that reason is the code.
    let code = match reasons.keys().collect::<Vec<_>>().as_slice() {
        [(_, reason)] => ErrorCode::parse(reason).unwrap_or(ErrorCode::Damaged),
        _ => ErrorCode::Damaged,
    };
    failed(code, message)
}

/// What to do about pages that were left out.
fn advice<'r>(mut reasons: impl Iterator<Item = &'r str>) -> &'static str {
    if reasons.any(|reason| reason == ErrorCode::OcrUnavailable.as_str()) {
        "they are pictures: install Tesseract (`tesseract-ocr` and its languages) and retry the task"
    } else {
        "the rest can be searched; retry the task to read them again"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use pagemill_core::{DocumentId, DocumentInfo, ProjectId};

    use super::*;

    fn document(pages: u32) -> Document {
        Document {
            id: DocumentId::new(),
            project: ProjectId::default_project(),
            sha256: String::new(),
            file: "a.pdf".to_owned(),
            bytes: 1,
            info: DocumentInfo { pages, ..DocumentInfo::default() },
            outline: Vec::new(),
            live_version: None,
            created_ms: 0,
        }
    }

    fn page(number: u32, source: PageSource, reason: Option<&str>) -> PageOutcome {
        PageOutcome { number, source, reason: reason.map(str::to_owned), label: None, reused: false }
    }

    #[test]
    fn a_task_completes_only_when_every_page_is_explained() {
        let ledger = [page(1, PageSource::Text, None), page(2, PageSource::Blank, None)];
        assert_eq!(verdict(&document(2), &ledger), (TaskStatus::Completed, None));
        let (status, error) = verdict(&document(3), &ledger);
        assert_eq!((status, error.unwrap().code), (TaskStatus::Failed, ErrorCode::Internal));
        let waiting = [page(1, PageSource::Text, None), page(2, PageSource::Skipped, Some("ocr_pending"))];
        assert_eq!(verdict(&document(2), &waiting).1.unwrap().code, ErrorCode::Internal);
        assert_eq!(verdict(&document(0), &[]).1.unwrap().code, ErrorCode::Damaged);
    }

    #[test]
    fn unread_pages_are_counted_with_their_reasons() {
        let ledger = [
            page(1, PageSource::Text, None),
            page(2, PageSource::Skipped, Some("ocr_unavailable")),
            page(3, PageSource::Failed, Some("time_limit")),
            page(4, PageSource::Skipped, Some("ocr_unavailable")),
        ];
        let (status, error) = verdict(&document(4), &ledger);
        let error = error.unwrap();
        assert_eq!((status, error.code), (TaskStatus::Partial, ErrorCode::PagesUnread));
        assert_eq!(
            error.message,
            "3 of 4 pages could not be read: 1 failed (time_limit), 2 skipped (ocr_unavailable); \
             they are pictures: install Tesseract (`tesseract-ocr` and its languages) and retry the task"
        );
    }

    #[test]
    fn when_nothing_was_read_the_reason_is_the_code() {
        let scan = [page(1, PageSource::Skipped, Some("ocr_unavailable"))];
        let (status, error) = verdict(&document(1), &scan);
        assert_eq!((status, error.unwrap().code), (TaskStatus::Failed, ErrorCode::OcrUnavailable));
    }
}
