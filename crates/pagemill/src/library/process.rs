//! Documents that change: processed anew, or made of other bytes; and what that would mean.

use std::path::Path;

use pagemill_core::{DocumentId, ErrorCode, Page, Priority, Problem, ProjectId, Stage};
use pagemill_store::{Replacement, Reprocess};

use super::{
    Library, Upload,
    documents::no_document,
    units::{UNIT_PAGES, chunk_key, parse_key, vector_key},
    uploads::{check_recipe, received},
    views::{AddedDocument, PageLedgerView, PlanView, PlannedStage, TaskView},
};

/// Pages fetched at once.
const PAGES_AT_ONCE: u32 = 64;
/// Chunks looked at, at once.
const CHUNKS_AT_ONCE: u32 = 500;

/// How to process a document anew.
#[derive(Clone, Debug, Default)]
pub struct ProcessOptions {
    /// The recipe, or that of the newest task.
    pub recipe: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// This stage and those behind it are done again even where nothing has changed.
    pub from: Option<Stage>,
}

impl ProcessOptions {
    fn check(&self) -> Result<(), Problem> {
        self.recipe.as_deref().map_or(Ok(()), check_recipe)
    }

    fn may_reuse(&self, stage: Stage) -> bool {
        self.from.is_none_or(|first| stage < first)
    }
}

impl Library {
    /// Begins to process a document anew, beside what is there: what has not changed is taken over.
    ///
    /// # Errors
    /// `not_found`; `conflict` while the document is at work; `invalid_request` for an unknown recipe.
    pub async fn process(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        options: &ProcessOptions,
    ) -> Result<TaskView, Problem> {
        options.check()?;
        let wish = Reprocess { recipe: options.recipe.clone(), priority: options.priority, redo_from: options.from };
        match self.store().process_document(project, id, &wish).await? {
            Some(task) => Ok(TaskView::from(&task)),
            None => Err(no_document(id)),
        }
    }

    /// Gives a document the bytes of a file that came in whole. What was made of the old ones is there until the new
    /// version goes live, and gone from then on.
    ///
    /// # Errors
    /// `not_found`; `conflict` when another document has these bytes; and as [`Self::finish_upload`].
    pub async fn replace(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        upload: Upload,
        file_name: &str,
        options: &ProcessOptions,
    ) -> Result<AddedDocument, Problem> {
        options.check()?;
        // A document that is not there is not worth storing the file.
        self.readable(project, id).await?;
        let (sha256, file, bytes) = received(upload, file_name).await?;
        let new = Replacement {
            sha256,
            file: file.clone(),
            bytes,
            recipe: options.recipe.clone(),
            priority: options.priority,
        };
        let Some((task, reused)) = self.store().replace_document(project, id, &new).await? else {
            return Err(no_document(id));
        };
        let document = self.readable(project, id).await?;
        Ok(AddedDocument { file, ..AddedDocument::new(&document, &task, reused) })
    }

    /// Gives a document the bytes of a file of this machine.
    ///
    /// # Errors
    /// As [`Self::replace`], and when the file cannot be read.
    pub async fn replace_with_file(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        path: &Path,
        options: &ProcessOptions,
    ) -> Result<AddedDocument, Problem> {
        let (upload, name) = self.upload_of(path).await?;
        self.replace(project, id, upload, &name, options).await
    }

    /// What processing a document anew would do: which units, how long, at what cost. Nothing is begun.
    ///
    /// # Errors
    /// `not_found`; `invalid_request` for an unknown recipe.
    pub async fn plan(
        &self,
        project: &ProjectId,
        id: &DocumentId,
        options: &ProcessOptions,
    ) -> Result<PlanView, Problem> {
        options.check()?;
        let document = self.readable(project, id).await?;
        let live = document.live_version;
        // Until a first version is live, the task that reads the file knows first.
        let newest = if live.is_none() { self.store().newest_task(project, id).await? } else { None };
        let key = parse_key(&document.sha256);
        let pages = match document.info.pages.max(newest.map_or(0, |task| task.pages_total)) {
            0 => self.store().read_before(&key).await?.map_or(0, |before| before.info.pages),
            pages => pages,
        };
        let read_again = if options.may_reuse(Stage::Parse) { self.pages_to_read(&key, pages).await? } else { pages };
        let (mut chunks, mut cut_again, mut embed_again) = (0, None, None);
        if let Some(version) = live {
            chunks = self.store().chunk_count(id, version).await?;
            // Pages that are read again may say something else, and then all that follows is new.
            if read_again == 0 {
                let again = !options.may_reuse(Stage::Chunk) || !self.is_cut(id, version).await?;
                cut_again = Some(if again { chunks } else { 0 });
                if !again {
                    let all = !options.may_reuse(Stage::Embed);
                    embed_again = Some(if all { chunks } else { self.texts_without_vector(id, version).await? });
                }
            }
        }
        if self.embedder().is_none() {
            embed_again = Some(0);
        }
        let mut stages = Vec::new();
        stages.push(match pages {
            0 => PlannedStage::unknown(Stage::Parse),
            _ => self.planned(Stage::Parse, pages, Some(read_again)).await?,
        });
        match live {
            Some(version) => {
                stages.extend(self.planned_ocr(id, version, options).await?);
                stages.push(self.planned(Stage::Chunk, chunks, cut_again).await?);
                stages.push(self.planned(Stage::Embed, chunks, embed_again).await?);
            }
            // How many pictures and how much text there is shows when it has been read.
            None => {
                stages.extend([PlannedStage::unknown(Stage::Ocr), PlannedStage::unknown(Stage::Chunk)]);
                stages.push(match embed_again {
                    Some(_) => self.planned(Stage::Embed, 0, embed_again).await?,
                    None => PlannedStage::unknown(Stage::Embed),
                });
            }
        }
        let seconds = stages.iter().map(|stage| stage.seconds).sum::<Option<f64>>();
        let is_exact = stages.iter().all(|stage| stage.exact);
        Ok(PlanView { document: id.to_string(), stages, seconds, exact: is_exact, cost_usd: 0.0 })
    }

    /// What OCR would do, for a document with pages that need it. Which of them it knows already depends on the engine
    /// and the languages it finds, so that this is an estimate.
    async fn planned_ocr(
        &self,
        id: &DocumentId,
        version: u32,
        options: &ProcessOptions,
    ) -> Result<Option<PlannedStage>, Problem> {
        let waiting = self.store().recognitions(id, version).await?;
        if waiting.is_empty() {
            return Ok(None);
        }
        let pages = waiting.len() as u32;
        let known = waiting.iter().filter(|page| !page.key.is_empty() && page.error.is_none()).count() as u32;
        let again = if options.may_reuse(Stage::Ocr) { pages - known } else { pages };
        let planned = self.planned(Stage::Ocr, pages, Some(again)).await?;
        Ok(Some(PlannedStage { exact: !options.may_reuse(Stage::Ocr), ..planned }))
    }

    /// How many pages of a file no earlier reading has left.
    async fn pages_to_read(&self, key: &str, pages: u32) -> Result<u32, Problem> {
        let units = self.store().reusable_units(Stage::Parse, key, UNIT_PAGES, None).await?;
        let there = |number: u32| pages.saturating_sub(number * UNIT_PAGES).min(UNIT_PAGES);
        Ok(pages - units.iter().map(|unit| there(unit.number)).sum::<u32>().min(pages))
    }

    /// Whether the pages of a version have been cut into chunks with the settings of now.
    async fn is_cut(&self, id: &DocumentId, version: u32) -> Result<bool, Problem> {
        let mut pages: Vec<Page> = Vec::new();
        let mut first = 1;
        loop {
            let some = self.store().pages(id, version, first..=first + PAGES_AT_ONCE - 1, false).await?;
            if some.is_empty() {
                break;
            }
            first += PAGES_AT_ONCE;
            pages.extend(some);
        }
        let key = chunk_key(&pages, &self.chunk_settings());
        Ok(!self.store().reusable_units(Stage::Chunk, &key, UNIT_PAGES, None).await?.is_empty())
    }

    /// How many chunks of a version have a text whose vector is not known.
    async fn texts_without_vector(&self, id: &DocumentId, version: u32) -> Result<u32, Problem> {
        let Some(model) = self.embedder().map(|embedder| embedder.name()) else { return Ok(0) };
        let (mut after, mut without) = (None, 0);
        loop {
            let chunks = self.store().chunks(id, version, after, CHUNKS_AT_ONCE).await?;
            let Some(last) = chunks.last() else { return Ok(without) };
            after = Some(last.ordinal);
            let keys: Vec<String> = chunks.iter().map(|chunk| vector_key(chunk, model)).collect();
            let known = self.store().embeddings_for(model, &keys).await?;
            without += keys.iter().filter(|key| !known.contains_key(*key)).count() as u32;
        }
    }

    /// A stage of a plan. What is not known to be taken over counts as to be done.
    async fn planned(&self, stage: Stage, items: u32, again: Option<u32>) -> Result<PlannedStage, Problem> {
        let times = self.store().unit_times(stage).await?;
        let to_do = again.unwrap_or(items);
        Ok(PlannedStage {
            stage: stage.as_str().to_owned(),
            items: item_name(stage).to_owned(),
            reused: items - to_do.min(items),
            to_do,
            exact: again.is_some(),
            known: true,
            seconds: if to_do == 0 { Some(0.0) } else { times.seconds_for(to_do) },
        })
    }

    /// The outcome of each page of a document: of the live version, or of the one that is being made.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn page_ledger(&self, project: &ProjectId, id: &DocumentId) -> Result<PageLedgerView, Problem> {
        let document = self.readable(project, id).await?;
        let version = match document.live_version {
            Some(version) => version,
            None => self.store().newest_task(project, id).await?.map_or(1, |task| task.version),
        };
        Ok(PageLedgerView::new(self.store().page_ledger(id, version).await?))
    }
}

/// What a stage makes.
pub(super) fn item_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Parse | Stage::Ocr => "pages",
        Stage::Chunk => "chunks",
        Stage::Embed => "vectors",
        Stage::Index | Stage::Finish => "steps",
    }
}

/// Reads the name of a stage.
///
/// # Errors
/// `invalid_request` for another word.
pub fn stage_of(word: &str) -> Result<Stage, Problem> {
    Stage::parse(word).ok_or_else(|| {
        let words: Vec<&str> = Stage::ALL.iter().map(|stage| stage.as_str()).collect();
        Problem::new(
            ErrorCode::InvalidRequest,
            format!("there is no stage `{}`; choose one of {}", pagemill_core::excerpt(word, 40), words.join(", ")),
        )
    })
}
