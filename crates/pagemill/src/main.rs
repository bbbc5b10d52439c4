//! The `pagemill` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    pagemill::cli::main()
}
