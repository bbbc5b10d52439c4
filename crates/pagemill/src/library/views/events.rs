//! What happened, as those who listen are told: server-sent events, WebSocket messages, webhooks.

use pagemill_core::{Event, Stage, TaskStatus};
use pagemill_store::{LogEntry, Webhook};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rfc3339;

/// Something that happened. Later events have higher numbers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Its type: `task.started`, `task.progress`, `task.completed`, `task.failed`, `document.text_extracted`…
    #[serde(rename = "type")]
    pub kind: String,
    /// Its number; 0 for the test of a webhook.
    pub id: i64,
    /// When, RFC 3339.
    pub at: String,
    /// The task it tells about.
    pub task: Option<String>,
    /// The document it tells about.
    pub document: Option<String>,
    /// What it says.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        Self {
            id: event.id,
            kind: event.kind.clone(),
            at: rfc3339(event.at_ms),
            task: event.task.as_ref().map(ToString::to_string),
            document: event.document.as_ref().map(ToString::to_string),
            data: event.data.clone(),
        }
    }
}

/// Where a document stands, in one message that needs no others: it comes just before the event it is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessingUpdate {
    /// `processing_update`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The number of the event behind it: resume after this one.
    pub event: i64,
    /// The document.
    pub document_id: String,
    /// The task.
    pub task_id: String,
    /// Per cent of the task that are done; left out where the event does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
    /// `queued`, `processing`, `paused`, `completed`, `partial`, `failed` or `cancelled`.
    pub status: String,
    /// What is being done, for people.
    pub current_step: String,
    /// What the event says.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
    /// What the client called its request, where this answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub message_id: Option<serde_json::Value>,
}

impl ProcessingUpdate {
    /// The update that an event of a task means, if it means one.
    pub fn of(event: &Event) -> Option<Self> {
        let status = match event.kind.strip_prefix("task.")? {
            "queued" => TaskStatus::Queued,
            "paused" => TaskStatus::Paused,
            "failed" => TaskStatus::Failed,
            "cancelled" => TaskStatus::Cancelled,
            "completed" => word(event, "status").and_then(TaskStatus::parse).unwrap_or(TaskStatus::Completed),
            "started" | "stage" | "progress" | "waiting" | "retrying" | "resumed" => TaskStatus::Processing,
            _ => return None,
        };
        let count = |key: &str| event.data.get(key).and_then(serde_json::Value::as_u64).unwrap_or(0) as u32;
        let stage = word(event, "stage").and_then(Stage::parse);
        let progress = match status {
            TaskStatus::Queued => Some(0),
            TaskStatus::Completed | TaskStatus::Partial => Some(100),
            _ => stage.map(|stage| (share_done(stage, count("units_done"), count("units_total")) * 100.0) as u8),
        };
        let current_step = match status {
            TaskStatus::Queued => "Waiting its turn",
            TaskStatus::Paused => "Paused",
            TaskStatus::Completed | TaskStatus::Partial => "Done",
            TaskStatus::Failed => "Failed",
            TaskStatus::Cancelled => "Cancelled",
            TaskStatus::Processing if event.kind == "task.waiting" => "Waiting",
            TaskStatus::Processing => stage.map_or("Working", stage_words),
        };
        Some(Self {
            kind: "processing_update".to_owned(),
            event: event.id,
            document_id: event.document.as_ref()?.to_string(),
            task_id: event.task.as_ref()?.to_string(),
            progress,
            status: status.as_str().to_owned(),
            current_step: current_step.to_owned(),
            details: event.data.clone(),
            message_id: None,
        })
    }
}

fn word<'e>(event: &'e Event, key: &str) -> Option<&'e str> {
    event.data.get(key).and_then(serde_json::Value::as_str)
}

/// The share of a whole task that is done when a stage has come so far, 0 to 1.
pub fn share_done(stage: Stage, units_done: u32, units_total: u32) -> f64 {
    let step = Stage::ALL.iter().position(|known| *known == stage).unwrap_or(0) as f64;
    let of_stage = if units_total == 0 { 0.0 } else { f64::from(units_done.min(units_total)) / f64::from(units_total) };
    (step + of_stage) / Stage::ALL.len() as f64
}

/// What a stage does, for people.
pub fn stage_words(stage: Stage) -> &'static str {
    // By name, so that a stage that nobody thought of here has its name.
    match stage.as_str() {
        "parse" => "Reading pages",
        "ocr" => "Recognising text in pictures",
        "figures" => "Extracting images",
        "describe" => "Describing images",
        "chunk" => "Creating chunks",
        "embed" => "Generating embeddings",
        "index" => "Indexing",
        "finish" => "Finishing",
        name => name,
    }
}

/// An address that is told of events.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WebhookView {
    /// Its id.
    pub id: String,
    /// Where deliveries are sent.
    pub url: String,
    /// Kinds of events; `*` and `document.*` are patterns.
    pub events: Vec<String>,
    /// Deliveries given up since the last one that arrived.
    pub failures: u32,
    /// Why it is told nothing any more, if it was disabled.
    pub disabled: Option<String>,
    /// When it was made, RFC 3339.
    pub created: String,
    /// What deliveries are signed with: shown in the answer that makes the webhook, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.to_string(),
            url: webhook.url.clone(),
            events: webhook.events.clone(),
            failures: webhook.failures,
            disabled: webhook.disabled.clone(),
            created: rfc3339(webhook.created_ms),
            secret: None,
        }
    }
}

/// An entry of a webhook's log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// Its id, the same in each attempt.
    pub id: String,
    /// The number of the event it tells; absent for a test.
    pub event: Option<i64>,
    /// The type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// `waiting`, `sending`, `delivered` or `failed`.
    pub state: String,
    /// Attempts so far.
    pub attempts: u32,
    /// The HTTP status of the last answer.
    pub http_status: Option<u16>,
    /// Milliseconds the last attempt took.
    pub ms: Option<i64>,
    /// What was wrong with the last attempt.
    pub error: Option<String>,
    /// When it was queued, RFC 3339.
    pub created: String,
    /// When it arrived or was given up.
    pub ended: Option<String>,
}

impl From<&LogEntry> for DeliveryView {
    fn from(entry: &LogEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            event: entry.event,
            kind: entry.kind.clone(),
            state: entry.state.as_str().to_owned(),
            attempts: entry.attempt,
            http_status: entry.http_status,
            ms: entry.took_ms,
            error: entry.error.clone(),
            created: rfc3339(entry.created_ms),
            ended: entry.ended_ms.map(rfc3339),
        }
    }
}

#[cfg(test)]
mod tests {
    use pagemill_core::{DocumentId, ProjectId, TaskId};
    use serde_json::json;

    use super::*;

    fn update(kind: &str, data: serde_json::Value) -> Option<ProcessingUpdate> {
        ProcessingUpdate::of(&Event {
            id: 7,
            at_ms: 0,
            project: ProjectId::default_project(),
            task: Some(TaskId::new()),
            document: Some(DocumentId::new()),
            kind: kind.to_owned(),
            data,
        })
    }

    #[test]
    fn events_of_tasks_become_updates() {
        let half = update("task.progress", json!({"stage": "parse", "units_done": 1, "units_total": 2})).unwrap();
        let whole_stage = 100 / Stage::ALL.len() as u8;
        assert_eq!((half.progress, half.status.as_str(), half.event), (Some(whole_stage / 2), "processing", 7));
        assert_eq!(half.current_step, "Reading pages");
        let done = update("task.completed", json!({"status": "partial"})).unwrap();
        assert_eq!((done.progress, done.status.as_str()), (Some(100), "partial"));
        // Whoever held it back or stopped it sees how far it was.
        for (kind, status) in
            [("paused", "paused"), ("resumed", "processing"), ("cancelled", "cancelled"), ("stage", "processing")]
        {
            let told =
                update(&format!("task.{kind}"), json!({"stage": "parse", "units_done": 1, "units_total": 2})).unwrap();
            assert_eq!((told.progress, told.status.as_str()), (half.progress, status));
        }
        assert_eq!(update("document.text_extracted", json!({})), None);
        assert_eq!(update("broadcast", json!({})), None);
    }
}
