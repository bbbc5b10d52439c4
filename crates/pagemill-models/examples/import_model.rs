//! Makes a model file: `import_model SOURCE OUT`, where SOURCE is a wheel or a folder.
//!
//! The setup script runs this before the product is built, because the product
//! carries the file it makes. `pagemill models import` does the same.

use std::{env, path::Path, process::ExitCode};

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [source, out] = arguments.as_slice() else {
        eprintln!("usage: import_model SOURCE OUT");
        return ExitCode::from(2);
    };
    match pagemill_models::import(Path::new(source), Path::new(out)) {
        Ok(report) => {
            println!("{}: {}, {} bytes", report.path.display(), report.name, report.bytes);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(3)
        }
    }
}
