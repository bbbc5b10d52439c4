//! `pagemill schedules`: work that is done at intervals.

use clap::{Args, Subcommand};
use pagemill_core::Problem;

use super::{Global, Outcome, output};
use crate::library::{Schedule, views::ScheduleView};

/// Arguments of `schedules`.
#[derive(Args)]
pub(crate) struct SchedulesArgs {
    #[command(subcommand)]
    command: Option<SchedulesCommand>,
}

#[derive(Subcommand)]
enum SchedulesCommand {
    /// Run one now, whether or not it is due.
    Run {
        /// Its name.
        name: String,
    },
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &SchedulesArgs) -> Result<Outcome, Problem> {
    let one = match &args.command {
        Some(SchedulesCommand::Run { name }) => Some(Schedule::parse(name)?),
        None => None,
    };
    let library = global.open_beside().await?;
    let schedules = match one {
        Some(schedule) => library.run_schedule(schedule).await.map(|view| vec![view]),
        None => library.schedules().await,
    };
    library.close().await;
    let schedules = schedules?;
    if global.json {
        output::json(&serde_json::json!({ "schedules": schedules }));
    } else {
        schedules.iter().for_each(show);
    }
    Ok(Outcome::Done)
}

fn show(schedule: &ScheduleView) {
    let last = match (&schedule.last_run, &schedule.last_error, &schedule.last_result) {
        (Some(at), Some(error), _) => format!("{at} failed: {}", output::one_line(error)),
        (Some(at), None, Some(result)) => format!("{at} {result}"),
        (Some(at), None, None) => at.clone(),
        (None, ..) => "never".to_owned(),
    };
    output::line(&format!("{:10} {}", schedule.name, schedule.meaning));
    output::line(&format!(
        "           every {} h, last {last}, next {}",
        schedule.period_seconds / 3600,
        if schedule.running { "now" } else { &schedule.next_run }
    ));
}
