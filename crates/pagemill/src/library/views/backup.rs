//! What a backup copied and what a restoring brought back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A backup that was made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BackupView {
    /// The folder it is in.
    pub path: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Documents in it.
    pub documents: u64,
    /// Rows of the database in it.
    pub rows: u64,
    /// Files in it.
    pub files: u64,
    /// Size of the files in bytes.
    pub bytes: u64,
    /// Tables that are left out because they hold what is secret.
    pub left_out: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
}

/// A library that was restored.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RestoreView {
    /// Documents it holds.
    pub documents: u64,
    /// Rows that were taken in.
    pub rows: u64,
    /// Files that were taken in, each checked against its hash.
    pub files: u64,
    /// When the backup was made, RFC 3339.
    pub created: String,
    /// Whether its canonical text was compared with that of the library that was copied, and is the same.
    pub identical: bool,
    /// What a check found wrong: empty when all is well.
    pub differences: Vec<String>,
    /// Tables that the backup left out because they hold what is secret.
    pub left_out: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
}
