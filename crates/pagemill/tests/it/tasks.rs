//! Tasks and queues as a person handles them, over HTTP and beside a running server.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{
    made_pdf::pdf,
    support::{PATIENCE, Server, TestDatabase, TestLibrary, Worker, sample},
};

async fn upload(server: &Server, name: &str) -> (String, String) {
    let bytes = std::fs::read(sample(name)).unwrap();
    let request = Client::new().post(server.at("/api/v1/documents")).query(&[("name", name)]);
    let added: Value =
        request.header("content-type", "application/pdf").body(bytes).send().await.unwrap().json().await.unwrap();
    let word = |key: &str| added["documents"][0][key].as_str().unwrap().to_owned();
    (word("id"), word("task"))
}

async fn post(server: &Server, path: &str, body: Value) -> (StatusCode, Value) {
    let response = Client::new().post(server.at(path)).json(&body).send().await.unwrap();
    (response.status(), response.json().await.unwrap_or(Value::Null))
}

async fn get(server: &Server, path: &str) -> Value {
    reqwest::get(server.at(path)).await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_paused_queue_is_told_of_and_goes_on() {
    let library = TestLibrary::new();
    let server = library.serve();
    let (status, queue) = post(&server, "/api/v1/queues/default/pause", json!({})).await;
    assert_eq!((status, &queue["paused"]), (StatusCode::OK, &json!(true)));
    let (document, task) = upload(&server, "two_columns.pdf").await;
    let queued = server.until(&format!("/api/v1/tasks/{task}"), |task| task["waiting"].is_string()).await;
    assert!(queued["waiting"].as_str().unwrap().starts_with("the queue `default` is paused"), "{queued}");
    let why = get(&server, &format!("/api/v1/tasks/{task}/why")).await;
    assert_eq!((&why["reason"], &why["queue"]), (&json!("queue_paused"), &json!("default")), "{why}");

    // The command line works beside the server, by the document's name.
    let why = library.json(&["why", "two_columns.pdf"]);
    assert_eq!(why["reason"], "queue_paused");
    post(&server, "/api/v1/queues/embeddings/pause", json!({})).await;
    let resumed = library.json(&["queues", "resume", "default"]);
    assert_eq!(resumed["queues"][0]["paused"], false);
    // Between two stages it is told of as well, wherever the task is shown.
    let held = |task: &Value| task["waiting"].as_str().is_some_and(|it| it.contains("queue `embeddings` is paused"));
    server.until(&format!("/api/v1/tasks/{task}"), |task| task["status"] == "processing" && held(task)).await;
    assert!(held(&get(&server, &format!("/api/v1/documents/{document}/status")).await));
    assert!(held(&get(&server, "/api/v1/tasks").await["items"][0]));
    assert!(held(&get(&server, "/api/v1/documents").await["items"][0]["task"]));
    assert!(held(&library.json(&["tasks"])["tasks"][0]));
    library.json(&["queues", "resume", "embeddings"]);
    let done = server.until(&format!("/api/v1/tasks/{task}"), |task| task["status"] == "completed").await;
    assert_eq!(done["document"], document);
    assert_eq!((&done["units_done"], &done["units_total"]), (&json!(1), &json!(1)));
    assert_eq!(done["cost_usd"].as_f64(), Some(0.0));
    let stages = done["stages"].as_array().unwrap();
    assert!(stages.iter().all(|stage| stage["status"] == "done"), "{done}");
    assert_eq!(stages[0]["checkpoint"], "PAGES_PARSED");
    let attempts = done["attempts"].as_array().unwrap();
    assert!(attempts.len() >= 5 && attempts.iter().all(|attempt| attempt["outcome"] == "done"), "{done}");
    let workers = get(&server, "/api/v1/workers").await;
    assert_eq!(workers["items"].as_array().unwrap().len(), 1);
    assert_eq!(attempts[0]["worker"], workers["items"][0]["id"]);
    let statistics = get(&server, "/api/v1/tasks/statistics").await;
    assert_eq!((&statistics["by_status"]["completed"], &statistics["measured"]), (&json!(1), &json!(1)));
    assert!(statistics["processing_seconds"]["p50"].as_f64().unwrap() > 0.0, "{statistics}");
    assert_eq!(statistics["cost_usd"].as_f64(), Some(0.0));
    // What such work took is known now, wherever the next one is shown.
    post(&server, "/api/v1/queues/default/pause", json!({})).await;
    let (next, _) = upload(&server, "procedure.pdf").await;
    let status =
        server.until(&format!("/api/v1/documents/{next}/status"), |task| task["remaining_seconds"].is_f64()).await;
    assert_eq!(status["status"], "queued");
    let why = get(&server, &format!("/api/v1/tasks/{task}/why")).await;
    assert_eq!(why["sentence"], "it is `completed`; there is nothing to wait for");
}

#[tokio::test]
async fn tasks_are_paused_stopped_and_tried_again_singly_and_in_bulk() {
    let library = TestLibrary::new();
    let server = library.serve();
    post(&server, "/api/v1/queues/default/pause", json!({})).await;
    let (_, first) = upload(&server, "two_columns.pdf").await;
    let (_, second) = upload(&server, "procedure.pdf").await;
    let (status, paused) = post(&server, &format!("/api/v1/tasks/{first}/pause"), json!({})).await;
    assert_eq!((status, &paused["status"]), (StatusCode::OK, &json!("paused")));
    let (_, done) =
        post(&server, "/api/v1/tasks/bulk", json!({"action": "resume", "filter": {"status": "paused"}})).await;
    assert_eq!(done["changed"], json!([first]));
    let (status, _) = post(&server, "/api/v1/tasks/bulk", json!({"action": "cancel", "filter": {}})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (_, done) =
        post(&server, "/api/v1/tasks/bulk", json!({"action": "cancel", "filter": {"status": "queued"}})).await;
    assert_eq!((&done["matched"], done["refused"].as_array().unwrap().len()), (&json!(2), 0));
    let (status, problem) = post(&server, &format!("/api/v1/tasks/{first}/pause"), json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    // What is cancelled is so however often it is asked for; what has ended otherwise cannot be, and nobody is told so.
    let (status, once_more) = post(&server, &format!("/api/v1/tasks/{first}/cancel"), json!({})).await;
    assert_eq!((status, &once_more["status"]), (StatusCode::OK, &json!("cancelled")));
    let missing = post(&server, "/api/v1/tasks/task_0/cancel", json!({})).await;
    assert_eq!((missing.0, &missing.1["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));

    let (status, again) = post(&server, &format!("/api/v1/tasks/{second}/retry"), json!({})).await;
    assert_eq!((status, &again["status"]), (StatusCode::ACCEPTED, &json!("queued")));
    assert_ne!(again["id"], second);
    let change = Client::new().patch(server.at("/api/v1/queues/default"));
    let changed = change.json(&json!({"paused": false, "concurrency": 1})).send().await.unwrap();
    assert_eq!(changed.json::<Value>().await.unwrap()["concurrency"], 1);
    let path = format!("/api/v1/tasks/{}", again["id"].as_str().unwrap());
    server.until(&path, |task| task["status"] == "completed").await;
    let (status, problem) = post(&server, &format!("{path}/cancel"), json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{problem}");
    let ran = library.run(&["cancel", "procedure.pdf", "--json"]);
    assert_eq!(
        (ran.code, &ran.json()["changed"], &ran.json()["refused"][0]["error"]["code"]),
        (3, &json!([]), &json!("conflict"))
    );
    let cancelled = get(&server, "/api/v1/tasks?status=cancelled").await;
    assert_eq!(cancelled["items"].as_array().unwrap().len(), 2);
    assert_eq!(get(&server, "/api/v1/dead-letters").await["items"], json!([]));

    // A list that is cut off has the newest, and says that there are more.
    let newest = library.json(&["tasks", "-n", "1"]);
    assert_eq!((&newest["tasks"][0]["id"], &newest["more"]), (&again["id"], &json!(2)), "{newest}");
    let lines = library.run(&["tasks", "-n", "1"]);
    assert!(
        lines.stdout.starts_with(again["id"].as_str().unwrap()) && lines.stderr.contains("2 more"),
        "{}",
        lines.stderr
    );
    let named = library.json(&["tasks", "procedure.pdf"]);
    assert_eq!(named["tasks"][0]["id"], again["id"], "{named}");
    // Of the two that were cancelled one has been tried again: it is no refusal that it is not tried once more.
    let retried = library.run(&["retry", "--status", "cancelled", "--json"]);
    assert_eq!((retried.code, &retried.json()["matched"], &retried.json()["refused"]), (0, &json!(1), &json!([])));
}

/// A word that is not known must not make a request be about more than its sender means.
#[tokio::test]
async fn misspelled_words_are_refused_with_those_there_are() {
    let library = TestLibrary::new();
    let server = library.serve();
    let refused = |(status, problem): (StatusCode, Value), word: &str, known: &str| {
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")), "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("`{word}`")) && detail.contains(known), "{detail}");
        assert!(!detail.contains("deserialize"), "{detail}");
    };
    let bulk = |filter: Value| json!({"action": "retry", "filter": filter});
    let odd = bulk(json!({"status": "failed", "recipee": "catalog"}));
    refused(post(&server, "/api/v1/tasks/bulk", odd).await, "recipee", "`recipe`");
    let odd = json!({"action": "retry", "filter": {"status": "failed"}, "dry": true});
    refused(post(&server, "/api/v1/tasks/bulk", odd).await, "dry", "`filter`");
    assert_eq!(post(&server, "/api/v1/tasks/bulk", bulk(json!({"status": "failed"}))).await.0, StatusCode::OK);
    let letters = "/api/v1/dead-letters/replay";
    refused(post(&server, letters, json!({"codes": "encrypted"})).await, "codes", "`code`");
    refused(post(&server, letters, json!({})).await, "stage", "`code`");
    refused(post(&server, letters, json!({"code": "encrypted", "all": true})).await, "stage", "not both");
    assert_eq!(post(&server, letters, json!({"code": "encrypted"})).await.0, StatusCode::OK);
    assert_eq!(post(&server, letters, json!({"all": true})).await.0, StatusCode::OK);
    refused(post(&server, "/api/v1/search", json!({"query": "x", "document": "y"})).await, "document", "`documents`");
    refused(post(&server, "/api/v1/query", json!({"question": "x", "k": 3})).await, "k", "`question`");
    refused(post(&server, "/ws/broadcast", json!({"message": "x", "to": "y"})).await, "to", "`message`");
    let change = Client::new().patch(server.at("/api/v1/queues/default")).json(&json!({"pausedd": true}));
    let answer = change.send().await.unwrap();
    refused((answer.status(), answer.json().await.unwrap()), "pausedd", "`paused`");

    let ask = async |path: &str| {
        let answer = reqwest::get(server.at(path)).await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    refused(ask("/api/v1/tasks?statuss=failed").await, "statuss", "`status`");
    refused(ask("/api/v1/tasks?status=failed&limitt=3").await, "limitt", "`limit`");
    refused(ask("/api/v1/tasks/statistics?created_from=2030-01-01T00:00:00Z").await, "created_from", "none");
    refused(ask("/api/v1/events?taskid=task_0").await, "taskid", "`task`");
    refused(ask("/api/v1/tasks/task_0?wait=1&x=2").await, "x", "`wait`");
    assert_eq!(ask("/api/v1/tasks?status=failed&limit=3").await.0, StatusCode::OK);
    let (status, problem) = ask("/api/v1/tasks?limit=many").await;
    assert_eq!((status, problem["detail"].as_str().unwrap().contains("limit")), (StatusCode::BAD_REQUEST, true));
}

#[test]
fn a_worker_on_sqlite_says_what_to_do_instead() {
    let library = TestLibrary::new();
    let refused = library.run(&["worker", "--queues", "images"]);
    refused.assert_failed_with("invalid_config");
    assert!(refused.stderr.contains("pagemill serve"), "{}", refused.stderr);
}

#[test]
fn a_machine_short_of_memory_takes_no_jobs_and_says_so() {
    let library = TestLibrary::new();
    std::fs::create_dir_all(library.path()).unwrap();
    // More than nothing is always in use.
    std::fs::write(library.path().join("pagemill.toml"), "workers = { memory_percent = 0 }").unwrap();
    let _server = library.serve();
    let mut words = vec!["queues", "--json"];
    let end = Instant::now() + PATIENCE;
    let workers = loop {
        words[0] = "workers";
        let workers = library.run(&words).json();
        if workers["workers"][0]["status"] == "held_back" {
            break workers;
        }
        assert!(Instant::now() < end, "{workers}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let reason = workers["workers"][0]["held_back"].as_str().unwrap();
    assert!(reason.starts_with("the machine is short of memory"), "{reason}");
}

#[test]
fn workers_share_a_database_and_stop_without_burning_anything() {
    let Some(database) = TestDatabase::new() else { return };
    let library = TestLibrary::new();
    let on = |words: &[&str]| {
        let mut command = library.command(words);
        command.env("PAGEMILL_DATABASE", database.url());
        command
    };
    let json_of = |words: &[&str]| -> Value {
        let output = on(words).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    };
    let until = |words: &[&str], satisfied: &dyn Fn(&Value) -> bool| {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = json_of(words);
            if satisfied(&answer) {
                return answer;
            }
            assert!(Instant::now() < end, "{answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let start = |queues: &str| Worker::start(on(&["worker", "--queues", queues, "--concurrency", "2"]));
    json_of(&["add", sample("two_columns.pdf").to_str().unwrap()]);
    let task = json_of(&["tasks"])["tasks"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(json_of(&["why", &task])["reason"], "no_worker");
    // The first reads; without the second nothing is embedded.
    let mut first = start("default");
    until(&["tasks", &task], &|answer| answer["tasks"][0]["stage"] == "embed" || answer["tasks"][0]["chunks"] != 0);
    let why = until(&["why", &task], &|why| why["queue"] == "embeddings");
    assert_eq!(why["reason"], "no_worker", "{why}");
    let _second = start("embeddings,images");
    until(&["tasks", &task], &|answer| answer["tasks"][0]["status"] == "completed");
    assert_eq!(json_of(&["workers"])["workers"].as_array().unwrap().len(), 2);
    // Told to stop, a worker ends in time and leaves the register.
    let begun = Instant::now();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(first.0.id() as i32).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert!(first.0.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(json_of(&["workers"])["workers"].as_array().unwrap().len(), 1);
}

/// While it stands, nothing of a job that is held can be written: as if the server were going down, but claims go on.
/// Pages are saved slowly, so that no machine reads a long file before its time is over.
const AWAY: &str = "CREATE FUNCTION crawl() RETURNS trigger AS $$
    BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$ LANGUAGE plpgsql;
    CREATE TRIGGER slow AFTER INSERT ON pages FOR EACH STATEMENT EXECUTE FUNCTION crawl();
    CREATE SEQUENCE refusals;
    CREATE FUNCTION refuse() RETURNS trigger AS $$
    BEGIN PERFORM nextval('refusals'); RAISE EXCEPTION 'away' USING ERRCODE = '57P01'; END $$ LANGUAGE plpgsql;
    CREATE TRIGGER away BEFORE UPDATE ON jobs FOR EACH ROW WHEN (OLD.state = 'leased') EXECUTE FUNCTION refuse()";

#[test]
fn a_job_past_its_limit_stays_in_hand_until_its_end_can_be_written() {
    let Some(database) = TestDatabase::new() else { return };
    let library = TestLibrary::new();
    std::fs::create_dir_all(library.path()).unwrap();
    std::fs::write(library.path().join("pagemill.toml"), "workers = { hard_seconds = 1 }").unwrap();
    let on = |words: &[&str]| {
        let mut command = library.command(words);
        command.env("PAGEMILL_DATABASE", database.url());
        command
    };
    let file = library.file("long.pdf", &pdf(1500, "long"));
    assert!(on(&["add", file.to_str().unwrap()]).output().unwrap().status.success());
    database.run(AWAY);
    let _worker = Worker::start(on(&["worker", "--queues", "default"]));
    let until = |sql: &str| {
        let end = Instant::now() + PATIENCE;
        while database.number(sql) == 0 {
            assert!(Instant::now() < end, "{sql}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    // Longer than it takes to be refused once.
    until("SELECT CAST(last_value >= 3 AS INT)::BIGINT FROM refusals");
    database.run("DROP TRIGGER away ON jobs");
    until("SELECT COUNT(*) FROM attempts");
    let first = "outcome = 'released' AND started_ms = (SELECT MIN(started_ms) FROM attempts)";
    assert_eq!(database.number(&format!("SELECT COUNT(*) FROM attempts WHERE {first}")), 1);
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs WHERE crashes > 0"), 0);
}
