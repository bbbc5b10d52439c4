//! The HTTP API of a running server.

use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Server, TestLibrary, on_page, sample};

fn article() -> Vec<u8> {
    std::fs::read(sample("two_columns.pdf")).unwrap()
}

async fn upload(server: &Server, name: &str, bytes: Vec<u8>) -> reqwest::Response {
    let request = Client::new().post(server.at("/api/v1/documents")).query(&[("name", name)]);
    request.header(header::CONTENT_TYPE, "application/pdf").body(bytes).send().await.unwrap()
}

async fn problem(response: reqwest::Response, status: u16, code: &str) -> Value {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["code"], code, "{problem}");
    for key in ["type", "title", "status", "detail", "request_id", "retryable"] {
        assert!(problem.get(key).is_some(), "{key}: {problem}");
    }
    problem
}

#[tokio::test]
async fn a_document_goes_from_upload_to_cited_answer() {
    let library = TestLibrary::new();
    let server = library.serve();
    let answered = upload(&server, "two_columns.pdf", article()).await;
    assert_eq!(answered.status(), StatusCode::ACCEPTED);
    assert!(answered.headers().contains_key(header::LOCATION));
    assert!(answered.headers().contains_key(header::RETRY_AFTER));
    let added: Value = answered.json().await.unwrap();
    let document = added["documents"][0]["id"].as_str().unwrap().to_owned();
    let task = added["documents"][0]["task"].as_str().unwrap().to_owned();
    let done = server
        .until(&format!("/api/v1/tasks/{task}?wait=5"), |task| {
            task["status"] != "queued" && task["status"] != "processing"
        })
        .await;
    assert_eq!(done["status"], "completed", "{done}");

    let client = Client::new();
    let search = json!({"query": "shunt infection", "mode": "lexical"});
    let found: Value =
        client.post(server.at("/api/v1/search")).json(&search).send().await.unwrap().json().await.unwrap();
    assert_eq!(found["results"][0]["document"], document);
    let question = json!({"question": "What was the rate of shunt infection?"});
    let answer: Value =
        client.post(server.at("/api/v1/query")).json(&question).send().await.unwrap().json().await.unwrap();
    let citation = &answer["sentences"][0]["citations"][0];
    assert!(on_page(&citation["boxes"][0]), "{answer}");

    let page = format!("/api/v1/documents/{document}/pages/{}", citation["page"]);
    let blocks: Value = reqwest::get(server.at(&page)).await.unwrap().json().await.unwrap();
    assert!(!blocks["blocks"].as_array().unwrap().is_empty());
    let image = reqwest::get(server.at(&format!("{page}/image?dpi=72"))).await.unwrap();
    assert_eq!(image.headers()[header::CONTENT_TYPE], "image/png");
    assert_eq!(&image.bytes().await.unwrap()[..8], b"\x89PNG\r\n\x1a\n");

    let file = reqwest::get(server.at(&format!("/api/v1/documents/{document}/file"))).await.unwrap();
    assert!(file.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
    assert_eq!(file.bytes().await.unwrap(), article());

    let gone = client.delete(server.at(&format!("/api/v1/documents/{document}"))).send().await.unwrap();
    assert_eq!(gone.json::<Value>().await.unwrap()["left"], json!({}));
    let missing = reqwest::get(server.at(&format!("/api/v1/documents/{document}"))).await.unwrap();
    problem(missing, 404, "not_found").await;
}

#[tokio::test]
async fn bad_uploads_are_told_and_the_server_stays_up() {
    let library = TestLibrary::new();
    let server = library.serve();
    problem(upload(&server, "x.pdf", Vec::new()).await, 422, "empty_file").await;
    problem(upload(&server, "x.pdf", b"no pdf at all".to_vec()).await, 422, "not_pdf").await;
    let named: Value = upload(&server, "../../etc/pass\u{7}wd.pdf", article()).await.json().await.unwrap();
    assert_eq!(named["documents"][0]["file"], "passwd.pdf");

    // Longer than other bodies may be.
    let mut long = article();
    long.resize(3_000_000, b'\n');
    let form = reqwest::multipart::Form::new()
        .part("files", reqwest::multipart::Part::bytes(article()).file_name("a.pdf"))
        .part("files", reqwest::multipart::Part::bytes(long).file_name("long.pdf"))
        .part("files", reqwest::multipart::Part::bytes(b"junk".to_vec()).file_name("b.pdf"));
    let both = Client::new().post(server.at("/api/v1/documents")).multipart(form).send().await.unwrap();
    assert_eq!(both.status(), StatusCode::ACCEPTED);
    let both: Value = both.json().await.unwrap();
    assert_eq!(both["documents"][0]["reused"], true);
    assert!(both["documents"][1]["id"].is_string(), "{both}");
    assert_eq!(both["documents"][2]["error"]["code"], "not_pdf");
    assert_eq!(reqwest::get(server.at("/livez")).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_while_it_comes() {
    let library = TestLibrary::new();
    std::fs::create_dir_all(library.path()).unwrap();
    std::fs::write(library.path().join("pagemill.toml"), "limits = { upload_bytes = 100000 }").unwrap();
    let server = library.serve();
    problem(upload(&server, "x.pdf", article()).await, 413, "too_large").await;
    // A body without a length is counted as it comes.
    let pieces = (0..200).map(|_| Ok::<_, std::io::Error>(vec![b'%'; 1000]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let request = Client::new().post(server.at("/api/v1/documents?name=x.pdf"));
    let answer = request.header(header::CONTENT_TYPE, "application/pdf").body(body).send().await.unwrap();
    problem(answer, 413, "too_large").await;
}

#[tokio::test]
async fn problems_have_one_shape() {
    let library = TestLibrary::new();
    let server = library.serve();
    let client = Client::new();
    problem(reqwest::get(server.at("/api/v1/nothing")).await.unwrap(), 404, "not_found").await;
    problem(client.put(server.at("/api/v1/search")).send().await.unwrap(), 405, "method_not_allowed").await;
    let broken = client.post(server.at("/api/v1/search")).header(header::CONTENT_TYPE, "application/json").body("{");
    problem(broken.send().await.unwrap(), 400, "invalid_request").await;
    let long = json!({"question": "why ".repeat(25_000)});
    problem(client.post(server.at("/api/v1/query")).json(&long).send().await.unwrap(), 422, "invalid_query").await;
    problem(reqwest::get(server.at("/api/v1/documents/doc_x/pages/0")).await.unwrap(), 404, "not_found").await;
}

#[tokio::test]
async fn strangers_are_kept_out() {
    let library = TestLibrary::new();
    let server = library.serve();
    let client = Client::new();
    let rebound = client.get(server.at("/api/v1/library")).header(header::HOST, "evil.example").send().await.unwrap();
    problem(rebound, 403, "forbidden").await;
    let forged = client.post(server.at("/api/v1/search")).header(header::ORIGIN, "https://evil.example");
    problem(forged.json(&json!({"query": "x"})).send().await.unwrap(), 403, "forbidden").await;
    let page = reqwest::get(server.at("/")).await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let page = page.text().await.unwrap();
    assert!(!page.contains("http://") && !page.contains("https://"), "the page loads nothing from elsewhere");
}

#[tokio::test]
async fn events_are_numbered_and_can_be_resumed() {
    let library = TestLibrary::with("two_columns.pdf");
    let server = library.serve();
    let mut stream = reqwest::get(server.at("/api/v1/events?after=0")).await.unwrap();
    let mut text = String::new();
    while !text.contains("task.completed") {
        let piece = stream.chunk().await.unwrap().expect("the stream goes on");
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    let ids: Vec<i64> = text.lines().filter_map(|line| line.strip_prefix("id:")?.trim().parse().ok()).collect();
    assert!(ids.len() >= 3 && ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    // Nothing would ever be told of what is not there.
    for topic in ["task=task_0", "document=doc_0"] {
        let missing = reqwest::get(server.at(&format!("/api/v1/events?{topic}"))).await.unwrap();
        assert_eq!(missing.status(), 404, "{topic}");
        assert_eq!(missing.json::<Value>().await.unwrap()["code"], "not_found");
    }
}

#[tokio::test]
async fn the_api_describes_itself() {
    let library = TestLibrary::new();
    let server = library.serve();
    let document: Value = reqwest::get(server.at("/openapi.json")).await.unwrap().json().await.unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in [
        "/api/v1/documents",
        "/api/v1/documents/{id}/tables/{number}",
        "/api/v1/documents/{id}/figures/{number}/image",
        "/api/v1/search",
        "/api/v1/query",
        "/api/v1/tasks/{id}",
    ] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
    // What is pointed at is there.
    let mut left = vec![&document];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                }
                left.extend(fields.values());
            }
            Value::Array(items) => left.extend(items),
            _ => {}
        }
    }
}

#[tokio::test]
async fn monitoring_gets_its_figures() {
    let library = TestLibrary::new();
    let server = library.serve();
    for path in ["/livez", "/readyz"] {
        assert_eq!(reqwest::get(server.at(path)).await.unwrap().status(), StatusCode::OK, "{path}");
    }
    let added: Value = upload(&server, "two_columns.pdf", article()).await.json().await.unwrap();
    let task = added["documents"][0]["task"].as_str().unwrap();
    server.until(&format!("/api/v1/tasks/{task}?wait=30"), |task| task["status"] == "completed").await;
    let answer = reqwest::get(server.at("/metrics")).await.unwrap();
    assert!(answer.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/plain"));
    let text = answer.text().await.unwrap();
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
    };
    assert_eq!(value("pagemill_documents"), 1.0);
    assert!(value("pagemill_pages") > 1.0);
    assert_eq!(value("pagemill_tasks{status=\"completed\"}"), 1.0);
    for stage in ["parse", "chunk", "embed", "index", "finish"] {
        assert!(value(&format!("pagemill_jobs_total{{stage=\"{stage}\",outcome=\"done\"}}")) >= 1.0);
        assert!(value(&format!("pagemill_stage_seconds_count{{stage=\"{stage}\"}}")) >= 1.0);
    }
    assert!(value("pagemill_events_total") > 5.0);
    assert_eq!(value("pagemill_websockets"), 0.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    // Every figure is of a family that says what it is.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(text.contains(&format!("# TYPE {family} ")) || text.contains(&format!("# TYPE {name} ")), "{line}");
    }
}
