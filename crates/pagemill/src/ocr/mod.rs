//! OCR: pictures of pages become words with places.
//!
//! A cell draws the page, sets it upright and finds its ruling lines; Tesseract, a process of its own in a cell
//! of its own, reads the picture; this process only passes bytes on and checks what comes back.

mod document;
mod doubts;
mod hocr;
mod languages;
mod page;
mod tesseract;

pub use document::{RecognisedPages, wants_ocr, window_of};
pub use languages::Languages;
pub use page::PageToRecognise;
pub use tesseract::Engine;

use std::sync::Arc;

use pagemill_core::{ErrorCode, Problem};
use tokio::sync::{OnceCell, Semaphore};

use crate::{cell::Cells, config::Limits};

/// OCR as this process has it, with so many pages in work at a time.
pub struct Ocr {
    cells: Arc<Cells>,
    limits: Limits,
    engine: OnceCell<Engine>,
    is_on: bool,
    /// One permit a page in work: at most so many pictures are held.
    places: Semaphore,
}

impl Ocr {
    /// OCR with at most `count` pages in work, none for OCR that is switched off; nothing is started yet.
    pub fn new(cells: Arc<Cells>, limits: Limits, count: usize) -> Self {
        Self { cells, limits, engine: OnceCell::new(), is_on: count > 0, places: Semaphore::new(count) }
    }

    /// The engine of this machine. One that was found is not looked for again; one that was not may be there next time.
    ///
    /// # Errors
    /// `ocr_unavailable` with what to install.
    pub async fn engine(&self) -> Result<&Engine, Problem> {
        if !self.is_on {
            let message = "OCR is switched off; set `ocr.enabled = true` in `pagemill.toml` and retry";
            return Err(Problem::new(ErrorCode::OcrUnavailable, message));
        }
        let found = self.engine.get_or_try_init(|| Engine::find(&self.limits)).await;
        found.map_err(|reason| Problem::new(ErrorCode::OcrUnavailable, reason))
    }
}
