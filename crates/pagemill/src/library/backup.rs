//! A copy of a library while it is at work, and a library from a copy.
//!
//! A backup is a folder: `rows.jsonl` holds what the database held at one moment, `blobs/` the files of that moment by
//! their hashes, and `manifest.json`, written last, says that it is whole. Indexes are derived and not in it, and
//! neither is `pagemill.toml`, which may hold passwords.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use pagemill_core::{ErrorCode, Problem};
use pagemill_store::{Blobs, Exported, StoreOptions};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Library, folder_problem,
    lock::LibraryLock,
    views::{BackupView, RestoreView, rfc3339},
};
use crate::config::Settings;

/// The form of a backup.
const FORMAT: u32 = 1;
/// Deletions may take files away while they are copied; the rows are then looked at again, so often at most.
const LOOKS: u32 = 10;

/// What a backup says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    /// The program that made it.
    version: String,
    /// The step of the schema its rows are of.
    schema: i64,
    /// When it was made, RFC 3339.
    created: String,
    documents: u64,
    rows: u64,
    /// SHA-256 of `rows.jsonl`.
    rows_sha256: String,
    /// SHA-256 of the library's canonical text.
    canonical_sha256: String,
    /// The files in `blobs/`, each named by its own SHA-256.
    blobs: Vec<String>,
    /// Tables that are left out because they hold what is secret.
    left_out: Vec<String>,
}

/// Copies a library into a folder, whether or not a process is at work in it.
///
/// # Errors
/// `not_found` when there is no library, `conflict` when the folder is in use, and those of disk and database.
pub async fn backup(settings: &Settings, to: &Path) -> Result<BackupView, Problem> {
    let begun = std::time::Instant::now();
    refuse_full(to)?;
    let options = StoreOptions::new(settings.database_url());
    let shelf = to.join("blobs");
    fs::create_dir_all(&shelf).map_err(|error| folder_problem(to, error))?;
    let rows = to.join("rows.jsonl");
    let mut exported = match pagemill_store::export(&options, &rows).await {
        Ok(exported) => exported,
        Err(problem) => {
            // Nothing was copied: the folder is as it was.
            let _ = fs::remove_file(&rows).and_then(|()| fs::remove_dir(&shelf)).and_then(|()| fs::remove_dir(to));
            return Err(problem);
        }
    };
    let blobs = Blobs::open(&settings.blobs_url()).await?;
    let mut looks = 1;
    while !copy_blobs(&blobs, &exported, &shelf).await? {
        if looks == LOOKS {
            return Err(Problem::new(
                ErrorCode::NotFound,
                "files of the library are missing; `pagemill doctor` says which",
            ));
        }
        looks += 1;
        exported = pagemill_store::export(&options, &rows).await?;
    }
    let bytes = keep_only(&shelf, &exported.blobs).map_err(|error| folder_problem(&shelf, error))?;
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: exported.schema,
        created: now(),
        documents: exported.documents,
        rows: exported.rows,
        rows_sha256: exported.sha256,
        canonical_sha256: exported.canonical,
        blobs: exported.blobs,
        left_out: exported.left_out,
    };
    write_manifest(to, &manifest)?;
    Ok(BackupView {
        path: to.display().to_string(),
        created: manifest.created,
        documents: manifest.documents,
        rows: manifest.rows,
        files: manifest.blobs.len() as u64,
        bytes,
        left_out: manifest.left_out,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// Makes a library from a backup, and looks whether it is the one that was copied.
///
/// # Errors
/// `not_found` when there is no backup, `invalid_request` when it is damaged, `conflict` when there are documents in
/// the library, `schema_too_new`, `library_in_use`, and those of disk and database.
pub async fn restore(settings: Settings, from: &Path) -> Result<RestoreView, Problem> {
    let begun = std::time::Instant::now();
    let manifest = read_manifest(from)?;
    let rows_path = from.join("rows.jsonl");
    if hash_of(&rows_path)? != manifest.rows_sha256 {
        return Err(damaged(&rows_path));
    }
    let lock = LibraryLock::take(&settings.library)?;
    let blobs = Blobs::open(&settings.blobs_url()).await?;
    for sha256 in &manifest.blobs {
        let path = blob_path(&from.join("blobs"), sha256);
        let (found, _) = blobs.put_file(&path, u64::MAX).await?;
        if found != *sha256 {
            // What was put under the hash it has is an orphan, which the next sweep takes.
            return Err(damaged(&path));
        }
    }
    let rows = pagemill_store::import(&StoreOptions::new(settings.database_url()), &rows_path, manifest.schema).await?;
    drop(lock);

    let library = Library::open(settings).await?;
    let canonical = hex::encode(Sha256::digest(library.dump().await?));
    // Another version of the program may write the same library in other words.
    let is_comparable = manifest.version == env!("CARGO_PKG_VERSION");
    if is_comparable && canonical != manifest.canonical_sha256 {
        return Err(Problem::new(
            ErrorCode::Internal,
            "the restored library is not the one that was copied; keep the backup and report this",
        ));
    }
    while library.indexing().catch_up().await? {}
    let missing = library.check_files().await?;
    let indexes = library.check_indexes().await?;
    library.close().await;
    let mut differences: Vec<String> = indexes.into_iter().collect();
    differences.extend(missing.iter().map(|document| format!("document {document} has no file")));
    Ok(RestoreView {
        documents: manifest.documents,
        rows,
        files: manifest.blobs.len() as u64,
        created: manifest.created,
        identical: is_comparable,
        differences,
        left_out: manifest.left_out,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// Copies the files that are not there yet; whether all were to be had.
async fn copy_blobs(blobs: &Blobs, exported: &Exported, shelf: &Path) -> Result<bool, Problem> {
    let mut is_whole = true;
    for sha256 in &exported.blobs {
        let path = blob_path(shelf, sha256);
        if path.exists() {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| folder_problem(folder, error))?;
        }
        match blobs.copy_to(sha256, &path).await {
            Ok(_) => {}
            Err(problem) if problem.code == ErrorCode::NotFound => is_whole = false,
            Err(problem) => return Err(problem),
        }
    }
    Ok(is_whole)
}

/// Removes files that the rows no longer name, makes the names of the others durable, and adds up their sizes.
fn keep_only(shelf: &Path, blobs: &[String]) -> std::io::Result<u64> {
    let wanted: BTreeSet<&str> = blobs.iter().map(String::as_str).collect();
    let mut bytes = 0;
    for folder in fs::read_dir(shelf)? {
        let folder = folder?.path();
        for file in fs::read_dir(&folder)? {
            let file = file?;
            if wanted.contains(file.file_name().to_string_lossy().as_ref()) {
                bytes += file.metadata()?.len();
            } else {
                fs::remove_file(file.path())?;
            }
        }
        File::open(&folder)?.sync_all()?;
    }
    File::open(shelf)?.sync_all()?;
    Ok(bytes)
}

fn blob_path(shelf: &Path, sha256: &str) -> PathBuf {
    shelf.join(sha256.get(..2).unwrap_or("xx")).join(sha256)
}

fn refuse_full(to: &Path) -> Result<(), Problem> {
    let is_free = match fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(folder_problem(to, error)),
    };
    if is_free {
        return Ok(());
    }
    Err(Problem::new(ErrorCode::Conflict, format!("`{}` is not empty; give a new folder", to.display())))
}

fn write_manifest(to: &Path, manifest: &Manifest) -> Result<(), Problem> {
    let written = || {
        let part = to.join("manifest.json.part");
        let mut file = File::create(&part)?;
        serde_json::to_writer_pretty(&mut file, manifest)?;
        file.sync_all()?;
        fs::rename(&part, to.join("manifest.json"))?;
        File::open(to)?.sync_all()
    };
    written().map_err(|error| folder_problem(to, error))
}

fn read_manifest(from: &Path) -> Result<Manifest, Problem> {
    let path = from.join("manifest.json");
    let text = fs::read(&path).map_err(|error| {
        let message = format!("`{}` holds no whole backup; `pagemill backup DIR` makes one", from.display());
        Problem::new(ErrorCode::NotFound, message).caused_by(error)
    })?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| damaged(&path).caused_by(error))?;
    let is_hash = |hash: &String| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if manifest.format != FORMAT {
        let message = format!("`{}` was made by a newer Pagemill; use that one or a newer", from.display());
        return Err(Problem::new(ErrorCode::SchemaTooNew, message));
    }
    if manifest.blobs.iter().all(is_hash) { Ok(manifest) } else { Err(damaged(&path)) }
}

fn hash_of(path: &Path) -> Result<String, Problem> {
    let failed = |error| damaged(path).caused_by(error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => return Ok(hex::encode(hash.finalize())),
            length => hash.update(&piece[..length]),
        }
    }
}

fn damaged(path: &Path) -> Problem {
    let message = format!("`{}` is not as it was when the backup was made; take another backup", path.display());
    Problem::new(ErrorCode::InvalidRequest, message)
}

fn now() -> String {
    let elapsed = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    rfc3339(i64::try_from(elapsed.as_millis()).unwrap_or(0))
}

/// What a backup is called that nobody has named: the time, to the second.
pub fn backup_name() -> String {
    now().chars().take_while(|c| *c != '.').filter(|c| *c != ':' && *c != 'Z').collect()
}
