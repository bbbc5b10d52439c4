//! One page: drawn, turned until it reads well, and its words put in their places.

use bytes::Bytes;
use pagemill_core::{ErrorCode, Problem, Rect};
use pagemill_pdf::{Recognised, Scan, SeenWord, Turn};

use super::{Ocr, doubts, hocr, languages::Languages, tesseract::Threshold};

/// A page that reads this well on average stands the right way up.
const GOOD: f32 = 0.80;
/// Words less sure than this are noise, unless their neighbours say otherwise.
const NOISE: f32 = 0.30;
/// Characters that must have been read before an average says anything.
const ENOUGH: usize = 25;
/// From the height of a line between its lowest and highest strokes to the size of its type.
const EM: f32 = 1.05;

/// A page to recognise.
#[derive(Clone, Debug)]
pub struct PageToRecognise {
    /// The bytes of its file.
    pub bytes: Bytes,
    /// The password, where one was given.
    pub password: Option<String>,
    /// 1-based number.
    pub page: u32,
    /// What it is written in.
    pub languages: Languages,
}

/// What one look at a picture gave.
struct Look {
    scan: Scan,
    read: hocr::Hocr,
}

impl Ocr {
    /// Recognises a page. Calls `moved` with each step on the way: a page may take several looks, and each of them its
    /// time.
    ///
    /// # Errors
    /// `ocr_unavailable` without an engine or any of the languages; the file's own; `time_limit`, `memory_limit`,
    /// `reader_crashed` for this page.
    pub async fn recognise(&self, job: &PageToRecognise, moved: &(dyn Fn() + Sync)) -> Result<Recognised, Problem> {
        let engine = self.engine().await?;
        let (installed, missing) = job.languages.among(&engine.languages);
        if installed.is_empty() {
            let message = format!(
                "OCR has no model for `{}`; install `tesseract-ocr-{}`, or name one that is there",
                missing.join("+"),
                missing.first().unwrap_or(&"eng")
            );
            return Err(Problem::new(ErrorCode::OcrUnavailable, message));
        }
        let languages = installed.join("+");
        let _place = self.place(moved).await?;
        let step = || {
            moved();
            self.steps.notify_waiters();
        };
        let mut best = self.look(job, None, &languages, &step).await?;
        // Lines tell which way they run, but not which way is up; and where they tell nothing, all four are tried.
        let mut turns = vec![best.scan.turn.over()];
        if !best.scan.sure {
            turns
                .extend(Turn::ALL.into_iter().filter(|turn| *turn != best.scan.turn && *turn != best.scan.turn.over()));
        }
        for turn in turns {
            if best.is_good() {
                break;
            }
            let other = self.look(job, Some(turn), &languages, &step).await?;
            if other.worth() > best.worth() * 1.2 {
                best = other;
            }
        }
        let doubtful = doubts::regions(&best.read);
        if best.is_good() && !doubtful.is_empty() {
            let second = self.read(&best.scan, Threshold::Local, &languages).await?;
            step();
            doubts::mend(&mut best.read, &doubtful, &second);
        }
        Ok(best.recognised())
    }

    async fn look(
        &self,
        job: &PageToRecognise,
        turn: Option<Turn>,
        languages: &str,
        step: &(dyn Fn() + Sync),
    ) -> Result<Look, Problem> {
        step();
        let scan = self.cells.scan(&job.bytes, job.password.as_deref(), job.page, turn).await?;
        step();
        let read = self.read(&scan, Threshold::Global, languages).await?;
        step();
        Ok(Look { scan, read })
    }

    async fn read(&self, scan: &Scan, threshold: Threshold, languages: &str) -> Result<hocr::Hocr, Problem> {
        let dpi = (scan.scale * 72.0).round() as u32;
        let engine = self.engine().await?;
        let read = engine.read(scan.picture.to_pgm(), dpi, languages, threshold, &self.limits).await?;
        Ok(hocr::parse(&read))
    }
}

impl Look {
    /// Characters read, and how sure they are on average.
    fn sureness(&self) -> (usize, f32) {
        let words = || self.read.words.iter().filter(|word| word.text.chars().any(char::is_alphanumeric));
        let chars: usize = words().map(|word| word.text.chars().count()).sum();
        let sum: f32 = words().map(|word| word.confidence * word.text.chars().count() as f32).sum();
        (chars, if chars == 0 { 0.0 } else { sum / (chars as f32 * 100.0) })
    }

    fn is_good(&self) -> bool {
        let (chars, sure) = self.sureness();
        chars >= ENOUGH && sure >= GOOD && self.read.sideways * 2 < chars
    }

    /// How much was read surely: doubtful words count for little, lone signs for nothing.
    fn worth(&self) -> f32 {
        let words = self.read.words.iter().filter(|word| word.text.chars().filter(|c| c.is_alphanumeric()).count() > 2);
        words.map(|word| (word.confidence / 100.0).powi(2) * word.text.chars().count() as f32).sum()
    }

    fn recognised(self) -> Recognised {
        let scale = self.scan.scale.max(0.01);
        let to_points = |[x0, y0, x1, y1]: [f32; 4]| Rect::new(x0 / scale, y0 / scale, x1 / scale, y1 / scale);
        let words = self.read.words.into_iter().map(|word| SeenWord {
            bbox: to_points(word.bbox),
            base: word.base / scale,
            size: EM * word.size / scale,
            confidence: (word.confidence / 100.0).clamp(0.0, 1.0),
            text: word.text,
        });
        Recognised {
            upright: self.scan.upright,
            words: words.filter(|word| word.confidence >= NOISE || word.text.chars().count() > 3).collect(),
            rules: self.scan.rules,
            pictures: self.read.photos.into_iter().map(to_points).collect(),
        }
    }
}
