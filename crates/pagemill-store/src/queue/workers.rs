//! The register of workers: what each process that takes jobs last said of itself.

use pagemill_core::{Queue, WorkerId};

use crate::{
    Answer, Store, WorkerJob, WorkerReport, WorkerState,
    dialect::wall_ms,
    failure::Failure,
    sql::{Tx, Write, args, to_json},
};

/// Workers that have been silent for so long are forgotten, in milliseconds.
const FORGOTTEN: i64 = 24 * 3_600_000;

impl Store {
    /// Writes down what a worker says of itself: at its start and with every heart-beat.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn report_worker<'a>(&'a self, report: &WorkerReport) -> Answer<'a, ()> {
        self.write(Report(report.clone()))
    }

    /// Takes a worker that has stopped out of the register.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn forget_worker<'a>(&'a self, worker: &WorkerId) -> Answer<'a, ()> {
        self.write(Forget(worker.clone()))
    }

    /// Every worker that was heard of within a day, the oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn workers<'a>(&'a self) -> Answer<'a, Vec<WorkerState>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut conn = reader.conn();
            let now = self.clock().now(&mut conn).await?;
            let sql = "SELECT id, host, pid, version, places, started_ms, memory_bytes, held_back, jobs, seen_ms, \
                       seen_at FROM workers ORDER BY started_ms, id";
            let rows = conn.rows(sql, &[]).await?;
            rows.iter()
                .map(|row| {
                    let mut fields = row.fields();
                    let report = WorkerReport {
                        id: fields.id()?,
                        host: fields.text()?,
                        pid: fields.count()?,
                        version: fields.text()?,
                        places: fields.json()?,
                        started_ms: fields.int()?,
                        memory_bytes: fields.count()?,
                        held_back: fields.text_or_null()?,
                        jobs: fields.json()?,
                    };
                    let seen_ms = fields.int()?;
                    let silent_ms = (now - fields.int()?).max(0);
                    Ok(WorkerState { report, seen_ms, silent_ms })
                })
                .collect::<Result<Vec<_>, Failure>>()
        })
    }
}

struct Report(WorkerReport);

impl Write for Report {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self(report) = self;
        let now = tx.now().await?;
        let (places, jobs): (&Vec<(Queue, u32)>, &Vec<WorkerJob>) = (&report.places, &report.jobs);
        tx.execute(
            "INSERT INTO workers (id, host, pid, version, places, started_ms, memory_bytes, held_back, jobs, seen_ms, \
             seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE SET \
             places = EXCLUDED.places, memory_bytes = EXCLUDED.memory_bytes, held_back = EXCLUDED.held_back, \
             jobs = EXCLUDED.jobs, seen_ms = EXCLUDED.seen_ms, seen_at = EXCLUDED.seen_at",
            args![
                &report.id,
                report.host.as_str(),
                report.pid,
                report.version.as_str(),
                to_json(places)?,
                report.started_ms,
                i64::try_from(report.memory_bytes).unwrap_or(i64::MAX),
                report.held_back.clone(),
                to_json(jobs)?,
                wall_ms(),
                now,
            ],
        )
        .await?;
        tx.execute("DELETE FROM workers WHERE seen_at < $1", args![now - FORGOTTEN]).await.map(drop)
    }
}

struct Forget(WorkerId);

impl Write for Forget {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        tx.execute("DELETE FROM workers WHERE id = $1", args![&self.0]).await.map(drop)
    }
}
