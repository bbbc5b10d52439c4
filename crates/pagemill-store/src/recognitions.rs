//! OCR: pages that wait for it, and what it read there.
//!
//! `parse` leaves a row for each page without usable text. `ocr` fills them one by one, each a unit of its own, and
//! at the end reads the document again with their words in place.

use pagemill_core::{DocumentId, DocumentInfo, ErrorCode, Outline, Page};
use serde_json::json;

use crate::{
    Answer, Claim, Store, Unit,
    failure::Failure,
    ledger::{Items, check_unit},
    pages::SavePages,
    queue,
    sql::{Tx, Write, args, from_json, to_json},
    stages, versions,
};

/// A page that OCR is to read or has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognition {
    /// 1-based number of the page.
    pub page: u32,
    /// The key it was read under; empty while it waits.
    pub key: String,
    /// The words, as they were given; empty while it waits, and where it failed.
    pub words: Vec<u8>,
    /// Why it could not be read.
    pub error: Option<String>,
}

impl Store {
    /// Pages of a version that need OCR, in order, with what was read so far.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn recognitions<'a>(&'a self, document: &'a DocumentId, version: u32) -> Answer<'a, Vec<Recognition>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows(
                    "SELECT page, key, words, error FROM recognitions \
                     WHERE document = $1 AND version = $2 ORDER BY page",
                    args![document, version],
                )
                .await?;
            rows.iter()
                .map(|row| {
                    let mut fields = row.fields();
                    Ok(Recognition {
                        page: fields.count()?,
                        key: fields.text()?,
                        words: fields.bytes()?,
                        error: fields.text_or_null()?,
                    })
                })
                .collect()
        })
    }

    /// Words that were read under a key, be it in another version or document.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn recognised_under<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let row = reader
                .conn()
                .row(
                    "SELECT words FROM recognitions WHERE key = $1 AND key <> '' AND error IS NULL LIMIT 1",
                    args![key],
                )
                .await?;
            row.map(|row| row.fields().bytes()).transpose()
        })
    }

    /// Stores what OCR read on a page, or the code of why it could not; the unit is done. `reused` says that it was
    /// read before.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn save_recognition<'a>(
        &'a self,
        claim: &'a Claim,
        unit: Unit,
        page: u32,
        outcome: Result<Vec<u8>, ErrorCode>,
        reused: bool,
    ) -> Answer<'a, ()> {
        self.write(SaveRecognition { claim: claim.clone(), unit, page, outcome, reused })
    }

    /// Replaces pages of a version by what they are with the words of OCR in place.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn replace_pages<'a>(&'a self, claim: &'a Claim, pages: &'a [Page]) -> Answer<'a, ()> {
        self.write_made(SavePages::replacing(claim, pages))
    }

    /// Ends `ocr`, with what is known of the document now, where it was read again. Warnings are added to those of
    /// `parse`. Pages that wait still are from now on without a text for want of OCR.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn finish_ocr<'a>(
        &'a self,
        claim: &'a Claim,
        facts: Option<(&'a DocumentInfo, &'a Outline)>,
        warnings: &'a [serde_json::Value],
    ) -> Answer<'a, ()> {
        let prepared = || {
            let facts = facts.map(|(info, outline)| Ok::<_, Failure>((to_json(info)?, to_json(outline)?)));
            Ok(FinishOcr { claim: claim.clone(), facts: facts.transpose()?, warnings: warnings.to_vec() })
        };
        self.write_made(prepared())
    }
}

/// Notes which pages of a version wait for OCR, as `parse` ends; returns how many. What was read on them before, in
/// an earlier run, stays.
pub(crate) async fn note_waiting(tx: &mut Tx<'_>, claim: &Claim) -> Result<u64, Failure> {
    let version = args![&claim.document, claim.version];
    let waiting = tx
        .number(
            "SELECT COUNT(*) FROM pages \
             WHERE document = $1 AND version = $2 AND reason IN ('ocr_pending', 'text_unreliable')",
            version,
        )
        .await?;
    if waiting == 0 {
        tx.execute("DELETE FROM recognitions WHERE document = $1 AND version = $2", version).await?;
        return Ok(0);
    }
    tx.execute(
        "INSERT INTO recognitions (document, version, page) SELECT document, version, number FROM pages \
         WHERE document = $1 AND version = $2 AND reason IN ('ocr_pending', 'text_unreliable') \
         ON CONFLICT (document, version, page) DO NOTHING",
        version,
    )
    .await?;
    tx.execute(
        "DELETE FROM recognitions WHERE document = $1 AND version = $2 AND page NOT IN (SELECT number FROM pages \
         WHERE document = $1 AND version = $2 AND reason IN ('ocr_pending', 'text_unreliable'))",
        version,
    )
    .await?;
    // What failed is tried again.
    tx.execute(
        "UPDATE recognitions SET key = '', error = NULL WHERE document = $1 AND version = $2 AND error IS NOT NULL",
        version,
    )
    .await?;
    Ok(u64::try_from(waiting).unwrap_or(0))
}

struct SaveRecognition {
    claim: Claim,
    unit: Unit,
    page: u32,
    outcome: Result<Vec<u8>, ErrorCode>,
    reused: bool,
}

impl Write for SaveRecognition {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        queue::hold(tx, claim).await?;
        let (words, error) = match &self.outcome {
            Ok(words) => (words.clone(), None),
            Err(code) => (Vec::new(), Some(code.as_str().to_owned())),
        };
        let items = match (&self.outcome, self.reused) {
            (Ok(_), false) => Items { done: 1, ..Items::default() },
            (Ok(_), true) => Items { reused: 1, ..Items::default() },
            (Err(_), _) => Items { failed: 1, ..Items::default() },
        };
        tx.execute(
            "UPDATE recognitions SET key = $4, words = $5, error = $6 \
             WHERE document = $1 AND version = $2 AND page = $3",
            args![&claim.document, claim.version, self.page, &self.unit.key, words, error],
        )
        .await?;
        check_unit(tx, claim, &self.unit, items).await
    }
}

struct FinishOcr {
    claim: Claim,
    facts: Option<(String, String)>,
    warnings: Vec<serde_json::Value>,
}

impl Write for FinishOcr {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        let held = queue::hold(tx, claim).await?;
        let version = args![&claim.document, claim.version];
        if let Some((info, outline)) = &self.facts {
            versions::keep_facts(tx, claim, info, outline).await?;
        }
        tx.execute(
            "UPDATE pages SET reason = 'ocr_unavailable' \
             WHERE document = $1 AND version = $2 AND reason = 'ocr_pending'",
            version,
        )
        .await?;
        if !self.warnings.is_empty() {
            let sql = "SELECT warnings FROM warnings WHERE document = $1 AND version = $2";
            let known = tx.row(sql, version).await?.map(|row| row.text()).transpose()?;
            let mut all: Vec<serde_json::Value> = known.map_or_else(|| Ok(Vec::new()), |text| from_json(&text))?;
            all.extend(self.warnings.iter().cloned());
            tx.execute(
                "INSERT INTO warnings (document, version, warnings) VALUES ($1, $2, $3) \
                 ON CONFLICT (document, version) DO UPDATE SET warnings = EXCLUDED.warnings",
                args![&claim.document, claim.version, to_json(&all)?],
            )
            .await?;
        }
        let row = tx
            .row(
                "UPDATE tasks SET pages_done = (SELECT COUNT(*) FROM pages WHERE document = $2 AND version = $3), \
                 pages_unread = (SELECT COUNT(*) FROM pages WHERE document = $2 AND version = $3 \
                 AND source IN ('skipped', 'failed')) WHERE id = $1 RETURNING pages_done, pages_unread",
                args![&claim.task, &claim.document, claim.version],
            )
            .await?;
        let (pages, unread) = match row {
            Some(row) => {
                let mut fields = row.fields();
                (fields.int()?, fields.int()?)
            }
            None => (0, 0),
        };
        stages::advance(tx, claim, &held, "").await?;
        let data = json!({ "pages": pages, "unread": unread });
        tx.event("document.text_recognised", &claim.project, Some(&claim.task), Some(&claim.document), &data)
    }
}
