//! The ledger of units: what has been done, under the key of its input and settings, so that it is never done again.
//!
//! A unit is checked off in the transaction that saves its output. Its key is a hash of the stage, the stage's code,
//! the input and the settings that matter; the same key in another version or document is the same work, whose output
//! is copied instead.

use std::collections::BTreeSet;

use pagemill_core::{DocumentId, Stage, StageLedger, Task};
use serde_json::json;

use crate::{
    Answer, Claim, Store,
    dialect::wall_ms,
    failure::Failure,
    queue,
    sql::{Tx, Write, args, from_json, to_json},
};

/// A unit of a stage that was done: its number, its key, how long it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Its number within the stage, from 0.
    pub number: u32,
    /// The hash of what it was made from and how; empty for work that is not to be found again.
    pub key: String,
    /// Milliseconds of work.
    pub ms: u64,
}

impl Unit {
    /// A unit with its key and the milliseconds it took.
    pub fn new(number: u32, key: impl Into<String>, ms: u64) -> Self {
        Self { number, key: key.into(), ms }
    }
}

impl From<u32> for Unit {
    fn from(number: u32) -> Self {
        Self { number, ..Self::default() }
    }
}

/// A unit that is done already in another version or document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReusableUnit {
    /// The number of the unit.
    pub number: u32,
    /// The document that has it.
    pub document: DocumentId,
    /// The version of that document.
    pub version: u32,
}

/// How much work units of a stage were, lately.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UnitTimes {
    /// Items that were made.
    pub items: u64,
    /// Milliseconds of work it took.
    pub ms: u64,
}

impl UnitTimes {
    /// Seconds that so many items take, or `None` when nothing was measured.
    pub fn seconds_for(&self, items: u32) -> Option<f64> {
        (self.items > 0).then(|| self.ms as f64 / 1000.0 / self.items as f64 * f64::from(items))
    }
}

/// Units whose times make an estimate.
const TIMED_UNITS: u32 = 200;

impl Store {
    /// The units of a claim's stage that are done under a key. Units done under another (the program or a setting
    /// has changed since) are struck off, so that they are done again.
    ///
    /// # Errors
    /// `lease_lost` when there was something to strike off and the job is no longer held.
    pub fn open_units<'a>(&'a self, claim: &'a Claim, key: &'a str) -> Answer<'a, BTreeSet<u32>> {
        Box::pin(async move {
            let read = async {
                let mut reader = self.reader().await?;
                let rows = reader
                    .conn()
                    .rows(
                        "SELECT unit, key FROM checkpoints \
                         WHERE document = $1 AND version = $2 AND stage = $3 AND unit >= 0",
                        args![&claim.document, claim.version, claim.stage.as_str()],
                    )
                    .await?;
                let mut units = BTreeSet::new();
                let mut is_stale = false;
                for row in &rows {
                    let mut fields = row.fields();
                    let (unit, made_under) = (fields.count()?, fields.text()?);
                    if made_under == key {
                        units.insert(unit);
                    } else {
                        is_stale = true;
                    }
                }
                Ok((units, is_stale))
            };
            let (units, is_stale) = self.answer(read).await?;
            if is_stale {
                self.write(StrikeOff { claim: claim.clone(), key: key.to_owned() }).await?;
            }
            Ok(units)
        })
    }

    /// Units of a stage that other versions or documents have done under a key: each once, the newest of them.
    /// For `parse`, whose units are `unit_pages` long, only those whose every page was read or is blank: what failed is
    /// worth another try, and what a later stage made of a page is not what this one read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn reusable_units<'a>(
        &'a self,
        stage: Stage,
        key: &'a str,
        unit_pages: u32,
        except: Option<(&'a DocumentId, u32)>,
    ) -> Answer<'a, Vec<ReusableUnit>> {
        let (document, version) = except.map_or(("", 0), |(document, version)| (document.as_str(), version));
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows(
                    "SELECT c.unit, c.document, c.version FROM checkpoints c \
                     WHERE c.key = $1 AND c.key <> '' AND c.stage = $2 AND c.unit >= 0 \
                     AND NOT (c.document = $4 AND c.version = $5) \
                     AND ($2 <> 'parse' OR NOT EXISTS (SELECT 1 FROM pages p \
                     WHERE p.document = c.document AND p.version = c.version \
                     AND p.number > c.unit * $3 AND p.number <= (c.unit + 1) * $3 \
                     AND p.source NOT IN ('text', 'blank'))) \
                     ORDER BY c.unit, c.at_ms DESC, c.document, c.version",
                    args![key, stage.as_str(), unit_pages, document, version],
                )
                .await?;
            let mut units: Vec<ReusableUnit> = Vec::new();
            for row in &rows {
                let mut fields = row.fields();
                let unit = ReusableUnit { number: fields.count()?, document: fields.id()?, version: fields.count()? };
                if units.last().is_none_or(|last| last.number != unit.number) {
                    units.push(unit);
                }
            }
            Ok(units)
        })
    }

    /// How long the latest units of a stage took.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn unit_times<'a>(&'a self, stage: Stage) -> Answer<'a, UnitTimes> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let row = reader
                .conn()
                .row(
                    "SELECT CAST(COALESCE(SUM(items), 0) AS BIGINT), CAST(COALESCE(SUM(ms), 0) AS BIGINT) FROM \
                     (SELECT items, ms FROM checkpoints WHERE stage = $1 AND ms IS NOT NULL AND items > 0 \
                     ORDER BY at_ms DESC LIMIT 0 + $2) AS latest",
                    args![stage.as_str(), TIMED_UNITS],
                )
                .await?;
            let Some(row) = row else { return Ok(UnitTimes::default()) };
            let mut fields = row.fields();
            Ok(UnitTimes { items: fields.count()?, ms: fields.count()? })
        })
    }
}

struct StrikeOff {
    claim: Claim,
    key: String,
}

impl Write for StrikeOff {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        queue::hold(tx, claim).await?;
        let struck = tx
            .rows(
                "DELETE FROM checkpoints WHERE document = $1 AND version = $2 AND stage = $3 AND unit >= 0 \
                 AND key <> $4 RETURNING task, items",
                args![&claim.document, claim.version, claim.stage.as_str(), &self.key],
            )
            .await?;
        // They are done again, and counted then.
        let mut ledger = ledger_of(tx, claim).await?;
        for row in &struck {
            let mut fields = row.fields();
            let (task, items): (String, u32) = (fields.text()?, fields.count()?);
            let Some(entry) = ledger.iter_mut().find(|entry| entry.stage == claim.stage) else { break };
            if task == claim.task.as_str() && entry.units_done > 0 {
                entry.units_done -= 1;
                entry.done = entry.done.saturating_sub(items);
            } else {
                entry.units_reused = entry.units_reused.saturating_sub(1);
                entry.reused = entry.reused.saturating_sub(items);
            }
        }
        tx.execute("UPDATE tasks SET ledger = $2 WHERE id = $1", args![&claim.task, to_json(&ledger)?]).await.map(drop)
    }
}

async fn ledger_of(tx: &mut Tx<'_>, claim: &Claim) -> Result<Vec<StageLedger>, Failure> {
    let row = tx.row("SELECT ledger FROM tasks WHERE id = $1", args![&claim.task]).await?;
    row.map_or_else(|| Err(crate::failure::lease_lost(claim)), |row| from_json(&row.text()?))
}

/// Counts what a task finds done in its version: the units of the task it goes on from.
pub(crate) async fn take_stock(tx: &mut Tx<'_>, task: &mut Task) -> Result<(), Failure> {
    let rows = tx
        .rows(
            "SELECT stage, COUNT(*), CAST(SUM(items) AS BIGINT) FROM checkpoints \
             WHERE document = $1 AND version = $2 AND unit >= 0 GROUP BY stage",
            args![&task.document, task.version],
        )
        .await?;
    for row in &rows {
        let mut fields = row.fields();
        let stage = fields.word(Stage::parse)?;
        let (units_reused, reused) = (fields.count()?, fields.count()?);
        task.ledger.push(StageLedger { units_reused, reused, ..StageLedger::new(stage) });
        task.reused += reused;
    }
    task.ledger.sort_by_key(|entry| entry.stage);
    tx.execute(
        "UPDATE tasks SET ledger = $2, reused = $3 WHERE id = $1",
        args![&task.id, to_json(&task.ledger)?, task.reused],
    )
    .await
    .map(drop)
}

/// What became of the items of a unit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Items {
    pub(crate) done: u32,
    pub(crate) reused: u32,
    pub(crate) failed: u32,
}

/// Checks a unit off, and shows it in the task. A unit that is there already is not counted again.
pub(crate) async fn check_unit(tx: &mut Tx<'_>, claim: &Claim, unit: &Unit, items: Items) -> Result<(), Failure> {
    let worked = items.done + items.failed > 0;
    let ms = worked.then(|| i64::try_from(unit.ms).unwrap_or(i64::MAX)).filter(|_| !unit.key.is_empty());
    let is_new = tx
        .execute(
            "INSERT INTO checkpoints (document, version, stage, unit, task, at_ms, key, items, ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (document, version, stage, unit) DO NOTHING",
            args![
                &claim.document,
                claim.version,
                claim.stage.as_str(),
                unit.number,
                &claim.task,
                wall_ms(),
                &unit.key,
                items.done + items.reused + items.failed,
                ms,
            ],
        )
        .await?
        == 1;
    let mut ledger = ledger_of(tx, claim).await?;
    if is_new {
        count(&mut ledger, claim.stage, worked, items);
    }
    let row = tx
        .row(
            "UPDATE tasks SET waiting = NULL, reused = reused + $5, ledger = $6, units_done = \
             (SELECT COUNT(*) FROM checkpoints WHERE document = $2 AND version = $3 AND stage = $4 AND unit >= 0), \
             pages_done = (SELECT COUNT(*) FROM pages WHERE document = $2 AND version = $3 \
             AND COALESCE(reason, '') <> 'ocr_pending'), \
             pages_unread = (SELECT COUNT(*) FROM pages WHERE document = $2 AND version = $3 \
             AND source IN ('skipped', 'failed') AND COALESCE(reason, '') <> 'ocr_pending') \
             WHERE id = $1 RETURNING units_done, units_total, pages_done, pages_total",
            args![
                &claim.task,
                &claim.document,
                claim.version,
                claim.stage.as_str(),
                if is_new { items.reused } else { 0 },
                to_json(&ledger)?,
            ],
        )
        .await?;
    let Some(row) = row else { return Err(crate::failure::lease_lost(claim)) };
    let mut fields = row.fields();
    let data = json!({
        "stage": claim.stage.as_str(),
        "units_done": fields.int()?,
        "units_total": fields.int()?,
        "pages_done": fields.int()?,
        "pages_total": fields.int()?,
    });
    tx.event("task.progress", &claim.project, Some(&claim.task), Some(&claim.document), &data)
}

/// Adds a unit to what a task did in a stage.
fn count(ledger: &mut Vec<StageLedger>, stage: Stage, worked: bool, items: Items) {
    let place = ledger.iter().position(|entry| entry.stage == stage).unwrap_or_else(|| {
        ledger.push(StageLedger::new(stage));
        ledger.len() - 1
    });
    let entry = &mut ledger[place];
    if worked {
        entry.units_done += 1;
    } else {
        entry.units_reused += 1;
    }
    entry.done += items.done;
    entry.reused += items.reused;
    entry.failed += items.failed;
}
