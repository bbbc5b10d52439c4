//! The files of the vector index, and how they stay whole.
//!
//! A generation is a folder of four files that only grow: codes, 16-bit floats, row
//! records, identifiers. The manifest says how much of them counts; what lies beyond is a
//! write that was never committed and is written over. Deletions are a bitmap in a file of
//! its own, made anew at each commit that deletes. The manifest is written aside, synced
//! and renamed over the old one, after everything it names is synced: a reader of the
//! folder finds the state before a commit or the one after it.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use memmap2::{Mmap, MmapOptions};
use serde::{Deserialize, Serialize};

use crate::SearchError;

const MANIFEST: &str = "manifest.json";

/// What is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The folder the files are in.
    pub(super) generation: u64,
    /// Rows that count, deleted ones included.
    pub(super) rows: u64,
    /// Bytes of identifiers that count.
    pub(super) id_bytes: u64,
    /// The number of the file of deletions; 0 while nothing is deleted.
    pub(super) deletions: u64,
    /// The change up to which vectors are in.
    pub(super) built_to: i64,
    /// When the text index says it is built to the first number, it holds everything up to
    /// the second: changes between them had no text.
    pub(super) text_unchanged: Option<(i64, i64)>,
}

impl Manifest {
    /// The manifest of a folder; `None` when there is none yet.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, SearchError> {
        let path = dir.join(MANIFEST);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| SearchError::damaged(&path, error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SearchError::io("read", &path)(error)),
        }
    }

    /// Replaces the manifest, durably.
    pub(super) fn write(&self, dir: &Path) -> Result<(), SearchError> {
        let (aside, path) = (dir.join("manifest.new"), dir.join(MANIFEST));
        let bytes = serde_json::to_vec(self).map_err(|error| SearchError::damaged(&path, error))?;
        write_synced(&aside, &bytes)?;
        fs::rename(&aside, &path).map_err(SearchError::io("replace", &path))?;
        sync_dir(dir)
    }
}

/// Writes a whole file and waits until it is on the disk.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), SearchError> {
    let mut file = File::create(path).map_err(SearchError::io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(SearchError::io("write", path))
}

/// Makes names in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), SearchError> {
    let file = File::open(dir).map_err(SearchError::io("open", dir))?;
    file.sync_all().map_err(SearchError::io("sync", dir))
}

/// A file that grows.
pub(super) struct Growing {
    path: PathBuf,
    file: File,
}

impl Growing {
    fn open(path: PathBuf) -> Result<Self, SearchError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(SearchError::io("open", &path))?;
        Ok(Self { path, file })
    }

    /// Writes at a place, over what was never committed.
    pub(super) fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), SearchError> {
        self.file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.write_all(bytes))
            .map_err(SearchError::io("write", &self.path))
    }

    /// Reads a part.
    pub(super) fn read_at(&mut self, at: u64, length: usize) -> Result<Vec<u8>, SearchError> {
        let mut bytes = vec![0; length];
        self.file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(SearchError::io("read", &self.path))?;
        Ok(bytes)
    }

    fn sync(&self) -> Result<(), SearchError> {
        self.file.sync_data().map_err(SearchError::io("sync", &self.path))
    }

    /// Maps the first bytes.
    pub(super) fn map(&self, length: u64) -> Result<Map, SearchError> {
        let there = self.file.metadata().map_err(SearchError::io("read", &self.path))?.len();
        if there < length {
            return Err(SearchError::damaged(&self.path, format!("{there} bytes where {length} are expected")));
        }
        if length == 0 {
            return Ok(Map(None));
        }
        // SAFETY: the file belongs to this process (the library is locked), its committed
        // part is never changed or cut off, and only that part is mapped.
        #[allow(unsafe_code)]
        let map = unsafe { MmapOptions::new().len(length as usize).map(&self.file) };
        map.map(|map| Map(Some(map))).map_err(SearchError::io("map", &self.path))
    }
}

/// A mapped part of a file; nothing when it is empty.
pub(super) struct Map(Option<Mmap>);

impl std::ops::Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}

/// The files of one generation.
pub(super) struct Generation {
    pub(super) dir: PathBuf,
    pub(super) codes: Growing,
    pub(super) halves: Growing,
    pub(super) rows: Growing,
    pub(super) ids: Growing,
}

impl Generation {
    /// The folder of a generation.
    pub(super) fn dir(dir: &Path, number: u64) -> PathBuf {
        dir.join(format!("g{number}"))
    }

    /// Opens a generation, and makes it when it is not there.
    pub(super) fn open(dir: &Path, number: u64) -> Result<Self, SearchError> {
        let parent = dir;
        let dir = Self::dir(dir, number);
        fs::create_dir_all(&dir).map_err(SearchError::io("create", &dir))?;
        let generation = Self {
            codes: Growing::open(dir.join("codes.bin"))?,
            halves: Growing::open(dir.join("halves.bin"))?,
            rows: Growing::open(dir.join("rows.bin"))?,
            ids: Growing::open(dir.join("ids.bin"))?,
            dir,
        };
        sync_dir(&generation.dir)?;
        sync_dir(parent)?;
        Ok(generation)
    }

    /// Waits until everything written is on the disk.
    pub(super) fn sync(&self) -> Result<(), SearchError> {
        self.codes.sync()?;
        self.halves.sync()?;
        self.rows.sync()?;
        self.ids.sync()
    }

    /// Where the bitmap of deletions with this number is.
    pub(super) fn deletions(&self, number: u64) -> PathBuf {
        self.dir.join(format!("deleted-{number}.bin"))
    }
}

/// Removes generations and files of deletions that no manifest names any more. What cannot
/// be removed now is tried again at the next opening.
pub(super) fn sweep(dir: &Path, manifest: &Manifest) {
    let current = Generation::dir(dir, manifest.generation);
    let deletions = format!("deleted-{}.bin", manifest.deletions);
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path != current && entry.file_name().to_string_lossy().starts_with('g') {
            let _ = fs::remove_dir_all(&path);
        }
    }
    for entry in fs::read_dir(&current).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("deleted-") && name != deletions {
            let _ = fs::remove_file(entry.path());
        }
    }
}
