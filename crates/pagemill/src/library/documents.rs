//! Documents: looking at them, drawing their pages, deleting them.

use std::{collections::BTreeMap, ops::RangeInclusive};

use bytes::Bytes;
use pagemill_core::{Document, DocumentId, ErrorCode, Problem, ProjectId, Task};

use super::{
    Library,
    tables::changed,
    views::{DeletionView, DocumentView, PageView},
};
use crate::cell::Drawing;

/// Resolutions a page can be drawn at, in pixels per inch.
const DPI: RangeInclusive<f32> = 18.0..=600.0;
/// Most boxes marked on one picture.
const MAX_MARKS: usize = 500;
/// Pages held at once while a whole document is turned into text.
const PAGES_AT_ONCE: u32 = 64;

/// A document of which there is none, or none that this project may see.
pub(super) fn no_document(id: &DocumentId) -> Problem {
    Problem::new(ErrorCode::NotFound, format!("there is no document `{id}` here; `pagemill ls` lists them"))
}

impl Library {
    /// Documents in the order they were added, from the one behind `after` on.
    ///
    /// # Errors
    /// Of the database.
    pub async fn documents(
        &self,
        project: &ProjectId,
        after: Option<&DocumentId>,
        limit: u32,
    ) -> Result<Vec<DocumentView>, Problem> {
        let rows = self.store().documents(project, after, limit).await?;
        let ids: Vec<DocumentId> = rows.iter().map(|(document, _)| document.id.clone()).collect();
        let chunks = self.store().live_chunk_counts(&ids).await?;
        let chunks = |id: &DocumentId| chunks.get(id).copied().unwrap_or(0);
        let newest: Vec<Task> = rows.iter().filter_map(|(_, task)| task.clone()).collect();
        let mut tasks = self.task_views(&newest).await?.into_iter();
        let view = |(document, task): &(Document, Option<Task>)| DocumentView {
            task: task.as_ref().and_then(|_| tasks.next()),
            ..DocumentView::new(document, task.as_ref(), chunks(&document.id))
        };
        Ok(rows.iter().map(view).collect())
    }

    /// One document.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn document(&self, project: &ProjectId, id: &DocumentId) -> Result<DocumentView, Problem> {
        let document = self.readable(project, id).await?;
        let task = self.store().newest_task(project, id).await?;
        let chunks = self.live_chunks(id).await?;
        let view = DocumentView::new(&document, task.as_ref(), chunks);
        Ok(match &task {
            Some(task) => DocumentView { task: Some(self.task_view(task).await?), ..view },
            None => view,
        })
    }

    /// Finds a document by its id, or by the name or title it has if that is unique.
    ///
    /// # Errors
    /// `not_found`; `invalid_request` when several match.
    pub async fn find_document(&self, project: &ProjectId, word: &str) -> Result<DocumentId, Problem> {
        if let Ok(id) = word.parse::<DocumentId>() {
            return self.readable(project, &id).await.map(|document| document.id);
        }
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let rows = self.store().documents(project, after.as_ref(), 500).await?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.id.clone());
            let named = |document: &Document| document.file == word || document.info.title.as_deref() == Some(word);
            found.extend(rows.into_iter().filter(|(document, _)| named(document)).map(|(document, _)| document.id));
        }
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Problem::new(
                ErrorCode::NotFound,
                format!("there is no document `{}` here; `pagemill ls` lists them", pagemill_core::excerpt(word, 80)),
            )),
            count => Err(Problem::new(
                ErrorCode::InvalidRequest,
                format!(
                    "{count} documents are called `{}`; use the id that `pagemill ls` shows",
                    pagemill_core::excerpt(word, 80)
                ),
            )),
        }
    }

    /// Deletes a document with everything made from it, and looks again whether all is gone.
    ///
    /// # Errors
    /// `not_found`, and of the stores.
    pub async fn delete_document(&self, project: &ProjectId, id: &DocumentId) -> Result<DeletionView, Problem> {
        let Some(receipt) = self.store().delete_document(project, id).await? else {
            return Err(no_document(id));
        };
        let mut removed = receipt.rows.clone();
        if receipt.blob_unused {
            let blobs = self.store().remove_unused_blobs(self.blobs()).await?;
            removed.insert("files".to_owned(), u64::from(blobs));
        }
        // The process that has the indexes follows by itself; what it finds is looked up in the rows, which are gone.
        if self.has_indexes() {
            self.indexing().apply_to(self.store().last_change().await?).await?;
        }

        let mut left = BTreeMap::new();
        if self.store().document(project, id).await?.is_some() {
            left.insert("documents".to_owned(), 1);
        }
        if receipt.blob_unused && self.blobs().exists(&receipt.sha256).await? {
            left.insert("files".to_owned(), 1);
        }
        Ok(DeletionView { document: id.to_string(), removed, left })
    }

    /// The file as it was uploaded, with its name.
    ///
    /// # Errors
    /// `not_found`, and of the store of files.
    pub async fn original(&self, project: &ProjectId, id: &DocumentId) -> Result<(String, Bytes), Problem> {
        let document = self.readable(project, id).await?;
        let bytes = self.blobs().get(&document.sha256).await?;
        Ok((document.file, bytes))
    }

    /// Pages with their blocks; pages beyond the end are left out.
    ///
    /// # Errors
    /// `not_found`; `conflict` while the document has not been read.
    pub async fn pages(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        range: RangeInclusive<u32>,
    ) -> Result<Vec<PageView>, Problem> {
        let (_, version) = self.live(project, id).await?;
        let pages = self.store().pages(id, version, range, false).await?;
        Ok(pages.iter().map(PageView::from).collect())
    }

    /// The whole document as plain text or Markdown.
    ///
    /// # Errors
    /// As [`Self::pages`]; `conflict` when the document changes while it is read.
    pub async fn text(&self, project: &ProjectId, id: &DocumentId, markdown: bool) -> Result<String, Problem> {
        let (document, version) = self.live(project, id).await?;
        let mut out = String::new();
        for first in (1..=document.info.pages).step_by(PAGES_AT_ONCE as usize) {
            let pages = self.store().pages(id, version, first..=first + PAGES_AT_ONCE - 1, false).await?;
            // A version goes at once with all its pages: half of one is no text.
            if pages.is_empty() {
                return Err(changed(id));
            }
            out.push_str(&if markdown { pagemill_pdf::to_markdown(&pages) } else { pagemill_pdf::to_text(&pages) });
        }
        Ok(out)
    }

    /// A page, or a part of one, drawn as PNG.
    ///
    /// # Errors
    /// `not_found`, `invalid_request` for an odd resolution, and those of drawing.
    pub async fn page_image(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        page: u32,
        drawing: Drawing,
    ) -> Result<Vec<u8>, Problem> {
        if !DPI.contains(&drawing.dpi) {
            return Err(Problem::new(
                ErrorCode::InvalidRequest,
                format!("dpi must be from {} to {}", DPI.start(), DPI.end()),
            ));
        }
        if drawing.marks.len() > MAX_MARKS {
            return Err(Problem::new(ErrorCode::InvalidRequest, format!("at most {MAX_MARKS} boxes can be marked")));
        }
        let document = self.readable(project, id).await?;
        let pages = document.info.pages;
        if page == 0 || (pages > 0 && page > pages) {
            return Err(Problem::new(ErrorCode::NotFound, format!("`{}` has pages 1 to {pages}", document.file)));
        }
        let bytes = self.blobs().get(&document.sha256).await?;
        self.cells().draw(&bytes, None, page, drawing).await
    }

    /// The row of a document.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub(crate) async fn readable(&self, project: &ProjectId, id: &DocumentId) -> Result<Document, Problem> {
        self.store().document(project, id).await?.ok_or_else(|| no_document(id))
    }

    /// How many chunks the version has that readers see.
    pub(super) async fn live_chunks(&self, id: &DocumentId) -> Result<u32, Problem> {
        Ok(self.store().live_chunk_counts(std::slice::from_ref(id)).await?.remove(id).unwrap_or(0))
    }

    /// A document that has been read, and the version that readers see.
    pub(super) async fn live(&self, project: &ProjectId, id: &DocumentId) -> Result<(Document, u32), Problem> {
        let document = self.readable(project, id).await?;
        match document.live_version {
            Some(version) => Ok((document, version)),
            None => Err(Problem::new(
                ErrorCode::Conflict,
                format!("`{}` has not been read; `pagemill show {id}` says where it stands", document.file),
            )),
        }
    }
}
