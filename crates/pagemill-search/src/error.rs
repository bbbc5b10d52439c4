//! What can go wrong with an index.

use std::{
    io,
    path::{Path, PathBuf},
};

use pagemill_core::{ErrorCode, Problem};

/// An index could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// A file of the index could not be read or written.
    #[error("cannot {act} the search index file `{}`", path.display())]
    Io {
        /// What was tried: `read`, `write`…
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the index does not hold what it should.
    #[error("the search index file `{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The lexical index failed.
    #[error("the text index failed")]
    Text(#[from] tantivy::TantivyError),
    /// A vector does not have the dimensions of this library's model.
    #[error("a vector has {got} dimensions, this library's model makes {expected}")]
    Dimensions {
        /// The library's.
        expected: usize,
        /// The vector's.
        got: usize,
    },
    /// A line of a test collection cannot be understood.
    #[error("cannot understand line {line} of `{}`: {reason}", path.display())]
    Collection {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl SearchError {
    pub(crate) fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { act, path, source }
    }

    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }

    /// Whether the index is to blame and not the machine: building it anew helps.
    pub(crate) fn is_damage(&self) -> bool {
        match self.io_kind() {
            Some(kind) => matches!(
                kind,
                io::ErrorKind::NotFound
                    | io::ErrorKind::InvalidData
                    | io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::Other
            ),
            None => !matches!(self, Self::Text(tantivy::TantivyError::LockFailure(..))),
        }
    }

    /// The input or output error beneath, where there is one.
    fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            Self::Text(tantivy::TantivyError::IoError(source)) => Some(source.kind()),
            Self::Damaged { .. } | Self::Text(_) | Self::Dimensions { .. } | Self::Collection { .. } => None,
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        let code = match (&error, error.io_kind()) {
            (SearchError::Dimensions { .. }, _) => ErrorCode::ModelMismatch,
            (SearchError::Collection { .. }, _) | (_, Some(io::ErrorKind::NotFound)) => ErrorCode::InvalidRequest,
            (_, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) => ErrorCode::DiskFull,
            (_, Some(io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)) => ErrorCode::ReadOnly,
            _ => ErrorCode::Internal,
        };
        let message = match code {
            ErrorCode::DiskFull => "the disk is full; free some space, the search index then catches up".to_owned(),
            ErrorCode::ReadOnly => format!("{error}; make the library folder writable"),
            _ => error.to_string(),
        };
        Problem::new(code, message).caused_by(error)
    }
}
