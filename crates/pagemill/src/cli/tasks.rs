//! `pagemill tasks`.

use clap::Args;
use pagemill_core::{ErrorCode, Problem, TaskId, TaskStatus};

use super::{Global, Outcome, output, project};

/// Arguments of `tasks`.
#[derive(Args)]
pub(crate) struct TasksArgs {
    /// Only this task.
    task: Option<String>,
    /// Only tasks with this status.
    #[arg(long)]
    status: Option<String>,
    /// Most tasks to list.
    #[arg(short = 'n', long, default_value_t = 1000)]
    limit: u32,
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &TasksArgs) -> Result<Outcome, Problem> {
    let status = args.status.as_deref().map(parse_status).transpose()?;
    let one: Option<TaskId> = args.task.as_deref().map(str::parse).transpose()?;
    let library = global.open().await?;
    let tasks = match &one {
        Some(id) => vec![library.task(&project(), id).await?],
        None => library.tasks(&project(), status, None, args.limit).await?,
    };
    library.close().await;
    if global.json {
        output::json(&serde_json::json!({ "tasks": tasks }));
        return Ok(Outcome::Done);
    }
    for task in &tasks {
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
    Ok(Outcome::Done)
}

fn parse_status(word: &str) -> Result<TaskStatus, Problem> {
    TaskStatus::parse(word).ok_or_else(|| {
        let words: Vec<&str> = TaskStatus::ALL.iter().map(|status| status.as_str()).collect();
        Problem::new(
            ErrorCode::InvalidRequest,
            format!("there is no status `{}`; choose one of {}", pagemill_core::excerpt(word, 40), words.join(", ")),
        )
    })
}
