//! What happens, over a WebSocket.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures::{SinkExt, StreamExt};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

use crate::support::{PATIENCE, Server, TestLibrary, sample};

pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    pub(crate) async fn open(server: &Server) -> Self {
        Self::open_from(server, None, None).await.expect("the server takes the WebSocket")
    }

    async fn open_from(server: &Server, origin: Option<&str>, buffer: Option<u32>) -> Result<Self, Error> {
        let host = server.url.strip_prefix("http://").unwrap();
        let mut request = format!("ws://{host}/ws").into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let stream = socket.connect(host.parse().unwrap()).await.unwrap();
        client_async(request, stream).await.map(|(socket, _)| Self(socket))
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message that is JSON; pings are answered on the way.
    async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    async fn frame(&mut self) -> Message {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message came");
        next.expect("the connection is open").unwrap()
    }

    /// Messages up to and including the first of a type.
    async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            messages.push(self.next().await);
            if messages.last().unwrap()["type"] == kind {
                return messages;
            }
        }
    }

    /// How the server closes the connection, within a time.
    async fn closed(&mut self, within: Duration) -> (CloseCode, String) {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let next = tokio::time::timeout(left, self.0.next()).await.expect("the connection was closed in time");
            if let Message::Close(Some(frame)) = next.expect("a goodbye").unwrap() {
                return (frame.code, frame.reason.to_string());
            }
        }
    }
}

async fn upload(server: &Server, name: &str) -> (String, String) {
    let bytes = std::fs::read(sample(name)).unwrap();
    let request = Client::new().post(server.at("/api/v1/documents")).query(&[("name", name)]);
    let added: Value = request.body(bytes).send().await.unwrap().json().await.unwrap();
    let document = &added["documents"][0];
    (document["id"].as_str().unwrap().to_owned(), document["task"].as_str().unwrap().to_owned())
}

fn ids(messages: &[Value]) -> Vec<i64> {
    messages.iter().filter_map(|message| message["id"].as_i64()).collect()
}

#[tokio::test]
async fn a_client_follows_a_document_from_its_upload_to_its_end() {
    let library = TestLibrary::new();
    let server = library.serve();
    let mut all = Socket::open(&server).await;
    all.say(json!({"action": "subscribe", "message_id": 7})).await;
    let subscribed = all.next().await;
    assert_eq!((&subscribed["type"], &subscribed["message_id"]), (&json!("subscribed"), &json!(7)));

    let (document, task) = upload(&server, "two_columns.pdf").await;
    let mut one = Socket::open(&server).await;
    one.say(json!({"action": "subscribe", "document_id": document, "after": 0})).await;
    for socket in [&mut all, &mut one] {
        let messages = socket.until("task.completed").await;
        let kinds: BTreeSet<&str> = messages.iter().map(|message| message["type"].as_str().unwrap()).collect();
        for kind in [
            "task.queued",
            "task.started",
            "task.progress",
            "document.text_extracted",
            "document.embeddings_generated",
            "document.completed",
            "processing_update",
        ] {
            assert!(kinds.contains(kind), "{kind}: {kinds:?}");
        }
        let numbers = ids(&messages);
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        let read = messages.iter().find(|message| message["type"] == "task.progress").unwrap();
        assert_eq!(read["data"]["pages_total"], read["data"]["pages_done"], "{read}");
        let updates: Vec<&Value> = messages.iter().filter(|message| message["type"] == "processing_update").collect();
        let progress: Vec<u64> = updates.iter().map(|update| update["progress"].as_u64().unwrap()).collect();
        assert!(progress.windows(2).all(|pair| pair[0] <= pair[1]), "{progress:?}");
        let last = updates.last().unwrap();
        assert_eq!((&last["progress"], &last["status"]), (&json!(100), &json!("completed")));
        assert_eq!((&last["document_id"], &last["task_id"]), (&json!(document), &json!(task)));
        assert_eq!(last["event"], messages.last().unwrap()["id"]);
    }
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing_and_gets_nothing_twice() {
    let library = TestLibrary::with("procedure.pdf");
    let server = library.serve();
    let (document, task) = upload(&server, "two_columns.pdf").await;
    server.until(&format!("/api/v1/tasks/{task}"), |task| task["status"] == "completed").await;
    let whole: Value =
        reqwest::get(server.at(&format!("/api/v1/tasks/{task}/events"))).await.unwrap().json().await.unwrap();
    let whole = ids(whole["items"].as_array().unwrap());
    assert!(whole.len() > 5);
    for seen in 0..whole.len() - 1 {
        let mut socket = Socket::open(&server).await;
        socket.say(json!({"action": "subscribe", "task_id": task, "after": whole[seen]})).await;
        assert_eq!(socket.next().await["missed"], false);
        let messages = socket.until("task.completed").await;
        assert_eq!(ids(&messages), whole[seen + 1..]);
    }
    // Another document's events are not for it.
    let mut socket = Socket::open(&server).await;
    socket.say(json!({"action": "subscribe", "document_id": document, "after": 0})).await;
    let messages = socket.until("task.completed").await;
    assert!(
        messages[1..]
            .iter()
            .all(|message| { message["document"] == document.as_str() || message["document_id"] == document.as_str() })
    );
}

#[tokio::test]
async fn requests_are_answered_and_mistakes_explained() {
    let library = TestLibrary::with("two_columns.pdf");
    let server = library.serve();
    let listed: Value = reqwest::get(server.at("/api/v1/documents")).await.unwrap().json().await.unwrap();
    let document = listed["items"][0]["id"].as_str().unwrap();
    let mut socket = Socket::open(&server).await;
    let mut ask = async |message: Value| {
        socket.say(message).await;
        socket.next().await
    };
    assert_eq!(ask(json!({"action": "ping"})).await["type"], "pong");
    let status = ask(json!({"action": "status", "document_id": document, "message_id": "s1"})).await;
    assert_eq!((&status["type"], &status["progress"]), (&json!("processing_update"), &json!(100)));
    assert_eq!(status["message_id"], "s1");
    assert_eq!(ask(json!({"action": "subscribe", "document_id": document})).await["type"], "subscribed");
    let own = ask(json!({"action": "status"})).await;
    assert_eq!(own["subscriptions"], json!([{"document_id": document}]));
    let info: Value = reqwest::get(server.at("/ws/info")).await.unwrap().json().await.unwrap();
    assert_eq!((&info["connections"], &info["subscriptions"]), (&json!(1), &json!(1)));
    assert!(info["last_event"].as_i64().unwrap() > 5);
    assert_eq!(ask(json!({"action": "unsubscribe", "document_id": document})).await["type"], "unsubscribed");

    for (wrong, code) in [
        (json!({"action": "dance"}), "invalid_request"),
        (json!([1]), "invalid_request"),
        (json!({"action": "subscribe", "taskid": "task_x"}), "invalid_request"),
        (json!({"action": "subscribe", "document_id": "task_x"}), "invalid_request"),
        (json!({"action": "subscribe", "document_id": "doc_x"}), "not_found"),
        (json!({"action": "subscribe", "project": "prj_other"}), "not_found"),
        (json!({"action": "status", "task_id": "task_x"}), "not_found"),
        (json!({"action": "query", "question": " "}), "invalid_query"),
    ] {
        let error = ask(wrong.clone()).await;
        assert_eq!((&error["type"], error["code"].as_str()), (&json!("error"), Some(code)), "{wrong}: {error}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(ask(json!({"action": "status"})).await["subscriptions"], json!([]));

    let question = "What was the infection rate after complete operations?";
    socket.say(json!({"action": "query", "question": question, "message_id": "q1"})).await;
    let messages = socket.until("query_response").await;
    let response = messages.last().unwrap();
    assert!(response["response"].as_str().unwrap().contains("1.8%"), "{response}");
    assert_eq!((&response["message_id"], &response["citations"][0]["document"]), (&json!("q1"), &json!(document)));
    let chunks: Vec<&str> = messages.iter().filter_map(|message| message["chunk"].as_str()).collect();
    assert_eq!(chunks.join(" "), response["response"]);
}

#[tokio::test]
async fn everyone_hears_a_broadcast() {
    let library = TestLibrary::new();
    let server = library.serve();
    let (mut quiet, mut subscribed) = (Socket::open(&server).await, Socket::open(&server).await);
    subscribed.say(json!({"action": "subscribe"})).await;
    subscribed.next().await;
    let client = Client::new();
    // Who follows a single document over server-sent events does, too.
    let (document, _) = upload(&server, "two_columns.pdf").await;
    server.until(&format!("/api/v1/documents/{document}"), |document| document["status"] == "completed").await;
    subscribed.until("task.completed").await;
    let mut stream = reqwest::get(server.at(&format!("/api/v1/events?document={document}"))).await.unwrap();
    let told = client.post(server.at("/ws/broadcast")).json(&json!({"message": "back at noon"}));
    let told: Value = told.send().await.unwrap().json().await.unwrap();
    assert_eq!(told["connections"], 2);
    let mut text = String::new();
    let hear = async {
        while !text.contains("back at noon") {
            let piece = stream.chunk().await.unwrap().expect("the stream goes on");
            text.push_str(&String::from_utf8_lossy(&piece));
        }
    };
    tokio::time::timeout(PATIENCE, hear).await.expect("it is told in time");
    for socket in [&mut quiet, &mut subscribed] {
        let message = socket.next().await;
        assert_eq!((&message["type"], &message["data"]["message"]), (&json!("broadcast"), &json!("back at noon")));
    }
    let long = client.post(server.at("/ws/broadcast")).json(&json!({"message": "x".repeat(20_000)}));
    assert_eq!(long.send().await.unwrap().status(), 413);
}

#[tokio::test]
async fn a_web_page_of_someone_else_is_refused() {
    let library = TestLibrary::new();
    let server = library.serve();
    let own = server.url.clone();
    assert!(Socket::open_from(&server, Some(&own), None).await.is_ok());
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"] {
        match Socket::open_from(&server, Some(origin), None).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 403, "{origin}"),
            Err(other) => panic!("{origin}: {other}"),
            Ok(_) => panic!("{origin} was let in"),
        }
    }
    let plain = reqwest::get(server.at("/ws")).await.unwrap();
    assert_eq!(plain.status(), 400);
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_connection() {
    let library = TestLibrary::new();
    let server = library.serve();
    let mut socket = Socket::open(&server).await;
    let fits = json!({"action": "ping", "message_id": "x".repeat(60_000)});
    socket.say(fits).await;
    assert_eq!(socket.next().await["type"], "pong");
    socket.say(json!({"action": "ping", "message_id": "x".repeat(70_000)})).await;
    let (code, reason) = socket.closed(PATIENCE).await;
    assert_eq!(code, CloseCode::Size, "{reason}");
    assert!(reason.contains("64 KiB"), "{reason}");
}

#[tokio::test]
async fn a_silent_client_is_closed_and_one_that_answers_pings_is_not() {
    let library = TestLibrary::new();
    std::fs::create_dir_all(library.path()).unwrap();
    std::fs::write(library.path().join("pagemill.toml"), "events = { ping_seconds = 1, idle_seconds = 2 }").unwrap();
    let server = library.serve();
    let mut alive = Socket::open(&server).await;
    // Reading answers pings. This one is not read, so that it answers none.
    let mut silent = Socket::open(&server).await;
    let end = Instant::now() + PATIENCE;
    let mut pings = 0;
    loop {
        if matches!(alive.frame().await, Message::Ping(_)) {
            pings += 1;
        }
        let info: Value = reqwest::get(server.at("/ws/info")).await.unwrap().json().await.unwrap();
        if info["connections"] == 1 && pings > 4 {
            break;
        }
        assert!(Instant::now() < end, "the silent one is still there: {info}");
    }
    let (code, reason) = silent.closed(PATIENCE).await;
    assert_eq!(code, CloseCode::Away);
    assert!(reason.starts_with("idle"), "{reason}");
    alive.say(json!({"action": "ping"})).await;
    assert_eq!(alive.next().await["type"], "pong");
}

#[tokio::test]
async fn a_slow_reader_is_dropped_and_holds_nobody_up() {
    let library = TestLibrary::new();
    let server = library.serve();
    let mut slow = Socket::open_from(&server, None, Some(4096)).await.unwrap();
    let mut quick = Socket::open(&server).await;
    for socket in [&mut slow, &mut quick] {
        socket.say(json!({"action": "subscribe"})).await;
        socket.next().await;
    }
    let teller = async {
        let client = Client::new();
        let mut told = 0_u32;
        let end = Instant::now() + PATIENCE;
        loop {
            let posts = (0..16).map(|_| {
                let message = json!({"message": "x".repeat(15_000)});
                client.post(server.at("/ws/broadcast")).json(&message).send()
            });
            for post in futures::future::join_all(posts).await {
                assert_eq!(post.unwrap().status(), 200);
                told += 1;
            }
            let info: Value = reqwest::get(server.at("/ws/info")).await.unwrap().json().await.unwrap();
            if info["dropped"] == 1 {
                return told;
            }
            assert!(Instant::now() < end, "it was not dropped after {told} messages: {info}");
        }
    };
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let reader = tokio::spawn(async move {
        let mut numbers = Vec::new();
        loop {
            tokio::select! {
                message = quick.next() => numbers.push(message["id"].as_i64().unwrap()),
                _ = &mut stopped => {
                    // What is still on its way.
                    while let Ok(message) = tokio::time::timeout(Duration::from_millis(500), quick.next()).await {
                        numbers.push(message["id"].as_i64().unwrap());
                    }
                    return numbers;
                }
            }
        }
    });
    let told = teller.await;
    stop.send(()).unwrap();
    let numbers = reader.await.unwrap();
    assert_eq!(numbers, (1..=i64::from(told)).collect::<Vec<_>>(), "the quick one got everything");
    // It can come back for what it missed.
    drop(slow);
    let mut back = Socket::open(&server).await;
    back.say(json!({"action": "subscribe", "after": told - 3})).await;
    back.next().await;
    let missed = [back.next().await, back.next().await, back.next().await];
    assert_eq!(ids(&missed), [i64::from(told) - 2, i64::from(told) - 1, i64::from(told)]);
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let library = TestLibrary::new();
    let mut server = library.serve();
    let mut socket = Socket::open(&server).await;
    socket.say(json!({"action": "ping"})).await;
    socket.next().await;
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(server.process.id() as i32).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    let (code, reason) = socket.closed(PATIENCE).await;
    assert_eq!(code, CloseCode::Restart);
    assert!(reason.starts_with("shutting_down"), "{reason}");
    // The goodbye is answered, so that the server need not wait.
    drop(socket);
    let end = Instant::now() + PATIENCE;
    while server.process.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it does not stop");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
