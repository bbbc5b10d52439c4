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
use tokio::sync::{Notify, OnceCell, Semaphore, SemaphorePermit};

use crate::{cell::Cells, config::Limits};

/// OCR as this process has it, with so many pages in work at a time.
pub struct Ocr {
    cells: Arc<Cells>,
    limits: Limits,
    engine: OnceCell<Engine>,
    is_on: bool,
    /// One permit a page in work: at most so many pictures are held.
    places: Semaphore,
    /// Rung when a page in work has come a step further: who waits for its place sees that the line moves.
    steps: Notify,
}

impl Ocr {
    /// OCR with at most `count` pages in work, none for OCR that is switched off; nothing is started yet.
    pub fn new(cells: Arc<Cells>, limits: Limits, count: usize) -> Self {
        let (engine, steps) = (OnceCell::new(), Notify::new());
        Self { cells, limits, engine, is_on: count > 0, places: Semaphore::new(count), steps }
    }

    /// A place to work in. Calls `moved` whenever the line moves.
    async fn place(&self, moved: &(dyn Fn() + Sync)) -> Result<SemaphorePermit<'_>, Problem> {
        let mut place = std::pin::pin!(self.places.acquire());
        loop {
            tokio::select! {
                biased;
                place = &mut place => return place.map_err(|_closed| {
                    Problem::new(ErrorCode::ShuttingDown, "the program is stopping; try again when it runs")
                }),
                () = self.steps.notified() => moved(),
            }
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_place_sees_the_line_move() {
        let limits = Limits::default();
        let cells = Arc::new(Cells::new(1, limits).unwrap());
        let ocr = Ocr::new(cells, limits, 1);
        let held = ocr.place(&|| {}).await.unwrap();
        let moves = AtomicU32::new(0);
        let moved = || {
            moves.fetch_add(1, Ordering::Relaxed);
        };
        let mut waiting = std::pin::pin!(ocr.place(&moved));
        for step in 1..=3 {
            assert!(futures::poll!(&mut waiting).is_pending());
            ocr.steps.notify_waiters();
            assert!(futures::poll!(&mut waiting).is_pending());
            assert_eq!(moves.load(Ordering::Relaxed), step);
        }
        drop(held);
        let place = tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap();
        assert!(place.is_ok());
    }
}
