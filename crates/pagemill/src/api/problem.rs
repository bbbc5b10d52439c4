//! Errors as RFC 9457 problems, in one shape whatever went wrong.
//!
//! A handler's [`ApiError`] travels as an extension of its response; the
//! outermost layer, which knows the request's number, turns it into the body.

use std::{error::Error, fmt::Write, sync::Arc};

use axum::{
    Json,
    extract::OriginalUri,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use pagemill_core::{ErrorCode, Problem, excerpt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of RFC 9457.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";
/// When to ask again after an error that may pass, in seconds.
const RETRY_AFTER: &str = "5";

/// An error of the API (RFC 9457).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct ProblemView {
    /// Where the code is explained, relative to this server.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The HTTP status in words.
    pub(super) title: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// What happened, to what, and what to do.
    pub(super) detail: String,
    /// The stable code.
    pub(super) code: String,
    /// The number of the request, as in `X-Request-Id` and in the log.
    pub(super) request_id: String,
    /// Whether the same request may succeed later.
    pub(super) retryable: bool,
}

/// What a handler fails with.
#[derive(Debug)]
pub(super) struct ApiError(pub(super) Problem);

impl ApiError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Problem::new(code, message))
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = status_of(self.0.code).into_response();
        response.extensions_mut().insert(Arc::new(self.0));
        response
    }
}

/// Answers for addresses that lead nowhere.
pub(super) async fn no_such_address(OriginalUri(uri): OriginalUri) -> ApiError {
    let path = excerpt(uri.path(), 100);
    ApiError::new(ErrorCode::NotFound, format!("there is nothing at `{path}`; see /docs for what there is"))
}

/// Answers for methods that an address does not know.
pub(super) async fn no_such_method(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    let path = excerpt(uri.path(), 100);
    ApiError::new(ErrorCode::MethodNotAllowed, format!("`{path}` does not take {method}; see /docs for what it takes"))
}

/// Gives an error its body: the problem of a handler, or the bare status that
/// the web framework answered with. Answers that are no errors pass unchanged.
pub(super) fn finish(mut response: Response, request_id: &str) -> Response {
    let problem = response.extensions_mut().remove::<Arc<Problem>>();
    let status = response.status();
    let problem = match problem {
        Some(problem) => problem,
        None if status.is_client_error() || status.is_server_error() => Arc::new(of_status(status)),
        None => return response,
    };
    log(&problem, request_id);
    let mut answer = (status_of(problem.code), Json(view(&problem, request_id))).into_response();
    for (name, value) in response.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if matches!(answer.status().as_u16(), 503 | 507) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    }
    answer
}

fn view(problem: &Problem, request_id: &str) -> ProblemView {
    let status = status_of(problem.code);
    let detail = match problem.code {
        ErrorCode::Internal => {
            "something went wrong inside Pagemill; its log has the details under this request's number".to_owned()
        }
        _ => problem.message.clone(),
    };
    ProblemView {
        kind: format!("/docs#{}", problem.code),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail,
        code: problem.code.to_string(),
        request_id: request_id.to_owned(),
        retryable: problem.code.retryable(),
    }
}

/// The one place where errors of requests are logged.
fn log(problem: &Problem, request_id: &str) {
    if !status_of(problem.code).is_server_error() {
        return;
    }
    let mut chain = problem.message.clone();
    let mut source = problem.source.as_deref().map(|error| error as &dyn Error);
    while let Some(error) = source {
        // Writing to a string cannot fail.
        let _ = write!(chain, ": {error}");
        source = error.source();
    }
    tracing::error!(request_id, code = %problem.code, "{chain}");
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The problem behind a bare status of the web framework.
fn of_status(status: StatusCode) -> Problem {
    let (code, message) = match status {
        StatusCode::NOT_FOUND => (ErrorCode::NotFound, "there is nothing at this address; see /docs"),
        StatusCode::METHOD_NOT_ALLOWED => (ErrorCode::MethodNotAllowed, "this address does not take this method"),
        StatusCode::PAYLOAD_TOO_LARGE => (ErrorCode::TooLarge, "the body is larger than is taken here"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (ErrorCode::UnsupportedMedia, "this content type is not taken here"),
        status if status.is_client_error() => (ErrorCode::InvalidRequest, "the request cannot be understood"),
        StatusCode::SERVICE_UNAVAILABLE => (ErrorCode::Overloaded, "too much is in work; try again later"),
        _ => (ErrorCode::Internal, "a handler answered with a bare status"),
    };
    Problem::new(code, message)
}
