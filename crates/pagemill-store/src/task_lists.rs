//! Many tasks at once: lists by what they have in common, and figures over those that ended.

use pagemill_core::{DocumentId, ErrorCode, Problem, ProjectId, Stage, Task, TaskId, TaskStatus};

use crate::{
    Answer, FinishedTask, Store, TaskFilter,
    failure::Failure,
    sql::{Row, args},
    tasks::{task_columns, task_of},
};

/// What is asked of the tasks that a filter lets through; their numbers are those of [`chosen_args`].
macro_rules! chosen {
    ($what:expr, $status:literal, $order:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM tasks t WHERE t.project = $1 AND t.id > $2 AND ",
            // Only with the status in the condition does its index serve.
            $status,
            " AND ($4 = '' OR t.stage = $4) AND ($5 = '' OR t.recipe = $5) AND ($6 = '' OR t.document = $6) \
             AND ($7 = '' OR t.error LIKE $7) AND t.created_ms >= $8 AND t.created_ms < $9",
            $order
        )
    };
}

macro_rules! chosen_args {
    ($project:expr, $after:expr, $filter:expr, $code:expr $(, $limit:expr)?) => {
        args![
            $project,
            $after.map_or("", TaskId::as_str),
            $filter.status.map_or("", TaskStatus::as_str),
            $filter.stage.map_or("", Stage::as_str),
            $filter.recipe.as_deref().unwrap_or_default(),
            $filter.document.as_ref().map_or("", DocumentId::as_str),
            $code.as_str(),
            $filter.created_from_ms.unwrap_or(i64::MIN),
            $filter.created_to_ms.unwrap_or(i64::MAX),
            $($limit,)?
        ]
    };
}

/// What errors with a code are like, or nothing for all: they are stored as JSON that begins with their code.
pub(crate) fn code_pattern(code: Option<ErrorCode>) -> String {
    code.map_or_else(String::new, |code| format!("{{\"code\":\"{code}\",%"))
}

impl Store {
    /// Tasks of a project in the order they were made, after a given one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn tasks<'a>(
        &'a self,
        project: &'a ProjectId,
        status: Option<TaskStatus>,
        after: Option<&'a TaskId>,
        limit: u32,
    ) -> Answer<'a, Vec<Task>> {
        Box::pin(
            async move { self.tasks_of(project, &TaskFilter { status, ..TaskFilter::default() }, after, limit).await },
        )
    }

    /// Tasks of a project that a filter lets through, in the order they were made, after a given one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn tasks_of<'a>(
        &'a self,
        project: &'a ProjectId,
        filter: &'a TaskFilter,
        after: Option<&'a TaskId>,
        limit: u32,
    ) -> Answer<'a, Vec<Task>> {
        const ALL: &str = chosen!(task_columns!(), "($3 = '' OR t.status = $3)", " ORDER BY t.id LIMIT 0 + $10");
        const OF_STATUS: &str = chosen!(task_columns!(), "t.status = $3", " ORDER BY t.id LIMIT 0 + $10");
        self.answer(async move {
            let code = code_pattern(filter.code);
            let sql = if filter.status.is_some() { OF_STATUS } else { ALL };
            let mut reader = self.reader().await?;
            let rows = reader.conn().rows(sql, chosen_args!(project, after, filter, code, limit)).await?;
            rows.iter().map(|row| task_of(&mut row.fields())).collect::<Result<Vec<_>, Failure>>()
        })
    }

    /// The newest tasks of a project that a filter lets through, newest first, and how many older ones it does.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn newest_tasks_of<'a>(
        &'a self,
        project: &'a ProjectId,
        filter: &'a TaskFilter,
        limit: u32,
    ) -> Answer<'a, (Vec<Task>, u64)> {
        const ALL: [&str; 2] = [
            chosen!(task_columns!(), "($3 = '' OR t.status = $3)", " ORDER BY t.id DESC LIMIT 0 + $10"),
            chosen!("COUNT(*)", "($3 = '' OR t.status = $3)", ""),
        ];
        const OF_STATUS: [&str; 2] = [
            chosen!(task_columns!(), "t.status = $3", " ORDER BY t.id DESC LIMIT 0 + $10"),
            chosen!("COUNT(*)", "t.status = $3", ""),
        ];
        self.answer(async move {
            let (code, after) = (code_pattern(filter.code), None::<&TaskId>);
            let [list, count] = if filter.status.is_some() { OF_STATUS } else { ALL };
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let rows = conn.rows(list, chosen_args!(project, after, filter, code, limit)).await?;
            let tasks = rows.iter().map(|row| task_of(&mut row.fields())).collect::<Result<Vec<_>, Failure>>()?;
            let counted = conn.row(count, chosen_args!(project, after, filter, code)).await?;
            let all: u64 = counted.map_or(Ok(0), |row| row.fields().count())?;
            let more = all.saturating_sub(tasks.len() as u64);
            Ok((tasks, more))
        })
    }

    /// The tasks of all projects that ended last, newest first: what estimates are made from.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn last_finished<'a>(&'a self, limit: u32) -> Answer<'a, Vec<FinishedTask>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows(
                    "SELECT status, pages_total, timings, created_ms, started_ms, finished_ms FROM tasks \
                     WHERE finished_ms IS NOT NULL ORDER BY finished_ms DESC LIMIT 0 + $1",
                    args![limit],
                )
                .await?;
            rows.iter().map(finished_of).collect()
        })
    }

    /// The tasks of a project that ended last, and how many there are by recipe and status.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn task_counts<'a>(&'a self, project: &'a ProjectId) -> Answer<'a, Vec<(String, TaskStatus, u64)>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let sql = "SELECT recipe, status, COUNT(*) FROM tasks WHERE project = $1 GROUP BY recipe, status \
                       ORDER BY recipe, status";
            let rows = reader.conn().rows(sql, args![project]).await?;
            rows.iter()
                .map(|row| {
                    let mut fields = row.fields();
                    Ok((fields.text()?, fields.word(TaskStatus::parse)?, fields.count()?))
                })
                .collect::<Result<Vec<_>, Failure>>()
        })
    }

    /// The tasks of a project that ended last, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn last_finished_of<'a>(&'a self, project: &'a ProjectId, limit: u32) -> Answer<'a, Vec<FinishedTask>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows(
                    "SELECT status, pages_total, timings, created_ms, started_ms, finished_ms FROM tasks \
                     WHERE project = $1 AND finished_ms IS NOT NULL ORDER BY finished_ms DESC LIMIT 0 + $2",
                    args![project, limit],
                )
                .await?;
            rows.iter().map(finished_of).collect()
        })
    }
}

fn finished_of(row: &Row) -> Result<FinishedTask, Failure> {
    let mut fields = row.fields();
    Ok(FinishedTask {
        status: fields.word(TaskStatus::parse)?,
        pages: fields.count()?,
        timings: fields.json()?,
        created_ms: fields.int()?,
        started_ms: fields.int_or_null()?,
        finished_ms: fields.int()?,
    })
}

/// A filter that lets everything through would be a mistake where tasks are changed.
impl TaskFilter {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The filter, if it asks for something.
    ///
    /// # Errors
    /// `invalid_request` when it does not.
    pub fn not_empty(&self) -> Result<&Self, Problem> {
        if self.is_empty() {
            let message = "say which tasks: by status, stage, recipe, document, error code or time";
            return Err(Problem::new(ErrorCode::InvalidRequest, message));
        }
        Ok(self)
    }
}
