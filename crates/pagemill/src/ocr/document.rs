//! The pages of a document that need OCR.

use std::collections::BTreeMap;

use pagemill_core::{ErrorCode, Page, PageSource, Problem};
use pagemill_pdf::Recognised;

use super::{Languages, Ocr, PageToRecognise};
use crate::cell::ReadFile;

/// Reading looks at no more pages before and after those it is asked for.
const NEIGHBOURS: u32 = 10;
/// What is usual in a document is learnt from so many pages at its beginning.
const BEGINNING: u32 = 40;

/// Whether a page, as it was read, has no usable text.
pub fn wants_ocr(page: &Page) -> bool {
    let reason = page.reason.as_deref().and_then(ErrorCode::parse);
    match page.source {
        PageSource::Skipped => matches!(reason, Some(ErrorCode::OcrUnavailable | ErrorCode::OcrPending)),
        PageSource::Text => reason == Some(ErrorCode::TextUnreliable),
        PageSource::Ocr | PageSource::Blank | PageSource::Failed => false,
    }
}

/// What became of the pages of a document that were to be recognised.
#[derive(Debug, Default)]
pub struct RecognisedPages {
    /// Those that were, by number.
    pub pages: Vec<(u32, Recognised)>,
    /// Those that could not be.
    pub failed: Vec<(u32, Problem)>,
}

/// What reading the pages `first` to `last` again needs of the words: those pages, their neighbours, and the pages at
/// the beginning that tell what is usual.
pub fn window_of(seen: &BTreeMap<u32, Recognised>, first: u32, last: u32) -> Vec<(u32, Recognised)> {
    let near = first.saturating_sub(NEIGHBOURS)..=last.saturating_add(NEIGHBOURS);
    let needed = seen.iter().filter(|(page, _)| **page <= BEGINNING || near.contains(*page));
    needed.map(|(page, words)| (*page, words.clone())).collect()
}

impl Ocr {
    /// The languages of a document, as far as a page tells that was read in the usual ones: its own first, if there
    /// is a model for it.
    ///
    /// # Errors
    /// `ocr_unavailable` without an engine.
    pub async fn languages_of(&self, seen: &Recognised, usual: &Languages) -> Result<Languages, Problem> {
        let engine = self.engine().await?;
        let told = Languages::of_document(seen.language().as_deref(), usual);
        let (installed, missing) = told.among(&engine.languages);
        Ok(if missing.is_empty() && !installed.is_empty() { told } else { usual.clone() })
    }

    /// Recognises pages of a file, one after the other; with `guess`, what the first one says may tell the language.
    ///
    /// # Errors
    /// `ocr_unavailable` when there is no OCR for these languages; what concerns single pages is in the result.
    pub async fn recognise_pages(
        &self,
        file: &ReadFile,
        pages: &[u32],
        languages: &Languages,
        guess: bool,
    ) -> Result<RecognisedPages, Problem> {
        let mut done = RecognisedPages::default();
        let mut languages = languages.clone();
        let mut guess = guess;
        for &page in pages {
            let job = PageToRecognise {
                bytes: file.bytes.clone(),
                password: file.password.clone(),
                page,
                languages: languages.clone(),
            };
            match self.recognise(&job, &|| {}).await {
                Ok(mut recognised) => {
                    if std::mem::take(&mut guess) {
                        let told = self.languages_of(&recognised, &languages).await?;
                        if told != languages {
                            languages = told;
                            let job = PageToRecognise { languages: languages.clone(), ..job };
                            recognised = self.recognise(&job, &|| {}).await?;
                        }
                    }
                    done.pages.push((page, recognised));
                }
                Err(problem) if problem.code == ErrorCode::OcrUnavailable => return Err(problem),
                Err(problem) => done.failed.push((page, problem)),
            }
        }
        Ok(done)
    }
}
