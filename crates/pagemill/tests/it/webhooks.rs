//! Other programs are told what happens: signed, tried again, and never where they must not be.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{Server, TestLibrary, sample};

/// A program that is told, and answers with the statuses it was given, the last one for ever.
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

#[derive(Clone)]
struct Answers {
    statuses: Arc<Mutex<Vec<u16>>>,
    heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    /// Where redirects lead.
    elsewhere: String,
}

async fn hear(State(answers): State<Answers>, headers: HeaderMap, body: Bytes) -> Response {
    answers.heard.lock().unwrap().push((headers, body));
    let mut statuses = answers.statuses.lock().unwrap();
    let status = if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] };
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::LOCATION, answers.elsewhere.clone())]).into_response()
}

impl Receiver {
    async fn answering(statuses: &[u16], elsewhere: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?token=t0ken", listener.local_addr().unwrap());
        let heard = Arc::default();
        let answers = Answers {
            statuses: Arc::new(Mutex::new(statuses.to_vec())),
            heard: Arc::clone(&heard),
            elsewhere: elsewhere.to_owned(),
        };
        let app = Router::new().fallback(hear).with_state(answers);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<(HeaderMap, Value)> {
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|(headers, body)| (headers.clone(), serde_json::from_slice(body).unwrap())).collect()
    }
}

fn library(webhooks: &str) -> TestLibrary {
    let library = TestLibrary::new();
    std::fs::create_dir_all(library.path()).unwrap();
    std::fs::write(library.path().join("pagemill.toml"), format!("webhooks = {{ {webhooks} }}")).unwrap();
    library
}

async fn add(server: &Server, url: &str, events: &[&str]) -> Value {
    let wanted = json!({"url": url, "events": events});
    let answer = Client::new().post(server.at("/api/v1/webhooks")).json(&wanted).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

async fn upload(server: &Server, name: &str) {
    let bytes = std::fs::read(sample(name)).unwrap();
    let request = Client::new().post(server.at("/api/v1/documents")).query(&[("name", name)]);
    assert_eq!(request.body(bytes).send().await.unwrap().status(), 202);
}

fn log_of(webhook: &Value) -> String {
    format!("/api/v1/webhooks/{}/deliveries", webhook["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_receiver_is_told_once_and_can_check_by_whom() {
    let receiver = Receiver::answering(&[204], "").await;
    let library = library("allow_private = true");
    let server = library.serve();
    let webhook = add(&server, &receiver.url, &["task.completed", "document.*"]).await;
    let secret = webhook["secret"].as_str().unwrap();
    upload(&server, "two_columns.pdf").await;
    let log = server
        .until(&log_of(&webhook), |log| {
            let items = log["items"].as_array().unwrap();
            items.iter().any(|entry| entry["type"] == "task.completed")
                && items.iter().all(|entry| entry["state"] == "delivered")
        })
        .await;
    let heard = receiver.heard();
    assert_eq!(heard.len(), log["items"].as_array().unwrap().len());
    let kinds: Vec<&str> = heard.iter().map(|(_, body)| body["type"].as_str().unwrap()).collect();
    assert!(kinds.iter().all(|kind| *kind == "task.completed" || kind.starts_with("document.")), "{kinds:?}");
    assert!(kinds.contains(&"document.text_extracted"), "{kinds:?}");

    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    for (headers, body) in receiver.heard.lock().unwrap().iter() {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.", text("webhook-id"), text("webhook-timestamp")).as_bytes());
        mac.update(body);
        assert_eq!(text("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(now - text("webhook-timestamp").parse::<u64>().unwrap() < 300);
    }
    let entry = &log["items"][0];
    assert_eq!((&entry["http_status"], &entry["attempts"], &entry["error"]), (&json!(204), &json!(1), &Value::Null));
    assert!(entry["ms"].is_number() && entry["ended"].is_string());

    // The secret was shown once.
    let list = reqwest::get(server.at("/api/v1/webhooks")).await.unwrap().text().await.unwrap();
    assert!(list.contains(webhook["id"].as_str().unwrap()) && !list.contains("secret") && !list.contains("whsec_"));
}

#[tokio::test]
async fn a_receiver_that_fails_is_told_again_under_the_same_id() {
    let receiver = Receiver::answering(&[500, 503, 200], "").await;
    let library = library("allow_private = true, first_pause_ms = 20");
    let server = library.serve();
    let webhook = add(&server, &receiver.url, &["task.queued"]).await;
    upload(&server, "two_columns.pdf").await;
    let log = server.until(&log_of(&webhook), |log| log["items"][0]["state"] == "delivered").await;
    assert_eq!((log["items"].as_array().unwrap().len(), &log["items"][0]["attempts"]), (1, &json!(3)));
    let heard = receiver.heard();
    assert_eq!(heard.len(), 3);
    assert!(
        heard
            .iter()
            .all(|(headers, body)| { headers["webhook-id"] == heard[0].0["webhook-id"] && *body == heard[0].1 })
    );
}

#[tokio::test]
async fn a_receiver_that_never_answers_well_is_disabled_with_a_reason_until_enabled() {
    let elsewhere = Receiver::answering(&[200], "").await;
    let receiver = Receiver::answering(&[302, 302, 200], &elsewhere.url).await;
    let library = library("allow_private = true, first_pause_ms = 5, attempts = 2, failures = 1");
    let server = library.serve();
    let client = Client::new();
    let webhook = add(&server, &receiver.url, &["task.queued"]).await;
    let of = |act: &str| server.at(&format!("/api/v1/webhooks/{}/{act}", webhook["id"].as_str().unwrap()));
    upload(&server, "two_columns.pdf").await;
    let list = server.until("/api/v1/webhooks", |list| list["items"][0]["disabled"].is_string()).await;
    let reason = list["items"][0]["disabled"].as_str().unwrap();
    assert!(reason.contains("answered 302") && reason.contains("redirects are not followed"), "{reason}");
    assert!(elsewhere.heard().is_empty(), "redirects are not followed");
    assert_eq!(client.post(of("test")).send().await.unwrap().status(), 409);

    upload(&server, "procedure.pdf").await;
    assert_eq!(receiver.heard().len(), 2);
    let enabled: Value = client.post(of("enable")).send().await.unwrap().json().await.unwrap();
    assert_eq!(enabled["disabled"], Value::Null);
    let log = server.until(&log_of(&webhook), |log| log["items"][0]["state"] == "delivered").await;
    assert_eq!(log["items"][1]["state"], "failed");
    assert_eq!(receiver.heard()[2].1["data"]["file"], "procedure.pdf");

    let tested = client.post(of("test")).send().await.unwrap();
    assert_eq!(tested.status(), 202);
    server
        .until(&log_of(&webhook), |log| {
            log["items"][0]["type"] == "webhook.test" && log["items"][0]["state"] == "delivered"
        })
        .await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_told_no_more() {
    let receiver = Receiver::answering(&[410], "").await;
    let library = library("allow_private = true");
    let server = library.serve();
    add(&server, &receiver.url, &["*"]).await;
    upload(&server, "two_columns.pdf").await;
    let list = server.until("/api/v1/webhooks", |list| list["items"][0]["disabled"].is_string()).await;
    assert!(list["items"][0]["disabled"].as_str().unwrap().contains("410"), "{list}");
}

#[tokio::test]
async fn private_addresses_and_odd_wishes_are_refused() {
    let receiver = Receiver::answering(&[200], "").await;
    let library = TestLibrary::new();
    let server = library.serve();
    let client = Client::new();
    for (url, events) in [
        (receiver.url.as_str(), json!(["*"])),
        ("http://localhost:1/", json!(["*"])),
        ("http://[::ffff:127.0.0.1]/", json!(["*"])),
        ("http://169.254.169.254/latest/meta-data/", json!(["*"])),
        ("https://example.com/", json!([])),
        ("https://example.com/", json!(["Task Completed"])),
        ("https://example.com/", json!(["bogus.*"])),
        ("https://example.com/", json!(["*", "task.complete"])),
        ("https://user:secret@example.com/", json!(["*"])),
    ] {
        let wanted = json!({"url": url, "events": events});
        let refused = client.post(server.at("/api/v1/webhooks")).json(&wanted).send().await.unwrap();
        assert_eq!(refused.status(), 400, "{wanted}");
        let text = refused.text().await.unwrap();
        assert!(text.contains("invalid_request") && !text.contains("secret@"), "{text}");
    }
    // One that was made while it was allowed is checked again when it is told.
    drop(server);
    let toml = library.path().join("pagemill.toml");
    std::fs::write(&toml, "webhooks = { allow_private = true }").unwrap();
    let added = library.json(&["webhooks", "add", &receiver.url, "--events", "task.queued,task.failed"]);
    assert!(added["secret"].as_str().unwrap().starts_with("whsec_"));
    std::fs::write(&toml, "webhooks = { attempts = 1 }").unwrap();
    let server = library.serve();
    upload(&server, "two_columns.pdf").await;
    let log = server.until(&log_of(&added), |log| log["items"][0]["state"] == "failed").await;
    assert!(log["items"][0]["error"].as_str().unwrap().contains("private network"), "{log}");
    assert!(receiver.heard().is_empty());
}

#[test]
fn webhooks_are_kept_from_the_command_line() {
    let library = library("allow_private = true");
    let added = library.json(&["webhooks", "add", "http://127.0.0.1:1/x", "--events", "task.completed,document.*"]);
    let id = added["id"].as_str().unwrap();
    assert_eq!(added["events"], json!(["task.completed", "document.*"]));
    let listed = library.json(&["webhooks", "ls"]);
    assert_eq!(listed["webhooks"][0]["id"], id);
    assert!(!listed.to_string().contains("whsec_"));
    assert_eq!(library.json(&["webhooks", "test", id])["type"], "webhook.test");
    assert_eq!(library.json(&["webhooks", "log", id])["deliveries"][0]["state"], "waiting");
    assert!(library.run(&["webhooks", "log", id]).stdout.contains("webhook.test"));
    assert_eq!(library.run(&["webhooks", "rm", id]).code, 0);
    library.run(&["webhooks", "rm", id]).assert_failed_with("not_found");
    library.run(&["webhooks", "add", "http://localhost.evil@127.0.0.1/"]).assert_failed_with("invalid_request");
}
