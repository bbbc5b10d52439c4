//! Documents: list, get, delete, and what can be read of one.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use pagemill_core::{DocumentId, ErrorCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Faces,
    extract::{Address, Params, list_limit},
    problem::ApiError,
};
use crate::library::views::{DeletionView, DocumentView, TaskView};

/// Which part of the list of documents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListDocuments {
    /// Only documents that come after this one: the `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<DocumentId>,
    /// How many, 1 to 200; 50 unless told.
    limit: Option<u32>,
}

/// A part of the list of documents.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DocumentList {
    /// In the order they were added.
    items: Vec<DocumentView>,
    /// Give it as `after` to get the next part; `null` at the end.
    next: Option<String>,
}

/// List documents.
#[utoipa::path(get, path = "/documents", tag = "documents", params(ListDocuments),
    responses((status = 200, body = DocumentList)))]
pub(super) async fn list_documents(
    State(faces): State<Faces>,
    Params(params): Params<ListDocuments>,
) -> Result<Json<DocumentList>, ApiError> {
    let limit = list_limit(params.limit, 50, 200)?;
    let items = faces.library.documents(&faces.project, params.after.as_ref(), limit).await?;
    let is_full = items.len() as u64 >= u64::from(limit);
    let next = items.last().filter(|_| is_full).map(|document| document.id.clone());
    Ok(Json(DocumentList { items, next }))
}

/// Get a document and where its processing stands.
#[utoipa::path(get, path = "/documents/{id}", tag = "documents",
    params(("id" = String, Path, description = "The document, `doc_…`")),
    responses((status = 200, body = DocumentView)))]
pub(super) async fn get_document(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
) -> Result<Json<DocumentView>, ApiError> {
    Ok(Json(faces.library.document(&faces.project, &id).await?))
}

/// Delete a document and everything made from it.
///
/// The receipt counts what was removed, and what a second look still found.
#[utoipa::path(delete, path = "/documents/{id}", tag = "documents",
    params(("id" = String, Path, description = "The document, `doc_…`")),
    responses((status = 200, body = DeletionView)))]
pub(super) async fn delete_document(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
) -> Result<Json<DeletionView>, ApiError> {
    Ok(Json(faces.library.delete_document(&faces.project, &id).await?))
}

/// Where the processing of a document stands.
#[utoipa::path(get, path = "/documents/{id}/status", tag = "documents",
    params(("id" = String, Path, description = "The document, `doc_…`")),
    responses((status = 200, body = TaskView)))]
pub(super) async fn get_status(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
) -> Result<Json<TaskView>, ApiError> {
    let document = faces.library.document(&faces.project, &id).await?;
    let task = document.task.ok_or_else(|| ApiError::new(ErrorCode::NotFound, "this document has no task"))?;
    Ok(Json(task))
}

/// The file as it was uploaded, as a download.
#[utoipa::path(get, path = "/documents/{id}/file", tag = "documents",
    params(("id" = String, Path, description = "The document, `doc_…`")),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>)))]
pub(super) async fn get_file(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
) -> Result<Response, ApiError> {
    let (name, bytes) = faces.library.original(&faces.project, &id).await?;
    Ok((
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/pdf")),
            (header::CONTENT_DISPOSITION, attachment(&name)?),
        ],
        bytes,
    )
        .into_response())
}

/// All text of a document, in reading order.
#[utoipa::path(get, path = "/documents/{id}/text", tag = "documents",
    params(("id" = String, Path, description = "The document, `doc_…`")),
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn get_text(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
) -> Result<impl IntoResponse, ApiError> {
    let text = faces.library.text(&faces.project, &id, false).await?;
    Ok((typed("text/plain; charset=utf-8"), text))
}

/// A document as Markdown.
#[utoipa::path(get, path = "/documents/{id}/markdown", tag = "documents",
    params(("id" = String, Path, description = "The document, `doc_…`")),
    responses((status = 200, content_type = "text/markdown", body = String)))]
pub(super) async fn get_markdown(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
) -> Result<impl IntoResponse, ApiError> {
    let text = faces.library.text(&faces.project, &id, true).await?;
    Ok((typed("text/markdown; charset=utf-8"), text))
}

fn typed(media: &'static str) -> [(HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static(media))]
}

/// `Content-Disposition` with the name twice (RFC 6266): once in plain letters,
/// once in full, percent-encoded (RFC 5987).
pub(super) fn attachment(name: &str) -> Result<HeaderValue, ApiError> {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '(' | ')') { c } else { '_' })
        .collect();
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b) => encoded.push(char::from(b)),
            b => encoded.push_str(&format!("%{b:02X}")),
        }
    }
    let value = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&value).map_err(|error| {
        ApiError(pagemill_core::Problem::new(ErrorCode::Internal, "file name in header").caused_by(error))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_name_cannot_leave_its_header() {
        let value = attachment("a\"b\r\nX: ü €.pdf").unwrap();
        assert_eq!(
            value.to_str().unwrap(),
            "attachment; filename=\"a_b__X_ _ _.pdf\"; filename*=UTF-8''a%22b%0D%0AX%3A%20%C3%BC%20%E2%82%AC.pdf"
        );
    }
}
