//! One process a library at a time: indexes and files have one writer.

use std::{fs::File, io::Write, path::Path};

use fs4::fs_std::FileExt;
use pagemill_core::{ErrorCode, Problem};

/// Held as long as the library is open; the kernel lets go of it however the process ends.
pub(super) struct LibraryLock {
    _file: File,
}

impl LibraryLock {
    /// Whether a process has the library. When it cannot be told, one does.
    pub(super) fn is_held(library: &Path) -> bool {
        match File::open(library.join("library.lock")) {
            Ok(file) => file.try_lock_shared().is_err(),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }

    /// Makes the library's folder if need be and locks it.
    ///
    /// # Errors
    /// `library_in_use` when another process has it, `read_only` or `disk_full` when the folder cannot be written.
    pub(super) fn take(library: &Path) -> Result<Self, Problem> {
        let failed = |error: std::io::Error| folder_problem(library, error);
        std::fs::create_dir_all(library).map_err(failed)?;
        let path = library.join("library.lock");
        let mut options = File::options();
        let mut file = options.create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        if !file.try_lock_exclusive().map_err(failed)? {
            let owner = std::fs::read_to_string(&path).unwrap_or_default();
            let owner = owner.trim();
            let by = if owner.is_empty() { String::new() } else { format!(" ({})", pagemill_core::excerpt(owner, 60)) };
            return Err(Problem::new(
                ErrorCode::LibraryInUse,
                format!(
                    "the library `{}` is open in another process{by}; stop that one, or use its page and HTTP API",
                    library.display()
                ),
            ));
        }
        // For the message above only; a library is not refused because this could not be written.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "process {}", std::process::id()));
        Ok(Self { _file: file })
    }
}

/// An I/O error on the library's folder, told apart by what the user can do about it.
pub fn folder_problem(folder: &Path, error: std::io::Error) -> Problem {
    use std::io::ErrorKind;
    let folder = folder.display();
    let problem = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Problem::new(
            ErrorCode::DiskFull,
            format!("the disk of `{folder}` is full; make room, work goes on by itself"),
        ),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Problem::new(
            ErrorCode::ReadOnly,
            format!("`{folder}` cannot be written; change its permissions or give another folder with --library"),
        ),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => Problem::new(
            ErrorCode::InvalidConfig,
            format!("`{folder}` is a file, not a folder; give another one with --library"),
        ),
        _ => Problem::new(ErrorCode::Internal, format!("cannot open `{folder}`: {error}")),
    };
    problem.caused_by(error)
}
