//! Work that is done at intervals.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A schedule and how it stands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ScheduleView {
    /// Its name.
    pub name: String,
    /// What it does.
    pub meaning: String,
    /// How often it is due, in seconds.
    pub period_seconds: u64,
    /// How often it was begun.
    pub runs: i64,
    /// Whether a process is at it just now.
    pub running: bool,
    /// When it was done last, RFC 3339.
    pub last_run: Option<String>,
    /// How long that took.
    pub last_seconds: Option<f64>,
    /// What came of it.
    #[schema(value_type = Option<Object>)]
    pub last_result: Option<serde_json::Value>,
    /// Why it came to nothing.
    pub last_error: Option<String>,
    /// When it is due, RFC 3339.
    pub next_run: String,
}
