//! Whether the server lives, is ready, and what it holds.

use axum::{Json, extract::State, http::header, response::IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Faces, problem::ApiError};
use crate::library::{
    metrics::Page,
    views::{ConfinementView, LibraryView},
};

/// A sign of life.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Life {
    /// `ok`.
    status: &'static str,
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthView {
    /// `ok`.
    status: &'static str,
    /// The library behind it.
    library: LibraryView,
    /// What holds the processes that read uploads; none when no such process can be started.
    cell: Option<ConfinementView>,
}

/// Whether the process lives; it asks nothing else.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = Life)))]
pub(super) async fn livez() -> Json<Life> {
    Json(Life { status: "ok" })
}

/// Whether requests can be answered: the database answers and the server is not stopping.
#[utoipa::path(get, path = "/readyz", tag = "health", responses((status = 200, body = Life)))]
pub(super) async fn readyz(State(faces): State<Faces>) -> Result<Json<Life>, ApiError> {
    if faces.stopping.is_cancelled() {
        return Err(ApiError::new(pagemill_core::ErrorCode::ShuttingDown, "the server is stopping"));
    }
    faces.library.last_event().await?;
    Ok(Json(Life { status: "ok" }))
}

/// How the server and its library are.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = HealthView)))]
pub(super) async fn health(State(faces): State<Faces>) -> Result<Json<HealthView>, ApiError> {
    let cell = faces.library.cell().await.ok();
    Ok(Json(HealthView { status: "ok", library: faces.library.status().await?, cell }))
}

/// Figures for monitoring, in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn metrics(State(faces): State<Faces>) -> Result<impl IntoResponse, ApiError> {
    let mut page = Page { text: faces.library.metrics_text().await? };
    let (connections, subscriptions, dropped) = faces.sockets.figures();
    page.family("pagemill_websockets", "gauge", "Open WebSockets.");
    page.value("pagemill_websockets", &[], connections as f64);
    page.family("pagemill_subscriptions", "gauge", "Subscriptions of open WebSockets.");
    page.value("pagemill_subscriptions", &[], subscriptions as f64);
    page.family("pagemill_websockets_dropped_total", "counter", "WebSockets dropped because they were slow.");
    page.value("pagemill_websockets_dropped_total", &[], dropped as f64);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page.text))
}

/// How the library is.
#[utoipa::path(get, path = "/library", tag = "library", responses((status = 200, body = LibraryView)))]
pub(super) async fn get_library(State(faces): State<Faces>) -> Result<Json<LibraryView>, ApiError> {
    Ok(Json(faces.library.status().await?))
}
