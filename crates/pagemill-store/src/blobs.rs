//! Files by the SHA-256 of their bytes.

use std::path::Path;

use bytes::Bytes;
use futures::stream::BoxStream;
use pagemill_core::{ErrorCode, Problem};

fn unwritten<T>() -> Result<T, Problem> {
    Err(Problem::new(ErrorCode::Internal, "this part of the store is being written"))
}

/// A folder or bucket of files, each under the SHA-256 of its bytes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs;

/// A blob that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobEntry {
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// When it was put there, milliseconds since 1970.
    pub modified_ms: i64,
}

/// Takes a file in pieces, hashing as it goes. Dropped before `finish`, it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter;

impl Blobs {
    /// Opens a folder (a path or `file://…`) or a bucket (`s3://bucket/prefix`, the rest from `AWS_*`).
    /// Sweeps what a crash left in the folder's temporary area.
    pub async fn open(_url: &str) -> Result<Self, Problem> {
        unwritten()
    }

    /// Begins a file of at most `limit` bytes.
    pub async fn writer(&self, _limit: u64) -> Result<BlobWriter, Problem> {
        unwritten()
    }

    /// Copies a file in and returns its hash and size.
    pub async fn put_file(&self, _path: &Path, _limit: u64) -> Result<(String, u64), Problem> {
        unwritten()
    }

    /// All bytes of a blob.
    pub async fn get(&self, _sha256: &str) -> Result<Bytes, Problem> {
        unwritten()
    }

    /// The bytes of a blob, piece by piece.
    pub async fn get_stream(&self, _sha256: &str) -> Result<BoxStream<'static, Result<Bytes, Problem>>, Problem> {
        unwritten()
    }

    /// The blob as an open file (to hand to a child process). A bucket's blob is brought to a nameless temporary file.
    pub async fn open_file(&self, _sha256: &str) -> Result<std::fs::File, Problem> {
        unwritten()
    }

    /// Whether the blob is there.
    pub async fn exists(&self, _sha256: &str) -> Result<bool, Problem> {
        unwritten()
    }

    /// Removes a blob; one that is not there is no error.
    pub async fn delete(&self, _sha256: &str) -> Result<(), Problem> {
        unwritten()
    }

    /// Every blob, for sweeping.
    pub async fn list(&self) -> Result<Vec<BlobEntry>, Problem> {
        unwritten()
    }
}

impl BlobWriter {
    /// Adds bytes. `too_large` past the limit.
    pub async fn write(&mut self, _chunk: &[u8]) -> Result<(), Problem> {
        unwritten()
    }

    /// Bytes so far.
    pub fn written(&self) -> u64 {
        0
    }

    /// Makes the blob durable under its hash: file synced, renamed into place, folder synced.
    pub async fn finish(self) -> Result<(String, u64), Problem> {
        unwritten()
    }
}
