//! Tasks: what is being done, and how far it is.

use std::time::Duration;

use axum::{Json, extract::State};
use pagemill_core::{TaskId, TaskStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Faces,
    extract::{Address, Params, list_limit},
    problem::ApiError,
};
use crate::library::views::TaskView;

/// The longest a request waits for the end of a task, in seconds.
const LONGEST_WAIT: u64 = 60;

/// Which tasks.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ListTasks {
    /// Only tasks of this status.
    #[param(value_type = Option<String>)]
    status: Option<TaskStatus>,
    /// Only tasks that come after this one: the `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<TaskId>,
    /// How many, 1 to 200; 50 unless told.
    limit: Option<u32>,
}

/// A part of the list of tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TaskList {
    /// In the order they were made.
    items: Vec<TaskView>,
    /// Give it as `after` to get the next part; `null` at the end.
    next: Option<String>,
}

/// How long to wait.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Wait {
    /// Wait up to so many seconds for the task to end, 60 at most.
    wait: Option<u64>,
}

/// List tasks.
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(ListTasks), responses((status = 200, body = TaskList)))]
pub(super) async fn list_tasks(
    State(faces): State<Faces>,
    Params(params): Params<ListTasks>,
) -> Result<Json<TaskList>, ApiError> {
    let limit = list_limit(params.limit, 50, 200)?;
    let items = faces.library.tasks(&faces.project, params.status, params.after.as_ref(), limit).await?;
    let is_full = items.len() as u64 >= u64::from(limit);
    let next = items.last().filter(|_| is_full).map(|task| task.id.clone());
    Ok(Json(TaskList { items, next }))
}

/// Get a task; with `wait`, the answer comes when it ends or the time is over.
#[utoipa::path(get, path = "/tasks/{id}", tag = "tasks",
    params(("id" = String, Path, description = "The task, `task_…`"), Wait),
    responses((status = 200, body = TaskView)))]
pub(super) async fn get_task(
    State(faces): State<Faces>,
    Address(id): Address<TaskId>,
    Params(params): Params<Wait>,
) -> Result<Json<TaskView>, ApiError> {
    if let Some(seconds) = params.wait.filter(|seconds| *seconds > 0) {
        let wait = Duration::from_secs(seconds.min(LONGEST_WAIT));
        tokio::select! {
            task = faces.library.wait_task(&faces.project, &id, wait) => return Ok(Json(task?)),
            () = faces.stopping.cancelled() => {}
        }
    }
    Ok(Json(faces.library.task(&faces.project, &id).await?))
}
