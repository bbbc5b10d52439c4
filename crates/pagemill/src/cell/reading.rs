//! Reading and drawing a file through a child, page by page, past pages that kill it.

use std::time::Instant;

use bytes::Bytes;
use pagemill_core::{ErrorCode, Page, Problem};
use pagemill_pdf::{Recognised, Scan, Turn};

use super::{
    Cells,
    belief::believable,
    pool::{Borrowed, Silence},
    protocol::{Drawing, Reply, Request, WireLimits, WireSummary, WireWarning, Work},
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
    /// Whether these pages are wanted for themselves: a paragraph that began before them is then in the first of them
    /// as far as it stands there, else it is in the page it begins on.
    pub excerpt: bool,
    /// Whether the place of each word is wanted.
    pub words: bool,
    /// What OCR read on pages, by 1-based number.
    pub recognised: Vec<(u32, Recognised)>,
}

impl ReadFile {
    /// These pages without the places of words, as parts of their document.
    pub fn pages(bytes: Bytes, first: u32, last: u32) -> Self {
        Self { bytes, password: None, first, last, excerpt: false, words: false, recognised: Vec::new() }
    }
}

/// What reading tells, in order: the number of pages, each page, the summary.
#[derive(Debug)]
pub enum Step {
    /// The file is open.
    Opened {
        /// Its number of pages.
        pages: u32,
    },
    /// A sign of life: work on a page begins, which need not be the next to come.
    Working {
        /// Its 1-based number.
        page: u32,
    },
    /// The next page; pages come in order, each exactly once.
    Page(Box<Page>),
    /// All pages were given.
    Done(Box<WireSummary>),
}

/// A reading under way.
///
/// A child says which page it is at. When it dies, another goes on behind the last page that came; a page
/// that costs several is left out by the next and comes as `failed`.
pub struct PageStream<'a> {
    cells: &'a Cells,
    file: ReadFile,
    child: Option<Borrowed>,
    phase: Phase,
    /// Pages of the document, once it is open.
    pages: u32,
    /// The page to come.
    next: u32,
    /// The last page to come; exact once the file is open.
    last: u32,
    /// The page the child is at, or none when it is at the document as a whole.
    at: Option<u32>,
    /// What cost the last child, and how much it has cost.
    blamed: (Option<u32>, u8),
    left_out: Vec<(u32, String)>,
    lost: Vec<WireWarning>,
    started: Instant,
}

/// A page is given up that has cost so much: a death costs 1 (one says nothing of the page, the child may
/// have been ended from outside), silence costs 2 (waiting is dear), and a whole page's time of CPU all of it.
const CREDIT: u8 = 3;
/// A page behind one that was given up has less: what is bad often comes in a row.
const NO_CREDIT: u8 = 1;
/// So much may be spent on the document as a whole.
const DOCUMENT_CREDIT: u8 = 2;

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
            pages: 0,
            next: file.first.max(1),
            last: file.last,
            at: None,
            blamed: (None, 0),
            left_out: Vec::new(),
            lost: Vec::new(),
            started: Instant::now(),
            file,
        }
    }

    /// Draws a page, or a part of it, as PNG.
    ///
    /// # Errors
    /// The file's own (`encrypted`, `damaged`, …), `page_time_limit`, `memory_limit`, `nesting_too_deep`,
    /// `reader_crashed`.
    pub async fn draw(
        &self,
        bytes: &Bytes,
        password: Option<&str>,
        page: u32,
        drawing: Drawing,
    ) -> Result<Vec<u8>, Problem> {
        match self.of_page(Work::Draw { page, drawing }, page, bytes, password).await? {
            Reply::Picture(png) => Ok(png),
            _ => Err(unexpected()),
        }
    }

    /// Draws a page for OCR, turned by `turn` or, where that is not given, so that its lines run across.
    ///
    /// # Errors
    /// As [`Self::draw`].
    pub async fn scan(
        &self,
        bytes: &Bytes,
        password: Option<&str>,
        page: u32,
        turn: Option<Turn>,
    ) -> Result<Scan, Problem> {
        match self.of_page(Work::Scan { page, turn }, page, bytes, password).await? {
            Reply::Scan(scan) => Ok(*scan),
            _ => Err(unexpected()),
        }
    }

    /// Has a child do something with one page, in the time one page may take.
    async fn of_page(&self, work: Work, page: u32, bytes: &Bytes, password: Option<&str>) -> Result<Reply, Problem> {
        let patience = self.limits().page_patience();
        let request = Request {
            work,
            bytes: bytes.len() as u64,
            password: password.map(str::to_owned),
            limits: WireLimits::of(self.limits()),
        };
        let mut child = self.borrow().await?;
        let silent = |silence| silence_problem(&silence, Some(page));
        child.send(&request, bytes, patience).await.map_err(silent)?;
        let reply = child.receive(patience).await.map_err(silent)?;
        match reply {
            Reply::Refused { code, message } => {
                self.keep(child);
                Err(refusal(&code, message))
            }
            Reply::Picture(_) | Reply::Scan(_) => {
                self.keep(child);
                Ok(reply)
            }
            // And the child is not kept.
            Reply::Hello(_) | Reply::Opened { .. } | Reply::Working { .. } | Reply::Page(_) | Reply::Done(_) => {
                Err(unexpected())
            }
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
        let patience = self.cells.limits().page_patience();
        if self.child.is_none() {
            self.ask().await?;
        }
        let Some(child) = &mut self.child else { return Ok(None) };
        let disbelieved = Err(End::Silence(Silence::Died(ErrorCode::ReaderCrashed)));
        match child.receive(patience).await.map_err(End::Silence)? {
            Reply::Opened { pages } if (1..=self.cells.limits().pages).contains(&pages) => {
                self.pages = pages;
                self.last = self.last.min(pages);
                let first_time = self.phase == Phase::Opening;
                self.phase = Phase::Reading;
                Ok(first_time.then_some(Step::Opened { pages }))
            }
            Reply::Working { page } if (1..=self.pages).contains(&page) => {
                self.at = Some(page);
                Ok(Some(Step::Working { page }))
            }
            // To sum up anew, a child reads the last page once more.
            Reply::Page(page) if page.number < self.next => Ok(None),
            Reply::Page(page) if page.number == self.next && self.next <= self.last => {
                if !believable(&page, self.pages) {
                    self.at = Some(page.number);
                    return disbelieved;
                }
                self.next += 1;
                Ok(Some(Step::Page(page)))
            }
            Reply::Done(summary) if self.next > self.last => {
                self.give_back();
                Ok(Some(self.end(*summary)))
            }
            Reply::Refused { code, message } => {
                self.give_back();
                Err(End::Problem(refusal(&code, message)))
            }
            Reply::Hello(_)
            | Reply::Opened { .. }
            | Reply::Working { .. }
            | Reply::Page(_)
            | Reply::Done(_)
            | Reply::Picture(_)
            | Reply::Scan(_) => disbelieved,
        }
    }

    /// Gives the pages to come to a child.
    async fn ask(&mut self) -> Result<(), End> {
        let limits = self.cells.limits();
        let all_came = self.phase == Phase::Reading && self.next > self.last;
        let request = Request {
            work: Work::Read {
                excerpt_from: if self.file.excerpt { self.file.first } else { 1 },
                first: if all_came { self.last } else { self.next },
                last: self.last,
                words: self.file.words,
                left_out: self.left_out.clone(),
                recognised: self.file.recognised.clone(),
            },
            bytes: self.file.bytes.len() as u64,
            password: self.file.password.clone(),
            limits: WireLimits::of(limits),
        };
        self.at = None;
        let mut child = self.cells.borrow().await.map_err(End::Problem)?;
        child.send(&request, &self.file.bytes, limits.page_patience()).await.map_err(End::Silence)?;
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

    /// A child is gone: its page is tried again, or given up.
    fn after_silence(&mut self, silence: &Silence) -> Result<Option<Step>, Problem> {
        let cost = match silence {
            Silence::Died(_) => 1,
            Silence::TimedOut => 2,
            Silence::OverTime => CREDIT,
        };
        let spent = if self.blamed.0 == self.at { self.blamed.1 } else { 0 };
        self.blamed = (self.at, spent.saturating_add(cost));
        let given_up = |page| self.left_out.iter().any(|(other, _)| *other == page);
        let credit = match self.at {
            None => DOCUMENT_CREDIT,
            Some(page) if given_up(page - 1) => NO_CREDIT,
            Some(_) => CREDIT,
        };
        if self.blamed.1 < credit {
            return Ok(None);
        }
        let problem = silence_problem(silence, self.at);
        let lost = |page| WireWarning { page, code: problem.code.to_string(), message: problem.message.clone() };
        match self.at {
            Some(page) if !given_up(page) => {
                self.lost.push(lost(Some(page)));
                self.left_out.push((page, problem.code.to_string()));
                Ok(None)
            }
            // Every page came, but summing up costs one child after the other.
            _ if self.phase == Phase::Reading && self.next > self.last => {
                self.lost.push(lost(None));
                Ok(Some(self.end(WireSummary::default())))
            }
            _ => Err(problem),
        }
    }
}

enum End {
    Problem(Problem),
    Silence(Silence),
}

/// Why the page, or the file as a whole, is given up.
fn silence_problem(silence: &Silence, page: Option<u32>) -> Problem {
    let what = page.map_or_else(|| "the file".to_owned(), |page| format!("page {page}"));
    match silence {
        Silence::TimedOut | Silence::OverTime => {
            let code = if page.is_some() { ErrorCode::PageTimeLimit } else { ErrorCode::TimeLimit };
            let message =
                format!("{what} took longer to read than allowed; raise limits.page_seconds if you trust the file");
            Problem::new(code, message)
        }
        Silence::Died(ErrorCode::MemoryLimit) => Problem::new(
            ErrorCode::MemoryLimit,
            format!("{what} needs more memory than one file may use; raise limits.child_memory_bytes if you trust it"),
        ),
        Silence::Died(ErrorCode::NestingTooDeep) => Problem::new(
            ErrorCode::NestingTooDeep,
            format!("{what} nests too deeply to be read; save the file anew with another program and add it again"),
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
