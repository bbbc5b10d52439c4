//! The commands of the cell, which Pagemill itself starts.
//!
//! They are told from the first word alone: a reading process starts often, and to put together what the other
//! commands take would be a quarter of that.

use std::process::ExitCode;

use clap::Parser;

use super::output;
use crate::{cell, heap};

/// What Pagemill starts itself as.
#[derive(Parser)]
#[command(name = "pagemill")]
enum CellCommand {
    /// The reading process.
    Cell {
        /// Address space in bytes.
        memory: u64,
    },
    /// Becomes another program, held as a reading process is.
    CellTool(cell::tool::ToolArgs),
    /// Tries to get out of the cell and prints what became of it; started by `doctor`.
    CellProbe {
        /// Address space in bytes.
        memory: u64,
        /// Mechanisms to leave out.
        without: Vec<String>,
    },
}

/// Runs a command of the cell, before this process has threads or open files; `None` for any other.
pub(super) fn run() -> Option<ExitCode> {
    let word = std::env::args_os().nth(1)?;
    if !["cell", "cell-tool", "cell-probe"].iter().any(|command| word == *command) {
        return None;
    }
    let ended = match CellCommand::parse() {
        CellCommand::Cell { memory } => {
            heap::keep_much();
            cell::child::silence_panics();
            cell::child::run(memory).is_ok()
        }
        CellCommand::CellProbe { memory, without } => cell::probes::run(memory, &without).is_ok(),
        CellCommand::CellTool(args) => {
            let error = cell::tool::run(args);
            output::note(&format!("cannot start the program in the cell: {error}"));
            false
        }
    };
    Some(if ended { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
