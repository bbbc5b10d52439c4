//! Pages and blocks: what reading a file gave, page by page.

use std::{collections::BTreeMap, ops::RangeInclusive};

use pagemill_core::{
    Block, BlockKind, Cell, DocumentId, DocumentInfo, Outline, Page, PageSource, Rect, Stage, pack_words, unpack_words,
};
use serde_json::json;

use crate::{
    Answer, Claim, PageOutcome, ReusableUnit, Store, Unit,
    failure::{Failure, damaged},
    ledger::{Items, check_unit},
    queue, recognitions,
    sql::{Conn, Fields, Tx, Value, Write, args, from_json, to_json},
    stages, versions,
};

impl Store {
    /// Pages of a version with their blocks, in order. Without words the blocks come cheaper, for
    /// reading; with them they know the place of every word.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn pages<'a>(
        &'a self,
        document: &'a DocumentId,
        version: u32,
        range: RangeInclusive<u32>,
        with_words: bool,
    ) -> Answer<'a, Vec<Page>> {
        self.answer(async move {
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let bounds = args![document, version, *range.start(), *range.end()];
            let rows = conn
                .rows(
                    "SELECT number, label, width, height, source, reason, confidence FROM pages \
                     WHERE document = $1 AND version = $2 AND number BETWEEN $3 AND $4 ORDER BY number",
                    bounds,
                )
                .await?;
            let mut pages =
                rows.iter().map(|row| page_of(&mut row.fields())).collect::<Result<Vec<Page>, Failure>>()?;
            let sql = if with_words {
                "SELECT page, ordinal, kind, level, text, x0, y0, x1, y1, cells, words FROM blocks \
                 WHERE document = $1 AND version = $2 AND page BETWEEN $3 AND $4 ORDER BY page, ordinal"
            } else {
                "SELECT page, ordinal, kind, level, text, x0, y0, x1, y1, cells FROM blocks \
                 WHERE document = $1 AND version = $2 AND page BETWEEN $3 AND $4 ORDER BY page, ordinal"
            };
            let mut by_page: BTreeMap<u32, Vec<Block>> = BTreeMap::new();
            for row in conn.rows(sql, bounds).await? {
                let ((page, _), block) = block_of(&mut row.fields(), with_words)?;
                by_page.entry(page).or_default().push(block);
            }
            for page in &mut pages {
                page.blocks = by_page.remove(&page.number).unwrap_or_default();
            }
            Ok(pages)
        })
    }

    /// What became of each page of a version.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn page_ledger<'a>(&'a self, document: &'a DocumentId, version: u32) -> Answer<'a, Vec<PageOutcome>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            ledger(&mut reader.conn(), document, version).await
        })
    }

    /// What reading a version warned of, as it was stored; an empty list before that.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn warnings<'a>(&'a self, document: &'a DocumentId, version: u32) -> Answer<'a, serde_json::Value> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let row = reader
                .conn()
                .row("SELECT warnings FROM warnings WHERE document = $1 AND version = $2", args![document, version])
                .await?;
            row.map_or_else(|| Ok(json!([])), |row| row.fields().json())
        })
    }

    /// Stores pages that were read: they replace those of the same number, and the unit is done.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn save_pages<'a>(&'a self, claim: &'a Claim, unit: impl Into<Unit>, pages: &'a [Page]) -> Answer<'a, ()> {
        self.write_made(SavePages::new(claim, unit.into(), pages))
    }

    /// Takes over pages that another version or document has read under the same key, unit by unit, each
    /// `unit_pages` long. Returns the units that were there still; they are done.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn reuse_pages<'a>(
        &'a self,
        claim: &'a Claim,
        key: &'a str,
        unit_pages: u32,
        units: &'a [ReusableUnit],
    ) -> Answer<'a, Vec<u32>> {
        self.write(ReusePages { claim: claim.clone(), key: key.to_owned(), unit_pages, units: units.to_vec() })
    }

    /// Ends `parse`: what is known of the document as a whole, and the job of the next stage. The key is that of the
    /// units.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn finish_parse<'a>(
        &'a self,
        claim: &'a Claim,
        key: &'a str,
        info: &'a DocumentInfo,
        outline: &'a Outline,
        warnings: &'a serde_json::Value,
    ) -> Answer<'a, ()> {
        let prepared = || {
            Ok(FinishParse {
                claim: claim.clone(),
                key: key.to_owned(),
                pages: info.pages,
                info: to_json(info)?,
                outline: to_json(outline)?,
                warnings: to_json(warnings)?,
            })
        };
        self.write_made(prepared())
    }
}

/// The outcome of each page of a version, by number.
pub(crate) async fn ledger(
    conn: &mut Conn<'_>,
    document: &DocumentId,
    version: u32,
) -> Result<Vec<PageOutcome>, Failure> {
    let rows = conn
        .rows(
            "SELECT number, source, reason, label, reused FROM pages WHERE document = $1 AND version = $2 ORDER BY number",
            args![document, version],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let mut fields = row.fields();
            Ok(PageOutcome {
                number: fields.count()?,
                source: fields.word(PageSource::parse)?,
                reason: fields.text_or_null()?,
                label: fields.text_or_null()?,
                reused: fields.int()? != 0,
            })
        })
        .collect()
}

fn page_of(fields: &mut Fields<'_>) -> Result<Page, Failure> {
    Ok(Page {
        number: fields.count()?,
        label: fields.text_or_null()?,
        width: fields.real()?,
        height: fields.real()?,
        source: fields.word(PageSource::parse)?,
        reason: fields.text_or_null()?,
        confidence: fields.int_or_null()?.map(|thousandths| thousandths as f32 / 1000.0),
        blocks: Vec::new(),
    })
}

pub(crate) fn block_of(fields: &mut Fields<'_>, with_words: bool) -> Result<((u32, u32), Block), Failure> {
    let place = (fields.count()?, fields.count()?);
    let block = Block {
        kind: fields.word(BlockKind::parse)?,
        level: fields.int_or_null()?.and_then(|level| u8::try_from(level).ok()),
        text: fields.text()?,
        bbox: Rect { x0: fields.real()?, y0: fields.real()?, x1: fields.real()?, y1: fields.real()? },
        cells: fields.text_or_null()?.map_or_else(|| Ok(Vec::new()), |cells| from_json::<Vec<Cell>>(&cells))?,
        words: if with_words {
            unpack_words(&fields.bytes()?).map_err(|error| damaged(error.to_string()))?
        } else {
            Vec::new()
        },
    };
    Ok((place, block))
}

/// Pages in the form they are stored in, made before the transaction begins.
pub(crate) struct SavePages {
    claim: Claim,
    /// The unit that is done with them, if one is.
    unit: Option<Unit>,
    items: Items,
    numbers: Vec<u32>,
    pages: Vec<Value>,
    blocks: Vec<Value>,
}

impl SavePages {
    fn new(claim: &Claim, unit: Unit, pages: &[Page]) -> Result<Self, Failure> {
        Self::of(claim, Some(unit), pages)
    }

    /// Pages that take the place of what they were, with no unit done.
    pub(crate) fn replacing(claim: &Claim, pages: &[Page]) -> Result<Self, Failure> {
        Self::of(claim, None, pages)
    }

    fn of(claim: &Claim, unit: Option<Unit>, pages: &[Page]) -> Result<Self, Failure> {
        let failed = pages.iter().filter(|page| page.source == PageSource::Failed).count() as u32;
        let mut write = Self {
            claim: claim.clone(),
            unit,
            items: Items { done: pages.len() as u32 - failed, reused: 0, failed },
            numbers: pages.iter().map(|page| page.number).collect(),
            pages: Vec::with_capacity(pages.len() * 9),
            blocks: Vec::new(),
        };
        for page in pages {
            write.pages.extend_from_slice(args![
                &claim.document,
                claim.version,
                page.number,
                page.label.clone(),
                page.width,
                page.height,
                page.source.as_str(),
                page.reason.clone(),
                page.confidence.map(|share| (f64::from(share) * 1000.0).round() as i64),
            ]);
            for (block, ordinal) in page.blocks.iter().zip(0_u32..) {
                let cells = if block.cells.is_empty() { None } else { Some(to_json(&block.cells)?) };
                write.blocks.extend_from_slice(args![
                    &claim.document,
                    claim.version,
                    page.number,
                    ordinal,
                    block.kind.as_str(),
                    block.level.map(i64::from),
                    block.text.as_str(),
                    block.bbox.x0,
                    block.bbox.y0,
                    block.bbox.x1,
                    block.bbox.y1,
                    cells,
                    pack_words(&block.words),
                ]);
            }
        }
        Ok(write)
    }
}

impl Write for SavePages {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        queue::hold(tx, claim).await?;
        for number in &self.numbers {
            let place = args![&claim.document, claim.version, *number];
            tx.execute("DELETE FROM blocks WHERE document = $1 AND version = $2 AND page = $3", place).await?;
            tx.execute("DELETE FROM pages WHERE document = $1 AND version = $2 AND number = $3", place).await?;
        }
        let head = "INSERT INTO pages (document, version, number, label, width, height, source, reason, \
                    confidence) VALUES";
        tx.conn().insert_many(head, 9, "", &self.pages).await?;
        let head = "INSERT INTO blocks (document, version, page, ordinal, kind, level, text, x0, y0, x1, y1, cells, \
                    words) VALUES";
        tx.conn().insert_many(head, 13, "", &self.blocks).await?;
        match &self.unit {
            Some(unit) => check_unit(tx, claim, unit, self.items).await,
            None => Ok(()),
        }
    }
}

struct ReusePages {
    claim: Claim,
    key: String,
    unit_pages: u32,
    units: Vec<ReusableUnit>,
}

impl Write for ReusePages {
    type Output = Vec<u32>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<u32>, Failure> {
        let claim = &self.claim;
        queue::hold(tx, claim).await?;
        let mut taken = Vec::with_capacity(self.units.len());
        for unit in &self.units {
            // Whoever removes or redoes the unit strikes it off first: held, its rows stay while they are copied.
            let there = tx
                .lock_row(
                    "SELECT key FROM checkpoints \
                     WHERE document = $1 AND version = $2 AND stage = 'parse' AND unit = $3 AND key = $4",
                    args![&unit.document, unit.version, unit.number, &self.key],
                )
                .await?;
            if there.is_none() {
                continue;
            }
            let pages = self.copy(tx, unit).await?;
            let items = Items { reused: pages, ..Items::default() };
            check_unit(tx, claim, &Unit::new(unit.number, self.key.as_str(), 0), items).await?;
            taken.push(unit.number);
        }
        Ok(taken)
    }
}

impl ReusePages {
    /// Copies the rows of a unit; returns how many pages it has.
    async fn copy(&self, tx: &mut Tx<'_>, unit: &ReusableUnit) -> Result<u32, Failure> {
        let (document, version) = (&self.claim.document, self.claim.version);
        let (first, last) = (unit.number * self.unit_pages + 1, (unit.number + 1) * self.unit_pages);
        for sql in [
            "DELETE FROM blocks WHERE document = $1 AND version = $2 AND page BETWEEN $3 AND $4",
            "DELETE FROM pages WHERE document = $1 AND version = $2 AND number BETWEEN $3 AND $4",
        ] {
            tx.execute(sql, args![document, version, first, last]).await?;
        }
        let copied = args![document, version, &unit.document, unit.version, first, last];
        let pages = tx
            .execute(
                "INSERT INTO pages (document, version, number, label, width, height, source, reason, reused) \
                 SELECT $1, $2, number, label, width, height, source, reason, 1 FROM pages \
                 WHERE document = $3 AND version = $4 AND number BETWEEN $5 AND $6",
                copied,
            )
            .await?;
        tx.execute(
            "INSERT INTO blocks (document, version, page, ordinal, kind, level, text, x0, y0, x1, y1, cells, words) \
             SELECT $1, $2, page, ordinal, kind, level, text, x0, y0, x1, y1, cells, words FROM blocks \
             WHERE document = $3 AND version = $4 AND page BETWEEN $5 AND $6",
            copied,
        )
        .await?;
        Ok(u32::try_from(pages).unwrap_or(u32::MAX))
    }
}

struct FinishParse {
    claim: Claim,
    key: String,
    pages: u32,
    info: String,
    outline: String,
    warnings: String,
}

impl Write for FinishParse {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        let held = queue::hold(tx, claim).await?;
        versions::keep_facts(tx, claim, &self.info, &self.outline).await?;
        tx.execute(
            "INSERT INTO warnings (document, version, warnings) VALUES ($1, $2, $3) \
             ON CONFLICT (document, version) DO UPDATE SET warnings = EXCLUDED.warnings",
            args![&claim.document, claim.version, &self.warnings],
        )
        .await?;
        // An earlier run of this version may have believed in more pages.
        let beyond = args![&claim.document, claim.version, self.pages];
        tx.execute("DELETE FROM blocks WHERE document = $1 AND version = $2 AND page > $3", beyond).await?;
        tx.execute("DELETE FROM pages WHERE document = $1 AND version = $2 AND number > $3", beyond).await?;
        let row = tx
            .row(
                "UPDATE tasks SET pages_total = $4, \
                 pages_done = (SELECT COUNT(*) FROM pages WHERE document = $2 AND version = $3 \
                 AND COALESCE(reason, '') <> 'ocr_pending'), \
                 pages_unread = (SELECT COUNT(*) FROM pages WHERE document = $2 AND version = $3 \
                 AND source IN ('skipped', 'failed') AND COALESCE(reason, '') <> 'ocr_pending') WHERE id = $1 RETURNING pages_unread",
                args![&claim.task, &claim.document, claim.version, self.pages],
            )
            .await?;
        let unread = row.map_or(Ok(0), |row| row.int())?;
        let waiting = recognitions::note_waiting(tx, claim).await?;
        if waiting == 0 {
            // Every page has its text: there is nothing to recognise.
            stages::advance_past(tx, claim, &held, &self.key, Stage::Ocr).await?;
        } else {
            stages::advance(tx, claim, &held, &self.key).await?;
        }
        let data = json!({ "pages": self.pages, "unread": unread, "waiting": waiting });
        tx.event("document.text_extracted", &claim.project, Some(&claim.task), Some(&claim.document), &data)
    }
}
