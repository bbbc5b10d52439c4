//! Searches and questions.

use axum::{Json, extract::State};
use pagemill_core::ErrorCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Faces,
    extract::{Json as Body, Params},
    problem::ApiError,
};
use crate::library::views::{Answer, QueryRequest, SearchMode, SearchRequest, SearchResults};

/// The longest query or question, in bytes.
const LONGEST_QUERY: usize = 8 * 1024;
/// The most results of one search.
const MOST_RESULTS: u32 = 100;

/// A search as an address.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchParams {
    /// What to look for, plain words.
    q: String,
    /// How many results, 1 to 100; 10 unless told.
    k: Option<u32>,
    /// How to search.
    mode: Option<SearchMode>,
    /// Only in this document.
    document: Option<String>,
}

/// Search the library.
#[utoipa::path(post, path = "/search", tag = "search", request_body = SearchRequest,
    responses((status = 200, body = SearchResults)))]
pub(super) async fn search(
    State(faces): State<Faces>,
    Body(request): Body<SearchRequest>,
) -> Result<Json<SearchResults>, ApiError> {
    check_length(&request.query)?;
    if !(1..=MOST_RESULTS).contains(&request.k) {
        return Err(ApiError::invalid(format!("`k` is {}; it goes from 1 to {MOST_RESULTS}", request.k)));
    }
    Ok(Json(faces.library.search(&faces.project, &request).await?))
}

/// Search the library by an address that can be kept.
#[utoipa::path(get, path = "/search", tag = "search", params(SearchParams),
    responses((status = 200, body = SearchResults)))]
pub(super) async fn search_by_address(
    state: State<Faces>,
    Params(params): Params<SearchParams>,
) -> Result<Json<SearchResults>, ApiError> {
    let request = SearchRequest {
        query: params.q,
        k: params.k.unwrap_or(10),
        mode: params.mode.unwrap_or_default(),
        documents: params.document.into_iter().collect(),
    };
    search(state, Body(request)).await
}

/// Ask the library a question.
///
/// The answer is made of sentences quoted from the documents, each with the page
/// and the boxes where it stands; `found` is false when the library has no answer.
#[utoipa::path(post, path = "/query", tag = "search", request_body = QueryRequest,
    responses((status = 200, body = Answer)))]
pub(super) async fn query(
    State(faces): State<Faces>,
    Body(request): Body<QueryRequest>,
) -> Result<Json<Answer>, ApiError> {
    check_length(&request.question)?;
    Ok(Json(faces.library.ask(&faces.project, &request).await?))
}

fn check_length(query: &str) -> Result<(), ApiError> {
    let problem = match query.len() {
        _ if query.trim().is_empty() => "there is nothing to look for: the query is empty".to_owned(),
        length if length > LONGEST_QUERY => {
            format!("the query has {length} bytes; {LONGEST_QUERY} are taken at most, so ask for less at once")
        }
        _ => return Ok(()),
    };
    Err(ApiError::new(ErrorCode::InvalidQuery, problem))
}
