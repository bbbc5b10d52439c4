//! What clients of a WebSocket say, and what they are told apart from events.

use axum::extract::ws::Message;
use pagemill_core::{DocumentId, ErrorCode, EventId, Problem, TaskId};
use pagemill_store::Topic;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::library::views::{ProcessingUpdate, TaskView, stage_words};

/// What a client wants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// `subscribe`, `unsubscribe`, `status`, `ping` or `query`.
    #[serde(alias = "type")]
    pub(super) action: String,
    #[serde(alias = "document")]
    pub(super) document_id: Option<DocumentId>,
    #[serde(alias = "task")]
    pub(super) task_id: Option<TaskId>,
    #[serde(alias = "project")]
    pub(super) project_id: Option<String>,
    /// The number of the last event the client has seen.
    pub(super) after: Option<EventId>,
    /// For `query`.
    #[serde(alias = "query")]
    pub(super) question: Option<String>,
    /// Given back in what answers this.
    pub(super) message_id: Option<Value>,
}

impl Request {
    /// Reads a message.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        serde_json::from_str(text).map_err(|error| {
            let message =
                format!("the message is not understood: {error}; send {{\"action\": \"subscribe\"}} or the like");
            Problem::new(ErrorCode::InvalidRequest, message)
        })
    }

    /// What it is about.
    pub(super) fn topic(&self) -> Topic {
        match (&self.task_id, &self.document_id) {
            (Some(task), _) => Topic::Task(task.clone()),
            (None, Some(document)) => Topic::Document(document.clone()),
            (None, None) => Topic::All,
        }
    }
}

/// A message with the fields that name its topic.
pub(super) fn about(kind: &str, topic: &Topic, message_id: Option<&Value>) -> serde_json::Map<String, Value> {
    let mut fields = serde_json::Map::new();
    fields.insert("type".to_owned(), kind.into());
    match topic {
        Topic::All => {}
        Topic::Task(task) => drop(fields.insert("task_id".to_owned(), task.as_str().into())),
        Topic::Document(document) => drop(fields.insert("document_id".to_owned(), document.as_str().into())),
    }
    if let Some(id) = message_id {
        fields.insert("message_id".to_owned(), id.clone());
    }
    fields
}

/// A problem as a message.
pub(super) fn error(problem: &Problem, topic: &Topic, message_id: Option<&Value>) -> Message {
    let mut fields = about("error", topic, message_id);
    // What is our fault is told in the log.
    let message = match problem.code {
        ErrorCode::Internal => "something went wrong inside Pagemill; its log has the details",
        _ => problem.message.as_str(),
    };
    fields.insert("code".to_owned(), problem.code.as_str().into());
    fields.insert("message".to_owned(), message.into());
    fields.insert("retryable".to_owned(), problem.code.retryable().into());
    text(&fields)
}

/// A value as a message.
pub(super) fn text(value: &impl Serialize) -> Message {
    // The shapes sent have text keys and finite numbers; writing them cannot fail.
    Message::text(serde_json::to_string(value).unwrap_or_default())
}

/// Where a task stands, as an update that answers a request.
pub(super) fn standing(task: &TaskView, last_event: EventId, message_id: Option<&Value>) -> ProcessingUpdate {
    let step = pagemill_core::Stage::parse(&task.stage).map_or("Working", stage_words);
    ProcessingUpdate {
        kind: "processing_update".to_owned(),
        event: last_event,
        document_id: task.document.clone(),
        task_id: task.id.clone(),
        progress: Some((task.progress * 100.0) as u8),
        status: task.status.clone(),
        current_step: match task.status.as_str() {
            "processing" if task.waiting.is_some() => "Waiting",
            "processing" => step,
            "queued" => "Waiting its turn",
            "paused" => "Paused",
            "failed" => "Failed",
            "cancelled" => "Cancelled",
            _ => "Done",
        }
        .to_owned(),
        details: json!({
            "stage": task.stage,
            "step": task.step,
            "steps": task.steps,
            "units_done": task.units_done,
            "units_total": task.units_total,
            "pages_done": task.pages_done,
            "pages_total": task.pages_total,
            "waiting": task.waiting,
            "error": task.error,
        }),
        message_id: message_id.cloned(),
    }
}
