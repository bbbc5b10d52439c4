//! Backups of the library.

use axum::extract::{Request, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Faces, extract, problem::ApiError};
use crate::library::{self, views::BackupView};

/// How to call a backup.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BackupRequest {
    /// Letters, digits, `-` and `_`, 64 at most; the time unless told.
    name: Option<String>,
}

/// Copy the library while it is at work.
///
/// The copy is a folder below the server's `backups` folder; `pagemill restore` makes a library of it. Settings and
/// secrets are not in it.
#[utoipa::path(post, path = "/backup", tag = "library", request_body = Option<BackupRequest>,
    responses((status = 200, body = BackupView)))]
pub(super) async fn make_backup(
    State(faces): State<Faces>,
    request: Request,
) -> Result<axum::Json<BackupView>, ApiError> {
    let BackupRequest { name } = extract::optional_json(request).await?;
    let name = name.unwrap_or_else(library::backup_name);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        return Err(ApiError::invalid("`name` has letters, digits, `-` and `_`, 64 at most"));
    }
    let settings = faces.library.settings();
    Ok(axum::Json(library::backup(settings, &settings.backups.join(name)).await?))
}
