//! Documents that change: processed anew, given another file; and the ledger of their pages.

use axum::{
    Json,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use pagemill_core::{DocumentId, Priority};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    Faces, body,
    extract::{self, Address, Params},
    problem::ApiError,
};
use crate::library::{
    ProcessOptions, stage_of,
    views::{AddedDocument, PageLedgerView, PlanView, TaskView},
};

/// When to ask for the task, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How to process a document anew. All of it may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ProcessRequest {
    /// The recipe, or that of the newest task.
    recipe: Option<String>,
    /// `high`, `normal` or `batch`.
    #[schema(value_type = Option<String>)]
    priority: Option<Priority>,
    /// This stage and those behind it are done again even where nothing has changed.
    from: Option<String>,
    /// Only say what would be done.
    dry_run: bool,
}

/// How to take the new file in.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReplaceParams {
    /// The file's name; the old one unless told.
    name: Option<String>,
    /// The recipe, or that of the newest task.
    recipe: Option<String>,
    /// `high`, `normal` or `batch`.
    #[param(value_type = Option<String>)]
    priority: Option<Priority>,
}

/// Process a document anew.
///
/// A new version is made beside the old one, which can be read and searched until then. Pages, chunks and vectors
/// that nothing has changed for are taken over. With `dry_run` the answer (200) is what would be done.
#[utoipa::path(post, path = "/documents/{id}/process", tag = "documents",
    params(("id" = String, Path, description = "The document, `doc_…`")),
    request_body = Option<ProcessRequest>,
    responses((status = 202, body = TaskView, headers(("Location" = String, description = "The task"),
                   ("Retry-After" = u32, description = "Seconds until it is worth asking"))),
              (status = 200, body = PlanView, description = "What would be done")))]
pub(super) async fn process_document(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
    request: Request,
) -> Result<Response, ApiError> {
    let request: ProcessRequest = extract::optional_json(request).await?;
    let options = ProcessOptions {
        recipe: request.recipe,
        priority: request.priority.unwrap_or_default(),
        from: request.from.as_deref().map(stage_of).transpose()?,
    };
    if request.dry_run {
        return Ok(Json(faces.library.plan(&faces.project, &id, &options).await?).into_response());
    }
    let task = faces.library.process(&faces.project, &id, &options).await?;
    let id = task.id.clone();
    Ok(accepted(&id, Json(task)))
}

/// Give a document another file.
///
/// The body is the file. The document keeps its id; its old text is findable until the new one is, and never after.
#[utoipa::path(put, path = "/documents/{id}/file", tag = "documents",
    params(("id" = String, Path, description = "The document, `doc_…`"), ReplaceParams),
    request_body(content = Vec<u8>, content_type = "application/pdf"),
    responses((status = 202, body = AddedDocument, headers(("Location" = String, description = "The task"),
                   ("Retry-After" = u32, description = "Seconds until it is worth asking")))))]
pub(super) async fn replace_file(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
    Params(params): Params<ReplaceParams>,
    request: Request,
) -> Result<Response, ApiError> {
    let name = match params.name {
        Some(name) => name,
        None => faces.library.readable(&faces.project, &id).await?.file,
    };
    let options = ProcessOptions { recipe: params.recipe, priority: params.priority.unwrap_or_default(), from: None };
    let mut upload = faces.library.begin_upload().await?;
    let mut pieces = body::bounded(request.into_body(), faces.library.upload_limit());
    while let Some(piece) = pieces.next().await {
        let piece: Bytes = piece?;
        upload.write(&piece).await?;
    }
    let added = faces.library.replace(&faces.project, &id, upload, &name, &options).await?;
    let task = added.task.clone().unwrap_or_default();
    Ok(accepted(&task, Json(added)))
}

/// What became of each page of a document, and whether it was taken over from earlier work.
#[utoipa::path(get, path = "/documents/{id}/ledger", tag = "pages",
    params(("id" = String, Path, description = "The document, `doc_…`")),
    responses((status = 200, body = PageLedgerView)))]
pub(super) async fn get_ledger(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
) -> Result<Json<PageLedgerView>, ApiError> {
    Ok(Json(faces.library.page_ledger(&faces.project, &id).await?))
}

fn accepted(task: &str, answer: impl IntoResponse) -> Response {
    let mut answer = (StatusCode::ACCEPTED, answer).into_response();
    answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/tasks/{task}")) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}
