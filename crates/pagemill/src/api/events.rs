//! What happens in the library, as it happens: server-sent events.
//!
//! A client takes from what is kept in memory for all listeners; a slow one reads from the library when it comes
//! to it, so it holds one small batch and nobody waits for it.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::sse::{Event as Message, KeepAlive, Sse},
};
use futures::Stream;
use pagemill_core::{DocumentId, EventId, TaskId};
use pagemill_store::Topic;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Faces,
    extract::{Address, Params, list_limit},
    problem::ApiError,
};
use crate::library::{Listener, Published, views::EventView};

/// How often a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// When a client that lost the stream comes back.
const RECONNECT: Duration = Duration::from_secs(2);

/// Where to begin, and what to tell of.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventParams {
    /// Events after this number; only new ones unless told. `Last-Event-ID` does the same.
    #[param(value_type = Option<i64>)]
    after: Option<EventId>,
    /// Only events of this task.
    #[param(value_type = Option<String>)]
    task: Option<TaskId>,
    /// Only events of this document.
    #[param(value_type = Option<String>)]
    document: Option<DocumentId>,
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
    let hub = faces.library.event_hub().await?;
    let after = last_seen(&headers, &params).unwrap_or_else(|| hub.newest());
    let topic = match (params.task, params.document) {
        (Some(task), _) => Topic::Task(task),
        (None, Some(document)) => Topic::Document(document),
        (None, None) => Topic::All,
    };
    // What is not there will not be told of.
    match &topic {
        Topic::All => {}
        Topic::Task(task) => drop(faces.library.task(&faces.project, task).await?),
        Topic::Document(document) => drop(faces.library.document(&faces.project, document).await?),
    }
    let listener = hub.listen(&faces.project, after);
    let follower = Follower { faces, listener, topic, ready: VecDeque::new(), greeted: false };
    let keep_alive = KeepAlive::new().interval(HEARTBEAT).text("still here");
    Ok(Sse::new(messages(follower)).keep_alive(keep_alive))
}

fn last_seen(headers: &HeaderMap, params: &EventParams) -> Option<EventId> {
    let resumed = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    resumed.or(params.after)
}

/// A client of the stream.
struct Follower {
    faces: Faces,
    listener: Listener,
    topic: Topic,
    /// Events taken and not yet given.
    ready: VecDeque<Arc<Published>>,
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
            return Some(Message::default().id(self.listener.seen().to_string()).retry(RECONNECT));
        }
        loop {
            if let Some(one) = self.ready.pop_front() {
                return Some(to_message(&one));
            }
            let news = tokio::select! {
                () = self.faces.stopping.cancelled() => return None,
                news = self.listener.next() => news,
            };
            match news {
                Ok(events) => {
                    let is_wanted = |one: &Arc<Published>| one.is_for_all() || self.topic.covers(&one.event);
                    self.ready.extend(events.into_iter().filter(is_wanted));
                }
                Err(problem) => {
                    tracing::warn!(code = %problem.code, "an event stream ended: {problem}");
                    return None;
                }
            }
        }
    }
}

fn to_message(one: &Published) -> Message {
    // Our own JSON has no line breaks outside of strings, and none inside that are not escaped.
    Message::default().id(one.event.id.to_string()).data(String::from_utf8_lossy(&one.text))
}

/// Which events of a task.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListEvents {
    /// Only events after this number: the `next` of the page before.
    #[param(value_type = Option<i64>)]
    after: Option<EventId>,
    /// How many, 1 to 1000; 200 unless told.
    limit: Option<u32>,
}

/// A part of the events of a task.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventList {
    /// In the order they happened.
    items: Vec<EventView>,
    /// Give it as `after` to get the next part; `null` at the end.
    next: Option<i64>,
}

/// What happened to a task, from its beginning.
#[utoipa::path(get, path = "/tasks/{id}/events", tag = "tasks",
    params(("id" = String, Path, description = "The task, `task_…`"), ListEvents),
    responses((status = 200, body = EventList)))]
pub(super) async fn task_events(
    State(faces): State<Faces>,
    Address(id): Address<TaskId>,
    Params(params): Params<ListEvents>,
) -> Result<Json<EventList>, ApiError> {
    let limit = list_limit(params.limit, 200, 1000)?;
    let items = faces.library.task_events(&faces.project, &id, params.after.unwrap_or(0), limit).await?;
    let is_full = items.len() as u64 >= u64::from(limit);
    let next = items.last().filter(|_| is_full).map(|event| event.id);
    Ok(Json(EventList { items, next }))
}
