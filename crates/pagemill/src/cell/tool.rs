//! Another program in the cell: one that reads standard input and writes standard output.
//!
//! It is started through this binary (`pagemill cell-tool`), which takes everything
//! away from itself that the program does not need and then becomes it.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
};

use clap::Args;
use pagemill_core::{ErrorCode, Problem};

use super::confine::{Profile, close_inherited, confine};

/// Where the libraries of a system lie, and the list of them.
const LIBRARIES: [&str; 6] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"];

/// A program to run in the cell.
#[derive(Clone, Debug)]
pub struct Tool {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    read: Vec<PathBuf>,
    memory_bytes: u64,
    cpu_seconds: u64,
}

impl Tool {
    /// The program at `program`, an absolute path. It may use so many bytes of address space and
    /// seconds of CPU, and read itself and the libraries of the system.
    pub fn new(program: impl Into<PathBuf>, memory_bytes: u64, cpu_seconds: u64) -> Self {
        let program = program.into();
        let mut read: Vec<PathBuf> = LIBRARIES.iter().map(PathBuf::from).collect();
        read.push(program.clone());
        Self { program, arguments: Vec::new(), environment: Vec::new(), read, memory_bytes, cpu_seconds }
    }

    /// Gives it an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Sets a variable of its environment, which is empty otherwise.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Lets it read and run what lies at or below `path`.
    #[must_use]
    pub fn may_read(mut self, path: impl AsRef<Path>) -> Self {
        self.read.push(path.as_ref().to_owned());
        self
    }

    /// The command that starts it; pipes are the caller's to set.
    ///
    /// # Errors
    /// When the path of the running program cannot be found out.
    pub fn command(&self) -> Result<tokio::process::Command, Problem> {
        let own = std::env::current_exe().map_err(|error| {
            Problem::new(ErrorCode::Internal, "cannot find the program's own file to start another in the cell")
                .caused_by(error)
        })?;
        let mut command = tokio::process::Command::new(own);
        command.arg("cell-tool").arg("--memory").arg(self.memory_bytes.to_string());
        command.arg("--cpu-seconds").arg(self.cpu_seconds.to_string());
        for path in &self.read {
            command.arg("--read").arg(path);
        }
        command.arg("--").arg(&self.program).args(&self.arguments);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir("/").kill_on_drop(true);
        Ok(command)
    }
}

/// Arguments of `cell-tool`, which [`Tool::command`] writes.
#[derive(Args)]
pub(crate) struct ToolArgs {
    /// Address space in bytes.
    #[arg(long)]
    memory: u64,
    /// Seconds of CPU.
    #[arg(long)]
    cpu_seconds: u64,
    /// What may be read.
    #[arg(long)]
    read: Vec<PathBuf>,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    words: Vec<OsString>,
}

/// Becomes the program; returns only when that fails.
pub(crate) fn run(args: ToolArgs) -> io::Error {
    close_inherited();
    // As reading does, it gives way to whoever is being answered.
    let _ = rustix::process::nice(5);
    confine(&Profile::Tool { read: args.read, cpu_seconds: args.cpu_seconds }, args.memory);
    match args.words.split_first() {
        Some((program, arguments)) => std::process::Command::new(program).args(arguments).exec(),
        None => io::ErrorKind::InvalidInput.into(),
    }
}
