//! Tasks: what is being done, how far it is, why it waits, and what a person may do with it.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use pagemill_core::{DocumentId, ErrorCode, Stage, TaskId, TaskStatus};
use pagemill_store::TaskFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Faces,
    extract::{self, Address, Params, list_limit},
    problem::ApiError,
};
use crate::library::{
    TaskAction,
    views::{BulkView, TaskDetails, TaskStatisticsView, TaskView, WhyView, from_rfc3339},
};

/// The longest a request waits for the end of a task, in seconds.
const LONGEST_WAIT: u64 = 60;

/// Which tasks: those that have all of this in common.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct WhichTasks {
    /// Of this status.
    #[param(value_type = Option<String>)]
    #[schema(value_type = Option<String>)]
    status: Option<TaskStatus>,
    /// At this stage, or ended at it.
    #[param(value_type = Option<String>)]
    #[schema(value_type = Option<String>)]
    stage: Option<Stage>,
    /// Of this recipe.
    recipe: Option<String>,
    /// Of this document.
    #[param(value_type = Option<String>)]
    #[schema(value_type = Option<String>)]
    document: Option<DocumentId>,
    /// That ended with this error code.
    #[param(value_type = Option<String>)]
    #[schema(value_type = Option<String>)]
    code: Option<ErrorCode>,
    /// Made at this time or later, RFC 3339.
    created_from: Option<String>,
    /// Made before this time, RFC 3339.
    created_to: Option<String>,
}

impl WhichTasks {
    fn filter(self) -> Result<TaskFilter, ApiError> {
        Ok(TaskFilter {
            status: self.status,
            stage: self.stage,
            recipe: self.recipe,
            document: self.document,
            code: self.code,
            created_from_ms: self.created_from.as_deref().map(from_rfc3339).transpose()?,
            created_to_ms: self.created_to.as_deref().map(from_rfc3339).transpose()?,
        })
    }
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
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
#[into_params(parameter_in = Query)]
pub(super) struct Wait {
    /// Wait up to so many seconds for the task to end, 60 at most.
    wait: Option<u64>,
}

/// Something to do with many tasks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkRequest {
    /// What to do.
    action: TaskAction,
    /// With which tasks; it must ask for something.
    #[serde(deserialize_with = "extract::nothing_else")]
    filter: WhichTasks,
}

/// List tasks.
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(WhichTasks, Part),
    responses((status = 200, body = TaskList)))]
pub(super) async fn list_tasks(
    State(faces): State<Faces>,
    Params(which): Params<WhichTasks>,
    Params(part): Params<Part>,
) -> Result<Json<TaskList>, ApiError> {
    let limit = list_limit(part.limit, 50, 200)?;
    let items = faces.library.tasks(&faces.project, &which.filter()?, part.after.as_ref(), limit).await?;
    let is_full = items.len() as u64 >= u64::from(limit);
    let next = items.last().filter(|_| is_full).map(|task| task.id.clone());
    Ok(Json(TaskList { items, next }))
}

/// Get a task with its steps and attempts; with `wait`, the answer comes when it ends or the time is over.
#[utoipa::path(get, path = "/tasks/{id}", tag = "tasks",
    params(("id" = String, Path, description = "The task, `task_…`"), Wait),
    responses((status = 200, body = TaskDetails)))]
pub(super) async fn get_task(
    State(faces): State<Faces>,
    Address(id): Address<TaskId>,
    Params(params): Params<Wait>,
) -> Result<Json<TaskDetails>, ApiError> {
    if let Some(seconds) = params.wait.filter(|seconds| *seconds > 0) {
        let wait = Duration::from_secs(seconds.min(LONGEST_WAIT));
        tokio::select! {
            task = faces.library.wait_task(&faces.project, &id, wait) => drop(task?),
            () = faces.stopping.cancelled() => {}
        }
    }
    Ok(Json(faces.library.task_details(&faces.project, &id).await?))
}

/// Why a task stands where it stands: one plain sentence, and the facts.
#[utoipa::path(get, path = "/tasks/{id}/why", tag = "tasks",
    params(("id" = String, Path, description = "The task, `task_…`")),
    responses((status = 200, body = WhyView)))]
pub(super) async fn why(State(faces): State<Faces>, Address(id): Address<TaskId>) -> Result<Json<WhyView>, ApiError> {
    Ok(Json(faces.library.why(&faces.project, &id).await?))
}

/// Stop a task; what was done stays for a later one. One that is cancelled is returned as it is; one that has ended
/// otherwise is a `conflict`.
#[utoipa::path(post, path = "/tasks/{id}/cancel", tag = "tasks",
    params(("id" = String, Path, description = "The task, `task_…`")),
    responses((status = 200, body = TaskView)))]
pub(super) async fn cancel_task(
    State(faces): State<Faces>,
    Address(id): Address<TaskId>,
) -> Result<Json<TaskView>, ApiError> {
    Ok(Json(faces.library.change_task(&faces.project, &id, TaskAction::Cancel).await?))
}

/// Hold a task back. The unit in flight is done again later; no attempt is spent.
#[utoipa::path(post, path = "/tasks/{id}/pause", tag = "tasks",
    params(("id" = String, Path, description = "The task, `task_…`")),
    responses((status = 200, body = TaskView)))]
pub(super) async fn pause_task(
    State(faces): State<Faces>,
    Address(id): Address<TaskId>,
) -> Result<Json<TaskView>, ApiError> {
    Ok(Json(faces.library.change_task(&faces.project, &id, TaskAction::Pause).await?))
}

/// Let a paused task go on.
#[utoipa::path(post, path = "/tasks/{id}/resume", tag = "tasks",
    params(("id" = String, Path, description = "The task, `task_…`")),
    responses((status = 200, body = TaskView)))]
pub(super) async fn resume_task(
    State(faces): State<Faces>,
    Address(id): Address<TaskId>,
) -> Result<Json<TaskView>, ApiError> {
    Ok(Json(faces.library.change_task(&faces.project, &id, TaskAction::Resume).await?))
}

/// Start a new task for the document of one that failed, was cancelled or is partial: it does what that one did not.
#[utoipa::path(post, path = "/tasks/{id}/retry", tag = "tasks",
    params(("id" = String, Path, description = "The task, `task_…`")),
    responses((status = 202, body = TaskView, headers(("Location" = String, description = "The new task")))))]
pub(super) async fn retry_task(State(faces): State<Faces>, Address(id): Address<TaskId>) -> Result<Response, ApiError> {
    let task = faces.library.change_task(&faces.project, &id, TaskAction::Retry).await?;
    let location = HeaderValue::try_from(format!("/api/v1/tasks/{}", task.id));
    let mut response = (StatusCode::ACCEPTED, Json(task)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    Ok(response)
}

/// Do something with every task that a filter lets through, a thousand at most at once.
#[utoipa::path(post, path = "/tasks/bulk", tag = "tasks", request_body = BulkRequest,
    responses((status = 200, body = BulkView)))]
pub(super) async fn change_tasks(
    State(faces): State<Faces>,
    extract::Json(request): extract::Json<BulkRequest>,
) -> Result<Json<BulkView>, ApiError> {
    let filter = request.filter.filter()?;
    Ok(Json(faces.library.change_tasks(&faces.project, &filter, request.action).await?))
}

/// Figures over the tasks: by status and recipe, averages and percentiles of the time they took.
#[utoipa::path(get, path = "/tasks/statistics", tag = "tasks", responses((status = 200, body = TaskStatisticsView)))]
pub(super) async fn get_statistics(State(faces): State<Faces>) -> Result<Json<TaskStatisticsView>, ApiError> {
    Ok(Json(faces.library.task_statistics(&faces.project).await?))
}
