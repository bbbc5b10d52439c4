//! Prints a PDF as JSON: `read FILE [--password P] [--bench N]`. Other flags of
//! `pagemill read` are taken and ignored.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::ops::ControlFlow;
use std::process::ExitCode;

use pagemill_pdf::{OpenOptions, open, write_json};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|word| word == "read") {
        arguments.next();
    }
    let (mut file, mut options, mut rounds) = (None, OpenOptions::default(), 0_u32);
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--password" => options.password = arguments.next(),
            "--bench" => rounds = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(1),
            flag if flag.starts_with("--") => drop(arguments.next()),
            _ => file = Some(word),
        }
    }
    let Some(file) = file else {
        eprintln!("usage: read FILE [--password P]");
        return ExitCode::from(2);
    };
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("{file}: {error}");
            return ExitCode::from(1);
        }
    };
    let mut pages = Vec::new();
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        if let Ok(pdf) = open(bytes.clone(), &options) {
            pdf.read(1..=u32::MAX, &mut |_| ControlFlow::Continue(()));
        }
    }
    if rounds > 0 {
        println!("{:.3} ms a round", start.elapsed().as_secs_f64() * 1000.0 / f64::from(rounds));
        return ExitCode::SUCCESS;
    }
    match open(bytes, &options) {
        Ok(pdf) => {
            let summary = pdf.read(1..=u32::MAX, &mut |page| {
                pages.push(page);
                ControlFlow::Continue(())
            });
            match write_json(&mut std::io::stdout().lock(), &summary, &pages) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::from(1),
            }
        }
        Err(problem) => {
            eprintln!("{}: {}", problem.code, problem.message);
            ExitCode::from(3)
        }
    }
}
