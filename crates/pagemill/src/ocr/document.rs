//! The pages of a document that need OCR.

use pagemill_core::{ErrorCode, Page, PageSource, Problem};
use pagemill_pdf::Recognised;

use super::{Languages, Ocr, PageToRecognise};
use crate::cell::ReadFile;

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

impl Ocr {
    /// Recognises pages of a file, one after the other.
    ///
    /// # Errors
    /// `ocr_unavailable` when there is no OCR for these languages; what concerns single pages is in the result.
    pub async fn recognise_pages(
        &self,
        file: &ReadFile,
        pages: &[u32],
        languages: &Languages,
    ) -> Result<RecognisedPages, Problem> {
        let mut done = RecognisedPages::default();
        for &page in pages {
            let job = PageToRecognise {
                bytes: file.bytes.clone(),
                password: file.password.clone(),
                page,
                languages: languages.clone(),
            };
            match self.recognise(&job).await {
                Ok(recognised) => done.pages.push((page, recognised)),
                Err(problem) if problem.code == ErrorCode::OcrUnavailable => return Err(problem),
                Err(problem) => done.failed.push((page, problem)),
            }
        }
        Ok(done)
    }
}
