//! The reading process: `pagemill cell`, started by the parent and by nobody else.
//!
//! It reads requests from standard input until that ends, one file after the
//! other, and holds nothing between them.

use std::{
    cell::RefCell,
    io::{self, BufReader, BufWriter, Read, Write},
    ops::{ControlFlow, RangeInclusive},
};

use pagemill_core::Page;
use pagemill_pdf::{OpenOptions, Pdf, ReadOptions, Recognition, RenderOptions};

use super::{
    confine::{Profile, allow_cpu, close_inherited, confine},
    protocol::{Reply, Request, WireSummary, WireWarning, Work, read_message, write_message},
};

/// Gives up every right, says what holds it, and serves requests until the input ends.
///
/// # Errors
/// When the parent is gone.
pub fn run(memory_bytes: u64) -> io::Result<()> {
    close_inherited();
    // Reading gives way to whoever is being answered.
    let _ = rustix::process::nice(5);
    let confinement = confine(&Profile::Reader, memory_bytes);

    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    write_message(&mut output, &Reply::Hello(confinement))?;
    while let Some(request) = read_message::<Request>(&mut input)? {
        allow_cpu(request.limits.page_seconds)?;
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
    let limits = &request.limits;
    options.limits.pages = limits.pages;
    options.limits.page_side_px = limits.page_side_px;
    options.limits.page_pixels = limits.page_pixels;
    options.limits.stream_bytes = limits.stream_bytes;
    options.limits.nesting = limits.nesting;
    let pdf = match pagemill_pdf::open(bytes, &options) {
        Ok(pdf) => pdf,
        Err(problem) => return write_message(output, &Reply::refused(problem.code, &problem.message)),
    };
    match &request.work {
        Work::Read { first, last, excerpt_from, words, left_out, recognised } => {
            let output = RefCell::new(output);
            let page_seconds = limits.page_seconds;
            // Each page has its whole time, and the parent learns which one it is, should it be the last.
            let on_page = |page| {
                let _ = allow_cpu(page_seconds);
                // A parent that is gone is noticed at the next page.
                let _ = write_message(*output.borrow_mut(), &Reply::Working { page });
            };
            let recognition = Recognition::new(recognised.iter().cloned());
            let options = ReadOptions {
                excerpt_from: *excerpt_from,
                left_out: left_out.iter().cloned().collect(),
                on_page: Some(&on_page),
                recognition: Some(&recognition),
            };
            read(&pdf, *first..=*last, *words, &options, &output)
        }
        Work::Scan { page, turn } => {
            let reply = match pdf.scan(*page, *turn) {
                Ok(scan) => Reply::Scan(Box::new(scan)),
                Err(problem) => Reply::refused(problem.code, &problem.message),
            };
            write_message(output, &reply)
        }
        Work::Draw { page, drawing } => {
            let options = RenderOptions { dpi: drawing.dpi, marks: drawing.marks.clone(), part: drawing.part };
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
    options: &ReadOptions<'_>,
    output: &RefCell<&mut impl Write>,
) -> io::Result<()> {
    let say = |reply: &Reply| write_message(*output.borrow_mut(), reply);
    let pages = pdf.page_count();
    say(&Reply::Opened { pages })?;
    let mut broken = None;
    let mut send = |mut page: Page| {
        if !words {
            page.blocks.iter_mut().for_each(|block| block.words = Vec::new());
        }
        match say(&Reply::Page(Box::new(page))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                broken = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let summary = pdf.read_with(range, options, &mut send);
    if let Some(error) = broken {
        return Err(error);
    }
    let warnings = summary.warnings.into_iter();
    let summary = WireSummary {
        info: summary.info,
        outline: summary.outline,
        warnings: warnings.map(|w| WireWarning { page: w.page, code: w.code, message: w.message }).collect(),
    };
    say(&Reply::Done(Box::new(summary)))
}

/// What a panic or a failed allocation leaves behind is the parent's to tell; the child stays quiet.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}
