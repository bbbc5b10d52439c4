//! `pagemill webhooks`.

use clap::{Args, Subcommand};
use pagemill_core::{Problem, WebhookId};

use super::{Global, Outcome, output, project};
use crate::library::views::{DeliveryView, WebhookView};

/// Arguments of `webhooks`.
#[derive(Args)]
pub(crate) struct WebhooksArgs {
    #[command(subcommand)]
    command: WebhooksCommand,
}

#[derive(Subcommand)]
enum WebhooksCommand {
    /// Tell an address of events; prints the secret that deliveries are signed with, once.
    Add {
        /// Where deliveries are sent.
        url: String,
        /// Types of events; `document.*` and `*` are patterns.
        #[arg(long, value_delimiter = ',', default_value = "*")]
        events: Vec<String>,
    },
    /// List the webhooks.
    Ls,
    /// Delete a webhook with its log.
    Rm {
        /// The webhook, `hook_…`.
        webhook: String,
    },
    /// Send a webhook a test. Something has to be running that sends it: `pagemill serve`.
    Test {
        /// The webhook, `hook_…`.
        webhook: String,
    },
    /// Let a webhook that was disabled be told again.
    Enable {
        /// The webhook, `hook_…`.
        webhook: String,
    },
    /// Show what a webhook was told, newest first.
    Log {
        /// The webhook, `hook_…`.
        webhook: String,
        /// Most entries to show.
        #[arg(short = 'n', long, default_value_t = 50)]
        limit: u32,
    },
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &WebhooksArgs) -> Result<Outcome, Problem> {
    let library = global.open_beside().await?;
    let project = project();
    let id = |word: &str| word.parse::<WebhookId>();
    match &args.command {
        WebhooksCommand::Add { url, events } => {
            let webhook = library.create_webhook(&project, url, events.clone()).await?;
            show(global, &webhook, |webhook| {
                line(webhook);
                output::line(&format!("secret {}", webhook.secret.as_deref().unwrap_or_default()));
                output::note("keep the secret: it is not shown again");
            });
        }
        WebhooksCommand::Ls => {
            let webhooks = library.webhooks(&project).await?;
            show(global, &serde_json::json!({ "webhooks": webhooks }), |_| webhooks.iter().for_each(line));
        }
        WebhooksCommand::Rm { webhook } => {
            let id = id(webhook)?;
            library.delete_webhook(&project, &id).await?;
            show(global, &serde_json::json!({ "deleted": id }), |_| output::line(&format!("{id} is deleted")));
        }
        WebhooksCommand::Test { webhook } => {
            let entry = library.test_webhook(&project, &id(webhook)?).await?;
            show(global, &entry, entry_line);
        }
        WebhooksCommand::Enable { webhook } => {
            let webhook = library.enable_webhook(&project, &id(webhook)?).await?;
            show(global, &webhook, line);
        }
        WebhooksCommand::Log { webhook, limit } => {
            let entries = library.deliveries(&project, &id(webhook)?, *limit).await?;
            show(global, &serde_json::json!({ "deliveries": entries }), |_| entries.iter().for_each(entry_line));
        }
    }
    library.close().await;
    Ok(Outcome::Done)
}

fn show<T: serde::Serialize>(global: &Global, value: &T, print: impl FnOnce(&T)) {
    if global.json { output::json(value) } else { print(value) }
}

fn line(webhook: &WebhookView) {
    output::line(&format!("{}  {}  {}", webhook.id, output::one_line(&webhook.url), webhook.events.join(",")));
    if let Some(reason) = &webhook.disabled {
        output::line(&format!("    disabled: {}", output::one_line(reason)));
    }
}

fn entry_line(entry: &DeliveryView) {
    let status = entry.http_status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    let ms = entry.ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    output::line(&format!(
        "{}  {}  {:9}  {:3}  {:>7}  attempt {}  {}",
        entry.id, entry.created, entry.state, status, ms, entry.attempts, entry.kind
    ));
    if let Some(error) = &entry.error {
        output::line(&format!("    {}", output::one_line(error)));
    }
}
