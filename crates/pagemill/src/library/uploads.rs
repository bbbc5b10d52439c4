//! Files coming in: streamed, hashed, durable before they are answered.

use std::path::Path;

use pagemill_core::{ErrorCode, Priority, Problem, ProjectId, normalize_name};
use pagemill_store::{BlobWriter, NewDocument};
use tokio::io::AsyncReadExt;

use super::{Library, views::AddedDocument};

/// What to do with an added file.
#[derive(Clone, Debug)]
pub struct AddOptions {
    /// The recipe its task runs.
    pub recipe: String,
    /// How urgent it is.
    pub priority: Priority,
}

impl Default for AddOptions {
    fn default() -> Self {
        Self { recipe: "auto".to_owned(), priority: Priority::Normal }
    }
}

/// The recipes of this version; all run the same stages until there are more stages.
pub const RECIPES: [&str; 5] = ["auto", "article", "catalog", "accounts", "manual"];

/// A file on its way in. Dropped before it is finished, it leaves nothing behind.
pub struct Upload {
    writer: BlobWriter,
    /// The first bytes, to tell a PDF from other files.
    head: Vec<u8>,
}

/// A PDF says so within its first kilobyte.
const HEAD: usize = 1024;

impl Upload {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// `too_large` past the limit, `disk_full`, `read_only`, `blobs_unavailable`.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.writer.write(bytes).await
    }
}

impl Library {
    /// Begins to take a file in.
    ///
    /// # Errors
    /// `disk_full`, `read_only`, `blobs_unavailable`.
    pub async fn begin_upload(&self) -> Result<Upload, Problem> {
        let writer = self.blobs().writer(self.settings().limits.upload_bytes).await?;
        Ok(Upload { writer, head: Vec::new() })
    }

    /// Stores a file that came in whole and queues its first job; the file is durable before this returns.
    ///
    /// # Errors
    /// `empty_file`, `not_pdf`, `invalid_request` for an unknown recipe, and those of the machine.
    pub async fn finish_upload(
        &self,
        project: &ProjectId,
        upload: Upload,
        file_name: &str,
        options: &AddOptions,
    ) -> Result<AddedDocument, Problem> {
        check_recipe(&options.recipe)?;
        let (sha256, file, bytes) = received(upload, file_name).await?;
        let new = NewDocument {
            project: project.clone(),
            sha256,
            file,
            bytes,
            recipe: options.recipe.clone(),
            priority: options.priority,
        };
        let added = self.store().add_document(&new).await?;
        let mut view = AddedDocument::new(&added.document, &added.task, added.reused);
        if added.document.live_version.is_some() {
            // What is in force, though the task may be making another version.
            view.chunks = self.live_chunks(&added.document.id).await?;
            view.pages = added.document.info.pages;
        }
        Ok(view)
    }

    /// Adds a file of this machine.
    ///
    /// # Errors
    /// As [`Self::finish_upload`], and when the file cannot be read.
    pub async fn add_file(
        &self,
        project: &ProjectId,
        path: &Path,
        options: &AddOptions,
    ) -> Result<AddedDocument, Problem> {
        let (upload, name) = self.upload_of(path).await?;
        self.finish_upload(project, upload, &name, options).await
    }

    /// A file of this machine, taken in whole, and its name.
    pub(super) async fn upload_of(&self, path: &Path) -> Result<(Upload, String), Problem> {
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Problem::new(ErrorCode::NotFound, format!("there is no file `{}`; check the path", path.display()))
            }
            _ => Problem::new(
                ErrorCode::InvalidRequest,
                format!("cannot read `{}`: {error}; check its permissions", path.display()),
            ),
        };
        let mut source = tokio::fs::File::open(path).await.map_err(unreadable)?;
        let mut upload = self.begin_upload().await?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            let read = source.read(&mut buffer).await.map_err(unreadable)?;
            if read == 0 {
                break;
            }
            upload.write(&buffer[..read]).await?;
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok((upload, name))
    }

    /// The largest file that is taken, in bytes.
    pub fn upload_limit(&self) -> u64 {
        self.settings().limits.upload_bytes
    }
}

/// Ends an upload: the hash, the normalized name and the size of a file that is durable from now on.
pub(super) async fn received(upload: Upload, file_name: &str) -> Result<(String, String, u64), Problem> {
    let file = normalize_name(file_name);
    check_head(&file, &upload.head)?;
    let (sha256, bytes) = upload.writer.finish().await?;
    Ok((sha256, file, bytes))
}

pub(super) fn check_recipe(recipe: &str) -> Result<(), Problem> {
    if RECIPES.contains(&recipe) {
        return Ok(());
    }
    Err(Problem::new(
        ErrorCode::InvalidRequest,
        format!("there is no recipe `{}`; choose one of {}", pagemill_core::excerpt(recipe, 40), RECIPES.join(", ")),
    ))
}

/// Refuses at the door what can never be read.
fn check_head(file: &str, head: &[u8]) -> Result<(), Problem> {
    if head.is_empty() {
        return Err(Problem::new(
            ErrorCode::EmptyFile,
            format!("`{file}` is empty; export or download it again and add that"),
        ));
    }
    if head.windows(4).any(|window| window == b"%PDF") {
        return Ok(());
    }
    Err(Problem::new(
        ErrorCode::NotPdf,
        format!("`{file}` is not a PDF, whatever its name says; print or export it as PDF and add that"),
    ))
}
