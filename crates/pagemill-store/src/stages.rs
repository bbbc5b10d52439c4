//! What stages have in common: their beginning, their units, their end.
//!
//! Each write is one transaction: output, checkpoint, next job and event together, under the fence of the claim.

use std::collections::BTreeSet;

use pagemill_core::{DocumentId, Stage};
use serde_json::json;

use crate::{
    Answer, Claim, Store,
    dialect::wall_ms,
    failure::Failure,
    queue::{self, Held, NewJob},
    sql::{Tx, Write, args, to_json},
};

impl Store {
    /// Says that a stage begins and how many units it has (0 while unknown).
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn begin_stage<'a>(&'a self, claim: &'a Claim, units_total: u32) -> Answer<'a, ()> {
        self.write(BeginStage { claim: claim.clone(), units_total })
    }

    /// The units of a stage that are done.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn finished_units<'a>(
        &'a self,
        document: &'a DocumentId,
        version: u32,
        stage: Stage,
    ) -> Answer<'a, BTreeSet<u32>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows(
                    "SELECT unit FROM checkpoints WHERE document = $1 AND version = $2 AND stage = $3 AND unit >= 0",
                    args![document, version, stage.as_str()],
                )
                .await?;
            rows.iter().map(|row| row.fields().count()).collect::<Result<BTreeSet<u32>, Failure>>()
        })
    }

    /// Ends a stage that has no output of its own in the database, and queues the next.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn finish_stage<'a>(&'a self, claim: &'a Claim) -> Answer<'a, ()> {
        self.write(FinishStage(claim.clone()))
    }
}

struct BeginStage {
    claim: Claim,
    units_total: u32,
}

impl Write for BeginStage {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        queue::hold(tx, claim).await?;
        let now = wall_ms();
        tx.execute(
            "UPDATE tasks SET status = 'processing', stage = $2, units_total = $3, units_done = \
             (SELECT COUNT(*) FROM checkpoints WHERE document = $5 AND version = $6 AND stage = $2 AND unit >= 0), \
             waiting = NULL, started_ms = COALESCE(started_ms, $4), stage_started_ms = $4 WHERE id = $1",
            args![&claim.task, claim.stage.as_str(), self.units_total, now, &claim.document, claim.version],
        )
        .await?;
        let kind = if claim.stage == Stage::Parse { "task.started" } else { "task.stage" };
        let data = json!({ "stage": claim.stage.as_str(), "units": self.units_total, "attempt": claim.attempt });
        tx.event(kind, &claim.project, Some(&claim.task), Some(&claim.document), &data)
    }
}

struct FinishStage(Claim);

impl Write for FinishStage {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self(claim) = self;
        let held = queue::hold(tx, claim).await?;
        advance(tx, claim, &held, "").await?;
        let kind = match claim.stage {
            Stage::Parse => "document.text_extracted",
            Stage::Ocr => "document.text_recognised",
            Stage::Chunk => "document.chunks_created",
            Stage::Embed => "document.embeddings_skipped",
            Stage::Index => "document.indexed",
            Stage::Finish => "task.stage",
        };
        tx.event(kind, &claim.project, Some(&claim.task), Some(&claim.document), &json!({}))
    }
}

/// Ends a stage: its checkpoint (with a key where its output can be found again), its time, its job gone, the next
/// one queued.
pub(crate) async fn advance(tx: &mut Tx<'_>, claim: &Claim, held: &Held, key: &str) -> Result<(), Failure> {
    end(tx, claim, held, key).await?;
    match claim.stage.next() {
        Some(next) => queue::enqueue(tx, &NewJob::after(claim, held.turn(), next)).await,
        None => Ok(()),
    }
}

/// Ends a stage as [`advance`] does, when the one after it has nothing to do: that is checked off, too.
pub(crate) async fn advance_past(
    tx: &mut Tx<'_>,
    claim: &Claim,
    held: &Held,
    key: &str,
    idle: Stage,
) -> Result<(), Failure> {
    end(tx, claim, held, key).await?;
    tx.execute(
        "INSERT INTO checkpoints (document, version, stage, unit, task, at_ms) VALUES ($1, $2, $3, -1, $4, $5) \
         ON CONFLICT (document, version, stage, unit) DO NOTHING",
        args![&claim.document, claim.version, idle.as_str(), &claim.task, wall_ms()],
    )
    .await?;
    match idle.next() {
        Some(next) => queue::enqueue(tx, &NewJob::after(claim, held.turn(), next)).await,
        None => Ok(()),
    }
}

/// The end of a stage: its checkpoint, its time, its job gone.
async fn end(tx: &mut Tx<'_>, claim: &Claim, held: &Held, key: &str) -> Result<(), Failure> {
    let now = wall_ms();
    tx.execute(
        "INSERT INTO checkpoints (document, version, stage, unit, task, at_ms, key) VALUES ($1, $2, $3, -1, $4, $5, $6) \
         ON CONFLICT (document, version, stage, unit) DO NOTHING",
        args![&claim.document, claim.version, claim.stage.as_str(), &claim.task, now, key],
    )
    .await?;
    queue::complete(tx, claim, held).await?;
    let row = tx.row("SELECT timings, stage_started_ms FROM tasks WHERE id = $1", args![&claim.task]).await?;
    let Some(row) = row else { return Err(crate::failure::lease_lost(claim)) };
    let mut fields = row.fields();
    let mut timings: Vec<(Stage, f64)> = fields.json()?;
    let begun = fields.int_or_null()?.unwrap_or(now);
    timings.push((claim.stage, (now - begun).max(0) as f64 / 1000.0));
    tx.execute("UPDATE tasks SET timings = $2, waiting = NULL WHERE id = $1", args![&claim.task, to_json(&timings)?])
        .await
        .map(drop)
}
