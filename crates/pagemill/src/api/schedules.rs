//! Work that is done at intervals.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Faces, extract::Address, problem::ApiError};
use crate::library::{Schedule, views::ScheduleView};

/// Every schedule.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScheduleList {
    /// By name.
    items: Vec<ScheduleView>,
}

/// List the schedules: what is done at intervals, when it was done last and what came of it.
#[utoipa::path(get, path = "/schedules", tag = "library", responses((status = 200, body = ScheduleList)))]
pub(super) async fn list_schedules(State(faces): State<Faces>) -> Result<Json<ScheduleList>, ApiError> {
    Ok(Json(ScheduleList { items: faces.library.schedules().await? }))
}

/// Run a schedule now, whether or not it is due.
#[utoipa::path(post, path = "/schedules/{name}/run", tag = "library",
    params(("name" = String, Path, description = "The schedule")),
    responses((status = 200, body = ScheduleView)))]
pub(super) async fn run_schedule(
    State(faces): State<Faces>,
    Address(name): Address<String>,
) -> Result<Json<ScheduleView>, ApiError> {
    Ok(Json(faces.library.run_schedule(Schedule::parse(&name)?).await?))
}
