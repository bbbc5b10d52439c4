//! Jobs between their rows and the state machine: read whole, changed by the machine, written whole.

use pagemill_core::{
    DocumentId, JobId, Priority, ProjectId, Stage, TaskError, TaskId, WorkerId,
    queue::{Job, JobState, Lease},
};

use crate::{
    Claim,
    failure::Failure,
    sql::{LIST, Row, Tx, Value, args, from_json, short_list, to_json},
};

/// The columns [`StoredJob::read`] reads, in its order.
macro_rules! job_columns {
    () => {
        "id, state, fence, attempt, crashes, run_at, worker, lease_until, task, document, project, stage, unit, \
         version, recipe, priority, turn, error, claimed_ms, died_ms"
    };
}
pub(crate) use job_columns;

/// A row of `jobs`.
#[derive(Clone, Debug)]
pub(crate) struct StoredJob {
    pub(crate) id: JobId,
    pub(crate) job: Job,
    pub(crate) task: TaskId,
    pub(crate) document: DocumentId,
    pub(crate) project: ProjectId,
    pub(crate) stage: Stage,
    pub(crate) unit: u32,
    pub(crate) version: u32,
    pub(crate) recipe: String,
    pub(crate) priority: Priority,
    pub(crate) turn: i64,
    /// What went wrong last.
    pub(crate) error: Option<TaskError>,
    /// When it was claimed last, by the time of day.
    pub(crate) claimed_ms: Option<i64>,
    /// When it became a dead letter.
    pub(crate) died_ms: Option<i64>,
}

impl StoredJob {
    pub(crate) fn read(row: &Row) -> Result<Self, Failure> {
        let mut fields = row.fields();
        let id = fields.id()?;
        let state = fields.word(JobState::parse)?;
        let fence = fields.int()?;
        let (attempt, crashes) = (fields.count()?, fields.count()?);
        let run_at = fields.int()?;
        let worker: Option<WorkerId> = fields.id_or_null()?;
        let until = fields.int_or_null()?;
        let lease = worker.zip(until).map(|(worker, until)| Lease { worker, until });
        Ok(Self {
            id,
            job: Job { state, fence, attempt, crashes, run_at, lease },
            task: fields.id()?,
            document: fields.id()?,
            project: fields.id()?,
            stage: fields.word(Stage::parse)?,
            unit: fields.count()?,
            version: fields.count()?,
            recipe: fields.text()?,
            priority: Priority::from_number(fields.int()?),
            turn: fields.int()?,
            error: fields.text_or_null()?.map(|text| from_json(&text)).transpose()?,
            claimed_ms: fields.int_or_null()?,
            died_ms: fields.int_or_null()?,
        })
    }

    pub(crate) fn read_all(rows: &[Row]) -> Result<Vec<Self>, Failure> {
        rows.iter().map(Self::read).collect()
    }

    /// The claim its holder is given.
    pub(crate) fn claim(&self, worker: &WorkerId) -> Claim {
        Claim {
            job: self.id.clone(),
            fence: self.job.fence,
            worker: worker.clone(),
            task: self.task.clone(),
            document: self.document.clone(),
            project: self.project.clone(),
            stage: self.stage,
            unit: self.unit,
            version: self.version,
            attempt: self.job.attempt,
            crashes: self.job.crashes,
            recipe: self.recipe.clone(),
            priority: self.priority,
        }
    }
}

/// Writes what jobs have become. Whoever calls holds their rows.
pub(crate) async fn save(tx: &mut Tx<'_>, jobs: &[StoredJob]) -> Result<(), Failure> {
    if jobs.iter().any(|job| job.job.state != JobState::Leased) {
        // One that is ready can be taken; one that ended or waits leaves room in its queue.
        tx.wake();
    }
    let (done, kept): (Vec<_>, Vec<_>) = jobs.iter().partition(|job| job.job.state == JobState::Done);
    let done: Vec<JobId> = done.into_iter().map(|job| job.id.clone()).collect();
    for some in done.chunks(LIST) {
        let (sql, values) = short_list("DELETE FROM jobs WHERE id IN ({list})", &[], some);
        tx.execute(sql, &values).await?;
    }
    if kept.is_empty() {
        return Ok(());
    }
    let mut values: Vec<Value> = Vec::with_capacity(kept.len() * 11);
    for StoredJob { id, job, error, claimed_ms, died_ms, .. } in kept {
        values.extend_from_slice(args![
            id,
            job.state.as_str(),
            job.fence,
            job.attempt,
            job.crashes,
            job.run_at,
            job.lease.as_ref().map(|lease| lease.worker.to_string()),
            job.lease.as_ref().map(|lease| lease.until),
            error.as_ref().map(to_json).transpose()?,
            *claimed_ms,
            *died_ms,
        ]);
    }
    // Both databases call the columns of a list of values by these names.
    const HEAD: &str = "UPDATE jobs SET state = v.column2, fence = v.column3, attempt = v.column4, \
                        crashes = v.column5, run_at = v.column6, worker = v.column7, lease_until = v.column8, \
                        error = v.column9, claimed_ms = v.column10, died_ms = v.column11 FROM (VALUES";
    tx.conn().insert_many(HEAD, 11, ") AS v WHERE jobs.id = v.column1", &values).await
}
