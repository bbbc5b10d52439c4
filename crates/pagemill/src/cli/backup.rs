//! `pagemill backup` and `pagemill restore`.

use std::path::PathBuf;

use clap::Args;
use pagemill_core::Problem;

use super::{Global, Outcome, output};
use crate::library;

/// Arguments of `backup`.
#[derive(Args)]
pub(crate) struct BackupArgs {
    /// The folder to make; it must be new or empty.
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

/// Arguments of `restore`.
#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// The folder of a backup. The library of `--library` is made from it.
    #[arg(value_name = "DIR")]
    from: PathBuf,
}

/// Runs `backup`. The library is not locked: it may be at work.
pub(crate) async fn backup(global: &Global, args: &BackupArgs) -> Result<Outcome, Problem> {
    let made = library::backup(&global.settings()?, &args.to).await?;
    if global.json {
        output::json(&made);
    } else {
        output::line(&format!(
            "{}: {} documents, {} rows, {} files of {} bytes, {:.1} s",
            made.path, made.documents, made.rows, made.files, made.bytes, made.seconds
        ));
        left_out(&made.left_out);
    }
    Ok(Outcome::Done)
}

/// Runs `restore`.
pub(crate) async fn restore(global: &Global, args: &RestoreArgs) -> Result<Outcome, Problem> {
    let made = library::restore(global.settings()?, &args.from).await?;
    if global.json {
        output::json(&made);
    } else {
        output::line(&format!(
            "{} documents, {} rows, {} files as of {}, {:.1} s",
            made.documents, made.rows, made.files, made.created, made.seconds
        ));
        if made.identical {
            output::line("the same library, letter for letter");
        }
        for difference in &made.differences {
            output::note(difference);
        }
        left_out(&made.left_out);
    }
    Ok(if made.differences.is_empty() { Outcome::Done } else { Outcome::Partial })
}

fn left_out(tables: &[String]) {
    if !tables.is_empty() {
        output::note(&format!("not in a backup, because they hold secrets: {}", tables.join(", ")));
    }
}
