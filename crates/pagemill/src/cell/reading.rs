//! Reading and drawing a file through a child, page by page, past pages that kill it.

use std::time::Instant;

use bytes::Bytes;
use pagemill_core::{ErrorCode, Page, Problem, Rect};

use super::{
    Cells,
    pool::{Borrowed, Silence},
    protocol::{Reply, Request, WireSummary, WireWarning, Work},
};

/// A file to read.
#[derive(Clone)]
pub struct ReadFile {
    /// Its bytes.
    pub bytes: Bytes,
    /// The password, where one was given.
    pub password: Option<String>,
    /// First page wanted, 1-based.
    pub first: u32,
    /// Last page wanted, 1-based; beyond the end means up to the end.
    pub last: u32,
    /// Whether the place of each word is wanted.
    pub words: bool,
}

/// What reading tells, in order: the number of pages, each page, the summary.
#[derive(Debug)]
pub enum Step {
    /// The file is open.
    Opened {
        /// Its number of pages.
        pages: u32,
    },
    /// The next page; pages come in order, each exactly once.
    Page(Box<Page>),
    /// All pages were given.
    Done(Box<WireSummary>),
}

/// A reading under way. When a child dies, another goes on behind the last page that came;
/// a page that costs a second child is tried alone, then given as `failed`, and reading goes
/// on behind it.
pub struct PageStream<'a> {
    cells: &'a Cells,
    file: ReadFile,
    child: Option<Borrowed>,
    phase: Phase,
    /// The page to come.
    next: u32,
    /// The last page to come; exact once the file is open.
    last: u32,
    /// What the child at work was asked to read up to.
    asked_to: u32,
    /// How many children the page to come has cost.
    strikes: u8,
    lost: Vec<WireWarning>,
    started: Instant,
}

/// After so many lost children a page is asked for alone.
const ALONE: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Reading,
    Ended,
}

impl Cells {
    /// Begins to read a file.
    pub fn read(&self, file: ReadFile) -> PageStream<'_> {
        PageStream {
            cells: self,
            child: None,
            phase: Phase::Opening,
            next: file.first.max(1),
            last: file.last,
            asked_to: file.last,
            strikes: 0,
            lost: Vec::new(),
            started: Instant::now(),
            file,
        }
    }

    /// Draws a page as PNG, with boxes (in points) marked.
    ///
    /// # Errors
    /// The file's own (`encrypted`, `damaged`, …), `page_too_large`, `time_limit`, `memory_limit`, `reader_crashed`.
    pub async fn draw(&self, bytes: &Bytes, page: u32, dpi: f32, marks: Vec<Rect>) -> Result<Vec<u8>, Problem> {
        let patience = self.limits().page_time();
        let request = Request {
            work: Work::Draw { page, dpi, marks },
            bytes: bytes.len() as u64,
            password: None,
            max_pages: self.limits().pages,
            cpu_seconds: self.limits().page_seconds,
        };
        let mut child = self.borrow().await?;
        let silent = |silence| silence_problem(&silence, &format!("page {page}"));
        child.send(&request, bytes, patience).await.map_err(silent)?;
        match child.receive(patience).await.map_err(silent)? {
            Reply::Picture(png) => {
                self.keep(child);
                Ok(png)
            }
            Reply::Refused { code, message } => {
                self.keep(child);
                Err(refusal(&code, message))
            }
            Reply::Hello(_) | Reply::Opened { .. } | Reply::Page(_) | Reply::Done(_) => Err(unexpected()),
        }
    }
}

impl PageStream<'_> {
    /// The next step, or `None` after `Done`.
    ///
    /// # Errors
    /// When the file as a whole cannot be read; the code says why.
    pub async fn next(&mut self) -> Result<Option<Step>, Problem> {
        while self.phase != Phase::Ended {
            self.check_time()?;
            match self.step().await {
                Ok(Some(step)) => return Ok(Some(step)),
                Ok(None) => {}
                Err(End::Problem(problem)) => return Err(problem),
                Err(End::Silence(silence)) => {
                    self.child = None;
                    if let Some(step) = self.after_silence(&silence)? {
                        return Ok(Some(step));
                    }
                }
            }
        }
        Ok(None)
    }

    async fn step(&mut self) -> Result<Option<Step>, End> {
        let patience = self.cells.limits().page_time();
        if self.child.is_none() {
            if self.phase == Phase::Reading && self.next > self.last && self.strikes >= ALONE {
                // Every page is accounted for, but summing up costs one child after the other.
                return Ok(Some(self.end(WireSummary::default())));
            }
            self.ask().await?;
        }
        let Some(child) = &mut self.child else { return Ok(None) };
        match child.receive(patience).await.map_err(End::Silence)? {
            Reply::Opened { pages } => {
                self.last = self.last.min(pages);
                self.asked_to = self.asked_to.min(self.last);
                let first_time = self.phase == Phase::Opening;
                self.phase = Phase::Reading;
                Ok(first_time.then_some(Step::Opened { pages }))
            }
            Reply::Page(page) if page.number == self.next && self.next <= self.asked_to => {
                self.next += 1;
                self.strikes = 0;
                Ok(Some(Step::Page(page)))
            }
            Reply::Done(summary) if self.next > self.asked_to => {
                self.give_back();
                // A page that was asked for alone may have more behind it.
                Ok((self.next > self.last).then(|| self.end(*summary)))
            }
            Reply::Refused { code, message } => {
                self.give_back();
                Err(End::Problem(refusal(&code, message)))
            }
            Reply::Hello(_) | Reply::Page(_) | Reply::Done(_) | Reply::Picture(_) => {
                Err(End::Silence(Silence::Died(ErrorCode::ReaderCrashed)))
            }
        }
    }

    /// Gives the pages to come to a child. A page that has cost two is asked for alone, so
    /// that a bad neighbour cannot take it along. (One death says nothing of the page: the
    /// child may have been ended from outside.)
    async fn ask(&mut self) -> Result<(), End> {
        let limits = self.cells.limits();
        let alone = self.strikes >= ALONE && self.next <= self.last;
        self.asked_to = if alone { self.next } else { self.last };
        let request = Request {
            work: Work::Read {
                first: self.next,
                last: self.asked_to,
                words: self.file.words,
                apart: alone || !self.lost.is_empty(),
            },
            bytes: self.file.bytes.len() as u64,
            password: self.file.password.clone(),
            max_pages: limits.pages,
            cpu_seconds: limits.document_seconds,
        };
        let mut child = self.cells.borrow().await.map_err(End::Problem)?;
        child.send(&request, &self.file.bytes, limits.page_time()).await.map_err(End::Silence)?;
        self.child = Some(child);
        Ok(())
    }

    fn give_back(&mut self) {
        if let Some(child) = self.child.take() {
            self.cells.keep(child);
        }
    }

    fn end(&mut self, mut summary: WireSummary) -> Step {
        self.phase = Phase::Ended;
        summary.warnings.append(&mut self.lost);
        Step::Done(Box::new(summary))
    }

    fn check_time(&self) -> Result<(), Problem> {
        let limits = self.cells.limits();
        if self.started.elapsed() <= limits.document_time() {
            return Ok(());
        }
        let seconds = limits.document_seconds;
        Err(Problem::new(
            ErrorCode::TimeLimit,
            format!(
                "reading took longer than the {seconds} s one document may take; split the file or raise limits.document_seconds"
            ),
        ))
    }

    /// A child is gone: try its page again, then alone, or give the page up.
    fn after_silence(&mut self, silence: &Silence) -> Result<Option<Step>, Problem> {
        if self.phase == Phase::Opening {
            self.strikes += 1;
            if self.strikes >= ALONE {
                return Err(silence_problem(silence, "the file"));
            }
            return Ok(None);
        }
        if self.next > self.last {
            // It died after its last page; another one sums up.
            self.strikes += 1;
            return Ok(None);
        }
        // Waiting is dear: a page that took its whole time is tried alone at once.
        let slow = matches!(silence, Silence::TimedOut) && self.strikes < ALONE;
        self.strikes = if slow { ALONE } else { self.strikes + 1 };
        if self.strikes <= ALONE {
            return Ok(None);
        }
        // The next one has no credit: what is bad often comes in a row. Summing up has.
        self.strikes = if self.next < self.last { ALONE } else { 0 };
        let page = self.next;
        let problem = silence_problem(silence, &format!("page {page}"));
        self.lost.push(WireWarning { page: Some(page), code: problem.code.to_string(), message: problem.message });
        self.next += 1;
        Ok(Some(Step::Page(Box::new(Page::failed(page, problem.code.as_str())))))
    }
}

enum End {
    Problem(Problem),
    Silence(Silence),
}

fn silence_problem(silence: &Silence, what: &str) -> Problem {
    match silence {
        Silence::TimedOut => Problem::new(
            ErrorCode::TimeLimit,
            format!("{what} took longer to read than allowed; raise limits.page_seconds if you trust the file"),
        ),
        Silence::Died(ErrorCode::MemoryLimit) => Problem::new(
            ErrorCode::MemoryLimit,
            format!("{what} needs more memory than one file may use; raise limits.child_memory_bytes if you trust it"),
        ),
        Silence::Died(_) => Problem::new(
            ErrorCode::ReaderCrashed,
            format!("the reader crashed on {what}; save the file anew with another program and add it again"),
        ),
    }
}

fn refusal(code: &str, message: String) -> Problem {
    let message = pagemill_core::excerpt(&message, 500);
    Problem::new(ErrorCode::parse(code).unwrap_or(ErrorCode::ReaderCrashed), message)
}

fn unexpected() -> Problem {
    Problem::new(ErrorCode::ReaderCrashed, "the reading process gave an answer to another question; try again")
}
