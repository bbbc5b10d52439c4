//! OCR: pictures of pages become words with places.
//!
//! A cell draws the page, sets it upright and finds its ruling lines; Tesseract, a process of its own in a cell
//! of its own, reads the picture; this process only passes bytes on and checks what comes back.

mod document;
mod hocr;
mod languages;
mod page;
mod tesseract;

pub use document::{RecognisedPages, wants_ocr, window_of};
pub use languages::Languages;
pub use page::PageToRecognise;
pub use tesseract::{Engine, Finding};

use std::sync::Arc;

use pagemill_core::{ErrorCode, Problem};
use tokio::sync::{OnceCell, Semaphore};

use crate::{cell::Cells, config::Limits};

/// OCR as this process has it: found once, with so many pages in work at a time.
pub struct Ocr {
    cells: Arc<Cells>,
    limits: Limits,
    engine: OnceCell<Finding>,
    /// One permit a page in work: at most so many pictures are held.
    places: Semaphore,
}

impl Ocr {
    /// OCR with at most `count` pages in work; nothing is started yet.
    pub fn new(cells: Arc<Cells>, limits: Limits, count: usize) -> Self {
        Self { cells, limits, engine: OnceCell::new(), places: Semaphore::new(count.max(1)) }
    }

    /// The engine of this machine, looked for once.
    pub async fn finding(&self) -> &Finding {
        self.engine.get_or_init(|| Engine::find(&self.limits)).await
    }

    /// The engine.
    ///
    /// # Errors
    /// `ocr_unavailable` with what to install.
    pub async fn engine(&self) -> Result<&Engine, Problem> {
        self.finding().await.as_ref().map_err(|reason| Problem::new(ErrorCode::OcrUnavailable, reason.clone()))
    }
}
