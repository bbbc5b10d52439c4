//! Dead letters: jobs that were set aside, kept with all that is needed to understand and to try them again.
//!
//! Three crashes or errors set a job aside, and a fault of the file does so at once. The latter is tried again as its
//! task is: by a new one, which looks at the file afresh.

use pagemill_core::{DocumentId, ErrorCode, Fault, JobId, Problem, ProjectId, Stage, TaskStatus, queue::JobState};
use serde_json::json;

use super::{
    attempts::attempts_of,
    stored::{self, StoredJob, job_columns},
};
use crate::{
    Answer, DeadLetter, DeadLetterKind, Store, documents,
    failure::Failure,
    sql::{Conn, Tx, Write, args},
    task_lists::code_pattern,
    tasks,
};

impl Store {
    /// Dead letters of a project, oldest first, behind a given one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn dead_letters<'a>(
        &'a self,
        project: &'a ProjectId,
        kind: &'a DeadLetterKind,
        after: Option<&'a JobId>,
        limit: u32,
    ) -> Answer<'a, Vec<DeadLetter>> {
        const OF_KIND: &str = concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE project = $1 AND state = 'dead' AND id > $2 AND ($3 = '' OR stage = $3) \
             AND ($4 = '' OR error LIKE $4) ORDER BY id LIMIT 0 + $5"
        );
        self.answer(async move {
            let after = after.map_or("", JobId::as_str);
            let stage = kind.stage.map_or("", Stage::as_str);
            let code = code_pattern(kind.code);
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let rows = conn.rows(OF_KIND, args![project, after, stage, code, limit]).await?;
            let mut letters = Vec::with_capacity(rows.len());
            for job in StoredJob::read_all(&rows)? {
                letters.push(letter_of(&mut conn, job).await?);
            }
            Ok(letters)
        })
    }

    /// The newest dead letters of a project, newest first, and how many older ones there are of the kind.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn newest_dead_letters<'a>(
        &'a self,
        project: &'a ProjectId,
        kind: &'a DeadLetterKind,
        limit: u32,
    ) -> Answer<'a, (Vec<DeadLetter>, u64)> {
        const NEWEST: &str = concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE project = $1 AND state = 'dead' AND ($2 = '' OR stage = $2) \
             AND ($3 = '' OR error LIKE $3) ORDER BY id DESC LIMIT 0 + $4"
        );
        const COUNT: &str = "SELECT COUNT(*) FROM jobs WHERE project = $1 AND state = 'dead' \
                             AND ($2 = '' OR stage = $2) AND ($3 = '' OR error LIKE $3)";
        self.answer(async move {
            let (stage, code) = (kind.stage.map_or("", Stage::as_str), code_pattern(kind.code));
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let rows = conn.rows(NEWEST, args![project, stage, code.as_str(), limit]).await?;
            let mut letters = Vec::with_capacity(rows.len());
            for job in StoredJob::read_all(&rows)? {
                letters.push(letter_of(&mut conn, job).await?);
            }
            let counted = conn.row(COUNT, args![project, stage, code]).await?;
            let all: u64 = counted.map_or(Ok(0), |row| row.fields().count())?;
            let more = all.saturating_sub(letters.len() as u64);
            Ok((letters, more))
        })
    }

    /// One dead letter of a project.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn dead_letter<'a>(&'a self, project: &'a ProjectId, job: &'a JobId) -> Answer<'a, Option<DeadLetter>> {
        const ONE: &str =
            concat!("SELECT ", job_columns!(), " FROM jobs WHERE project = $1 AND id = $2 AND state = 'dead'");
        self.answer(async move {
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let Some(row) = conn.row(ONE, args![project, job]).await? else { return Ok(None) };
            letter_of(&mut conn, StoredJob::read(&row)?).await.map(Some)
        })
    }

    /// Tries a dead letter again, with a clean slate; its task is at work again, or a new one where the file was at
    /// fault. Returns whether there was one.
    ///
    /// # Errors
    /// `conflict` while its task goes on without it.
    pub fn replay_dead_letter<'a>(&'a self, project: &'a ProjectId, job: &'a JobId) -> Answer<'a, bool> {
        self.write(Settle { project: project.clone(), job: job.clone(), fate: Fate::Replay })
    }

    /// Throws a dead letter away; its task stays as it ended. Returns whether there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn discard_dead_letter<'a>(&'a self, project: &'a ProjectId, job: &'a JobId) -> Answer<'a, bool> {
        self.write(Settle { project: project.clone(), job: job.clone(), fate: Fate::Discard })
    }
}

/// A dead letter, with what is known of its attempts and its document.
async fn letter_of(conn: &mut Conn<'_>, job: StoredJob) -> Result<DeadLetter, Failure> {
    let row = conn.row("SELECT file FROM documents WHERE id = $1", args![&job.document]).await?;
    let file = row.map(|row| row.text()).transpose()?.unwrap_or_default();
    let mut attempts = attempts_of(conn, &job.task).await?;
    attempts.retain(|attempt| attempt.job == job.id);
    Ok(DeadLetter {
        job: job.id,
        task: job.task,
        document: job.document,
        file,
        stage: job.stage,
        unit: job.unit,
        version: job.version,
        recipe: job.recipe,
        priority: job.priority,
        attempts_spent: job.job.attempt,
        crashes: job.job.crashes,
        error: job.error,
        died_ms: job.died_ms.unwrap_or(0),
        attempts,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Replay,
    Discard,
}

struct Settle {
    project: ProjectId,
    job: JobId,
    fate: Fate,
}

impl Write for Settle {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Failure> {
        const ONE: &str = concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = $1 AND project = $2");
        let of_job = "SELECT document FROM jobs WHERE id = $1 AND project = $2 AND state = 'dead'";
        let Some(row) = tx.row(of_job, args![&self.job, &self.project]).await? else { return Ok(false) };
        let document: DocumentId = row.fields().id()?;
        let Some(document) = documents::lock_document(tx, &self.project, &document).await? else { return Ok(false) };
        let Some(row) = tx.lock_row(ONE, args![&self.job, &self.project]).await? else { return Ok(false) };
        let mut job = StoredJob::read(&row)?;
        if job.job.state != JobState::Dead {
            return Ok(false);
        }
        let Some(task) = tasks::lock_task(tx, &self.project, &job.task).await? else { return Ok(false) };
        if self.fate == Fate::Discard {
            if job.job.cancel().is_ok() {
                stored::save(tx, &[job]).await?;
            }
            return Ok(true);
        }
        if !task.status.is_final() {
            let message =
                format!("the task {} of job {} goes on without it; try again when it has ended", task.id, job.id);
            return Err(Problem::new(ErrorCode::Conflict, message).into());
        }
        let fault = job.error.as_ref().map(|error| error.code.fault());
        if task.status == TaskStatus::Failed && task.stage == job.stage && fault == Some(Fault::Input) {
            return Ok(tasks::retry(tx, &document, &task.id).await?.is_some());
        }
        if job.job.replay().is_err() {
            return Ok(false);
        }
        (job.error, job.died_ms) = (None, None);
        stored::save(tx, std::slice::from_ref(&job)).await?;
        let sql = "UPDATE tasks SET status = $2, stage = $3, error = NULL, waiting = NULL, finished_ms = NULL \
                   WHERE id = $1";
        tx.execute(sql, args![&task.id, TaskStatus::Queued.as_str(), job.stage.as_str()]).await?;
        let data = json!({ "stage": job.stage.as_str(), "replayed": job.id.as_str() });
        tx.event("task.queued", &self.project, Some(&task.id), Some(&document.id), &data)?;
        Ok(true)
    }
}
