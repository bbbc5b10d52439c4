//! Blobs in a folder: `ab/abcdef…`, and `tmp/` for what is coming in.
//!
//! Every process has its own folder below `tmp/` and holds a lock on `tmp/NAME.lock`: what no living
//! process holds is left from a crash.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use pagemill_core::Problem;
use tempfile::NamedTempFile;

use super::{BlobEntry, FromIo, PIECE, is_name, missing, writer::blocking};

/// A folder of blobs.
#[derive(Debug)]
pub(super) struct Folder {
    root: Arc<Path>,
    incoming: PathBuf,
    /// Held for as long as this process takes files in.
    _lock: File,
}

impl Folder {
    pub(super) async fn open(root: &Path) -> Result<Self, Problem> {
        let root: Arc<Path> = root.into();
        blocking(move || {
            let tmp = root.join("tmp");
            fs::create_dir_all(&tmp).map_err(|error| Problem::from_io(error, &tmp))?;
            sync_folder(&root)?;
            let (incoming, lock) = own_folder(&tmp).map_err(|error| Problem::from_io(error, &tmp))?;
            sweep(&tmp, &incoming);
            Ok(Self { root, incoming, _lock: lock })
        })
        .await
    }

    /// A file for what is coming in; it removes itself unless it is kept.
    pub(super) fn temporary(&self) -> Result<NamedTempFile, Problem> {
        NamedTempFile::new_in(&self.incoming).map_err(|error| Problem::from_io(error, &self.incoming))
    }

    /// Makes a file durable and puts it in its place.
    pub(super) fn keep(&self, file: NamedTempFile, sha256: &str) -> Result<(), Problem> {
        let path = self.path(sha256);
        let shelf = self.root.join(&sha256[..2]);
        if path.exists() {
            // Another upload may have put it there a moment ago, and its name may not be durable yet.
            return sync_folder(&shelf);
        }
        file.as_file().sync_all().map_err(|error| Problem::from_io(error, file.path()))?;
        if !shelf.exists() {
            fs::create_dir_all(&shelf).map_err(|error| Problem::from_io(error, &shelf))?;
            sync_folder(&self.root)?;
        }
        file.persist(&path).map_err(|error| Problem::from_io(error.error, &path))?;
        sync_folder(&shelf)
    }

    pub(super) async fn get(&self, sha256: &str) -> Result<Bytes, Problem> {
        let (path, name) = (self.path(sha256), sha256.to_owned());
        blocking(move || match fs::read(&path) {
            Ok(bytes) => Ok(Bytes::from(bytes)),
            Err(error) => Err(unread(error, &path, &name)),
        })
        .await
    }

    pub(super) async fn open_file(&self, sha256: &str) -> Result<File, Problem> {
        let (path, name) = (self.path(sha256), sha256.to_owned());
        blocking(move || File::open(&path).map_err(|error| unread(error, &path, &name))).await
    }

    pub(super) async fn get_stream(&self, sha256: &str) -> Result<BoxStream<'static, Result<Bytes, Problem>>, Problem> {
        let file = self.open_file(sha256).await?;
        let path = self.path(sha256);
        let pieces = stream::try_unfold((file, path), |(mut file, path)| async move {
            blocking(move || {
                let mut piece = vec![0; PIECE];
                let length = file.read(&mut piece).map_err(|error| Problem::from_io(error, &path))?;
                piece.truncate(length);
                Ok((length > 0).then(|| (Bytes::from(piece), (file, path))))
            })
            .await
        });
        Ok(pieces.boxed())
    }

    /// Gives a blob a second name, if that is on the same disk; returns its size.
    pub(super) async fn link_to(&self, sha256: &str, to: &Path) -> Result<Option<u64>, Problem> {
        let (path, to, name) = (self.path(sha256), to.to_owned(), sha256.to_owned());
        blocking(move || match fs::hard_link(&path, &to) {
            Ok(()) => fs::metadata(&to).map(|file| Some(file.len())).map_err(|error| Problem::from_io(error, &to)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unread(error, &path, &name)),
            // Another disk, or one without second names.
            Err(_no_link) => Ok(None),
        })
        .await
    }

    pub(super) async fn exists(&self, sha256: &str) -> Result<bool, Problem> {
        let path = self.path(sha256);
        blocking(move || path.try_exists().map_err(|error| Problem::from_io(error, &path))).await
    }

    pub(super) async fn delete(&self, sha256: &str) -> Result<(), Problem> {
        let path = self.path(sha256);
        blocking(move || match fs::remove_file(&path) {
            Ok(()) => path.parent().map_or(Ok(()), sync_folder),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Problem::from_io(error, &path)),
        })
        .await
    }

    pub(super) async fn list(&self) -> Result<Vec<BlobEntry>, Problem> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let failed = |error| Problem::from_io(error, &root);
            let mut entries = Vec::new();
            for shelf in fs::read_dir(&root).map_err(failed)? {
                let shelf = shelf.map_err(failed)?.path();
                let is_shelf = shelf.file_name().is_some_and(|name| name.len() == 2) && shelf.is_dir();
                if is_shelf {
                    list_shelf(&shelf, &mut entries).map_err(|error| Problem::from_io(error, &shelf))?;
                }
            }
            Ok(entries)
        })
        .await
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.root.join(&sha256[..2]).join(sha256)
    }
}

fn list_shelf(shelf: &Path, entries: &mut Vec<BlobEntry>) -> io::Result<()> {
    for entry in fs::read_dir(shelf)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // It may be deleted just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if is_name(&name) && metadata.is_file() {
            let age = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let modified_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            entries.push(BlobEntry { sha256: name, bytes: metadata.len(), modified_ms });
        }
    }
    Ok(())
}

fn unread(error: io::Error, path: &Path, sha256: &str) -> Problem {
    if error.kind() == io::ErrorKind::NotFound { missing(sha256) } else { Problem::from_io(error, path) }
}

/// Makes the names in a folder durable.
fn sync_folder(path: &Path) -> Result<(), Problem> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| Problem::from_io(error, path))
}

/// A folder below `tmp` that is this process's alone, and the lock that says so.
fn own_folder(tmp: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let folder = tempfile::Builder::new().prefix("").rand_bytes(12).tempdir_in(tmp)?.keep();
        let lock_path = folder.with_extension("lock");
        let lock = File::create(&lock_path)?;
        // Another process may be sweeping just now and have taken the folder for a leftover.
        if lock.try_lock().is_ok() && folder.exists() && lock_path.exists() {
            return Ok((folder, lock));
        }
    }
}

/// Removes what processes that are gone have left. What cannot be removed is left to the next sweep.
fn sweep(tmp: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(tmp) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let lock_path = path.with_extension("lock");
        if path == own || lock_path == own.with_extension("lock") {
            continue;
        }
        let is_held = File::open(&lock_path).is_ok_and(|lock| lock.try_lock().is_err());
        if !is_held {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if let Err(error) = removed {
                tracing::debug!(path = %path.display(), error = &error as &dyn std::error::Error, "a leftover stays");
            }
        }
    }
}
