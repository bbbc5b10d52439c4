//! What can go wrong with a model.

use std::path::{Path, PathBuf};

use pagemill_core::{ErrorCode, Problem};

/// Why a model cannot be opened or made.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// This build carries no model.
    #[error(
        "this build carries no embedding model: run scripts/setup and build again, \
         or name a model file made by `pagemill models import`"
    )]
    Missing,
    /// The model file is damaged, or of another kind or format.
    #[error("the model file {} cannot be used: {reason}; make it anew with `pagemill models import`", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What was to be imported is not a model this program can run.
    #[error("no model can be made from {}: {reason}", path.display())]
    Source {
        /// The wheel or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ModelError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn invalid(path: &Path, reason: impl ToString) -> Self {
        Self::Invalid { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn source(path: &Path, reason: impl ToString) -> Self {
        Self::Source { path: path.to_owned(), reason: reason.to_string() }
    }
}

impl From<ModelError> for Problem {
    fn from(error: ModelError) -> Self {
        let code = match &error {
            ModelError::Missing => ErrorCode::ModelMissing,
            ModelError::Invalid { .. } | ModelError::Source { .. } => ErrorCode::ModelInvalid,
            ModelError::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => ErrorCode::ModelMissing,
                std::io::ErrorKind::StorageFull => ErrorCode::DiskFull,
                std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => ErrorCode::ReadOnly,
                _ => ErrorCode::ModelInvalid,
            },
        };
        Problem::new(code, error.to_string()).caused_by(error)
    }
}
