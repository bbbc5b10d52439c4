//! Webhooks: addresses that are told of events, and the log of what they were told.
//!
//! The events are the outbox: a webhook remembers the number of the last one that was looked at for it, and one
//! transaction turns new events into deliveries and moves that number on. So an event becomes one delivery,
//! whoever dies when, and nothing is written for events while there are no webhooks.

use std::fmt;

use pagemill_core::{DocumentId, Event, EventId, ProjectId, WebhookId};

use crate::{
    Answer, Store,
    deliveries::{self, LogEntry},
    dialect::wall_ms,
    events::{event_columns, event_of},
    failure::Failure,
    sql::{Fields, Tx, Write, args, to_json},
};

/// Events turned into deliveries in one transaction.
const AT_ONCE: u32 = 200;

/// What deliveries are signed with. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// The project whose events it is told of.
    pub project: ProjectId,
    /// Where deliveries are sent.
    pub url: String,
    /// Kinds of events; `*` and `document.*` are patterns.
    pub events: Vec<String>,
    /// What deliveries are signed with.
    pub secret: Secret,
}

/// An address that is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its identifier.
    pub id: WebhookId,
    /// The project whose events it is told of.
    pub project: ProjectId,
    /// Where deliveries are sent.
    pub url: String,
    /// Kinds of events; `*` and `document.*` are patterns.
    pub events: Vec<String>,
    /// Deliveries given up since the last one that arrived.
    pub failures: u32,
    /// Why it is told nothing any more.
    pub disabled: Option<String>,
    /// When it was made, milliseconds since 1970.
    pub created_ms: i64,
}

impl Webhook {
    /// Whether it is told of events of this kind.
    fn wants(&self, kind: &str) -> bool {
        self.events.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(begin) => kind.starts_with(begin),
            None => kind == pattern,
        })
    }
}

/// The columns [`webhook_of`] reads, in its order.
macro_rules! webhook_columns {
    () => {
        "id, project, url, events, failures, disabled, created_ms"
    };
}

fn webhook_of(fields: &mut Fields<'_>) -> Result<Webhook, Failure> {
    Ok(Webhook {
        id: fields.id()?,
        project: fields.id()?,
        url: fields.text()?,
        events: fields.json()?,
        failures: fields.count()?,
        disabled: fields.text_or_null()?,
        created_ms: fields.int()?,
    })
}

impl Store {
    /// Makes a webhook; it is told of what happens from now on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn create_webhook<'a>(&'a self, new: &'a NewWebhook) -> Answer<'a, Webhook> {
        self.write(CreateWebhook(new.clone()))
    }

    /// The webhooks of a project, in the order they were made.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn webhooks<'a>(&'a self, project: &'a ProjectId) -> Answer<'a, Vec<Webhook>> {
        const SQL: &str = concat!("SELECT ", webhook_columns!(), " FROM webhooks WHERE project = $1 ORDER BY id");
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader.conn().rows(SQL, args![project]).await?;
            rows.iter().map(|row| webhook_of(&mut row.fields())).collect()
        })
    }

    /// Deletes a webhook with its secret and its log; whether there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn delete_webhook<'a>(&'a self, project: &'a ProjectId, id: &'a WebhookId) -> Answer<'a, bool> {
        self.write(DeleteWebhook { project: project.clone(), webhook: id.clone() })
    }

    /// Lets a webhook that was disabled be told again, of everything since that is still kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn enable_webhook<'a>(&'a self, project: &'a ProjectId, id: &'a WebhookId) -> Answer<'a, Option<Webhook>> {
        self.write(EnableWebhook { project: project.clone(), webhook: id.clone() })
    }

    /// Queues a delivery of kind `webhook.test`, whatever the webhook wants to be told of.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn test_webhook<'a>(&'a self, project: &'a ProjectId, id: &'a WebhookId) -> Answer<'a, Option<LogEntry>> {
        self.write(TestWebhook { project: project.clone(), webhook: id.clone() })
    }

    /// Turns events that webhooks have not been told of into deliveries, and says how many events were looked at.
    /// Zero: there is nothing more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn queue_deliveries(&self) -> Answer<'_, u32> {
        Box::pin(async move {
            let sql = "SELECT COUNT(*) FROM webhooks WHERE disabled IS NULL \
                       AND seen < (SELECT value FROM counters WHERE name = 'events')";
            // Asked outside of a transaction first, since most of the time there is nothing to do.
            let behind = self.answer(async move { self.reader().await?.conn().number(sql, &[]).await }).await?;
            if behind == 0 { Ok(0) } else { self.write(QueueDeliveries).await }
        })
    }
}

struct CreateWebhook(NewWebhook);

impl Write for CreateWebhook {
    type Output = Webhook;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Webhook, Failure> {
        let Self(new) = self;
        let webhook = Webhook {
            id: WebhookId::new(),
            project: new.project.clone(),
            url: new.url.clone(),
            events: new.events.clone(),
            failures: 0,
            disabled: None,
            created_ms: wall_ms(),
        };
        tx.execute(
            "INSERT INTO webhooks (id, project, url, events, seen, failures, created_ms) \
             VALUES ($1, $2, $3, $4, (SELECT value FROM counters WHERE name = 'events'), 0, $5)",
            args![&webhook.id, &new.project, &new.url, to_json(&new.events)?, webhook.created_ms],
        )
        .await?;
        tx.execute("INSERT INTO webhook_secrets (webhook, secret) VALUES ($1, $2)", args![&webhook.id, &new.secret.0])
            .await?;
        Ok(webhook)
    }
}

struct DeleteWebhook {
    project: ProjectId,
    webhook: WebhookId,
}

impl Write for DeleteWebhook {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Failure> {
        let found = tx
            .execute("DELETE FROM webhooks WHERE id = $1 AND project = $2", args![&self.webhook, &self.project])
            .await?;
        if found == 0 {
            return Ok(false);
        }
        tx.execute("DELETE FROM webhook_secrets WHERE webhook = $1", args![&self.webhook]).await?;
        tx.execute("DELETE FROM webhook_deliveries WHERE webhook = $1", args![&self.webhook]).await?;
        Ok(true)
    }
}

struct EnableWebhook {
    project: ProjectId,
    webhook: WebhookId,
}

impl Write for EnableWebhook {
    type Output = Option<Webhook>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Webhook>, Failure> {
        const SQL: &str = concat!(
            "UPDATE webhooks SET disabled = NULL, failures = 0 WHERE id = $1 AND project = $2 RETURNING ",
            webhook_columns!()
        );
        tx.wake();
        let row = tx.row(SQL, args![&self.webhook, &self.project]).await?;
        row.map(|row| webhook_of(&mut row.fields())).transpose()
    }
}

struct TestWebhook {
    project: ProjectId,
    webhook: WebhookId,
}

impl Write for TestWebhook {
    type Output = Option<LogEntry>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<LogEntry>, Failure> {
        let sql = "SELECT COUNT(*) FROM webhooks WHERE id = $1 AND project = $2";
        if tx.number(sql, args![&self.webhook, &self.project]).await? == 0 {
            return Ok(None);
        }
        let event = Event {
            id: 0,
            at_ms: wall_ms(),
            project: self.project.clone(),
            task: None,
            document: None,
            kind: "webhook.test".to_owned(),
            data: serde_json::json!({ "webhook": self.webhook }),
        };
        deliveries::insert(tx, &self.webhook, &event).await.map(Some)
    }
}

struct QueueDeliveries;

impl Write for QueueDeliveries {
    type Output = u32;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u32, Failure> {
        const BEHIND: &str = concat!(
            "SELECT ",
            webhook_columns!(),
            ", seen FROM webhooks WHERE disabled IS NULL \
             AND seen < (SELECT value FROM counters WHERE name = 'events') ORDER BY id"
        );
        const NEW: &str = concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE project = $1 AND id > $2 ORDER BY id LIMIT 0 + $3"
        );
        let mut looked = 0;
        let sql = tx.dialect().skip_locked(BEHIND);
        for row in tx.rows(sql, &[]).await? {
            let mut fields = row.fields();
            let webhook = webhook_of(&mut fields)?;
            let seen: EventId = fields.int()?;
            // Read before the events: what comes later is for the next time.
            let last = tx.number("SELECT value FROM counters WHERE name = 'events'", &[]).await?;
            let rows = tx.rows(NEW, args![&webhook.project, seen, AT_ONCE]).await?;
            let events = rows.iter().map(|row| event_of(&mut row.fields())).collect::<Result<Vec<_>, _>>()?;
            for event in events.iter().filter(|event| webhook.wants(&event.kind)) {
                deliveries::insert(tx, &webhook.id, event).await?;
            }
            let is_all = events.len() < AT_ONCE as usize;
            let seen = events.last().map_or(last, |event| if is_all { last.max(event.id) } else { event.id });
            tx.execute("UPDATE webhooks SET seen = $2 WHERE id = $1", args![&webhook.id, seen]).await?;
            looked += u32::try_from(events.len()).unwrap_or(u32::MAX).max(1);
        }
        Ok(looked)
    }
}

/// Takes what was told, or is to be told, about a document away with it.
pub(crate) async fn forget_document(tx: &mut Tx<'_>, document: &DocumentId) -> Result<u64, Failure> {
    tx.execute("DELETE FROM webhook_deliveries WHERE document = $1", args![document]).await
}

/// Removes old entries from the logs.
pub(crate) struct PruneDeliveries {
    pub(crate) before_ms: i64,
}

impl Write for PruneDeliveries {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let sql = "DELETE FROM webhook_deliveries WHERE ended_ms < $1";
        tx.execute(sql, args![self.before_ms]).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_matched_by_name_or_beginning() {
        let wants = |patterns: &[&str], kind: &str| {
            let webhook = Webhook {
                id: WebhookId::new(),
                project: ProjectId::default_project(),
                url: String::new(),
                events: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
                failures: 0,
                disabled: None,
                created_ms: 0,
            };
            webhook.wants(kind)
        };
        assert!(wants(&["task.completed", "document.*"], "task.completed"));
        assert!(wants(&["task.completed", "document.*"], "document.deleted"));
        assert!(wants(&["*"], "anything"));
        assert!(!wants(&["task.completed"], "task.completed2"));
        assert!(!wants(&["document.*"], "task.failed"));
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert!(!format!("{:?}", Secret("whsec_abc".to_owned())).contains("abc"));
    }
}
