//! `pagemill queues`, `workers` and `dead-letters`.

use clap::{Args, Subcommand};
use pagemill_core::{ErrorCode, JobId, Problem, Queue, Stage};
use pagemill_store::DeadLetterKind;

use super::{
    Global, Outcome, output, project, tasks,
    which::{parse_code, parse_queue, parse_stage},
};
use crate::library::views::{BulkView, DeadLetterView, QueueView};

/// Arguments of `queues`.
#[derive(Args)]
pub(crate) struct QueuesArgs {
    #[command(subcommand)]
    change: Option<QueueChange>,
}

#[derive(Subcommand)]
enum QueueChange {
    /// Give out no jobs of a queue; those at work go on to their end.
    Pause {
        /// `default`, `images` or `embeddings`.
        #[arg(value_parser = parse_queue)]
        queue: Queue,
    },
    /// Let a queue go on.
    Resume {
        /// `default`, `images` or `embeddings`.
        #[arg(value_parser = parse_queue)]
        queue: Queue,
    },
    /// Set how many jobs of a queue may be at work at once, over all workers.
    Scale {
        /// `default`, `images` or `embeddings`.
        #[arg(value_parser = parse_queue)]
        queue: Queue,
        /// How many; `free` takes the limit away.
        #[arg(value_parser = parse_scale)]
        jobs: Scale,
    },
}

/// Runs `queues`.
pub(crate) async fn run(global: &Global, args: &QueuesArgs) -> Result<Outcome, Problem> {
    let library = global.open_beside().await?;
    let queues = match &args.change {
        None => library.queues().await?,
        Some(QueueChange::Pause { queue }) => vec![library.pause_queue(*queue, true).await?],
        Some(QueueChange::Resume { queue }) => vec![library.pause_queue(*queue, false).await?],
        Some(QueueChange::Scale { queue, jobs }) => {
            vec![library.scale_queue(*queue, jobs.0).await?]
        }
    };
    library.close().await;
    if global.json {
        output::json(&serde_json::json!({ "queues": queues }));
    } else {
        queues.iter().for_each(print_queue);
    }
    Ok(Outcome::Done)
}

/// Most jobs at once; none is no limit.
#[derive(Clone, Copy)]
struct Scale(Option<u32>);

fn parse_scale(word: &str) -> Result<Scale, Problem> {
    match word.parse() {
        _ if word == "free" => Ok(Scale(None)),
        Ok(jobs) => Ok(Scale(Some(jobs))),
        Err(error) => {
            let message = format!("`{}` is no number of jobs; give one, or `free`", pagemill_core::excerpt(word, 20));
            Err(Problem::new(ErrorCode::InvalidRequest, message).caused_by(error))
        }
    }
}

fn print_queue(queue: &QueueView) {
    let jobs: Vec<String> = queue.jobs.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let jobs = if jobs.is_empty() { "empty".to_owned() } else { jobs.join(", ") };
    let paused = if queue.paused { ", paused" } else { "" };
    let most = queue.concurrency.map_or_else(String::new, |most| format!(", at most {most} at once"));
    output::line(&format!(
        "{:10}  {jobs}{paused}{most}; {} workers with {} places",
        queue.name, queue.workers, queue.places
    ));
}

/// Runs `workers`.
pub(crate) async fn workers(global: &Global) -> Result<Outcome, Problem> {
    let library = global.open_beside().await?;
    let workers = library.workers().await?;
    library.close().await;
    if global.json {
        output::json(&serde_json::json!({ "workers": workers }));
        return Ok(Outcome::Done);
    }
    if workers.is_empty() {
        output::note("no worker is registered; start `pagemill serve`");
    }
    for worker in &workers {
        let queues: Vec<String> = worker.queues.iter().map(|(queue, places)| format!("{queue} {places}")).collect();
        output::line(&format!(
            "{}  {:9}  {} process {}  {}  {} MB  heard of {:.0} s ago",
            worker.id,
            worker.status,
            worker.host,
            worker.pid,
            queues.join(", "),
            worker.memory_bytes >> 20,
            worker.silent_seconds
        ));
        if let Some(reason) = &worker.held_back {
            output::line(&format!("    takes no jobs: {}", output::one_line(reason)));
        }
        for job in &worker.jobs {
            let unit = job.unit.as_ref().map(|unit| format!(" ({unit})")).unwrap_or_default();
            output::line(&format!(
                "    {}{unit} of {} for {:.0} s, last progress {:.0} s ago",
                job.stage, job.task, job.running_seconds, job.silent_seconds
            ));
        }
    }
    Ok(Outcome::Done)
}

/// Arguments of `dead-letters`.
#[derive(Args)]
pub(crate) struct DeadLettersArgs {
    #[command(flatten)]
    kind: KindFlags,
    /// Most of them to list.
    #[arg(short = 'n', long, default_value_t = 1000)]
    limit: u32,
    #[command(subcommand)]
    act: Option<DeadLetterAct>,
}

#[derive(Args, Clone, Default)]
struct KindFlags {
    /// Only jobs of this stage.
    #[arg(long, value_parser = parse_stage)]
    stage: Option<Stage>,
    /// Only jobs with this error code.
    #[arg(long, value_parser = parse_code)]
    code: Option<ErrorCode>,
}

impl KindFlags {
    fn kind(&self) -> DeadLetterKind {
        DeadLetterKind { stage: self.stage, code: self.code }
    }
}

#[derive(Subcommand)]
enum DeadLetterAct {
    /// Show everything that is known of one.
    Show {
        /// The job.
        job: String,
    },
    /// Try them again.
    Replay {
        /// The jobs.
        #[arg(required_unless_present_any = ["stage", "code", "all"], conflicts_with_all = ["stage", "code", "all"])]
        jobs: Vec<String>,
        #[command(flatten)]
        kind: KindFlags,
        /// All of them.
        #[arg(long, conflicts_with_all = ["stage", "code"])]
        all: bool,
    },
    /// Throw them away; their tasks stay as they ended.
    Discard {
        /// The jobs.
        #[arg(required = true)]
        jobs: Vec<String>,
    },
}

/// Runs `dead-letters`.
pub(crate) async fn dead_letters(global: &Global, args: &DeadLettersArgs) -> Result<Outcome, Problem> {
    if args.act.is_some() && args.kind.kind() != DeadLetterKind::default() {
        output::usage("`dead-letters --stage` and `--code` are for the list; give them behind `replay`");
    }
    let library = global.open_beside().await?;
    let (done, word) = match &args.act {
        None => {
            let (letters, more) = library.newest_dead_letters(&project(), &args.kind.kind(), args.limit).await?;
            library.close().await;
            if global.json {
                output::json(&serde_json::json!({ "dead_letters": letters, "more": more }));
            } else {
                letters.iter().for_each(print_letter);
                output::more(more);
            }
            return Ok(Outcome::Done);
        }
        Some(DeadLetterAct::Show { job }) => {
            let letter = library.dead_letter(&project(), &job.parse()?).await?;
            library.close().await;
            if global.json {
                output::json(&letter);
            } else {
                print_letter(&letter);
                print_attempts(&letter);
            }
            return Ok(Outcome::Done);
        }
        Some(DeadLetterAct::Replay { jobs, kind, .. }) if jobs.is_empty() => {
            (library.replay_all(&project(), &kind.kind()).await?, "queued")
        }
        Some(DeadLetterAct::Replay { jobs, .. }) => {
            let mut done = BulkView::default();
            for job in jobs {
                let id: JobId = job.parse()?;
                note(&mut done, job, library.replay(&project(), &id).await);
            }
            (done, "queued")
        }
        Some(DeadLetterAct::Discard { jobs }) => {
            let mut done = BulkView::default();
            for job in jobs {
                let id: JobId = job.parse()?;
                note(&mut done, job, library.discard(&project(), &id).await);
            }
            (done, "discarded")
        }
    };
    library.close().await;
    if global.json {
        output::json(&done);
    } else {
        tasks::print_bulk(&done, word);
    }
    Ok(tasks::outcome(&done))
}

fn note(done: &mut BulkView, job: &str, result: Result<(), Problem>) {
    done.matched += 1;
    match result {
        Ok(()) => done.changed.push(job.to_owned()),
        Err(problem) => {
            let error = (&problem).into();
            done.refused.push(crate::library::views::RefusedView { id: job.to_owned(), error });
        }
    }
}

fn print_letter(letter: &DeadLetterView) {
    output::line(&format!(
        "{}  {}  {} crashes, {} attempts  {}  {}",
        letter.job,
        letter.stage,
        letter.crashes,
        letter.attempts_spent,
        letter.died,
        output::one_line(&letter.file)
    ));
    if let Some(error) = &letter.error {
        output::line(&format!("    {}: {}", error.code, output::one_line(&error.message)));
    }
}

fn print_attempts(letter: &DeadLetterView) {
    output::line(&format!("    task {}, document {}, version {}", letter.task, letter.document, letter.version));
    for attempt in &letter.attempts {
        let error =
            attempt.error.as_ref().map(|error| format!("  {}: {}", error.code, output::one_line(&error.message)));
        output::line(&format!(
            "    {} to {}  by {}: {}{}",
            attempt.started,
            attempt.ended.as_deref().unwrap_or("now"),
            attempt.worker,
            attempt.outcome.as_deref().unwrap_or("under way"),
            error.unwrap_or_default()
        ));
    }
}
