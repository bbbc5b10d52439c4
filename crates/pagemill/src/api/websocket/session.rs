//! One WebSocket from its beginning to its end.

use std::{collections::HashSet, sync::atomic::Ordering, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures::SinkExt;
use pagemill_core::{ErrorCode, EventId, Problem};
use pagemill_store::Topic;
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_tungstenite::tungstenite;

use super::{
    MESSAGE_BYTES,
    messages::{self, Request},
};
use crate::{
    api::Faces,
    library::{
        Listener, Published,
        views::{Answer, QueryRequest, TaskView},
    },
};

/// How long a client may take nothing of what is sent to it.
const SEND_TIME: Duration = Duration::from_secs(10);
/// How long a client that is dropped has to read why.
const GOODBYE_TIME: Duration = Duration::from_secs(2);
/// Subscriptions of one connection.
const MOST_TOPICS: usize = 256;
/// Events read from the library at once for a client that resumes.
const REPLAY: u32 = 200;

/// Close codes (RFC 6455, and the list of IANA).
mod code {
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const UNSUPPORTED: u16 = 1003;
    pub(super) const NOT_TEXT: u16 = 1007;
    pub(super) const TOO_BIG: u16 = 1009;
    pub(super) const RESTART: u16 = 1012;
    pub(super) const TRY_AGAIN: u16 = 1013;
}

/// Why a connection ends.
enum End {
    /// The client is gone, or said goodbye.
    Gone,
    /// The client takes too little for too long.
    Slow,
    /// It is closed for a reason that the client is told.
    Closed(u16, String),
}

struct Session {
    faces: Faces,
    socket: WebSocket,
    listener: Listener,
    topics: HashSet<Topic>,
    /// It reads what it missed, and may be behind without being slow.
    is_catching_up: bool,
    /// Answers to the question in hand; one at a time.
    answers: mpsc::Sender<Vec<Message>>,
    is_asking: bool,
}

/// Serves a connection until it ends.
pub(super) async fn run(faces: Faces, socket: WebSocket, listener: Listener) {
    let (answers, answered) = mpsc::channel(1);
    let topics = HashSet::new();
    let mut session = Session { faces, socket, listener, topics, is_catching_up: false, answers, is_asking: false };
    let end = session.serve(answered).await;
    session.faces.sockets.subscriptions.fetch_sub(session.topics.len(), Ordering::Relaxed);
    session.say_goodbye(end).await;
}

impl Session {
    async fn serve(&mut self, mut answered: mpsc::Receiver<Vec<Message>>) -> End {
        let times = self.faces.library.settings().events;
        let mut ping = tokio::time::interval(times.ping());
        ping.reset();
        let mut heard = Instant::now();
        let stopping = self.faces.stopping.clone();
        loop {
            let step = tokio::select! {
                () = stopping.cancelled() => {
                    return End::Closed(code::RESTART, "shutting_down: the server is stopping".to_owned());
                }
                incoming = self.socket.recv() => {
                    heard = Instant::now();
                    match incoming {
                        None => return End::Gone,
                        Some(Err(error)) => return refusal(&error),
                        Some(Ok(message)) => self.hear(message).await,
                    }
                }
                news = self.listener.next() => match news {
                    Ok(events) => self.tell(&events).await,
                    Err(problem) => return End::Closed(code::TRY_AGAIN, short(&problem)),
                },
                Some(messages) = answered.recv() => {
                    self.is_asking = false;
                    self.send(messages).await
                }
                _ = ping.tick() => {
                    if heard.elapsed() > times.idle() {
                        return End::Closed(code::GOING_AWAY, "idle: nothing came, not even a pong".to_owned());
                    }
                    self.send(vec![Message::Ping(Bytes::new())]).await
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Deals with what the client says.
    async fn hear(&mut self, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => {
                return Err(End::Closed(code::UNSUPPORTED, "invalid_request: send JSON as text".to_owned()));
            }
            Message::Close(_) => return Err(End::Gone),
            // Pings are answered by the protocol's own machinery.
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        let request = match Request::parse(&text) {
            Ok(request) => request,
            Err(problem) => return self.send(vec![messages::error(&problem, &Topic::All, None)]).await,
        };
        let topic = request.topic();
        let done = match request.action.as_str() {
            "subscribe" => self.subscribe(&request, &topic).await,
            "unsubscribe" => self.unsubscribe(&request, &topic).await,
            "status" => self.status(&request, &topic).await,
            "ping" => Ok(self
                .send(vec![messages::text(&messages::about("pong", &Topic::All, request.message_id.as_ref()))])
                .await),
            "query" => self.query(&request),
            other => {
                let other = pagemill_core::excerpt(other, 40);
                let message =
                    format!("there is no action `{other}`; there are subscribe, unsubscribe, status, ping and query");
                Err(Problem::new(ErrorCode::InvalidRequest, message))
            }
        };
        match done {
            Ok(sent) => sent,
            Err(problem) => self.send(vec![messages::error(&problem, &topic, request.message_id.as_ref())]).await,
        }
    }

    /// Sends what the connection is subscribed to. An event and the update it means go together.
    async fn tell(&mut self, events: &[std::sync::Arc<Published>]) -> Result<(), End> {
        let wanted =
            events.iter().filter(|one| one.is_for_all() || self.topics.iter().any(|topic| topic.covers(&one.event)));
        let messages = wanted.flat_map(|one| messages_of(one)).collect();
        self.send(messages).await?;
        self.is_catching_up &= self.listener.is_far_behind();
        Ok(())
    }

    async fn subscribe(&mut self, request: &Request, topic: &Topic) -> Result<Result<(), End>, Problem> {
        let project = &self.faces.project;
        if request.project_id.as_ref().is_some_and(|asked| asked != project.as_str()) {
            return Err(Problem::new(ErrorCode::NotFound, "there is no such project here"));
        }
        task_of(&self.faces, topic).await?;
        if self.topics.len() >= MOST_TOPICS && !self.topics.contains(topic) {
            let message = format!("a connection has {MOST_TOPICS} subscriptions at most; subscribe to everything");
            return Err(Problem::new(ErrorCode::InvalidRequest, message));
        }
        let has_missed = match request.after {
            Some(after) => after < self.faces.library.events_pruned_to().await?,
            None => false,
        };
        if self.topics.insert(topic.clone()) {
            self.faces.sockets.subscriptions.fetch_add(1, Ordering::Relaxed);
        }
        let seen = self.listener.seen();
        let mut fields = messages::about("subscribed", topic, request.message_id.as_ref());
        fields.insert("last_event".to_owned(), seen.into());
        // Events it asks for were removed for their age: it has to look at how things stand.
        fields.insert("missed".to_owned(), has_missed.into());
        if let Err(end) = self.send(vec![messages::text(&fields)]).await {
            return Ok(Err(end));
        }
        match request.after {
            Some(after) if after < seen => self.replay(topic, after, seen).await,
            _ => Ok(Ok(())),
        }
    }

    /// Sends what happened on a topic behind a number and up to another; what comes later comes by itself.
    async fn replay(&mut self, topic: &Topic, after: EventId, until: EventId) -> Result<Result<(), End>, Problem> {
        self.is_catching_up = true;
        let mut after = after;
        loop {
            let events = self.faces.library.events_on(&self.faces.project, topic, after, REPLAY).await?;
            let Some(last) = events.last().map(|event| event.id) else { return Ok(Ok(())) };
            let is_all = events.len() < REPLAY as usize || last >= until;
            let events = events.into_iter().filter(|event| event.id <= until).map(Published::new);
            let messages = events.flat_map(|one| messages_of(&one)).collect();
            if let Err(end) = self.send(messages).await {
                return Ok(Err(end));
            }
            if is_all {
                return Ok(Ok(()));
            }
            after = last;
        }
    }

    async fn unsubscribe(&mut self, request: &Request, topic: &Topic) -> Result<Result<(), End>, Problem> {
        if self.topics.remove(topic) {
            self.faces.sockets.subscriptions.fetch_sub(1, Ordering::Relaxed);
        }
        let fields = messages::about("unsubscribed", topic, request.message_id.as_ref());
        Ok(self.send(vec![messages::text(&fields)]).await)
    }

    async fn status(&mut self, request: &Request, topic: &Topic) -> Result<Result<(), End>, Problem> {
        let last_event = self.faces.library.last_event().await?;
        let message = match task_of(&self.faces, topic).await? {
            Some(task) => messages::text(&messages::standing(&task, last_event, request.message_id.as_ref())),
            None => {
                let mut fields = messages::about("status", topic, request.message_id.as_ref());
                let named = |topic: &Topic| match topic {
                    Topic::All => json!({ "project_id": self.faces.project }),
                    Topic::Task(task) => json!({ "task_id": task }),
                    Topic::Document(document) => json!({ "document_id": document }),
                };
                fields.insert("subscriptions".to_owned(), self.topics.iter().map(named).collect());
                fields.insert("last_event".to_owned(), last_event.into());
                messages::text(&fields)
            }
        };
        Ok(self.send(vec![message]).await)
    }

    /// Has a question answered beside all else.
    fn query(&mut self, request: &Request) -> Result<Result<(), End>, Problem> {
        let question = request.question.clone().unwrap_or_default();
        if self.is_asking {
            return Err(Problem::new(ErrorCode::Conflict, "a question is being answered; ask the next one after it"));
        }
        self.is_asking = true;
        let documents = request.document_id.iter().map(ToString::to_string).collect();
        let message_id = request.message_id.clone().unwrap_or_default();
        let (faces, answers) = (self.faces.clone(), self.answers.clone());
        tokio::spawn(async move {
            let asked = QueryRequest { question, documents };
            let messages = match faces.library.ask(&faces.project, &asked).await {
                Ok(answer) => chat(&answer, &message_id),
                Err(problem) => vec![messages::error(&problem, &Topic::All, Some(&message_id))],
            };
            // A client that is gone needs no answer.
            let _ = answers.send(messages).await;
        });
        Ok(Ok(()))
    }

    /// Sends messages, unless the client does not take them.
    async fn send(&mut self, messages: Vec<Message>) -> Result<(), End> {
        let Self { socket, listener, is_catching_up, .. } = self;
        let all = async {
            for message in messages {
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            sent = all => sent.map_err(|_broken| End::Gone),
            () = listener.falls_behind(), if !*is_catching_up => Err(End::Slow),
            () = tokio::time::sleep(SEND_TIME) => Err(End::Slow),
        }
    }

    async fn say_goodbye(mut self, end: End) {
        let (code, reason) = match end {
            End::Gone => return,
            End::Closed(code, reason) => (code, reason),
            End::Slow => {
                self.faces.sockets.dropped.fetch_add(1, Ordering::Relaxed);
                let seen = self.listener.seen();
                tracing::info!(seen, "a WebSocket was dropped: it takes too little of what is sent to it");
                (code::TRY_AGAIN, format!("too_slow: come back and subscribe with \"after\", at most {seen}"))
            }
        };
        let frame = CloseFrame { code, reason: Utf8Bytes::from(reason) };
        let goodbye = async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                // The handshake of the goodbye: what comes until the client's own is not looked at.
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = timeout(GOODBYE_TIME, goodbye).await;
    }
}

/// The task a topic names, which must be there.
async fn task_of(faces: &Faces, topic: &Topic) -> Result<Option<TaskView>, Problem> {
    let (library, project) = (&faces.library, &faces.project);
    match topic {
        Topic::All => Ok(None),
        Topic::Task(task) => library.task(project, task).await.map(Some),
        Topic::Document(document) => Ok(library.document(project, document).await?.task),
    }
}

/// The messages of an event.
fn messages_of(one: &Published) -> impl Iterator<Item = Message> + use<> {
    let texts = [one.update.clone(), Some(one.text.clone())];
    texts.into_iter().flatten().filter_map(|text| Utf8Bytes::try_from(text).ok().map(Message::Text))
}

/// An answer in pieces, then as a whole.
fn chat(answer: &Answer, message_id: &serde_json::Value) -> Vec<Message> {
    let mut messages: Vec<Message> = answer
        .sentences
        .iter()
        .map(|sentence| {
            messages::text(&json!({ "type": "chat_chunk", "chunk": sentence.text, "message_id": message_id }))
        })
        .collect();
    let citations: Vec<_> = answer.sentences.iter().flat_map(|sentence| &sentence.citations).collect();
    messages.push(messages::text(&json!({
        "type": "query_response",
        "response": answer.answer,
        "citations": citations,
        "metadata": { "found": answer.found, "ms": answer.ms, "sentences": answer.sentences },
        "message_id": message_id,
    })));
    messages
}

/// Why a message that could not be taken ends the connection.
fn refusal(error: &axum::Error) -> End {
    match std::error::Error::source(error).and_then(|inner| inner.downcast_ref::<tungstenite::Error>()) {
        Some(tungstenite::Error::Capacity(_)) => {
            let most = MESSAGE_BYTES / 1024;
            End::Closed(code::TOO_BIG, format!("too_large: a message may have {most} KiB at most"))
        }
        Some(tungstenite::Error::Utf8(_)) => {
            End::Closed(code::NOT_TEXT, "invalid_request: send text in UTF-8".to_owned())
        }
        _ => End::Gone,
    }
}

/// A problem within the 123 bytes of a close frame.
fn short(problem: &Problem) -> String {
    pagemill_core::excerpt(&format!("{}: {}", problem.code, problem.message), 60)
}
