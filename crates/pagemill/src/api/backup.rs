//! Backups of the library.

use std::path::PathBuf;

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Faces, extract, problem::ApiError};
use crate::library::{self, views::BackupView};

/// Where to put a backup.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupRequest {
    /// A folder on the server's machine, from the root on; it must be new or empty.
    #[schema(value_type = String)]
    to: PathBuf,
}

/// Copy the library into a folder of the server's machine, while it is at work.
///
/// `pagemill restore` makes a library of it. Settings and secrets are not in it.
#[utoipa::path(post, path = "/backup", tag = "library", request_body = BackupRequest,
    responses((status = 200, body = BackupView)))]
pub(super) async fn make_backup(
    State(faces): State<Faces>,
    extract::Json(request): extract::Json<BackupRequest>,
) -> Result<axum::Json<BackupView>, ApiError> {
    if !request.to.is_absolute() {
        return Err(ApiError::invalid("`to` must be a folder from the root on, for example `/srv/backups/monday`"));
    }
    Ok(axum::Json(library::backup(faces.library.settings(), &request.to).await?))
}
