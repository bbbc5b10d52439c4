//! Taking a file in, piece by piece.

use std::io::Write as _;

use pagemill_core::{ErrorCode, Problem};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{Blobs, FromIo, PIECE, Place};

/// Takes a file in pieces, hashing as it goes. Dropped before `finish`, it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    file: Option<NamedTempFile>,
    hasher: Sha256,
    /// Bytes that are not in the file yet.
    pending: Vec<u8>,
    written: u64,
    limit: u64,
}

impl BlobWriter {
    pub(super) async fn begin(blobs: Blobs, limit: u64) -> Result<Self, Problem> {
        let place = blobs.place.clone();
        let file = blocking(move || match &place {
            Place::Folder(folder) => folder.temporary(),
            Place::Bucket(_) => NamedTempFile::new().map_err(|error| Problem::from_io(error, &std::env::temp_dir())),
        })
        .await?;
        let pending = Vec::new();
        Ok(Self { blobs, file: Some(file), hasher: Sha256::new(), pending, written: 0, limit })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// `too_large` past the limit, `disk_full`.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Problem> {
        self.written += chunk.len() as u64;
        if self.written > self.limit {
            return Err(Problem::new(
                ErrorCode::TooLarge,
                format!("the file is larger than the {} bytes that are allowed", self.limit),
            ));
        }
        self.hasher.update(chunk);
        self.pending.extend_from_slice(chunk);
        if self.pending.len() >= PIECE { self.flush().await } else { Ok(()) }
    }

    /// Bytes so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Makes the blob durable under its hash (file synced, renamed into place, folder synced) and
    /// returns hash and size.
    ///
    /// # Errors
    /// `disk_full`, `read_only`, `blobs_unavailable`.
    pub async fn finish(mut self) -> Result<(String, u64), Problem> {
        self.flush().await?;
        let Some(file) = self.file.take() else { return Err(broken()) };
        let sha256 = hex::encode(self.hasher.finalize());
        match &self.blobs.place {
            Place::Folder(folder) => {
                let (folder, name) = (folder.clone(), sha256.clone());
                blocking(move || folder.keep(file, &name)).await?;
            }
            Place::Bucket(bucket) => bucket.put(file, &sha256, self.written).await?,
        }
        Ok((sha256, self.written))
    }

    /// Moves what is pending into the file. When that fails the file is gone and so is the upload.
    async fn flush(&mut self) -> Result<(), Problem> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Some(mut file) = self.file.take() else { return Err(broken()) };
        let mut pending = std::mem::take(&mut self.pending);
        let (file, pending) = blocking(move || {
            file.write_all(&pending).map_err(|error| Problem::from_io(error, file.path()))?;
            pending.clear();
            Ok((file, pending))
        })
        .await?;
        (self.file, self.pending) = (Some(file), pending);
        Ok(())
    }
}

fn broken() -> Problem {
    Problem::new(ErrorCode::BlobsUnavailable, "the upload broke off earlier; send the file again")
}

/// Runs what waits for the disk where it holds up no one.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Problem::new(ErrorCode::Internal, "work on a file broke off; this is a defect").caused_by(error))
    })
}
