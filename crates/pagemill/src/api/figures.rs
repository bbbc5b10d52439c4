//! Figures of a document and their pictures.

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use pagemill_core::DocumentId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Faces,
    extract::{Address, Params, list_limit},
    pages::picture,
    problem::ApiError,
};
use crate::library::views::{FigureListView, FigureView};

/// The resolution of a picture unless told, in dots per inch.
const USUAL_DPI: f32 = 150.0;

/// Which part of the list of figures.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListFigures {
    /// Only figures behind the one with this number: the `next` of the part before.
    after: Option<u32>,
    /// How many, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// Whether logos and ornaments are listed, too; they are not unless told.
    decorative: Option<bool>,
}

/// How to draw a figure.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FigureParams {
    /// Dots per inch, 18 to 600; 150 unless told.
    dpi: Option<f32>,
}

/// List the figures of a document with their captions and places.
#[utoipa::path(get, path = "/documents/{id}/figures", tag = "tables and figures",
    params(("id" = String, Path, description = "The document, `doc_…`"), ListFigures),
    responses((status = 200, body = FigureListView)))]
pub(super) async fn list_figures(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
    Params(params): Params<ListFigures>,
) -> Result<Json<FigureListView>, ApiError> {
    let limit = list_limit(params.limit, 50, 200)?;
    let (after, decorative) = (params.after.unwrap_or(0), params.decorative.unwrap_or(false));
    Ok(Json(faces.library.figures(&faces.project, &id, decorative, after, limit).await?))
}

/// Get a figure: its caption and its place.
#[utoipa::path(get, path = "/documents/{id}/figures/{number}", tag = "tables and figures",
    params(("id" = String, Path, description = "The document, `doc_…`"),
           ("number" = u32, Path, minimum = 1, description = "1-based number of the figure")),
    responses((status = 200, body = FigureView)))]
pub(super) async fn get_figure(
    State(faces): State<Faces>,
    Address((id, number)): Address<(DocumentId, u32)>,
) -> Result<Json<FigureView>, ApiError> {
    Ok(Json(faces.library.figure(&faces.project, &id, number).await?))
}

/// The picture of a figure, cut out of its page as it is drawn, with the labels around it.
#[utoipa::path(get, path = "/documents/{id}/figures/{number}/image", tag = "tables and figures",
    params(("id" = String, Path, description = "The document, `doc_…`"),
           ("number" = u32, Path, minimum = 1, description = "1-based number of the figure"), FigureParams),
    responses((status = 200, content_type = "image/png", body = Vec<u8>),
              (status = 304, description = "The picture is the one of `If-None-Match`")))]
pub(super) async fn get_figure_image(
    State(faces): State<Faces>,
    Address((id, number)): Address<(DocumentId, u32)>,
    Params(params): Params<FigureParams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let dpi = params.dpi.unwrap_or(USUAL_DPI);
    let document = faces.library.readable(&faces.project, &id).await?;
    let cut = faces.library.figure_cut(&faces.project, &id, number).await?;
    // Which figure has the number may change when the document is processed anew, so its place is named.
    let made_of = format!("{}/{cut:?}/{dpi}", document.sha256);
    picture(&headers, &made_of, faces.library.figure_image(&faces.project, &id, cut, dpi)).await
}
