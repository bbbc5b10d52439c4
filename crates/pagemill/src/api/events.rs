//! What happens in the library, as it happens: server-sent events.
//!
//! The stream reads the events from the library whenever its client has taken the
//! ones before, so a slow client holds one small batch and nobody waits for it.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event as Message, KeepAlive, Sse},
};
use futures::Stream;
use pagemill_core::{Event, EventId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};

use super::{Faces, extract::Params, problem::ApiError};
use crate::library::views::rfc3339;

/// Events read at once.
const BATCH: u32 = 100;
/// How often the library is asked when no wake-up came: wake-ups are hints.
const POLL: Duration = Duration::from_secs(2);
/// How often a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// When a client that lost the stream comes back.
const RECONNECT: Duration = Duration::from_secs(2);

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct EventParams {
    /// Events after this number; only new ones unless told. `Last-Event-ID` does the same.
    #[param(value_type = Option<i64>)]
    after: Option<EventId>,
}

/// Something that happened. Later events have higher numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventView {
    /// Its number.
    id: i64,
    /// Its type: `task.started`, `task.progress`, `task.completed`, `task.failed`, `document.deleted`…
    #[serde(rename = "type")]
    kind: String,
    /// When, RFC 3339.
    at: String,
    /// The task it tells about.
    task: Option<String>,
    /// The document it tells about.
    document: Option<String>,
    /// What it says.
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            kind: event.kind,
            at: rfc3339(event.at_ms),
            task: event.task.map(String::from),
            document: event.document.map(String::from),
            data: event.data,
        }
    }
}

/// Follow what happens, as server-sent events.
///
/// Each message has the number of its event as `id` and the event as JSON in
/// `data`. A client that comes back with the last number it saw misses nothing.
#[utoipa::path(get, path = "/events", tag = "events", params(EventParams),
    responses((status = 200, content_type = "text/event-stream", body = EventView)))]
pub(super) async fn stream_events(
    State(faces): State<Faces>,
    Params(params): Params<EventParams>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Message, Infallible>>>, ApiError> {
    // The receiver is made before the first look, so that nothing falls between the two.
    let wakeups = faces.library.wakeups();
    let after = match last_seen(&headers, &params) {
        Some(after) => after,
        None => faces.library.last_event().await?,
    };
    let keep_alive = KeepAlive::new().interval(HEARTBEAT).text("still here");
    Ok(Sse::new(messages(Follower { faces, wakeups, after, ready: VecDeque::new(), greeted: false }))
        .keep_alive(keep_alive))
}

fn last_seen(headers: &HeaderMap, params: &EventParams) -> Option<EventId> {
    let resumed = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    resumed.or(params.after)
}

/// A client of the stream.
struct Follower {
    faces: Faces,
    wakeups: watch::Receiver<u64>,
    /// The last event it was given.
    after: EventId,
    /// Events read and not yet given.
    ready: VecDeque<Event>,
    /// Whether it knows the number it began at.
    greeted: bool,
}

fn messages(follower: Follower) -> impl Stream<Item = Result<Message, Infallible>> {
    futures::stream::unfold(follower, |mut follower| async move {
        let message = follower.next().await?;
        Some((Ok(message), follower))
    })
}

impl Follower {
    /// The next message; `None` ends the stream, and the client comes back by itself.
    async fn next(&mut self) -> Option<Message> {
        if !self.greeted {
            self.greeted = true;
            return Some(Message::default().id(self.after.to_string()).retry(RECONNECT));
        }
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.after = event.id;
                return Some(to_message(event));
            }
            if self.faces.stopping.is_cancelled() {
                return None;
            }
            self.wakeups.mark_unchanged();
            match self.faces.library.events_since(&self.faces.project, self.after, BATCH).await {
                Ok(events) => self.ready.extend(events),
                Err(problem) => {
                    tracing::warn!(code = %problem.code, "an event stream ended: {problem}");
                    return None;
                }
            }
            if self.ready.is_empty() {
                self.wait().await;
            }
        }
    }

    /// Until something may have happened.
    async fn wait(&mut self) {
        tokio::select! {
            () = self.faces.stopping.cancelled() => {}
            woken = self.wakeups.changed() => {
                if woken.is_err() {
                    tokio::time::sleep(POLL).await;
                }
            }
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

fn to_message(event: Event) -> Message {
    let id = event.id.to_string();
    let view = EventView::from(event);
    let kind = view.kind.clone();
    match Message::default().id(&id).json_data(&view) {
        Ok(message) => message,
        Err(error) => {
            tracing::warn!(id, kind, "an event cannot be written as JSON: {error}");
            Message::default().id(id)
        }
    }
}
