//! `/ws`: what happens in the library, over a WebSocket, and the two addresses beside it.

mod messages;
mod session;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Extension, Json,
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use pagemill_core::ErrorCode;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

use super::{Faces, extract, problem::ApiError};

/// The largest message that is taken, in bytes.
pub(super) const MESSAGE_BYTES: usize = 64 * 1024;
/// The largest message to all, in bytes of JSON.
const BROADCAST_BYTES: usize = 16 * 1024;
/// WebSockets at once.
const SEATS: usize = 4096;
/// Read ahead on a connection: clients say little, and there may be thousands.
const READ_BUFFER: usize = 4 * 1024;
/// Gathered before it is written to a connection.
const WRITE_BUFFER: usize = 8 * 1024;
/// What a connection may hold unwritten, whatever comes.
const MOST_UNWRITTEN: usize = 1024 * 1024;

/// The WebSockets of this server.
pub(super) struct Sockets {
    seats: Arc<Semaphore>,
    subscriptions: AtomicUsize,
    dropped: AtomicUsize,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(SEATS)),
            subscriptions: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
        }
    }
}

impl Sockets {
    fn connections(&self) -> usize {
        SEATS - self.seats.available_permits()
    }

    /// Waits until every connection has ended.
    pub(super) async fn ended(&self) {
        let _all = self.seats.acquire_many(SEATS as u32).await;
    }

    /// Numbers for `/metrics`: connections, subscriptions, connections dropped because they were slow.
    pub(super) fn figures(&self) -> (usize, usize, usize) {
        (self.connections(), self.subscriptions.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }
}

/// The address a request came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Follow what happens over a WebSocket.
///
/// Send JSON texts of 64 KiB at most: `{"action": "subscribe", "document_id": "doc_…"}` (or `task_id`; with neither,
/// everything of the project; with `after`, first what happened behind that number), `unsubscribe` with the same,
/// `status`, `ping`, and `query` with a `question`. What comes: `processing_update` just before each event of a task,
/// every event with its number as `id` (`task.started`, `task.progress`, `task.completed`, `task.failed`,
/// `document.text_extracted`, `document.embeddings_generated`, `document.completed`…),
/// `chat_chunk` and `query_response` for a question, `subscribed`, `unsubscribed`, `status`, `pong`, `broadcast` and
/// `error`. Who takes too little for too long is dropped with code 1013 and comes back with `after`.
#[utoipa::path(get, path = "/ws", tag = "events", responses((status = 101, description = "The connection is a WebSocket")))]
pub(super) async fn connect(
    State(faces): State<Faces>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| ApiError::invalid(format!("/ws is for WebSockets: {rejection}")))?;
    let seat = Arc::clone(&faces.sockets.seats).try_acquire_owned().map_err(|_none_left| {
        ApiError::new(ErrorCode::Overloaded, format!("{SEATS} WebSockets are open; close some, or come back later"))
    })?;
    let hub = faces.library.event_hub().await?;
    let listener = hub.listen(&faces.project, hub.newest());
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MOST_UNWRITTEN)
        .max_message_size(MESSAGE_BYTES)
        .max_frame_size(MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let _seat: OwnedSemaphorePermit = seat;
        session::run(faces, socket, listener).await;
    }))
}

/// The WebSockets of this server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SocketsView {
    /// Open connections.
    connections: usize,
    /// Subscriptions of all of them together.
    subscriptions: usize,
    /// Connections that were dropped because they took too little for too long, since the start.
    dropped: usize,
    /// The number of the last event.
    last_event: i64,
    /// The number up to which old events were removed.
    pruned_to: i64,
}

/// How many WebSockets there are, and the number of the last event.
#[utoipa::path(get, path = "/ws/info", tag = "events", responses((status = 200, body = SocketsView)))]
pub(super) async fn info(State(faces): State<Faces>) -> Result<Json<SocketsView>, ApiError> {
    let (connections, subscriptions, dropped) = faces.sockets.figures();
    let last_event = faces.library.last_event().await?;
    let pruned_to = faces.library.events_pruned_to().await?;
    Ok(Json(SocketsView { connections, subscriptions, dropped, last_event, pruned_to }))
}

/// A message to all.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Broadcast {
    /// What is told: a text, or any JSON.
    #[schema(value_type = Object)]
    message: serde_json::Value,
}

/// Who was told.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BroadcastView {
    /// WebSockets of this server that are told; those of other servers and event streams are told, too.
    connections: usize,
}

/// Tell all who listen something: an event of type `broadcast`, whatever they are subscribed to.
///
/// For administrators; as long as there are no keys, for this machine alone.
#[utoipa::path(post, path = "/ws/broadcast", tag = "events", request_body = Broadcast,
    responses((status = 200, body = BroadcastView)))]
pub(super) async fn broadcast(
    State(faces): State<Faces>,
    peer: Option<Extension<Peer>>,
    extract::Json(broadcast): extract::Json<Broadcast>,
) -> Result<Json<BroadcastView>, ApiError> {
    // A request that did not come over a connection comes from this process.
    if peer.is_some_and(|Extension(Peer(address))| !address.ip().is_loopback()) {
        return Err(ApiError::new(ErrorCode::Forbidden, "only this machine may tell everyone something"));
    }
    let data = serde_json::json!({ "message": broadcast.message });
    if data.to_string().len() > BROADCAST_BYTES {
        let most = BROADCAST_BYTES / 1024;
        return Err(ApiError::new(ErrorCode::TooLarge, format!("a message to all may have {most} KiB at most")));
    }
    faces.library.broadcast(&faces.project, &data).await?;
    Ok(Json(BroadcastView { connections: faces.sockets.connections() }))
}
