//! Files by the SHA-256 of their bytes, in a folder or in a bucket.
//!
//! A blob is durable before its hash is told to anyone, and never changes afterwards: putting the same
//! bytes again does nothing.

mod bucket;
mod folder;
mod writer;

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use pagemill_core::{ErrorCode, Problem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use bucket::Bucket;
use folder::Folder;
pub use writer::BlobWriter;

/// Bytes read or written at once.
const PIECE: usize = 256 * 1024;

/// A folder or bucket of files, each under the SHA-256 of its bytes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Folder(Arc<Folder>),
    Bucket(Arc<Bucket>),
}

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

impl Blobs {
    /// Opens a folder (a path or `file://…`), making it if needed, or a bucket (`s3://bucket/prefix`; keys,
    /// region and endpoint from `AWS_*`). Removes what crashed processes left in the folder's temporary area.
    ///
    /// # Errors
    /// `read_only`, `disk_full`, `invalid_config` for another kind of URL.
    pub async fn open(url: &str) -> Result<Self, Problem> {
        if url.starts_with("s3://") {
            return Ok(Self { place: Place::Bucket(Arc::new(Bucket::open(url)?)) });
        }
        let path = match url.strip_prefix("file://") {
            Some(path) => path,
            None if url.contains("://") || url.is_empty() => {
                let shown = crate::options::without_password(url);
                let message = format!("`{shown}` is no place for files; give a folder or `s3://bucket/prefix`");
                return Err(Problem::new(ErrorCode::InvalidConfig, message));
            }
            None => url,
        };
        Ok(Self { place: Place::Folder(Arc::new(Folder::open(Path::new(path)).await?)) })
    }

    /// Begins a file of at most `limit` bytes.
    ///
    /// # Errors
    /// `read_only` or `disk_full`.
    pub async fn writer(&self, limit: u64) -> Result<BlobWriter, Problem> {
        BlobWriter::begin(self.clone(), limit).await
    }

    /// Copies a file in and returns its hash and size.
    ///
    /// # Errors
    /// `too_large` past the limit, and what [`Blobs::writer`] and [`BlobWriter::finish`] may answer.
    pub async fn put_file(&self, path: &Path, limit: u64) -> Result<(String, u64), Problem> {
        let unread = |error| Problem::from_io(error, path);
        let mut file = tokio::fs::File::open(path).await.map_err(unread)?;
        let mut writer = self.writer(limit).await?;
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece).await.map_err(unread)? {
                0 => return writer.finish().await,
                length => writer.write(&piece[..length]).await?,
            }
        }
    }

    /// All bytes of a blob.
    ///
    /// # Errors
    /// `not_found`, `blobs_unavailable`.
    pub async fn get(&self, sha256: &str) -> Result<Bytes, Problem> {
        check_name(sha256)?;
        match &self.place {
            Place::Folder(folder) => folder.get(sha256).await,
            Place::Bucket(bucket) => bucket.get(sha256).await,
        }
    }

    /// The bytes of a blob, piece by piece.
    ///
    /// # Errors
    /// `not_found`, `blobs_unavailable`; the latter in the middle of the stream, too.
    pub async fn get_stream(&self, sha256: &str) -> Result<BoxStream<'static, Result<Bytes, Problem>>, Problem> {
        check_name(sha256)?;
        match &self.place {
            Place::Folder(folder) => folder.get_stream(sha256).await,
            Place::Bucket(bucket) => bucket.get_stream(sha256).await,
        }
    }

    /// The blob as an open file, to hand to a child process. A bucket's blob is brought into a nameless temporary file.
    ///
    /// # Errors
    /// `not_found`, `blobs_unavailable`, `disk_full`.
    pub async fn open_file(&self, sha256: &str) -> Result<std::fs::File, Problem> {
        check_name(sha256)?;
        match &self.place {
            Place::Folder(folder) => folder.open_file(sha256).await,
            Place::Bucket(bucket) => bucket.open_file(sha256).await,
        }
    }

    /// Puts a blob into a file that is not there yet; on one disk as a second name of the same file. Returns its size.
    ///
    /// # Errors
    /// `not_found` when the blob is gone, `blobs_unavailable`, `disk_full`, `read_only`.
    pub async fn copy_to(&self, sha256: &str, path: &Path) -> Result<u64, Problem> {
        check_name(sha256)?;
        if let Place::Folder(folder) = &self.place
            && let Some(bytes) = folder.link_to(sha256, path).await?
        {
            return Ok(bytes);
        }
        let mut pieces = self.get_stream(sha256).await?;
        let failed = |error| Problem::from_io(error, path);
        let mut file = tokio::fs::File::create(path).await.map_err(failed)?;
        let mut bytes = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            bytes += piece.len() as u64;
            file.write_all(&piece).await.map_err(failed)?;
        }
        file.sync_all().await.map_err(failed)?;
        Ok(bytes)
    }

    /// Whether the blob is there.
    ///
    /// # Errors
    /// `blobs_unavailable`.
    pub async fn exists(&self, sha256: &str) -> Result<bool, Problem> {
        check_name(sha256)?;
        match &self.place {
            Place::Folder(folder) => folder.exists(sha256).await,
            Place::Bucket(bucket) => bucket.exists(sha256).await,
        }
    }

    /// Removes a blob; one that is not there is no error.
    ///
    /// # Errors
    /// `blobs_unavailable`, `read_only`.
    pub async fn delete(&self, sha256: &str) -> Result<(), Problem> {
        check_name(sha256)?;
        match &self.place {
            Place::Folder(folder) => folder.delete(sha256).await,
            Place::Bucket(bucket) => bucket.delete(sha256).await,
        }
    }

    /// Every blob, for sweeping. A young one without a document may belong to an upload that is just coming in.
    ///
    /// # Errors
    /// `blobs_unavailable`.
    pub async fn list(&self) -> Result<Vec<BlobEntry>, Problem> {
        match &self.place {
            Place::Folder(folder) => folder.list().await,
            Place::Bucket(bucket) => bucket.list().await,
        }
    }
}

/// Only a hash is a name here, whatever a caller passes on.
fn check_name(sha256: &str) -> Result<(), Problem> {
    if is_name(sha256) { Ok(()) } else { Err(Problem::new(ErrorCode::NotFound, "there is no such file")) }
}

fn is_name(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// An answer for a hash that is not there.
fn missing(sha256: &str) -> Problem {
    Problem::new(ErrorCode::NotFound, format!("the file with the hash {sha256} is not in the library"))
}

/// An error of the file system that names the file.
pub(crate) fn io_problem(error: std::io::Error, path: &Path) -> Problem {
    Problem::from_io(error, path)
}

/// Problems of the file system that name the file.
trait FromIo {
    fn from_io(error: std::io::Error, path: &Path) -> Problem;
}

impl FromIo for Problem {
    fn from_io(error: std::io::Error, path: &Path) -> Problem {
        use std::io::ErrorKind;
        let (code, what) = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                (ErrorCode::DiskFull, "cannot be written: the disk is full; free some space")
            }
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
                (ErrorCode::ReadOnly, "cannot be written or read; check its permissions")
            }
            ErrorKind::NotFound => (ErrorCode::NotFound, "is not there"),
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                (ErrorCode::InvalidConfig, "is a file where a folder is needed")
            }
            _ => (ErrorCode::BlobsUnavailable, "cannot be read or written"),
        };
        Self::new(code, format!("`{}` {what}", path.display())).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, sync::Arc};

    use futures::TryStreamExt;
    use object_store::memory::InMemory;
    use sha2::{Digest, Sha256};

    use super::*;

    /// A folder and a bucket, which must behave alike.
    async fn both(dir: &Path) -> [Blobs; 2] {
        let folder = Blobs::open(dir.join("blobs").to_str().unwrap()).await.unwrap();
        let bucket = Bucket::over(Arc::new(InMemory::new()), "some/prefix");
        [folder, Blobs { place: Place::Bucket(Arc::new(bucket)) }]
    }

    async fn put(blobs: &Blobs, pieces: &[&[u8]]) -> (String, u64) {
        let mut writer = blobs.writer(1 << 30).await.unwrap();
        for piece in pieces {
            writer.write(piece).await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    #[tokio::test]
    async fn what_is_put_is_found_under_its_hash() {
        let dir = tempfile::tempdir().unwrap();
        for blobs in both(dir.path()).await {
            let big = vec![7_u8; 9 * 1024 * 1024];
            for pieces in [&[b"hello ".as_slice(), b"world"][..], &[][..], &[big.as_slice()][..]] {
                let whole = pieces.concat();
                let (sha256, size) = put(&blobs, pieces).await;
                assert_eq!(sha256, hex::encode(Sha256::digest(&whole)));
                assert_eq!(size, whole.len() as u64);
                assert!(blobs.exists(&sha256).await.unwrap());
                assert_eq!(blobs.get(&sha256).await.unwrap(), whole);
                let streamed: Vec<Bytes> = blobs.get_stream(&sha256).await.unwrap().try_collect().await.unwrap();
                assert_eq!(streamed.concat(), whole);
                let mut read = Vec::new();
                std::io::Read::read_to_end(&mut blobs.open_file(&sha256).await.unwrap(), &mut read).unwrap();
                assert_eq!(read, whole);
                // Once more changes nothing.
                assert_eq!(put(&blobs, pieces).await, (sha256, size));
            }
            assert_eq!(blobs.list().await.unwrap().len(), 3);
        }
    }

    #[tokio::test]
    async fn what_is_deleted_is_gone_and_may_be_deleted_again() {
        let dir = tempfile::tempdir().unwrap();
        for blobs in both(dir.path()).await {
            let (sha256, _) = put(&blobs, &[b"x"]).await;
            blobs.delete(&sha256).await.unwrap();
            blobs.delete(&sha256).await.unwrap();
            assert!(!blobs.exists(&sha256).await.unwrap());
            assert_eq!(blobs.get(&sha256).await.unwrap_err().code, ErrorCode::NotFound);
            assert_eq!(blobs.open_file(&sha256).await.unwrap_err().code, ErrorCode::NotFound);
            assert!(blobs.get_stream(&sha256).await.is_err());
            assert!(blobs.list().await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_name_that_is_no_hash_reaches_no_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        for blobs in both(dir.path()).await {
            for name in ["../secret", "", "A".repeat(64).as_str(), &format!("../{}", "a".repeat(61))] {
                assert_eq!(blobs.get(name).await.unwrap_err().code, ErrorCode::NotFound);
                assert_eq!(blobs.delete(name).await.unwrap_err().code, ErrorCode::NotFound);
            }
        }
    }

    #[tokio::test]
    async fn a_file_past_the_limit_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for blobs in both(dir.path()).await {
            let mut writer = blobs.writer(10).await.unwrap();
            writer.write(b"12345").await.unwrap();
            assert_eq!(writer.write(b"678901").await.unwrap_err().code, ErrorCode::TooLarge);
            drop(writer);
            assert!(blobs.list().await.unwrap().is_empty());
        }
    }

    fn files_below(path: &Path) -> usize {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
    }

    #[tokio::test]
    async fn leftovers_of_a_dead_process_are_swept_and_those_of_a_living_one_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap();
        let living = Blobs::open(root).await.unwrap();
        let mut upload = living.writer(100).await.unwrap();
        upload.write(b"half").await.unwrap();
        let dead = dir.path().join("tmp").join("dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("upload"), "left").unwrap();
        let other = Blobs::open(root).await.unwrap();
        assert!(!dead.exists());
        upload.write(b" and half").await.unwrap();
        let (sha256, _) = upload.finish().await.unwrap();
        assert_eq!(other.get(&sha256).await.unwrap(), "half and half");
        // One blob and the locks of two processes.
        assert_eq!(files_below(dir.path()), 3);
    }

    #[tokio::test]
    async fn a_file_on_disk_is_copied_in() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("a.pdf");
        fs::write(&source, "%PDF-").unwrap();
        for blobs in both(dir.path()).await {
            let (sha256, size) = blobs.put_file(&source, 100).await.unwrap();
            assert_eq!((blobs.get(&sha256).await.unwrap().as_ref(), size), (b"%PDF-".as_slice(), 5));
            assert_eq!(blobs.put_file(&source, 4).await.unwrap_err().code, ErrorCode::TooLarge);
            let gone = blobs.put_file(&dir.path().join("b.pdf"), 100).await.unwrap_err();
            assert_eq!(gone.code, ErrorCode::NotFound);
            assert!(gone.message.contains("b.pdf"));
        }
    }

    #[tokio::test]
    async fn places_that_cannot_be_are_refused_with_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Blobs::open(file.join("below").to_str().unwrap()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidConfig);
        assert!(error.message.contains("file"), "{}", error.message);
        let error = Blobs::open("ftp://u:secret@host/x").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidConfig);
        assert!(!error.message.contains("secret"));
        let error = Blobs::open("/proc/nowhere").await.unwrap_err();
        assert!(matches!(error.code, ErrorCode::ReadOnly | ErrorCode::NotFound), "{error:?}");
    }

    #[test]
    fn trouble_of_the_disk_is_told_apart() {
        let problem = |kind: std::io::ErrorKind| Problem::from_io(kind.into(), Path::new("/x/y")).code;
        assert_eq!(problem(std::io::ErrorKind::StorageFull), ErrorCode::DiskFull);
        assert_eq!(problem(std::io::ErrorKind::ReadOnlyFilesystem), ErrorCode::ReadOnly);
        assert_eq!(problem(std::io::ErrorKind::PermissionDenied), ErrorCode::ReadOnly);
        assert_eq!(problem(std::io::ErrorKind::TimedOut), ErrorCode::BlobsUnavailable);
    }
}
