//! Queues, workers and dead letters: what runs, how much of it, and what was set aside.

use axum::{Json, extract::State, http::StatusCode};
use pagemill_core::{ErrorCode, JobId, Queue, Stage};
use pagemill_store::DeadLetterKind;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Faces,
    extract::{self, Address, Params, list_limit},
    problem::ApiError,
};
use crate::library::views::{BulkView, DeadLetterView, QueueView, WorkerView};

/// Every queue.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QueueList {
    /// In the order of the documentation.
    items: Vec<QueueView>,
}

/// Every worker.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkerList {
    /// The oldest first.
    items: Vec<WorkerView>,
}

/// A part of the dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetterList {
    /// The oldest first.
    items: Vec<DeadLetterView>,
    /// Give it as `after` to get the next part; `null` at the end.
    next: Option<String>,
}

/// A change of a queue; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueChange {
    /// Whether it gives out no jobs.
    paused: Option<bool>,
    /// Most jobs at work at once over all workers; `null` takes the limit away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    concurrency: Option<Option<u32>>,
}

/// Tells a `null` that was given from a field that was left out.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Which dead letters: those of a kind, or all.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct Kind {
    /// Only jobs of this stage.
    #[param(value_type = Option<String>)]
    stage: Option<Stage>,
    /// Only jobs with this error code.
    #[param(value_type = Option<String>)]
    code: Option<ErrorCode>,
}

impl From<Kind> for DeadLetterKind {
    fn from(kind: Kind) -> Self {
        Self { stage: kind.stage, code: kind.code }
    }
}

/// Which dead letters to try again: those of a kind, or all.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ReplayRequest {
    /// Only jobs of this stage.
    #[schema(value_type = Option<String>)]
    stage: Option<Stage>,
    /// Only jobs with this error code.
    #[schema(value_type = Option<String>)]
    code: Option<ErrorCode>,
    /// All of them; it has to be said.
    all: bool,
}

impl ReplayRequest {
    fn kind(self) -> Result<DeadLetterKind, ApiError> {
        match (self.stage.is_some() || self.code.is_some(), self.all) {
            (false, false) => Err(ApiError::invalid("say which: by `stage`, by `code`, or `\"all\": true`")),
            (true, true) => Err(ApiError::invalid("say which by `stage` and `code`, or `\"all\": true`, not both")),
            _ => Ok(DeadLetterKind { stage: self.stage, code: self.code }),
        }
    }
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// Only those behind this one: the `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<JobId>,
    /// How many, 1 to 200; 50 unless told.
    limit: Option<u32>,
}

/// List the queues with their settings, jobs and workers.
#[utoipa::path(get, path = "/queues", tag = "queues", responses((status = 200, body = QueueList)))]
pub(super) async fn list_queues(State(faces): State<Faces>) -> Result<Json<QueueList>, ApiError> {
    Ok(Json(QueueList { items: faces.library.queues().await? }))
}

/// Get a queue.
#[utoipa::path(get, path = "/queues/{name}", tag = "queues",
    params(("name" = String, Path, description = "`default`, `images` or `embeddings`")),
    responses((status = 200, body = QueueView)))]
pub(super) async fn get_queue(
    State(faces): State<Faces>,
    Address(name): Address<String>,
) -> Result<Json<QueueView>, ApiError> {
    Ok(Json(faces.library.queue(queue(&name)?).await?))
}

/// Change a queue while it runs: pause it, or set how many of its jobs may be at work at once.
#[utoipa::path(patch, path = "/queues/{name}", tag = "queues", request_body = QueueChange,
    params(("name" = String, Path, description = "`default`, `images` or `embeddings`")),
    responses((status = 200, body = QueueView)))]
pub(super) async fn change_queue(
    State(faces): State<Faces>,
    Address(name): Address<String>,
    extract::Json(change): extract::Json<QueueChange>,
) -> Result<Json<QueueView>, ApiError> {
    let queue = queue(&name)?;
    if let Some(paused) = change.paused {
        faces.library.pause_queue(queue, paused).await?;
    }
    if let Some(concurrency) = change.concurrency {
        faces.library.scale_queue(queue, concurrency).await?;
    }
    Ok(Json(faces.library.queue(queue).await?))
}

/// Pause a queue: it gives out no jobs; those at work go on to their end.
#[utoipa::path(post, path = "/queues/{name}/pause", tag = "queues",
    params(("name" = String, Path, description = "`default`, `images` or `embeddings`")),
    responses((status = 200, body = QueueView)))]
pub(super) async fn pause_queue(
    State(faces): State<Faces>,
    Address(name): Address<String>,
) -> Result<Json<QueueView>, ApiError> {
    Ok(Json(faces.library.pause_queue(queue(&name)?, true).await?))
}

/// Let a queue go on.
#[utoipa::path(post, path = "/queues/{name}/resume", tag = "queues",
    params(("name" = String, Path, description = "`default`, `images` or `embeddings`")),
    responses((status = 200, body = QueueView)))]
pub(super) async fn resume_queue(
    State(faces): State<Faces>,
    Address(name): Address<String>,
) -> Result<Json<QueueView>, ApiError> {
    Ok(Json(faces.library.pause_queue(queue(&name)?, false).await?))
}

fn queue(name: &str) -> Result<Queue, ApiError> {
    Queue::parse(name).ok_or_else(|| {
        let name = pagemill_core::excerpt(name, 40);
        ApiError::new(ErrorCode::NotFound, format!("there is no queue `{name}`; there are default, images, embeddings"))
    })
}

/// List the workers: where they run, what they have in hand, when they were last heard of.
#[utoipa::path(get, path = "/workers", tag = "queues", responses((status = 200, body = WorkerList)))]
pub(super) async fn list_workers(State(faces): State<Faces>) -> Result<Json<WorkerList>, ApiError> {
    Ok(Json(WorkerList { items: faces.library.workers().await? }))
}

/// List the jobs that were set aside after three crashes or errors, or because the file is at fault, with every attempt
/// at them.
#[utoipa::path(get, path = "/dead-letters", tag = "queues", params(Kind, Part),
    responses((status = 200, body = DeadLetterList)))]
pub(super) async fn list_dead_letters(
    State(faces): State<Faces>,
    Params(kind): Params<Kind>,
    Params(part): Params<Part>,
) -> Result<Json<DeadLetterList>, ApiError> {
    let limit = list_limit(part.limit, 50, 200)?;
    let items = faces.library.dead_letters(&faces.project, &kind.into(), part.after.as_ref(), limit).await?;
    let is_full = items.len() as u64 >= u64::from(limit);
    let next = items.last().filter(|_| is_full).map(|letter| letter.job.clone());
    Ok(Json(DeadLetterList { items, next }))
}

/// Get a job that was set aside.
#[utoipa::path(get, path = "/dead-letters/{job}", tag = "queues",
    params(("job" = String, Path, description = "The job, `job_…`")),
    responses((status = 200, body = DeadLetterView)))]
pub(super) async fn get_dead_letter(
    State(faces): State<Faces>,
    Address(job): Address<JobId>,
) -> Result<Json<DeadLetterView>, ApiError> {
    Ok(Json(faces.library.dead_letter(&faces.project, &job).await?))
}

/// Try a job again that was set aside; its task is at work again, or a new one where the file was at fault.
#[utoipa::path(post, path = "/dead-letters/{job}/replay", tag = "queues",
    params(("job" = String, Path, description = "The job, `job_…`")),
    responses((status = 202, description = "It is in its queue again")))]
pub(super) async fn replay_dead_letter(
    State(faces): State<Faces>,
    Address(job): Address<JobId>,
) -> Result<StatusCode, ApiError> {
    faces.library.replay(&faces.project, &job).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Try all jobs of a kind again that were set aside, a thousand at most at once.
#[utoipa::path(post, path = "/dead-letters/replay", tag = "queues", request_body = ReplayRequest,
    responses((status = 200, body = BulkView)))]
pub(super) async fn replay_dead_letters(
    State(faces): State<Faces>,
    extract::Json(request): extract::Json<ReplayRequest>,
) -> Result<Json<BulkView>, ApiError> {
    Ok(Json(faces.library.replay_all(&faces.project, &request.kind()?).await?))
}

/// Throw a dead letter away; its task stays as it ended.
#[utoipa::path(delete, path = "/dead-letters/{job}", tag = "queues",
    params(("job" = String, Path, description = "The job, `job_…`")),
    responses((status = 204, description = "It is gone")))]
pub(super) async fn discard_dead_letter(
    State(faces): State<Faces>,
    Address(job): Address<JobId>,
) -> Result<StatusCode, ApiError> {
    faces.library.discard(&faces.project, &job).await?;
    Ok(StatusCode::NO_CONTENT)
}
