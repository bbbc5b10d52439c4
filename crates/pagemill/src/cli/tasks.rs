//! `pagemill tasks`, `why`, `cancel`, `pause`, `resume`, `retry`.

use clap::Args;
use pagemill_core::Problem;

use super::{
    Global, Outcome, output, project,
    which::{TASK_FLAGS, TaskFlags, find_task},
};
use crate::library::{
    TaskAction,
    views::{BulkView, FiguresView, TaskDetails, TaskStatisticsView, TaskView},
};

/// Arguments of `tasks`.
#[derive(Args)]
pub(crate) struct TasksArgs {
    /// Only this task, with its steps and every attempt; of a document, its newest task.
    #[arg(conflicts_with_all = TASK_FLAGS)]
    task: Option<String>,
    #[command(flatten)]
    which: TaskFlags,
    /// Most tasks to list.
    #[arg(short = 'n', long, default_value_t = 1000)]
    limit: u32,
    /// Print figures over all tasks instead: by status and recipe, averages and percentiles.
    #[arg(long, conflicts_with_all = ["task", "status", "stage", "recipe", "code", "since", "until", "limit"])]
    stats: bool,
}

/// Runs `tasks`.
pub(crate) async fn run(global: &Global, args: &TasksArgs) -> Result<Outcome, Problem> {
    let library = global.open_beside().await?;
    if args.stats {
        let statistics = library.task_statistics(&project()).await?;
        library.close().await;
        if global.json {
            output::json(&statistics);
        } else {
            print_statistics(&statistics);
        }
        return Ok(Outcome::Done);
    }
    if let Some(word) = &args.task {
        let id = find_task(&library, word).await?;
        let details = library.task_details(&project(), &id).await?;
        library.close().await;
        if global.json {
            output::json(&serde_json::json!({ "tasks": [details] }));
        } else {
            print_task(&details.task);
            print_details(&details);
        }
        return Ok(Outcome::Done);
    }
    let (tasks, more) = library.newest_tasks(&project(), &args.which.filter(), args.limit).await?;
    library.close().await;
    if global.json {
        output::json(&serde_json::json!({ "tasks": tasks, "more": more }));
    } else {
        tasks.iter().for_each(print_task);
        output::more(more);
    }
    Ok(Outcome::Done)
}

fn print_task(task: &TaskView) {
    output::line(&format!(
        "{}  {:10}  {:>3.0} %  step {} of {}: {}  pages {}/{}  {}",
        task.id,
        task.status,
        task.progress * 100.0,
        task.step,
        task.steps,
        task.stage,
        task.pages_done,
        task.pages_total,
        task.document
    ));
    if let Some(error) = &task.error {
        output::line(&format!("    {}: {}", error.code, output::one_line(&error.message)));
    }
    if let Some(waiting) = &task.waiting {
        output::line(&format!("    waiting: {}", output::one_line(waiting)));
    }
}

fn print_details(details: &TaskDetails) {
    for step in &details.stages {
        let seconds = step.seconds.map_or_else(String::new, |seconds| format!("  {seconds:.1} s"));
        let units = step.units_done.zip(step.units_total).map(|(done, total)| format!("  {done} of {total} units"));
        let name = step.checkpoint.as_ref().filter(|_| step.reached).map(|name| format!("  {name}"));
        output::line(&format!(
            "    {:8} {:8}{seconds}{}{}",
            step.stage,
            step.status,
            units.unwrap_or_default(),
            name.unwrap_or_default()
        ));
    }
    for attempt in &details.attempts {
        let outcome = attempt.outcome.as_deref().unwrap_or("under way");
        let error =
            attempt.error.as_ref().map(|error| format!("  {}: {}", error.code, output::one_line(&error.message)));
        output::line(&format!(
            "    {}  {} attempt {} by {}: {outcome}{}",
            attempt.started,
            attempt.stage,
            attempt.attempt,
            attempt.worker,
            error.unwrap_or_default()
        ));
    }
    if let Some(seconds) = details.task.remaining_seconds.filter(|seconds| *seconds > 0.0) {
        output::line(&format!("    about {seconds:.0} s of work are left"));
    }
}

fn print_statistics(statistics: &TaskStatisticsView) {
    let counts: Vec<String> = statistics.by_status.iter().map(|(status, count)| format!("{count} {status}")).collect();
    output::line(&format!("{} tasks: {}", statistics.tasks, counts.join(", ")));
    for (recipe, by_status) in &statistics.by_recipe {
        let counts: Vec<String> = by_status.iter().map(|(status, count)| format!("{count} {status}")).collect();
        output::line(&format!("  recipe {recipe}: {}", counts.join(", ")));
    }
    let line = |name: &str, figures: &FiguresView| {
        output::line(&format!(
            "  {name:12} average {:.2} s, p50 {:.2}, p95 {:.2}, p99 {:.2}, largest {:.2}",
            figures.average, figures.p50, figures.p95, figures.p99, figures.largest
        ));
    };
    output::line(&format!("over the last {} that ended well:", statistics.measured));
    line("waiting", &statistics.waiting_seconds);
    line("processing", &statistics.processing_seconds);
    for (stage, figures) in &statistics.stage_seconds {
        line(stage, figures);
    }
    if let Some(pages) = statistics.pages_per_minute {
        output::line(&format!("  {pages:.0} pages a minute"));
    }
}

/// Arguments of `why`.
#[derive(Args)]
pub(crate) struct WhyArgs {
    /// A task, or a document: then its newest task.
    task: String,
}

/// Runs `why`.
pub(crate) async fn why(global: &Global, args: &WhyArgs) -> Result<Outcome, Problem> {
    let library = global.open_beside().await?;
    let id = find_task(&library, &args.task).await?;
    let why = library.why(&project(), &id).await?;
    library.close().await;
    if global.json {
        output::json(&why);
    } else {
        output::line(&format!("{} is {}: {}", why.task, why.status, output::one_line(&why.sentence)));
    }
    Ok(Outcome::Done)
}

/// Arguments of `cancel`, `pause`, `resume` and `retry`.
#[derive(Args)]
pub(crate) struct ChangeArgs {
    /// Tasks, or documents: then their newest tasks. Or choose them by --status, --stage, --recipe, --code, --since, --until.
    #[arg(conflicts_with_all = TASK_FLAGS)]
    tasks: Vec<String>,
    #[command(flatten)]
    which: TaskFlags,
}

/// Runs `cancel`, `pause`, `resume` or `retry`.
pub(crate) async fn change(global: &Global, args: &ChangeArgs, action: TaskAction) -> Result<Outcome, Problem> {
    let filter = args.which.filter();
    if args.tasks.is_empty() && filter.is_empty() {
        let flags = TASK_FLAGS.map(|flag| format!("--{flag}")).join(", ");
        let message = format!("name tasks or documents, or choose tasks by {flags}");
        output::usage(&message);
    }
    let library = global.open_beside().await?;
    let mut done = BulkView::default();
    if args.tasks.is_empty() {
        done = library.change_tasks(&project(), &filter, action).await?;
    }
    for word in &args.tasks {
        done.matched += 1;
        let changed = match find_task(&library, word).await {
            Ok(id) => library.change_task(&project(), &id, action).await,
            Err(problem) => Err(problem),
        };
        match changed {
            Ok(task) => done.changed.push(task.id),
            Err(problem) => {
                let error = (&problem).into();
                done.refused.push(crate::library::views::RefusedView { id: word.clone(), error });
            }
        }
    }
    library.close().await;
    report(global, &done, action);
    Ok(outcome(&done))
}

fn report(global: &Global, done: &BulkView, action: TaskAction) {
    if global.json {
        return output::json(done);
    }
    let word = match action {
        TaskAction::Cancel => "cancelled",
        TaskAction::Pause => "paused",
        TaskAction::Resume => "resumed",
        TaskAction::Retry => "queued",
    };
    print_bulk(done, word);
}

/// Prints what was done to many things.
pub(crate) fn print_bulk(done: &BulkView, word: &str) {
    for id in &done.changed {
        output::line(&format!("{word} {id}"));
    }
    for refused in &done.refused {
        output::note(&format!("{}: {}", refused.error.code, output::one_line(&refused.error.message)));
    }
    if done.matched == 0 {
        output::note("there was nothing to do");
    }
    if done.more {
        output::note("there are more; run the command again");
    }
}

/// How a command ended that did something to many things.
pub(crate) fn outcome(done: &BulkView) -> Outcome {
    match (done.changed.is_empty(), done.refused.is_empty()) {
        (_, true) => Outcome::Done,
        (true, false) => Outcome::Failed,
        (false, false) => Outcome::Partial,
    }
}
