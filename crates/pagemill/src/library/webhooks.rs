//! Webhooks: making them, looking at them, trying them.

use base64::{Engine, engine::general_purpose::STANDARD};
use pagemill_core::{ErrorCode, Problem, ProjectId, WebhookId};
use pagemill_store::{EVENT_KINDS, NewWebhook, Secret};

use super::{
    Library,
    outbound::checked_url,
    views::{DeliveryView, WebhookView},
};

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;
/// Webhooks of a project.
const MOST: usize = 100;
/// The longest address.
const URL_BYTES: usize = 2000;
/// Patterns of one webhook.
const MOST_EVENTS: usize = 50;

fn no_webhook(id: &WebhookId) -> Problem {
    Problem::new(ErrorCode::NotFound, format!("there is no webhook `{id}` here; `pagemill webhooks ls` lists them"))
}

impl Library {
    /// Makes a webhook. Its secret is in the answer, and never shown again.
    ///
    /// # Errors
    /// `invalid_request` for an address or event that is not taken, and of the database.
    pub async fn create_webhook(
        &self,
        project: &ProjectId,
        url: &str,
        events: Vec<String>,
    ) -> Result<WebhookView, Problem> {
        let invalid = |message: String| Problem::new(ErrorCode::InvalidRequest, message);
        if url.len() > URL_BYTES {
            return Err(invalid(format!("an address may have {URL_BYTES} bytes at most")));
        }
        let url = checked_url(url, self.settings().webhooks.allow_private)?;
        if events.is_empty() || events.len() > MOST_EVENTS {
            return Err(invalid(format!("name 1 to {MOST_EVENTS} types of events, `*` for all of them")));
        }
        if let Some(odd) = events.iter().find(|kind| !is_pattern(kind)) {
            let odd = pagemill_core::excerpt(odd, 40);
            let message =
                format!("`{odd}` is no type of event; there are {}, and `document.*` and `*`", EVENT_KINDS.join(", "));
            return Err(invalid(message));
        }
        if self.store().webhooks(project).await?.len() >= MOST {
            return Err(invalid(format!("there are {MOST} webhooks already; delete one")));
        }
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| {
            Problem::new(ErrorCode::Internal, "this machine gives no random bytes").caused_by(error)
        })?;
        let secret = format!("whsec_{}", STANDARD.encode(bytes));
        let new = NewWebhook { project: project.clone(), url: url.to_string(), events, secret: Secret(secret.clone()) };
        let webhook = self.store().create_webhook(&new).await?;
        Ok(WebhookView { secret: Some(secret), ..WebhookView::from(&webhook) })
    }

    /// The webhooks of a project.
    ///
    /// # Errors
    /// Of the database.
    pub async fn webhooks(&self, project: &ProjectId) -> Result<Vec<WebhookView>, Problem> {
        Ok(self.store().webhooks(project).await?.iter().map(WebhookView::from).collect())
    }

    /// Deletes a webhook with its log.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn delete_webhook(&self, project: &ProjectId, id: &WebhookId) -> Result<(), Problem> {
        if self.store().delete_webhook(project, id).await? { Ok(()) } else { Err(no_webhook(id)) }
    }

    /// Lets a webhook that was disabled be told again.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn enable_webhook(&self, project: &ProjectId, id: &WebhookId) -> Result<WebhookView, Problem> {
        let webhook = self.store().enable_webhook(project, id).await?;
        webhook.as_ref().map(WebhookView::from).ok_or_else(|| no_webhook(id))
    }

    /// Queues an event of type `webhook.test` for a webhook.
    ///
    /// # Errors
    /// `not_found`; `conflict` for one that is disabled; and of the database.
    pub async fn test_webhook(&self, project: &ProjectId, id: &WebhookId) -> Result<DeliveryView, Problem> {
        let webhooks = self.store().webhooks(project).await?;
        let webhook = webhooks.iter().find(|webhook| webhook.id == *id).ok_or_else(|| no_webhook(id))?;
        if webhook.disabled.is_some() {
            return Err(Problem::new(ErrorCode::Conflict, "the webhook is disabled; enable it first"));
        }
        let entry = self.store().test_webhook(project, id).await?;
        entry.as_ref().map(DeliveryView::from).ok_or_else(|| no_webhook(id))
    }

    /// The log of a webhook, newest first.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn deliveries(
        &self,
        project: &ProjectId,
        id: &WebhookId,
        limit: u32,
    ) -> Result<Vec<DeliveryView>, Problem> {
        let entries = self.store().deliveries(project, id, limit).await?;
        if entries.is_empty() && !self.store().webhooks(project).await?.iter().any(|webhook| webhook.id == *id) {
            return Err(no_webhook(id));
        }
        Ok(entries.iter().map(DeliveryView::from).collect())
    }
}

/// A type of event, the beginning of one with `*`, or `*` alone.
fn is_pattern(kind: &str) -> bool {
    match kind.strip_suffix('*') {
        Some(begin) => EVENT_KINDS.iter().any(|known| known.starts_with(begin)),
        None => EVENT_KINDS.contains(&kind),
    }
}
