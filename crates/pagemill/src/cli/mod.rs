//! The command line: flags in, the library facade called, lines or JSON out.
//!
//! Exit codes: 0 done, 2 usage, 3 failed, 4 partial.

mod add;
mod ask;
mod backup;
mod bench;
mod cell;
mod compare;
mod doctor;
mod eval;
mod figures;
mod ls;
mod models;
mod output;
mod process;
mod progress;
mod queues;
mod read;
mod rm;
mod schedules;
mod search;
mod serve;
mod show;
mod tables;
mod tasks;
mod webhooks;
mod which;
mod worker;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, Parser, Subcommand};
use pagemill_core::{ErrorCode, Problem, ProjectId};

use crate::{
    config::{Overrides, Settings},
    library::{Library, TaskAction},
};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it was done.
    Done,
    /// Nothing could be done; the reasons were printed.
    Failed,
    /// Some of it could be done.
    Partial,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::from(0),
            Outcome::Failed => Self::from(3),
            Outcome::Partial => Self::from(4),
        }
    }
}

/// Turns piles of PDFs into a library that people search, question and cite.
#[derive(Parser)]
#[command(name = "pagemill", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Args, Clone)]
pub(crate) struct Global {
    /// The library's folder; it is made when it is not there.
    #[arg(long, global = true, env = "PAGEMILL_LIBRARY", value_name = "DIR", default_value_os_t = default_library())]
    library: PathBuf,
    /// `postgres://…` instead of the SQLite file in the library.
    #[arg(long, global = true, env = "PAGEMILL_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<String>,
    /// A folder or `s3://BUCKET/PREFIX` for the files, instead of a folder in the library.
    #[arg(long, global = true, env = "PAGEMILL_BLOBS", value_name = "URL", hide_env_values = true)]
    blobs: Option<String>,
    /// An embedding model file instead of the one in the program, or `none`: searching by words alone.
    #[arg(long, global = true, env = "PAGEMILL_MODEL", value_name = "FILE")]
    model: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Add files, or all PDFs in folders.
    Add(add::AddArgs),
    /// List the documents.
    Ls(ls::LsArgs),
    /// Show a document: what is known of it and where its task stands.
    Show(show::ShowArgs),
    /// Delete documents with everything made from them.
    Rm(rm::RmArgs),
    /// Process a document anew; what has not changed is taken over.
    Process(process::ProcessArgs),
    /// Give a document another file; the old text is findable until the new one is.
    Replace(process::ReplaceArgs),
    /// Print what a PDF says, without a library.
    Read(read::ReadArgs),
    /// Show pages beside what was read of them, as one web page, to see or report what went wrong.
    Compare(compare::CompareArgs),
    /// Search the library.
    Search(search::SearchArgs),
    /// Ask a question; the answer is made of quotations.
    Ask(ask::AskArgs),
    /// Serve the web page and the HTTP API, and work in the background.
    Serve(serve::ServeArgs),
    /// Take jobs beside other processes, on a PostgreSQL database.
    Worker(worker::WorkerArgs),
    /// List the tasks, or show one.
    Tasks(tasks::TasksArgs),
    /// Say why a task stands where it stands.
    Why(tasks::WhyArgs),
    /// Stop tasks; what was done stays for later ones.
    Cancel(tasks::ChangeArgs),
    /// Hold tasks back.
    Pause(tasks::ChangeArgs),
    /// Let paused tasks go on.
    Resume(tasks::ChangeArgs),
    /// Try tasks again that failed, were cancelled or are partial: what is missing is done.
    Retry(tasks::ChangeArgs),
    /// List the queues, or change one while it runs.
    Queues(queues::QueuesArgs),
    /// List the workers.
    Workers,
    /// List jobs that were set aside, look at one, try them again or throw them away.
    DeadLetters(queues::DeadLettersArgs),
    /// List the work that is done at intervals, or run one of it now.
    Schedules(schedules::SchedulesArgs),
    /// Tell other programs of what happens.
    Webhooks(webhooks::WebhooksArgs),
    /// Measure how well searching works on a collection with known answers.
    Eval(eval::EvalArgs),
    /// Measure how fast this machine takes documents in.
    Bench(bench::BenchArgs),
    /// Copy the library into a folder, whether or not it is at work.
    Backup(backup::BackupArgs),
    /// Make a library from a backup.
    Restore(backup::RestoreArgs),
    /// Check that this machine and the library are in order.
    Doctor,
    /// Look at embedding models, or make a model file.
    Models(models::ModelsArgs),
    /// Print the OpenAPI document of the HTTP API.
    Openapi,
    /// Print the library as canonical text, to compare two of them.
    #[command(hide = true)]
    Dump,
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    if let Some(code) = cell::run() {
        return code;
    }
    let cli = Cli::parse();
    crate::heap::keep_little();
    start_logging();
    let result = match runtime_for(&cli.command) {
        Ok(runtime) => {
            let result = runtime.block_on(run(cli));
            // Blocking work that is left belongs to a command that has ended.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Problem::new(ErrorCode::Overloaded, "cannot start threads").caused_by(error)),
    };
    match result {
        Ok(outcome) => outcome.into(),
        Err(problem) => {
            output::problem(&problem);
            Outcome::Failed.into()
        }
    }
}

/// The threads a command runs on. One that only waits for a reading process needs none beside its own, and begins sooner.
fn runtime_for(command: &Command) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match command {
        Command::Read(_) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

async fn run(cli: Cli) -> Result<Outcome, Problem> {
    let global = cli.global;
    match cli.command {
        Command::Add(args) => add::run(&global, &args).await,
        Command::Ls(args) => ls::run(&global, &args).await,
        Command::Show(args) => show::run(&global, &args).await,
        Command::Rm(args) => rm::run(&global, &args).await,
        Command::Process(args) => process::run(&global, &args).await,
        Command::Replace(args) => process::replace(&global, &args).await,
        Command::Read(args) => read::run(&global, &args).await,
        Command::Compare(args) => compare::run(&global, &args).await,
        Command::Search(args) => search::run(&global, &args).await,
        Command::Ask(args) => ask::run(&global, &args).await,
        Command::Serve(args) => serve::run(&global, &args).await,
        Command::Worker(args) => worker::run(&global, &args).await,
        Command::Tasks(args) => tasks::run(&global, &args).await,
        Command::Why(args) => tasks::why(&global, &args).await,
        Command::Cancel(args) => tasks::change(&global, &args, TaskAction::Cancel).await,
        Command::Pause(args) => tasks::change(&global, &args, TaskAction::Pause).await,
        Command::Resume(args) => tasks::change(&global, &args, TaskAction::Resume).await,
        Command::Retry(args) => tasks::change(&global, &args, TaskAction::Retry).await,
        Command::Queues(args) => queues::run(&global, &args).await,
        Command::Workers => queues::workers(&global).await,
        Command::DeadLetters(args) => queues::dead_letters(&global, &args).await,
        Command::Schedules(args) => schedules::run(&global, &args).await,
        Command::Webhooks(args) => webhooks::run(&global, &args).await,
        Command::Eval(args) => eval::run(&global, &args).await,
        Command::Bench(args) => bench::run(&global, &args).await,
        Command::Backup(args) => backup::backup(&global, &args).await,
        Command::Restore(args) => backup::restore(&global, &args).await,
        Command::Doctor => doctor::run(&global).await,
        Command::Models(args) => models::run(&global, &args).await,
        Command::Openapi => {
            output::text(&serde_json::to_string_pretty(&crate::api::openapi()).unwrap_or_default());
            Ok(Outcome::Done)
        }
        Command::Dump => {
            let library = global.open().await?;
            output::text(&library.dump().await?);
            Ok(Outcome::Done)
        }
    }
}

impl Global {
    /// The settings these flags and the library's file give.
    pub(crate) fn settings(&self) -> Result<Settings, Problem> {
        let overrides =
            Overrides { database: self.database.clone(), blobs: self.blobs.clone(), model: self.model.clone() };
        Settings::load(&self.library, overrides)
    }

    /// Opens the library.
    pub(crate) async fn open(&self) -> Result<Arc<Library>, Problem> {
        Library::open(self.settings()?).await
    }

    /// Opens the library to look at its documents, tasks and queues and change these, also while a server runs on it.
    pub(crate) async fn open_beside(&self) -> Result<Arc<Library>, Problem> {
        Library::open_beside(self.settings()?).await
    }

    /// Opens the library with its indexes, or beside the process that has them ([`Library::has_indexes`]).
    pub(crate) async fn open_or_beside(&self) -> Result<Arc<Library>, Problem> {
        match self.open().await {
            Err(problem) if problem.code == ErrorCode::LibraryInUse => self.open_beside().await,
            opened => opened,
        }
    }

    /// Opens the library to look at it, with its indexes brought up to date.
    pub(crate) async fn open_current(&self) -> Result<Arc<Library>, Problem> {
        let library = self.open().await.map_err(|problem| match problem.code {
            ErrorCode::LibraryInUse => {
                let message = format!("{}; only the process that has the indexes can search", problem.message);
                Problem { message, ..problem }
            }
            _ => problem,
        })?;
        while library.indexing().catch_up().await? {}
        Ok(library)
    }
}

/// The project of the command line.
pub(crate) fn project() -> ProjectId {
    ProjectId::default_project()
}

fn default_library() -> PathBuf {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    data.or_else(home).unwrap_or_else(|| PathBuf::from(".")).join("pagemill")
}

fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PAGEMILL_LOG")
        .unwrap_or_else(|_unset| tracing_subscriber::EnvFilter::new("error,pagemill=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
