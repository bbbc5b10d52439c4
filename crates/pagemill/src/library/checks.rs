//! Looking whether the parts of a library agree, and its canonical text.

use pagemill_core::{DocumentId, Problem, ProjectId};

use super::Library;

/// Documents fetched at once.
const BATCH: u32 = 500;

impl Library {
    /// Documents whose file is not in the store of files.
    ///
    /// # Errors
    /// Of the stores.
    pub async fn check_files(&self) -> Result<Vec<DocumentId>, Problem> {
        let project = ProjectId::default_project();
        let mut missing = Vec::new();
        let mut after = None;
        loop {
            let rows = self.store().documents(&project, after.as_ref(), BATCH).await?;
            let Some((last, _)) = rows.last() else { return Ok(missing) };
            after = Some(last.id.clone());
            for (document, _) in rows {
                if !self.blobs().exists(&document.sha256).await? {
                    missing.push(document.id);
                }
            }
        }
    }

    /// How the indexes differ from the database, if they do.
    ///
    /// # Errors
    /// Of the stores.
    pub async fn check_indexes(&self) -> Result<Option<String>, Problem> {
        let (last, counts, stats) =
            (self.store().last_change().await?, self.store().library_counts().await?, self.index.stats());
        let built_to = self.index.lexical_built_to();
        if built_to < last {
            return Ok(Some(format!("built to change {built_to} of {last}; they catch up while the program runs")));
        }
        if stats.chunks != counts.chunks {
            return Ok(Some(format!(
                "{} chunks are findable by words, the database has {}; delete the folder `index` of the library to build it anew",
                stats.chunks, counts.chunks
            )));
        }
        Ok(None)
    }

    /// Whether a document has been read and cut into chunks.
    ///
    /// # Errors
    /// Of the database.
    pub async fn has_text(&self, id: &DocumentId) -> Result<bool, Problem> {
        let document = self.store().document(&ProjectId::default_project(), id).await?;
        Ok(document.is_some_and(|document| document.live_version.is_some()))
    }

    /// Waits until every text that is in the database now is findable by words.
    ///
    /// # Errors
    /// Of the database.
    pub async fn text_indexed(&self) -> Result<(), Problem> {
        let change = self.store().last_change().await?;
        self.indexing().reached(change).await
    }

    /// The library as canonical text: sorted, without times and random identifiers.
    ///
    /// # Errors
    /// Of the database.
    pub async fn dump(&self) -> Result<String, Problem> {
        self.store().dump().await
    }
}
