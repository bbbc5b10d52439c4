//! Tasks: what users watch, cancel and try again.

use pagemill_core::{
    Document, DocumentId, ErrorCode, Fault, Priority, Problem, ProjectId, Stage, Task, TaskId, TaskStatus, excerpt,
};
use serde_json::json;

use crate::{
    Answer, Outcome, Source, Store,
    dialect::wall_ms,
    documents,
    failure::Failure,
    ledger,
    queue::{
        self, NewJob, attempts, policy,
        stored::{self, StoredJob, job_columns},
    },
    sql::{Fields, Tx, Write, args, from_json},
    versions,
};

/// The columns [`task_of`] reads, in its order.
macro_rules! task_columns {
    () => {
        "t.id, t.document, t.project, t.recipe, t.version, t.status, t.priority, t.stage, t.units_done, \
         t.units_total, t.pages_total, t.pages_done, t.pages_unread, t.chunks, t.reused, t.error, t.waiting, \
         t.created_ms, t.started_ms, t.finished_ms, t.timings, t.ledger"
    };
}
pub(crate) use task_columns;

/// Reads the columns of `task_columns!`.
pub(crate) fn task_of(fields: &mut Fields<'_>) -> Result<Task, Failure> {
    Ok(Task {
        id: fields.id()?,
        document: fields.id()?,
        project: fields.id()?,
        recipe: fields.text()?,
        version: fields.count()?,
        status: fields.word(TaskStatus::parse)?,
        priority: Priority::from_number(fields.int()?),
        stage: fields.word(Stage::parse)?,
        units_done: fields.count()?,
        units_total: fields.count()?,
        pages_total: fields.count()?,
        pages_done: fields.count()?,
        pages_unread: fields.count()?,
        chunks: fields.count()?,
        reused: fields.count()?,
        error: fields.text_or_null()?.map(|text| from_json(&text)).transpose()?,
        waiting: fields.text_or_null()?,
        created_ms: fields.int()?,
        started_ms: fields.int_or_null()?,
        finished_ms: fields.int_or_null()?,
        timings: fields.json()?,
        ledger: fields.json()?,
    })
}

impl Store {
    /// A task of a project.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn task<'a>(&'a self, project: &'a ProjectId, id: &'a TaskId) -> Answer<'a, Option<Task>> {
        const SQL: &str = concat!("SELECT ", task_columns!(), " FROM tasks t WHERE t.project = $1 AND t.id = $2");
        self.one_task(SQL, project, id.as_str())
    }

    /// The newest task of a document.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn newest_task<'a>(&'a self, project: &'a ProjectId, document: &'a DocumentId) -> Answer<'a, Option<Task>> {
        const SQL: &str = concat!(
            "SELECT ",
            task_columns!(),
            " FROM tasks t WHERE t.project = $1 AND t.document = $2 ORDER BY t.id DESC LIMIT 1"
        );
        self.one_task(SQL, project, document.as_str())
    }

    fn one_task<'a>(&'a self, sql: &'static str, project: &'a ProjectId, id: &'a str) -> Answer<'a, Option<Task>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let row = reader.conn().row(sql, args![project, id]).await?;
            row.map(|row| task_of(&mut row.fields())).transpose()
        })
    }

    /// Stops a task: its jobs are gone at once, and a worker at one of them loses its lease.
    /// What was done stays for a later task. A task that is cancelled is returned as it is.
    ///
    /// # Errors
    /// `conflict` when the task has ended otherwise.
    pub fn cancel_task<'a>(&'a self, project: &'a ProjectId, id: &'a TaskId) -> Answer<'a, Option<Task>> {
        self.write(CancelTask { project: project.clone(), task: id.clone() })
    }

    /// Holds a task back: none of its jobs is claimed, and a worker at one of them loses it, with the unit in
    /// flight. A task that is paused is returned as it is.
    ///
    /// # Errors
    /// `conflict` when the task has ended.
    pub fn pause_task<'a>(&'a self, project: &'a ProjectId, id: &'a TaskId) -> Answer<'a, Option<Task>> {
        self.write(HoldTask { project: project.clone(), task: id.clone(), hold: true })
    }

    /// Lets a paused task go on where it was. One that is not paused is returned as it is.
    ///
    /// # Errors
    /// `conflict` when the task has ended.
    pub fn resume_task<'a>(&'a self, project: &'a ProjectId, id: &'a TaskId) -> Answer<'a, Option<Task>> {
        self.write(HoldTask { project: project.clone(), task: id.clone(), hold: false })
    }

    /// Starts a new task for the document of one that failed, was cancelled or is partial.
    ///
    /// # Errors
    /// `conflict` when the task is still at work, is completed, or is not the newest of its document.
    pub fn retry_task<'a>(&'a self, project: &'a ProjectId, id: &'a TaskId) -> Answer<'a, Option<Task>> {
        self.write(RetryTask { project: project.clone(), task: id.clone() })
    }
}

struct CancelTask {
    project: ProjectId,
    task: TaskId,
}

impl Write for CancelTask {
    type Output = Option<Task>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Task>, Failure> {
        // Jobs before tasks: everyone locks in this order.
        let mut jobs = lock_jobs(tx, &self.project, &self.task).await?;
        let Some(mut task) = lock_task(tx, &self.project, &self.task).await? else { return Ok(None) };
        if task.status == TaskStatus::Cancelled {
            return Ok(Some(task));
        }
        if task.status.is_final() {
            return Err(has_ended(&task).into());
        }
        attempts::record_taken(tx, &jobs, Outcome::Cancelled).await?;
        jobs.retain_mut(|job| job.job.cancel().is_ok());
        stored::save(tx, &jobs).await?;
        task.status = TaskStatus::Cancelled;
        task.waiting = None;
        task.finished_ms = Some(wall_ms());
        tx.execute(
            "UPDATE tasks SET status = 'cancelled', waiting = NULL, finished_ms = $2 WHERE id = $1",
            args![&self.task, task.finished_ms],
        )
        .await?;
        tx.event("task.cancelled", &self.project, Some(&self.task), Some(&task.document), &place_of(&task))?;
        Ok(Some(task))
    }
}

fn has_ended(task: &Task) -> Problem {
    let message = format!("task {} is `{}`, it has ended already", task.id, task.status.as_str());
    Problem::new(ErrorCode::Conflict, message)
}

/// How far a task has come, as its events tell it.
pub(crate) fn place_of(task: &Task) -> serde_json::Value {
    json!({ "stage": task.stage.as_str(), "units_done": task.units_done, "units_total": task.units_total })
}

/// Shows a task at the stage of a job of it that did not finish, and what it waits for. Returns the units done and in
/// all: 0 where the stage had not begun.
pub(crate) async fn halt_at(
    tx: &mut Tx<'_>,
    task: &TaskId,
    stage: Stage,
    waiting: Option<&str>,
) -> Result<(u32, u32), Failure> {
    let row = tx
        .row(
            "UPDATE tasks SET stage = $2, waiting = $3, units_done = CASE WHEN stage = $2 THEN units_done ELSE 0 END, \
             units_total = CASE WHEN stage = $2 THEN units_total ELSE 0 END WHERE id = $1 \
             RETURNING units_done, units_total",
            args![task, stage.as_str(), waiting.map(str::to_owned)],
        )
        .await?;
    let Some(row) = row else { return Ok((0, 0)) };
    let mut fields = row.fields();
    Ok((fields.count()?, fields.count()?))
}

/// The jobs of a task, held until the transaction ends.
async fn lock_jobs(tx: &mut Tx<'_>, project: &ProjectId, task: &TaskId) -> Result<Vec<StoredJob>, Failure> {
    const OF_TASK: &str = concat!("SELECT ", job_columns!(), " FROM jobs WHERE task = $1 AND project = $2 ORDER BY id");
    StoredJob::read_all(&tx.lock_rows(OF_TASK, args![task, project]).await?)
}

struct HoldTask {
    project: ProjectId,
    task: TaskId,
    hold: bool,
}

impl Write for HoldTask {
    type Output = Option<Task>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Task>, Failure> {
        let before = lock_jobs(tx, &self.project, &self.task).await?;
        let Some(mut task) = lock_task(tx, &self.project, &self.task).await? else { return Ok(None) };
        if task.status.is_final() {
            return Err(has_ended(&task).into());
        }
        if (task.status == TaskStatus::Paused) == self.hold {
            return Ok(Some(task));
        }
        let now = tx.now().await?;
        let mut jobs = before.clone();
        if self.hold {
            jobs.retain_mut(|job| job.job.pause().is_ok());
            attempts::record_taken(tx, &before, Outcome::Paused).await?;
        } else {
            jobs.retain_mut(|job| job.job.resume(now).is_ok());
        }
        stored::save(tx, &jobs).await?;
        task.status = match (self.hold, task.started_ms) {
            (true, _) => TaskStatus::Paused,
            (false, None) => TaskStatus::Queued,
            (false, Some(_)) => TaskStatus::Processing,
        };
        task.waiting = None;
        tx.execute(
            "UPDATE tasks SET status = $2, waiting = NULL WHERE id = $1",
            args![&self.task, task.status.as_str()],
        )
        .await?;
        let kind = if self.hold { "task.paused" } else { "task.resumed" };
        tx.event(kind, &self.project, Some(&self.task), Some(&task.document), &place_of(&task))?;
        tx.wake();
        Ok(Some(task))
    }
}

struct RetryTask {
    project: ProjectId,
    task: TaskId,
}

impl Write for RetryTask {
    type Output = Option<Task>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Task>, Failure> {
        let found = tx
            .row("SELECT document FROM tasks WHERE id = $1 AND project = $2", args![&self.task, &self.project])
            .await?;
        let Some(row) = found else { return Ok(None) };
        let document: DocumentId = row.fields().id()?;
        let Some(document) = documents::lock_document(tx, &self.project, &document).await? else { return Ok(None) };
        retry(tx, &document, &self.task).await
    }
}

/// Starts a new task after one of a document that is held.
pub(crate) async fn retry(tx: &mut Tx<'_>, document: &Document, task: &TaskId) -> Result<Option<Task>, Failure> {
    let Some(newest) = newest_of(tx, &document.id).await? else { return Ok(None) };
    let refusal = match newest.status {
        _ if newest.id != *task => Some("there is a newer task for this document"),
        TaskStatus::Failed | TaskStatus::Cancelled | TaskStatus::Partial => None,
        TaskStatus::Completed => Some("it is completed"),
        TaskStatus::Queued | TaskStatus::Processing | TaskStatus::Paused => Some("it has not ended yet"),
    };
    if let Some(reason) = refusal {
        let message = format!("task {task} cannot be tried again: {reason}");
        return Err(Problem::new(ErrorCode::Conflict, message).into());
    }
    let recipe = newest.recipe.clone();
    let priority = newest.priority;
    again(tx, document, &newest, &recipe, priority).await.map(Some)
}

/// A task, held until the transaction ends.
pub(crate) async fn lock_task(tx: &mut Tx<'_>, project: &ProjectId, id: &TaskId) -> Result<Option<Task>, Failure> {
    const SQL: &str = concat!("SELECT ", task_columns!(), " FROM tasks t WHERE t.project = $1 AND t.id = $2");
    tx.lock_row(SQL, args![project, id]).await?.map(|row| task_of(&mut row.fields())).transpose()
}

/// The newest task of a document.
pub(crate) async fn newest_of(tx: &mut Tx<'_>, document: &DocumentId) -> Result<Option<Task>, Failure> {
    const SQL: &str =
        concat!("SELECT ", task_columns!(), " FROM tasks t WHERE t.document = $1 ORDER BY t.id DESC LIMIT 1");
    tx.row(SQL, args![document]).await?.map(|row| task_of(&mut row.fields())).transpose()
}

/// Starts a task after one that did not end well.
///
/// A partial one has a live version, so a new version is built aside. A failed or cancelled one is
/// taken up where it stopped: the checkpoints of its version stand, except where the file was at fault.
pub(crate) async fn again(
    tx: &mut Tx<'_>,
    document: &Document,
    last: &Task,
    recipe: &str,
    priority: Priority,
) -> Result<Task, Failure> {
    // What was set aside as a dead letter is being tried again.
    let set_aside = queue::clear(tx, &document.id).await?;
    // When a stage was set aside and the rest went on without it, the pages are fine: only that stage is missing.
    let went_on = set_aside.iter().any(|stage| last.status == TaskStatus::Partial || *stage != last.stage);
    let is_read = went_on && last.error.as_ref().is_none_or(|error| error.code != ErrorCode::PagesUnread);
    if last.status == TaskStatus::Partial && document.live_version == Some(last.version) && !is_read {
        let source = Source {
            sha256: document.sha256.clone(),
            file: document.file.clone(),
            bytes: document.bytes,
            redo_from: None,
        };
        versions::begin(tx, &document.project, &document.id, last.version + 1, &source).await?;
        return start(tx, document, recipe, priority, last.version + 1, Stage::Parse).await;
    }
    let rows = tx
        .rows(
            "SELECT stage FROM checkpoints WHERE document = $1 AND version = $2 AND unit = -1",
            args![&document.id, last.version],
        )
        .await?;
    let done = rows.iter().map(|row| row.fields().word(Stage::parse)).collect::<Result<Vec<_>, _>>()?;
    let failed = last.error.as_ref().filter(|_| !is_read).map(|error| (last.stage, error.code.fault()));
    let stage = policy::resume_stage(&done, failed);
    // Units of a stage that was interrupted stand. After a fault of the file they stand as well when they are kept
    // under a key and no page was lost or left out (it was a limit on the whole, or the next page); else it is looked at afresh.
    let least = if matches!(failed, Some((_, Fault::Input))) { -1 } else { i64::from(u32::MAX) };
    for open in Stage::ALL.into_iter().filter(|open| *open >= stage) {
        tx.execute(
            "DELETE FROM checkpoints WHERE document = $1 AND version = $2 AND stage = $3 AND (unit = -1 \
             OR (unit > $4 AND (key = '' OR EXISTS (SELECT 1 FROM pages p \
             WHERE p.document = $1 AND p.version = $2 AND p.source IN ('failed', 'skipped')))))",
            args![&document.id, last.version, open.as_str(), least],
        )
        .await?;
    }
    let mut task = start(tx, document, recipe, priority, last.version, stage).await?;
    ledger::take_stock(tx, &mut task).await?;
    Ok(task)
}

/// Makes a task with its first job, and tells of it.
pub(crate) async fn start(
    tx: &mut Tx<'_>,
    document: &Document,
    recipe: &str,
    priority: Priority,
    version: u32,
    stage: Stage,
) -> Result<Task, Failure> {
    let mut task = Task {
        id: TaskId::new(),
        document: document.id.clone(),
        project: document.project.clone(),
        recipe: recipe.to_owned(),
        version,
        status: TaskStatus::Queued,
        priority,
        stage,
        units_done: 0,
        units_total: 0,
        pages_total: if stage == Stage::Parse { 0 } else { document.info.pages },
        pages_done: 0,
        pages_unread: 0,
        chunks: 0,
        reused: 0,
        error: None,
        waiting: None,
        created_ms: wall_ms(),
        started_ms: None,
        finished_ms: None,
        timings: Vec::new(),
        ledger: Vec::new(),
    };
    let turn = queue::next_turn(tx, &document.project).await?;
    let inserted = tx
        .row(
            "INSERT INTO tasks (id, document, project, recipe, version, status, priority, turn, stage, units_done, \
         units_total, pages_total, pages_done, pages_unread, chunks, reused, created_ms, timings) \
         VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7, $8, 0, 0, $9, \
         (SELECT COUNT(*) FROM pages WHERE document = $2 AND version = $5 \
         AND COALESCE(reason, '') <> 'ocr_pending'), \
         (SELECT COUNT(*) FROM pages WHERE document = $2 AND version = $5 AND source IN ('skipped', 'failed') \
         AND COALESCE(reason, '') <> 'ocr_pending'), \
         (SELECT COUNT(*) FROM chunks WHERE document = $2 AND version = $5), 0, $10, '[]') \
         RETURNING pages_done, pages_unread, chunks",
            args![
                &task.id,
                &document.id,
                &document.project,
                recipe,
                version,
                priority as u32,
                turn,
                stage.as_str(),
                task.pages_total,
                task.created_ms,
            ],
        )
        .await?;
    if let Some(row) = inserted {
        let mut fields = row.fields();
        (task.pages_done, task.pages_unread, task.chunks) = (fields.count()?, fields.count()?, fields.count()?);
    }
    queue::enqueue(tx, &NewJob::of_task(&task, turn, stage)).await?;
    let data = json!({ "file": excerpt(&document.file, 255), "recipe": recipe, "stage": stage.as_str() });
    tx.event("task.queued", &document.project, Some(&task.id), Some(&document.id), &data)?;
    Ok(task)
}
