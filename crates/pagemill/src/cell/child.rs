//! The reading process: `pagemill cell`, started by the parent and by nobody else.
//!
//! It reads requests from standard input until that ends, one file after the
//! other, and holds nothing between them.

use std::{
    io::{self, BufReader, BufWriter, Read, Write},
    ops::{ControlFlow, RangeInclusive},
};

use pagemill_core::Page;
use pagemill_pdf::{OpenOptions, Pdf, Recognition, RenderOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::protocol::{Reply, Request, WireSummary, WireWarning, Work, read_message, write_message};

/// Serves requests until the input ends.
///
/// # Errors
/// When the parent is gone or limits cannot be set.
pub fn run(memory_bytes: u64) -> io::Result<()> {
    set_limit(Resource::As, memory_bytes)?;
    set_limit(Resource::Core, 0)?;
    // Reading gives way to whoever is being answered.
    let _ = rustix::process::nice(5);

    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    while let Some(request) = read_message::<Request>(&mut input)? {
        allow_cpu(request.cpu_seconds)?;
        let mut bytes = Vec::new();
        let size = usize::try_from(request.bytes).unwrap_or(usize::MAX);
        bytes.try_reserve_exact(size).map_err(io::Error::other)?;
        (&mut input).take(request.bytes).read_to_end(&mut bytes)?;
        serve(&request, bytes, &mut output)?;
    }
    Ok(())
}

fn serve(request: &Request, bytes: Vec<u8>, output: &mut impl Write) -> io::Result<()> {
    let mut options = OpenOptions { password: request.password.clone(), ..OpenOptions::default() };
    options.limits.pages = request.max_pages;
    let pdf = match pagemill_pdf::open(bytes, &options) {
        Ok(pdf) => pdf,
        Err(problem) => return write_message(output, &Reply::refused(problem.code, &problem.message)),
    };
    match &request.work {
        Work::Read { first, last, words, apart, recognised } => {
            let recognition = Recognition::new(recognised.iter().cloned());
            read(&pdf, *first..=*last, *words, *apart, &recognition, output)
        }
        Work::Scan { page, turn } => {
            let reply = match pdf.scan(*page, *turn) {
                Ok(scan) => Reply::Scan(Box::new(scan)),
                Err(problem) => Reply::refused(problem.code, &problem.message),
            };
            write_message(output, &reply)
        }
        Work::Draw { page, dpi, marks } => {
            let options = RenderOptions { dpi: *dpi, marks: marks.clone() };
            let reply = match pdf.render(*page, &options) {
                Ok(picture) => Reply::Picture(picture.png),
                Err(problem) => Reply::refused(problem.code, &problem.message),
            };
            write_message(output, &reply)
        }
    }
}

fn read(
    pdf: &Pdf,
    range: RangeInclusive<u32>,
    words: bool,
    apart: bool,
    recognition: &Recognition,
    output: &mut impl Write,
) -> io::Result<()> {
    let pages = pdf.page_count();
    write_message(output, &Reply::Opened { pages })?;
    let mut broken = None;
    let mut send = |mut page: Page| {
        if !words {
            page.blocks.iter_mut().for_each(|block| block.words = Vec::new());
        }
        match write_message(output, &Reply::Page(Box::new(page))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                broken = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let summary = if apart {
        pdf.read_apart(range, recognition, &mut send)
    } else {
        pdf.read_recognised(range, recognition, &mut send)
    };
    if let Some(error) = broken {
        return Err(error);
    }
    let warnings = summary.warnings.into_iter();
    let summary = WireSummary {
        info: summary.info,
        outline: summary.outline,
        warnings: warnings.map(|w| WireWarning { page: w.page, code: w.code, message: w.message }).collect(),
    };
    write_message(output, &Reply::Done(Box::new(summary)))
}

/// Limits of a program that this one becomes.
pub(super) fn limit_tool(memory_bytes: u64, cpu_seconds: u64) -> io::Result<()> {
    set_limit(Resource::As, memory_bytes)?;
    set_limit(Resource::Core, 0)?;
    set_limit(Resource::Fsize, 0)?;
    set_limit(Resource::Cpu, cpu_seconds)?;
    let _ = rustix::process::nice(5);
    Ok(())
}

fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    setrlimit(resource, Rlimit { current: Some(maximum), maximum: Some(maximum) }).map_err(io::Error::from)
}

/// Allows `seconds` more CPU than was used up to now; the kernel ends the process after that.
fn allow_cpu(seconds: u64) -> io::Result<()> {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).tv_sec;
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = u64::try_from(used).unwrap_or(0).saturating_add(seconds).saturating_add(1);
    let current = maximum.map_or(current, |maximum| maximum.min(current));
    setrlimit(Resource::Cpu, Rlimit { current: Some(current), maximum }).map_err(io::Error::from)
}

/// What a panic or a failed allocation leaves behind is the parent's to tell; the child stays quiet.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}
