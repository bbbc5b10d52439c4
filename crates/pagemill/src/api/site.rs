//! The web page and its parts, from the binary.

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use pagemill_core::ErrorCode;

use super::{Faces, problem::ApiError};
use crate::web::{self, File};

pub(super) fn routes() -> Router<Faces> {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { give(web::INDEX, &headers) }))
        .route("/docs", get(|headers: HeaderMap| async move { give(web::DOCS, &headers) }))
        .route("/favicon.svg", get(|headers: HeaderMap| async move { give(web::ICON, &headers) }))
        .route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let file = web::ASSETS.iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| ApiError::new(ErrorCode::NotFound, "the page has no such part; reload it"))?;
    Ok(give(*file, &headers))
}

/// The file, or that the one the browser has is still right.
fn give(file: File, headers: &HeaderMap) -> Response {
    let tag = file.tag();
    let caching = [
        (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if is_known(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, HeaderValue::from_static(file.media))], file.text).into_response()
}

/// Whether the client has what `tag` names already.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or("");
    known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
}
