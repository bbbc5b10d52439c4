//! `pagemill process` and `pagemill replace`: documents that change.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use pagemill_core::{DocumentId, Priority, Problem, Stage, TaskId};

use super::{Global, Outcome, output, progress::TaskProgress, project};
use crate::{
    jobs::Workers,
    library::{
        Library, ProcessOptions, stage_of,
        views::{PlanView, TaskView},
    },
};

/// Arguments of `process`.
#[derive(Args)]
pub(crate) struct ProcessArgs {
    /// The document's id, file name or title.
    document: String,
    /// Do this stage and those behind it again, even where nothing has changed.
    #[arg(long, value_name = "STAGE", value_parser = stage_of)]
    from: Option<Stage>,
    /// Only say what would be done, how long it takes and what it costs.
    #[arg(long)]
    dry_run: bool,
    /// The recipe, instead of that of the newest task.
    #[arg(long)]
    recipe: Option<String>,
    /// Wait until it is processed.
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
}

/// Arguments of `replace`.
#[derive(Args)]
pub(crate) struct ReplaceArgs {
    /// The document's id, file name or title.
    document: String,
    /// Its new file.
    file: PathBuf,
    /// Wait until it is processed.
    #[arg(long)]
    wait: bool,
}

/// Runs `process`.
pub(crate) async fn run(global: &Global, args: &ProcessArgs) -> Result<Outcome, Problem> {
    let options = ProcessOptions { recipe: args.recipe.clone(), priority: Priority::Normal, from: args.from };
    let library = open(global, args.wait).await?;
    let id = library.find_document(&project(), &args.document).await?;
    if args.dry_run {
        let plan = library.plan(&project(), &id, &options).await?;
        library.close().await;
        show_plan(global, &plan);
        return Ok(Outcome::Done);
    }
    let workers = start_workers(&library, args.wait);
    let task = library.process(&project(), &id, &options).await?;
    follow(global, &library, (args.wait, workers), &id, task).await
}

/// Opens a library to queue work in it, and to wait for it if asked to.
pub(crate) async fn open(global: &Global, wait: bool) -> Result<Arc<Library>, Problem> {
    if wait { global.open_or_beside().await } else { global.open_beside().await }
}

/// Workers for a command that waits, where nobody else has the library and works.
pub(crate) fn start_workers(library: &Arc<Library>, wait: bool) -> Option<Workers> {
    (wait && library.has_indexes()).then(|| Workers::start(library))
}

/// Runs `replace`.
pub(crate) async fn replace(global: &Global, args: &ReplaceArgs) -> Result<Outcome, Problem> {
    let library = open(global, args.wait).await?;
    let id = library.find_document(&project(), &args.document).await?;
    let workers = start_workers(&library, args.wait);
    let added = library.replace_with_file(&project(), &id, &args.file, &ProcessOptions::default()).await?;
    let task: TaskId = added.task.clone().unwrap_or_default().parse()?;
    let task = library.task(&project(), &task).await?;
    follow(global, &library, (args.wait, workers), &id, task).await
}

/// Waits for the end of a task if asked to, and says how it stands.
async fn follow(
    global: &Global,
    library: &Arc<Library>,
    (wait, workers): (bool, Option<Workers>),
    id: &DocumentId,
    mut task: TaskView,
) -> Result<Outcome, Problem> {
    if wait {
        let mut progress = TaskProgress::new(1, global.json);
        let task_id: TaskId = task.id.parse()?;
        while !is_final(&task) && library.may_be_worked_on() {
            task = library.wait_task(&project(), &task_id, std::time::Duration::from_millis(500)).await?;
            progress.update(id.as_str(), &task);
        }
        progress.end(id.as_str(), &task);
        progress.finish();
    }
    if let Some(workers) = workers {
        workers.stop().await;
    }
    library.close().await;
    if global.json {
        output::json(&serde_json::json!({ "task": task }));
    } else {
        output::line(&format!("{}  {}  {id}", task.id, task.status));
        for stage in &task.ledger {
            output::line(&format!(
                "    {:6} {} {} done, {} reused, {} failed",
                stage.stage, stage.done, stage.items, stage.reused, stage.failed
            ));
        }
        if let Some(error) = &task.error {
            output::note(&format!("{}: {}", error.code, output::one_line(&error.message)));
        }
        if !is_final(&task) {
            output::note("queued; it is processed while `pagemill serve` runs, or with --wait");
        }
    }
    Ok(match task.status.as_str() {
        "failed" | "cancelled" => Outcome::Failed,
        "partial" => Outcome::Partial,
        _ if wait && !is_final(&task) => Outcome::Partial,
        _ => Outcome::Done,
    })
}

fn is_final(task: &TaskView) -> bool {
    pagemill_core::TaskStatus::parse(&task.status).is_some_and(pagemill_core::TaskStatus::is_final)
}

fn show_plan(global: &Global, plan: &PlanView) {
    if global.json {
        return output::json(plan);
    }
    let seconds = |seconds: Option<f64>| seconds.map_or("not measured yet".to_owned(), |time| format!("{time:.1} s"));
    for stage in &plan.stages {
        if !stage.known {
            output::line(&format!("{:6} {} not known before the file was read", stage.stage, stage.items));
            continue;
        }
        let most = if stage.exact { "" } else { "at most " };
        output::line(&format!(
            "{:6} {} {} reused, {most}{} to do, {}",
            stage.stage,
            stage.reused,
            stage.items,
            stage.to_do,
            seconds(stage.seconds)
        ));
    }
    let whole = match plan.stages.iter().any(|stage| !stage.known) {
        true => "not known yet how much work".to_owned(),
        false => format!("{} of work", seconds(plan.seconds)),
    };
    output::line(&format!("in all {whole}, {:.2} USD", plan.cost_usd));
}
