//! What stages have in common: their beginning, their units, their end.
//!
//! Each write is one transaction: output, checkpoint, next job and event together, under the fence of the claim.

use std::collections::{BTreeMap, BTreeSet};

use pagemill_core::{DocumentId, JobId, Stage, TaskId};
use serde_json::json;

use crate::{
    Answer, Claim, Store,
    dialect::wall_ms,
    failure::{Failure, lease_lost},
    queue::{self, Held, NewJob},
    sql::{LIST, Tx, Value, Write, args, short_list, to_json},
};

impl Store {
    /// Says that a stage begins and how many units it has (0 while unknown).
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn begin_stage<'a>(&'a self, claim: &'a Claim, units_total: u32) -> Answer<'a, ()> {
        self.write(BeginStage { claim: claim.clone(), units_total, pages_total: 0 })
    }

    /// Says that `parse` has opened the file: how many pages it has, and how many units they make.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn begin_reading<'a>(&'a self, claim: &'a Claim, pages_total: u32, units_total: u32) -> Answer<'a, ()> {
        self.write(BeginStage { claim: claim.clone(), units_total, pages_total })
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
        Box::pin(async move {
            let lost = self.finish_stages(std::slice::from_ref(claim)).await?;
            if lost.is_empty() { Ok(()) } else { Err(self.problem(lease_lost(claim))) }
        })
    }

    /// The same for many jobs in one transaction. Returns those that are no longer held: nothing was written for
    /// them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn finish_stages<'a>(&'a self, claims: &'a [Claim]) -> Answer<'a, Vec<JobId>> {
        // Everyone locks in the same order.
        let mut claims = claims.to_vec();
        claims.sort_by(|a, b| a.document.cmp(&b.document).then_with(|| a.job.cmp(&b.job)));
        self.write(FinishStages(claims))
    }
}

struct BeginStage {
    claim: Claim,
    units_total: u32,
    /// Pages of the document; 0 leaves what is known.
    pages_total: u32,
}

impl Write for BeginStage {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        queue::hold(tx, claim).await?;
        let now = wall_ms();
        let row = tx
            .row(
                "UPDATE tasks SET status = 'processing', stage = $2, units_total = $3, units_done = \
                 (SELECT COUNT(*) FROM checkpoints WHERE document = $5 AND version = $6 AND stage = $2 AND unit >= 0), \
                 pages_total = CASE WHEN $7 > 0 THEN $7 ELSE pages_total END, \
                 waiting = NULL, started_ms = COALESCE(started_ms, $4), stage_started_ms = $4 WHERE id = $1 \
                 RETURNING units_done, pages_done, pages_total",
                args![
                    &claim.task,
                    claim.stage.as_str(),
                    self.units_total,
                    now,
                    &claim.document,
                    claim.version,
                    self.pages_total
                ],
            )
            .await?;
        let Some(row) = row else { return Err(lease_lost(claim)) };
        let mut fields = row.fields();
        let kind = if claim.stage == Stage::Parse { "task.started" } else { "task.stage" };
        // With what an earlier attempt has done, so that who adds up progress does not see it fall.
        let data = json!({
            "stage": claim.stage.as_str(),
            "units": self.units_total,
            "units_done": fields.int()?,
            "units_total": self.units_total,
            "pages_done": fields.int()?,
            "pages_total": fields.int()?,
            "attempt": claim.attempt,
        });
        tx.event(kind, &claim.project, Some(&claim.task), Some(&claim.document), &data)
    }
}

struct FinishStages(Vec<Claim>);

impl Write for FinishStages {
    /// The claims that did not hold any more.
    type Output = Vec<JobId>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<JobId>, Failure> {
        let Self(claims) = self;
        let held = queue::hold_all(tx, claims).await?;
        let (mut done, mut lost) = (Vec::with_capacity(claims.len()), Vec::new());
        for (claim, held) in claims.iter().zip(&held) {
            match held {
                Some(held) => done.push((claim, held)),
                None => lost.push(claim.job.clone()),
            }
        }
        if done.is_empty() {
            return Ok(lost);
        }
        end_all(tx, &done, "").await?;
        let next = done.iter().filter_map(|(claim, held)| {
            let next = claim.stage.next()?;
            Some(NewJob::after(claim, held.turn(), next))
        });
        queue::enqueue_all(tx, &next.collect::<Vec<_>>()).await?;
        for (claim, _) in done {
            let kind = match claim.stage {
                Stage::Parse => "document.text_extracted",
                Stage::Ocr => "document.text_recognised",
                Stage::Chunk => "document.chunks_created",
                Stage::Embed => "document.embeddings_skipped",
                Stage::Index => "document.indexed",
                Stage::Finish => "task.stage",
            };
            tx.event(kind, &claim.project, Some(&claim.task), Some(&claim.document), &json!({}))?;
        }
        Ok(lost)
    }
}

/// Ends a stage: its checkpoint (with a key where its output can be found again), its time, its job gone, the next
/// one queued.
pub(crate) async fn advance(tx: &mut Tx<'_>, claim: &Claim, held: &Held, key: &str) -> Result<(), Failure> {
    end_all(tx, &[(claim, held)], key).await?;
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
    end_all(tx, &[(claim, held)], key).await?;
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

/// The end of a stage, for the jobs of several tasks with as few statements as for one: checkpoints, times, jobs gone.
async fn end_all(tx: &mut Tx<'_>, done: &[(&Claim, &Held)], key: &str) -> Result<(), Failure> {
    const CHECKPOINTS: &str = "INSERT INTO checkpoints (document, version, stage, unit, task, at_ms, key) VALUES";
    const TASKS: &str = "SELECT id, timings, stage_started_ms FROM tasks WHERE id IN ({list}) ORDER BY id";
    const TIMINGS: &str = "UPDATE tasks SET timings = v.column2, waiting = NULL FROM (VALUES";
    let now = wall_ms();
    let mut checkpoints: Vec<Value> = Vec::with_capacity(done.len() * 7);
    for (claim, _) in done {
        let stage = claim.stage.as_str();
        checkpoints.extend_from_slice(args![&claim.document, claim.version, stage, -1_i64, &claim.task, now, key]);
    }
    let once = "ON CONFLICT (document, version, stage, unit) DO NOTHING";
    tx.conn().insert_many(CHECKPOINTS, 7, once, &checkpoints).await?;
    queue::complete(tx, done).await?;

    let mut timed: BTreeMap<TaskId, Timings> = BTreeMap::new();
    for some in done.chunks(LIST) {
        let tasks: Vec<TaskId> = some.iter().map(|(claim, _)| claim.task.clone()).collect();
        let (sql, values) = short_list(TASKS, &[], &tasks);
        let sql = tx.dialect().for_update(sql);
        for row in &tx.rows(sql, &values).await? {
            let mut fields = row.fields();
            let task = fields.id()?;
            timed.insert(task, Timings { stages: fields.json()?, began: fields.int_or_null()?.unwrap_or(now) });
        }
    }
    for (claim, _) in done {
        let Some(task) = timed.get_mut(&claim.task) else { return Err(lease_lost(claim)) };
        task.stages.push((claim.stage, (now - task.began).max(0) as f64 / 1000.0));
    }
    let mut values: Vec<Value> = Vec::with_capacity(timed.len() * 2);
    for (task, timings) in &timed {
        values.extend_from_slice(args![task, to_json(&timings.stages)?]);
    }
    tx.conn().insert_many(TIMINGS, 2, ") AS v WHERE tasks.id = v.column1", &values).await
}

/// The seconds each stage of a task took, and when the one under way began.
struct Timings {
    stages: Vec<(Stage, f64)>,
    began: i64,
}
