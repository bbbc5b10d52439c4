//! Reading and drawing pages on one core, beside PyMuPDF in the same run.
//!
//! ```sh
//! cargo bench -p pagemill-benches --bench parse -- [FOLDER] [ROUNDS]
//! ```
//! Both sides open each file from memory and go through all its pages, file by file in turn, so that a
//! busy machine slows both. PyMuPDF is called through `python3` (or `PAGEMILL_BENCH_PYTHON`) and is used
//! for measuring only. Times are medians over the rounds, summed over the files.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use pagemill_pdf::{OpenOptions, RenderOptions, open};

type Error = Box<dyn std::error::Error>;

/// Pages of each file that are drawn.
const DRAWN_PAGES: u32 = 8;

/// Answers one line for each line `MODE<TAB>PATH`: pages and seconds, or the error.
const PEER: &str = r#"
import sys, time
try:
    import pymupdf
except ImportError:
    print("missing", flush=True)
    sys.exit(0)
pymupdf.TOOLS.mupdf_display_errors(False)
print("PyMuPDF " + pymupdf.__version__, flush=True)
for line in sys.stdin:
    mode, path = line.rstrip("\n").split("\t", 1)
    data = open(path, "rb").read()
    start = time.perf_counter()
    pages = 0
    try:
        document = pymupdf.open(stream=data, filetype="pdf")
        for page in document:
            if mode == "draw" and pages == DRAWN_PAGES:
                break
            if mode == "boxes":
                page.get_text("dict", flags=pymupdf.TEXTFLAGS_TEXT)
            elif mode == "text":
                page.get_text()
            else:
                page.get_pixmap(dpi=150)
            pages += 1
        document.close()
    except Exception as error:
        print("error " + str(error).replace("\n", " "), flush=True)
        continue
    print(pages, time.perf_counter() - start, flush=True)
"#;

/// What is timed on both sides.
#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    peer: &'static str,
    ours: fn(Vec<u8>) -> Result<u32, Error>,
}

const MODES: [Mode; 3] = [
    Mode { name: "blocks and boxes, beside get_text(\"dict\")", peer: "boxes", ours: read },
    Mode { name: "blocks and boxes, beside get_text()", peer: "text", ours: read },
    Mode { name: "pictures at 150 dpi", peer: "draw", ours: draw },
];

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let folder = arguments.first().map_or(samples, PathBuf::from);
    let rounds: usize = arguments.get(1).map_or(Ok(5), |word| word.parse())?;
    let files = readable_files(&folder)?;
    println!("{} files of {}, {rounds} rounds, one core", files.len(), folder.display());
    let mut peer = Peer::start()?;
    if peer.is_none() {
        println!("PyMuPDF is not there (pip install pymupdf, or set PAGEMILL_BENCH_PYTHON): our side alone");
    }
    for mode in MODES {
        let (mut ours, mut theirs, mut pages) = (0.0, 0.0, 0);
        for file in &files {
            let mut times = (Vec::new(), Vec::new());
            let mut count = None;
            for _ in 0..rounds {
                let bytes = std::fs::read(file)?;
                let start = Instant::now();
                let read = (mode.ours)(bytes)?;
                times.0.push(start.elapsed().as_secs_f64());
                count = Some(read);
                if let Some(peer) = &mut peer {
                    match peer.time(mode.peer, file)? {
                        Some((pages, seconds)) if pages == read => times.1.push(seconds),
                        _ => count = None,
                    }
                }
            }
            // A file that one side cannot read, or reads in part, is no comparison.
            let Some(count) = count else { continue };
            pages += count;
            ours += median(&mut times.0);
            theirs += median(&mut times.1);
        }
        let speed = |seconds: f64| if seconds > 0.0 { f64::from(pages) / seconds } else { 0.0 };
        print!("{:44} {pages:5} pages  {:8.1} pages/s", mode.name, speed(ours));
        match &peer {
            Some(peer) => println!("  {} {:8.1} pages/s  × {:.2}", peer.version, speed(theirs), theirs / ours),
            None => println!(),
        }
    }
    Ok(())
}

/// Files that open without a password.
fn readable_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_pdf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"));
        if is_pdf && open(std::fs::read(&path)?, &OpenOptions::default()).is_ok() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("there is no readable PDF in {}", folder.display()).into());
    }
    Ok(files)
}

fn read(bytes: Vec<u8>) -> Result<u32, Error> {
    let pdf = open(bytes, &OpenOptions::default())?;
    let mut pages = 0;
    pdf.read(1..=u32::MAX, &mut |page| {
        std::hint::black_box(&page);
        pages += 1;
        ControlFlow::Continue(())
    });
    Ok(pages)
}

fn draw(bytes: Vec<u8>) -> Result<u32, Error> {
    let pdf = open(bytes, &OpenOptions::default())?;
    let mut renderer = pdf.renderer();
    let pages = pdf.page_count().min(DRAWN_PAGES);
    for page in 1..=pages {
        std::hint::black_box(renderer.pixels(page, &RenderOptions::default())?);
    }
    Ok(pages)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}

/// A Python process that reads files on demand.
struct Peer {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    version: String,
}

impl Peer {
    /// `None` when there is no Python or no PyMuPDF.
    fn start() -> Result<Option<Self>, Error> {
        let python = std::env::var("PAGEMILL_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let script = PEER.replace("DRAWN_PAGES", &DRAWN_PAGES.to_string());
        let spawned = Command::new(python).arg("-c").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = spawned else { return Ok(None) };
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else { return Ok(None) };
        let mut peer = Self { child, orders, answers: BufReader::new(answers), version: String::new() };
        peer.version = peer.answer()?;
        Ok(peer.version.starts_with("PyMuPDF").then_some(peer))
    }

    fn answer(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Pages and seconds, or `None` when it cannot read the file.
    fn time(&mut self, mode: &str, file: &Path) -> Result<Option<(u32, f64)>, Error> {
        writeln!(self.orders, "{mode}\t{}", file.display())?;
        self.orders.flush()?;
        let answer = self.answer()?;
        let Some((pages, seconds)) = answer.split_once(' ') else { return Err("the peer ended".into()) };
        Ok(pages.parse().ok().zip(seconds.parse().ok()))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A child that has ended by itself cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
