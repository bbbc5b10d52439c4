//! The only place that writes to standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::Write;

use pagemill_core::{ErrorCode, Problem};
use serde::Serialize;

/// Prints a line.
pub(crate) fn line(text: &str) {
    text_to_stdout(text, true);
}

/// Prints text as it is.
pub(crate) fn text(text: &str) {
    text_to_stdout(text, !text.ends_with('\n'));
}

/// Prints what `print` writes, buffered.
pub(crate) fn write(print: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    // A reader that has gone away is no error worth a message.
    let _ = print(&mut out).and_then(|()| out.flush());
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(&text),
        Err(error) => note(&format!("internal: cannot write the result as JSON: {error}")),
    }
}

/// Prints the items of a list as they come, part by part, so that a long one is never held: lines, or JSON with the
/// list under a name. `part` gives the items behind a number, and the number to go on behind.
pub(crate) async fn list<T: Serialize>(
    json: bool,
    name: &str,
    part: impl AsyncFn(u32) -> Result<(Vec<T>, Option<u32>), Problem>,
    print: impl Fn(&T),
) -> Result<(), Problem> {
    if json {
        text_to_stdout(&format!("{{\"{name}\": ["), false);
    }
    let (mut after, mut any) = (Some(0), false);
    while let Some(behind) = after {
        let (items, next) = part(behind).await?;
        for item in &items {
            if !json {
                print(item);
            } else {
                let comma = if any { "," } else { "" };
                match serde_json::to_string(item) {
                    Ok(text) => text_to_stdout(&format!("{comma}\n{text}"), false),
                    Err(error) => note(&format!("internal: cannot write the result as JSON: {error}")),
                }
            }
            any = true;
        }
        after = next;
    }
    if json {
        line("]}");
    } else if !any {
        note(&format!("there are no {name}"));
    }
    Ok(())
}

/// Prints a problem: one line, its code first.
pub(crate) fn problem(problem: &Problem) {
    // Of a defect, whoever reports it should be able to say what lies beneath.
    let message = match problem.code {
        ErrorCode::Internal => problem.with_causes(),
        _ => problem.message.clone(),
    };
    note(&format!("{}: {}", problem.code, one_line(&message)));
    tracing::debug!(cause = ?problem.source, "cause");
}

/// Ends the program as the reader of the command line does, for what it cannot check by itself.
pub(crate) fn usage(message: &str) -> ! {
    clap::Error::raw(clap::error::ErrorKind::MissingRequiredArgument, format!("{message}; see --help\n")).exit()
}

/// Says that a list was cut off, and how many it leaves out.
pub(crate) fn more(count: u64) {
    if count > 0 {
        note(&format!("{count} more, made before these: -n lists more of them"));
    }
}

/// Prints a line for the person at the terminal, out of the way of results.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Text as it may stand in a terminal: without control characters.
pub(crate) fn one_line(text: &str) -> String {
    pagemill_core::excerpt(text, usize::MAX)
}

/// A reader that has gone away (`| head`) is no error worth a message.
fn text_to_stdout(text: &str, newline: bool) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if newline {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}
