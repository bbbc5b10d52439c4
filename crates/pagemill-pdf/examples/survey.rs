//! Opens every PDF of a folder, each in a child process with a time limit, and prints what came of it.
//!
//! ```sh
//! cargo run --release -p pagemill-pdf --example survey -- FOLDER [SECONDS]
//! ```
//! A `manifest.json` beside the files may give each its class and password.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pagemill_pdf::{OpenOptions, RenderOptions, open};

type Error = Box<dyn std::error::Error>;

/// What the manifest knows of a file.
#[derive(Default)]
struct Known {
    class: String,
    password: Option<String>,
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, file] if flag == "--child" => look(Path::new(file), None),
        [flag, file, password] if flag == "--child" => look(Path::new(file), Some(password.clone())),
        [folder] => survey(Path::new(folder), Duration::from_secs(20)),
        [folder, seconds] => survey(Path::new(folder), Duration::from_secs_f64(seconds.parse()?)),
        _ => Err("usage: survey FOLDER [SECONDS]".into()),
    }
}

fn survey(folder: &Path, limit: Duration) -> Result<(), Error> {
    let known = manifest(folder)?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for file in files(folder)? {
        let name = file.strip_prefix(folder)?.display().to_string();
        let facts = known.get(&name);
        let (outcome, detail) = in_child(&file, facts.and_then(|facts| facts.password.as_deref()), limit)?;
        println!("{outcome}\t{}\t{name}\t{detail}", facts.map_or("", |facts| &facts.class));
        *counts.entry(outcome).or_default() += 1;
    }
    for (outcome, count) in counts {
        eprintln!("{count:5} {outcome}");
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn manifest(folder: &Path) -> Result<BTreeMap<String, Known>, Error> {
    let path = folder.join("manifest.json");
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let entries: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(path)?)?;
    let word = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let facts = entries.iter().filter_map(|entry| {
        let known = &entry["known"];
        let facts = Known { class: word(&known["class"]).unwrap_or_default(), password: word(&known["password"]) };
        Some((word(&entry["file"])?, facts))
    });
    Ok(facts.collect())
}

/// Runs this program again on one file. Files with a password are opened without it first: that must be refused.
fn in_child(file: &Path, password: Option<&str>, limit: Duration) -> Result<(String, String), Error> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--child").arg(file).args(password);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(("TIMEOUT".to_owned(), String::new()));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let output = child.wait_with_output()?.stdout;
    let line = String::from_utf8_lossy(&output).trim().to_owned();
    let seconds = start.elapsed().as_secs_f64();
    match line.split_once('\t') {
        Some((outcome, detail)) if status.success() => Ok((outcome.to_owned(), format!("{seconds:.2} s, {detail}"))),
        _ => Ok(("CRASH".to_owned(), format!("{status} {line}"))),
    }
}

/// What the child does: everything that opening allows, and a small picture of the first page.
fn look(file: &Path, password: Option<String>) -> Result<(), Error> {
    let bytes = std::fs::read(file)?;
    let needed = password.as_ref().is_some_and(|password| !password.is_empty());
    if needed && open(bytes.clone(), &OpenOptions::default()).is_ok() {
        println!("unlocked\topens without the password it should need");
        return Ok(());
    }
    let pdf = match open(bytes, &OpenOptions { password, ..OpenOptions::default() }) {
        Ok(pdf) => pdf,
        Err(problem) => {
            println!("{}\t{problem}", problem.code);
            return Ok(());
        }
    };
    let outline = pdf.outline();
    let picture = pdf.render(1, &RenderOptions { dpi: 40.0, ..RenderOptions::default() });
    let drawn = match &picture {
        Ok(picture) => format!("{}x{}", picture.width, picture.height),
        Err(problem) => problem.code.to_string(),
    };
    println!(
        "ok\t{} pages, encrypted {}, {} outline entries, drawn {drawn}",
        pdf.page_count(),
        pdf.encrypted(),
        outline.len()
    );
    Ok(())
}
