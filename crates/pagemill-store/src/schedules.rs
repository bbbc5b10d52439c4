//! Work that is done at intervals: who has it, when it was done last, and what came of it; and the sweeps themselves.
//!
//! One process at a time has a schedule, for as long as it said it would need. Its fence rises with each run, so that
//! one that took longer writes nothing over the next. Sweeps go in small steps, and are safe to do twice.

use std::{collections::BTreeMap, time::Duration};

use pagemill_core::{ErrorCode, Problem};

use crate::{
    Answer, Blobs, Store,
    dialect::{Dialect, wall_ms},
    failure::Failure,
    removal,
    sql::{Tx, Write, args, to_json},
};

/// Rows removed in one transaction.
const ROWS_AT_ONCE: u32 = 1000;

/// A schedule as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleState {
    /// Its name.
    pub name: String,
    /// How often it was begun.
    pub runs: i64,
    /// Whether a process has it just now.
    pub is_running: bool,
    /// When it was done last, milliseconds since 1970.
    pub last_ms: Option<i64>,
    /// How long that took.
    pub last_took_ms: Option<i64>,
    /// What came of it.
    pub last_result: Option<serde_json::Value>,
    /// Why it came to nothing.
    pub last_error: Option<String>,
    /// When it is due, milliseconds since 1970.
    pub next_ms: i64,
}

/// A run of a schedule that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRun {
    /// The schedule.
    pub name: String,
    /// Rises with each run.
    pub fence: i64,
}

impl Store {
    /// Makes the schedules known that are not yet; each is due when its period has passed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn know_schedules<'a>(&'a self, periods: &'a [(&'a str, Duration)]) -> Answer<'a, ()> {
        let periods = periods.iter().map(|(name, period)| ((*name).to_owned(), millis(*period))).collect();
        self.write(KnowSchedules(periods))
    }

    /// Every schedule, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn schedules<'a>(&'a self) -> Answer<'a, Vec<ScheduleState>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut conn = reader.conn();
            let now = self.clock().now(&mut conn).await?;
            let rows = conn
                .rows(
                    "SELECT name, fence, running_until, last_ms, last_took_ms, last_result, last_error, next_ms \
                     FROM schedules ORDER BY name",
                    &[],
                )
                .await?;
            rows.iter()
                .map(|row| {
                    let mut fields = row.fields();
                    Ok(ScheduleState {
                        name: fields.text()?,
                        runs: fields.int()?,
                        is_running: fields.int_or_null()?.is_some_and(|until| until > now),
                        last_ms: fields.int_or_null()?,
                        last_took_ms: fields.int_or_null()?,
                        last_result: fields.text_or_null()?.map(|text| crate::sql::from_json(&text)).transpose()?,
                        last_error: fields.text_or_null()?,
                        next_ms: fields.int()?,
                    })
                })
                .collect()
        })
    }

    /// Takes a schedule, for `hold` at most. `None` when another process has it, or, unless `at_once`, it is not due.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn begin_schedule<'a>(
        &'a self,
        name: &'a str,
        period: Duration,
        hold: Duration,
        at_once: bool,
    ) -> Answer<'a, Option<ScheduleRun>> {
        self.write(BeginSchedule { name: name.to_owned(), period: millis(period), hold: millis(hold), at_once })
    }

    /// Writes down what came of a run and when the next is due.
    ///
    /// # Errors
    /// `lease_lost` when another run has begun since.
    pub fn end_schedule<'a>(
        &'a self,
        run: &'a ScheduleRun,
        result: &'a Result<serde_json::Value, Problem>,
        took: Duration,
        period: Duration,
    ) -> Answer<'a, ()> {
        let (result, error) = match result {
            Ok(value) => (to_json(value).map(Some), None),
            Err(problem) => (Ok(None), Some(format!("{}: {}", problem.code, problem.message))),
        };
        let (run, took, period) = (run.clone(), millis(took), millis(period));
        self.write_made(result.map(|result| EndSchedule { run, result, error, took, period }))
    }

    /// Marks files that no document is made from, and that came before a time (milliseconds since 1970), for removal;
    /// then removes what is marked. Younger ones may belong to an upload that is just coming in. Returns how many went.
    ///
    /// # Errors
    /// When the database or the files do not answer.
    pub fn sweep_blobs<'a>(&'a self, blobs: &'a Blobs, before_ms: i64) -> Answer<'a, u32> {
        Box::pin(async move {
            let old: Vec<String> = blobs
                .list()
                .await?
                .into_iter()
                .filter(|blob| blob.modified_ms < before_ms)
                .map(|blob| blob.sha256)
                .collect();
            let used = self.blobs_in_use(&old).await?;
            for sha256 in old.into_iter().filter(|sha256| !used.contains(sha256)) {
                self.write(ReleaseBlob(sha256)).await?;
            }
            let mut removed = 0;
            loop {
                let now = self.remove_unused_blobs(blobs).await?;
                removed += now;
                if now == 0 {
                    return Ok(removed);
                }
            }
        })
    }

    /// Removes tasks that ended before a time (milliseconds since 1970), but keeps the newest of each document and those with a dead
    /// letter; returns how many went.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn sweep_tasks<'a>(&'a self, before_ms: i64) -> Answer<'a, u64> {
        const TASKS: &str = "DELETE FROM tasks WHERE id IN (SELECT t.id FROM tasks t WHERE t.finished_ms < $1 \
                             AND EXISTS (SELECT 1 FROM tasks n WHERE n.document = t.document AND n.id > t.id) \
                             AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.task = t.id) ORDER BY t.finished_ms LIMIT 0 + $2)";
        // Attempts go after their tasks; what a kill leaves of them goes the next time.
        const ATTEMPTS: &str = "DELETE FROM attempts WHERE task IN (SELECT DISTINCT a.task FROM attempts a \
                                WHERE a.ended_ms < $1 AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = a.task) LIMIT 0 + $2)";
        Box::pin(async move {
            let removed = self.sweep(TASKS, before_ms).await?;
            self.sweep(ATTEMPTS, before_ms).await?;
            Ok(removed)
        })
    }

    fn sweep(&self, sql: &'static str, before_ms: i64) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut removed = 0;
            loop {
                match self.write(Sweep { sql, before_ms }).await? {
                    0 => return Ok(removed),
                    now => removed += now,
                }
            }
        })
    }

    /// Removes vectors that no chunk uses; returns how many went.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn sweep_vectors<'a>(&'a self) -> Answer<'a, u64> {
        Box::pin(async move {
            let mut removed = 0;
            loop {
                match self.write(SweepVectors).await? {
                    0 => return Ok(removed),
                    now => removed += now,
                }
            }
        })
    }

    /// Has the database count anew what its plans for queries rest on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn renew_statistics<'a>(&'a self) -> Answer<'a, ()> {
        self.write(RenewStatistics)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

struct KnowSchedules(Vec<(String, i64)>);

impl Write for KnowSchedules {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let now = wall_ms();
        for (name, period) in &self.0 {
            tx.execute(
                "INSERT INTO schedules (name, fence, next_ms) VALUES ($1, 0, $2) ON CONFLICT (name) DO NOTHING",
                args![name, now.saturating_add(*period)],
            )
            .await?;
        }
        Ok(())
    }
}

struct BeginSchedule {
    name: String,
    period: i64,
    hold: i64,
    at_once: bool,
}

impl Write for BeginSchedule {
    type Output = Option<ScheduleRun>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<ScheduleRun>, Failure> {
        let sql = "SELECT fence, running_until, next_ms FROM schedules WHERE name = $1";
        let Some(row) = tx.lock_row(sql, args![&self.name]).await? else { return Ok(None) };
        let mut fields = row.fields();
        let (fence, running_until, next) = (fields.int()? + 1, fields.int_or_null()?, fields.int()?);
        let (now, wall) = (tx.now().await?, wall_ms());
        // Due further off than one period: the clock of the day was set back.
        let is_due = next <= wall || next > wall.saturating_add(self.period);
        if running_until.is_some_and(|until| until > now) || !(is_due || self.at_once) {
            return Ok(None);
        }
        tx.execute(
            "UPDATE schedules SET fence = $2, running_until = $3 WHERE name = $1",
            args![&self.name, fence, now.saturating_add(self.hold)],
        )
        .await?;
        Ok(Some(ScheduleRun { name: self.name.clone(), fence }))
    }
}

struct EndSchedule {
    run: ScheduleRun,
    result: Option<String>,
    error: Option<String>,
    took: i64,
    period: i64,
}

impl Write for EndSchedule {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let now = wall_ms();
        let written = tx
            .execute(
                "UPDATE schedules SET running_until = NULL, last_ms = $3, last_took_ms = $4, last_result = $5, \
                 last_error = $6, next_ms = $7 WHERE name = $1 AND fence = $2",
                args![
                    &self.run.name,
                    self.run.fence,
                    now,
                    self.took,
                    self.result.clone(),
                    self.error.clone(),
                    now.saturating_add(self.period),
                ],
            )
            .await?;
        if written == 1 {
            return Ok(());
        }
        let message = format!("the schedule `{}` has been begun again meanwhile", self.run.name);
        Err(Problem::new(ErrorCode::LeaseLost, message).into())
    }
}

struct ReleaseBlob(String);

impl Write for ReleaseBlob {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        removal::release_blob(tx, &self.0).await.map(drop)
    }
}

struct Sweep {
    sql: &'static str,
    before_ms: i64,
}

impl Write for Sweep {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Failure> {
        tx.execute(self.sql, args![self.before_ms, ROWS_AT_ONCE]).await
    }
}

struct SweepVectors;

impl Write for SweepVectors {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Failure> {
        let rows = tx
            .rows(
                "SELECT v.model, v.hash FROM vectors v WHERE NOT EXISTS \
                 (SELECT 1 FROM embeddings e WHERE e.model = v.model AND e.hash = v.hash) \
                 ORDER BY v.model, v.hash LIMIT 0 + $1",
                args![ROWS_AT_ONCE],
            )
            .await?;
        let mut unused: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &rows {
            let mut fields = row.fields();
            unused.entry(fields.text()?).or_default().push(fields.text()?);
        }
        removal::remove_unused_vectors(tx, &unused).await
    }
}

struct RenewStatistics;

impl Write for RenewStatistics {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let sql = match tx.dialect() {
            // Looks at a part of each index, and only where it has changed much.
            Dialect::Sqlite => "PRAGMA analysis_limit = 400; PRAGMA optimize",
            Dialect::Postgres => "ANALYZE",
        };
        tx.conn().batch(sql).await
    }
}
