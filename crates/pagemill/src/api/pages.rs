//! Pages of a document: their blocks and their pictures.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use pagemill_core::{DocumentId, ErrorCode, Problem, Rect};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::{
    Faces,
    extract::{Address, Params},
    problem::ApiError,
};
use crate::{
    cell::Drawing,
    library::views::{BlockView, PageView},
};

/// The most pages of one answer.
const MOST_PAGES: u32 = 100;
/// The resolution of a picture unless told, in dots per inch.
const USUAL_DPI: f32 = 100.0;

/// Which pages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageRange {
    /// The first page, 1 unless told.
    from: Option<u32>,
    /// The last page; 19 after the first unless told, 99 after it at most.
    to: Option<u32>,
}

/// Some pages of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PageList {
    /// Those of the pages asked for that have been read, in order.
    items: Vec<PageView>,
    /// Give it as `from` to get the next part; `null` at the end.
    next: Option<u32>,
}

/// The blocks of a page.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BlockList {
    /// 1-based number of the page.
    page: u32,
    /// In reading order.
    items: Vec<BlockView>,
}

/// How to draw a page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ImageParams {
    /// Dots per inch, 18 to 600; 100 unless told.
    dpi: Option<f32>,
    /// Boxes to mark, 500 at most, in points: `x0,y0,x1,y1;x0,y0,x1,y1`.
    marks: Option<String>,
}

/// List pages with their blocks.
#[utoipa::path(get, path = "/documents/{id}/pages", tag = "pages",
    params(("id" = String, Path, description = "The document, `doc_…`"), PageRange),
    responses((status = 200, body = PageList)))]
pub(super) async fn list_pages(
    State(faces): State<Faces>,
    Address(id): Address<DocumentId>,
    Params(range): Params<PageRange>,
) -> Result<Json<PageList>, ApiError> {
    let from = range.from.unwrap_or(1);
    let to = range.to.unwrap_or(from.saturating_add(19));
    if from == 0 || to < from || to - from >= MOST_PAGES {
        let message = format!("`from` begins at 1, `to` is not less, and {MOST_PAGES} pages are given at once at most");
        return Err(ApiError::invalid(message));
    }
    let document = faces.library.readable(&faces.project, &id).await?;
    let items = faces.library.pages(&faces.project, &id, from..=to).await?;
    let next = (to < document.info.pages).then_some(to.saturating_add(1));
    Ok(Json(PageList { items, next }))
}

/// Get a page with its blocks.
#[utoipa::path(get, path = "/documents/{id}/pages/{number}", tag = "pages",
    params(("id" = String, Path, description = "The document, `doc_…`"),
           ("number" = u32, Path, minimum = 1, description = "1-based number of the page")),
    responses((status = 200, body = PageView)))]
pub(super) async fn get_page(
    State(faces): State<Faces>,
    Address((id, number)): Address<(DocumentId, u32)>,
) -> Result<Json<PageView>, ApiError> {
    Ok(Json(read_page(&faces, &id, number).await?))
}

/// The blocks of a page, in reading order.
#[utoipa::path(get, path = "/documents/{id}/pages/{number}/blocks", tag = "pages",
    params(("id" = String, Path, description = "The document, `doc_…`"),
           ("number" = u32, Path, minimum = 1, description = "1-based number of the page")),
    responses((status = 200, body = BlockList)))]
pub(super) async fn list_blocks(
    State(faces): State<Faces>,
    Address((id, number)): Address<(DocumentId, u32)>,
) -> Result<Json<BlockList>, ApiError> {
    let page = read_page(&faces, &id, number).await?;
    Ok(Json(BlockList { page: page.number, items: page.blocks }))
}

/// A picture of a page, with boxes marked.
#[utoipa::path(get, path = "/documents/{id}/pages/{number}/image", tag = "pages",
    params(("id" = String, Path, description = "The document, `doc_…`"),
           ("number" = u32, Path, minimum = 1, description = "1-based number of the page"), ImageParams),
    responses((status = 200, content_type = "image/png", body = Vec<u8>),
              (status = 304, description = "The picture is the one of `If-None-Match`")))]
pub(super) async fn get_image(
    State(faces): State<Faces>,
    Address((id, number)): Address<(DocumentId, u32)>,
    Params(params): Params<ImageParams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let dpi = params.dpi.unwrap_or(USUAL_DPI);
    let marks_text = params.marks.unwrap_or_default();
    let drawing = Drawing { dpi, marks: parse_marks(&marks_text)?, part: None };
    let document = faces.library.readable(&faces.project, &id).await?;
    let made_of = format!("{}/{number}/{dpi}/{marks_text}", document.sha256);
    picture(&headers, &made_of, faces.library.page_image(&faces.project, &id, number, drawing)).await
}

/// A picture, drawn unless the caller has it. `made_of` names all that it depends on; what it is of was looked up
/// before, since a deleted document is gone from every cache.
pub(super) async fn picture(
    headers: &HeaderMap,
    made_of: &str,
    draw: impl Future<Output = Result<Vec<u8>, Problem>>,
) -> Result<Response, ApiError> {
    let tag = picture_tag(made_of);
    let caching = [
        (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ];
    if super::site::is_known(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let png = draw.await?;
    Ok((caching, [(header::CONTENT_TYPE, HeaderValue::from_static("image/png"))], png).into_response())
}

/// One page, or why there is none.
async fn read_page(faces: &Faces, id: &DocumentId, number: u32) -> Result<PageView, ApiError> {
    let found = faces.library.pages(&faces.project, id, number..=number).await?;
    if let Some(page) = found.into_iter().next() {
        return Ok(page);
    }
    let pages = faces.library.readable(&faces.project, id).await?.info.pages;
    Err(ApiError::new(ErrorCode::NotFound, format!("there is no page {number}: the document has {pages}")))
}

fn picture_tag(made_of: &str) -> String {
    let made_of = format!("{}/{made_of}", env!("CARGO_PKG_VERSION"));
    format!("\"{}\"", hex::encode(&Sha256::digest(made_of)[..12]))
}

/// `x0,y0,x1,y1;…` in points.
fn parse_marks(text: &str) -> Result<Vec<Rect>, ApiError> {
    let boxes: Option<Vec<Rect>> = text.split(';').filter(|part| !part.is_empty()).map(parse_box).collect();
    boxes.ok_or_else(|| ApiError::invalid("`marks` are boxes in points: `x0,y0,x1,y1;x0,y0,x1,y1`"))
}

fn parse_box(text: &str) -> Option<Rect> {
    let mut numbers =
        text.split(',').map(|number| number.trim().parse::<f32>().ok().filter(|number| number.is_finite()));
    let mut next = || numbers.next().flatten();
    let parsed = Rect::new(next()?, next()?, next()?, next()?);
    numbers.next().is_none().then_some(parsed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn marks_are_boxes_or_refused() {
        assert_eq!(parse_marks("").unwrap(), vec![]);
        assert_eq!(
            parse_marks("1,2,3,4;30.5,40,10,20;").unwrap(),
            vec![Rect::new(1.0, 2.0, 3.0, 4.0), Rect::new(10.0, 20.0, 30.5, 40.0)]
        );
        for bad in ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,NaN", "1,2,3,inf"] {
            assert!(parse_marks(bad).is_err(), "{bad}");
        }
    }
}
