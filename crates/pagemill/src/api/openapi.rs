//! The description of the API, made from the handlers themselves.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use pagemill_core::ErrorCode;
use serde_json::json;
use utoipa::{
    OpenApi, PartialSchema, ToSchema,
    openapi::{
        Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder,
        extensions::ExtensionsBuilder,
        path::{Operation, PathItem},
    },
};

use super::{
    Faces,
    problem::{PROBLEM_JSON, ProblemView},
};

/// What is said about the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pagemill",
        description = "Turns piles of PDFs into a library that people search, question and cite.\n\n\
            Pages are 1-based, boxes are `[x0, y0, x1, y1]` in points (1/72 inch) from the top left, times are RFC 3339. \
            Every error is a problem (RFC 9457) with a stable `code`; `retryable` tells whether the same request may succeed later.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "documents", description = "Uploaded files and what was read from them"),
        (name = "pages", description = "Pages, their blocks and their pictures"),
        (name = "tables and figures", description = "Tables that are whole over pages, and figures with their pictures"),
        (name = "tasks", description = "What is being done"),
        (name = "queues", description = "What runs, how much of it, and what was set aside"),
        (name = "search", description = "Searches and questions"),
        (name = "events", description = "What happens, as it happens"),
        (name = "library", description = "The library as a whole"),
        (name = "health", description = "For those who watch the server"),
    )
)]
struct Base;

pub(super) fn base() -> Document {
    Base::openapi()
}

/// The OpenAPI 3.1 document of the API.
pub fn document() -> Document {
    let (_, mut document) = super::described_routes().split_for_parts();
    let components = document.components.get_or_insert_default();
    components.schemas.insert(ProblemView::name().into_owned(), ProblemView::schema());
    let error = error_response();
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.responses.responses.insert("default".to_owned(), RefOr::T(error.clone()));
        }
    }
    document.extensions = Some(ExtensionsBuilder::new().add("x-error-codes", error_codes()).build());
    document
}

fn error_response() -> Response {
    let schema = RefOr::Ref(Ref::from_schema_name(ProblemView::name()));
    ResponseBuilder::new()
        .description("What went wrong, in one shape for every error")
        .content(PROBLEM_JSON, Content::new(Some(schema)))
        .build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Every code with its status and meaning, for the readable page.
fn error_codes() -> serde_json::Value {
    let codes = ErrorCode::ALL.iter().map(|code| {
        json!({
            "code": code.as_str(),
            "status": code.http_status(),
            "retryable": code.retryable(),
            "meaning": code.meaning(),
        })
    });
    codes.collect()
}

pub(super) fn routes() -> Router<Faces> {
    // The document never changes while the program runs; it is written once.
    let text = document().to_json().unwrap_or_default();
    let serve = move || {
        let text = text.clone();
        async move { ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response() }
    };
    Router::new().route("/openapi.json", get(serve))
}
