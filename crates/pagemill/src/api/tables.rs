//! Tables of a document: as JSON, and each as Markdown, HTML or CSV.

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use pagemill_core::DocumentId;
use pagemill_pdf::TableForm;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    Faces,
    documents::attachment,
    extract::{Address, Params, list_limit},
    problem::ApiError,
};
use crate::library::views::{TableListView, TableView};

/// Which part of the list of tables.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListTables {
    /// Only tables behind the one with this number: the `next` of the part before.
    after: Option<u32>,
    /// How many, 1 to 100; 20 unless told. Fewer come when they have many cells.
    limit: Option<u32>,
}

/// What to make of a table.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TableParams {
    /// `json`, `markdown`, `html` or `csv`; `json` unless told.
    #[param(inline)]
    format: Option<TableFormat>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum TableFormat {
    Json,
    Markdown,
    Html,
    Csv,
}

/// List the tables of a document with their cells.
///
/// A table that goes on over pages is one, its header once.
#[utoipa::path(get, path = "/documents/{id}/tables", tag = "tables and figures",
    params(("id" = String, Path, description = "The document, `doc_…`"), ListTables),
    responses((status = 200, body = TableListView)))]
pub(super) async fn list_tables(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
    Params(params): Params<ListTables>,
) -> Result<Json<TableListView>, ApiError> {
    let limit = list_limit(params.limit, 20, 100)?;
    Ok(Json(faces.library.tables(&faces.project, &id, params.after.unwrap_or(0), limit).await?))
}

/// Get a table, as JSON, Markdown, HTML or CSV.
///
/// CSV is safe to open in a spreadsheet: text that it would take for a formula (it begins with `=`, `+`, `-` or `@` and
/// is no number) has an apostrophe before it. It comes as a download.
#[utoipa::path(get, path = "/documents/{id}/tables/{number}", tag = "tables and figures",
    params(("id" = String, Path, description = "The document, `doc_…`"),
           ("number" = u32, Path, minimum = 1, description = "1-based number of the table"), TableParams),
    responses((status = 200, content((TableView = "application/json"), (String = "text/markdown"),
                                     (String = "text/html"), (String = "text/csv")))))]
pub(super) async fn get_table(
    State(faces): State<Faces>,
    Address((id, number)): Address<(DocumentId, u32)>,
    Params(params): Params<TableParams>,
) -> Result<Response, ApiError> {
    let form = match params.format.unwrap_or(TableFormat::Json) {
        TableFormat::Json => return Ok(Json(faces.library.table(&faces.project, &id, number).await?).into_response()),
        TableFormat::Markdown => TableForm::Markdown,
        TableFormat::Html => TableForm::Html,
        TableFormat::Csv => TableForm::Csv,
    };
    let text = faces.library.table_text(&faces.project, &id, number, form).await?;
    let pieces = futures::stream::try_unfold(text, |mut text| async move {
        Ok::<_, pagemill_core::Problem>(text.next().await?.map(|piece| (Bytes::from(piece), text)))
    });
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()))];
    let body = Body::from_stream(pieces);
    if form != TableForm::Csv {
        return Ok((kind, body).into_response());
    }
    let file = faces.library.readable(&faces.project, &id).await?.file;
    let name = file.strip_suffix(".pdf").unwrap_or(&file);
    let download = [(header::CONTENT_DISPOSITION, attachment(&format!("{name} table {number}.csv"))?)];
    Ok((kind, download, body).into_response())
}
