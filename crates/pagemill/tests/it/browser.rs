//! The web page in headless Chromium, driven over the WebDriver protocol (W3C).

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{PATIENCE, TestLibrary, sample};

const PROGRAM: &str = "chromedriver";
/// How the protocol names an element in an answer.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

struct Browser {
    driver: Child,
    client: Client,
    session: String,
}

impl Browser {
    async fn open() -> Self {
        let driver = Command::new(PROGRAM).arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = driver.expect("chromedriver is there: install chromium-driver, as scripts/test does");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            line.split_once("started successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned())
        });
        let address = format!("http://127.0.0.1:{}/session", port.expect("chromedriver tells its port"));
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let client = Client::new();
        let opened: Value = client.post(&address).json(&wanted).send().await.unwrap().json().await.unwrap();
        let id = opened["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{opened}"));
        Self { driver, client, session: format!("{address}/{id}") }
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, Value> {
        let answer = self.client.post(format!("{}/{path}", self.session)).json(&body).send().await.unwrap();
        let good = answer.status().is_success();
        let value = answer.json::<Value>().await.unwrap()["value"].take();
        if good { Ok(value) } else { Err(value) }
    }

    /// The element of a CSS selector, once it is there and has what is wanted.
    async fn wait_for(&self, selector: &str, has: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.post("element", json!({"using": "css selector", "value": selector})).await;
            if let Ok(element) = &found {
                let id = element[ELEMENT].as_str().unwrap().to_owned();
                let text = self.script("return arguments[0].textContent", json!([element])).await;
                if text.as_str().is_some_and(|text| text.contains(has)) {
                    return id;
                }
            }
            assert!(Instant::now() < end, "`{selector}` with `{has}` did not come: {found:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn script(&self, script: &str, arguments: Value) -> Value {
        // A page that changes under the script has no text to give.
        self.post("execute/sync", json!({"script": script, "args": arguments})).await.unwrap_or_default()
    }

    async fn type_into(&self, selector: &str, text: &str) {
        let element = self.wait_for(selector, "").await;
        self.post(&format!("element/{element}/value"), json!({"text": text})).await.unwrap();
    }

    async fn click(&self, selector: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let element = self.wait_for(selector, "").await;
            match self.post(&format!("element/{element}/click"), json!({})).await {
                Ok(_) => return,
                // A list was drawn anew in between.
                Err(problem) if problem["error"] == "stale element reference" && Instant::now() < end => {}
                Err(problem) => panic!("`{selector}`: {problem}"),
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // chromedriver takes its browser along when it ends.
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_raw(self.driver.id() as i32).unwrap(),
            rustix::process::Signal::TERM,
        );
        let _ = self.driver.wait();
    }
}

#[tokio::test]
async fn a_person_adds_asks_and_sees_the_words_marked() {
    let library = TestLibrary::new();
    let server = library.serve();
    let browser = Browser::open().await;
    browser.post("url", json!({"url": server.url})).await.unwrap();

    let file = sample("two_columns.pdf").canonicalize().unwrap();
    browser.type_into("#choose-files", file.to_str().unwrap()).await;
    browser.wait_for("#documents", "Shunt infection").await;
    server.until("/api/v1/tasks", |tasks| tasks["items"][0]["status"] == "completed").await;

    browser.type_into("#question", "What was the infection rate after complete operations?").await;
    browser.click("button[data-act=ask]").await;
    browser.wait_for(".answer", "1.8%").await;

    browser.click(".answer .chip").await;
    browser.wait_for("#sheet .mark", "").await;
    browser.wait_for("#beside", "These words stand on this page").await;
    let inside = "const page = document.querySelector('#sheet').getBoundingClientRect();
        return [...document.querySelectorAll('#sheet .mark')].every(mark => {
            const box = mark.getBoundingClientRect();
            return box.width > 5 && box.left >= page.left && box.right <= page.right && box.bottom <= page.bottom;
        }) && document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.script(inside, json!([])).await, true);

    // On a phone nothing stands out over the side.
    browser.post("window/rect", json!({"width": 500, "height": 844})).await.unwrap();
    let fits = "return document.querySelector('#beside').getBoundingClientRect().right <= innerWidth + 1";
    assert_eq!(browser.script(fits, json!([])).await, true);
}

#[tokio::test]
async fn a_person_watches_work_and_holds_it_back() {
    let library = TestLibrary::new();
    let server = library.serve();
    let browser = Browser::open().await;
    browser.post("url", json!({"url": format!("{}/#/work", server.url)})).await.unwrap();
    browser.wait_for("#work-line", "All work is done").await;
    server.until("/ws/info", |info| info["connections"] == 1).await;

    browser.click("#work-queues [data-key=queue-default]").await;
    browser.wait_for("#work-queues", "Paused").await;
    let bytes = std::fs::read(sample("two_columns.pdf")).unwrap();
    let request = browser.client.post(server.at("/api/v1/documents")).query(&[("name", "two_columns.pdf")]);
    let added: Value = request.body(bytes).send().await.unwrap().json().await.unwrap();
    let task = added["documents"][0]["task"].as_str().unwrap();
    browser.wait_for("#work-waiting", "two_columns.pdf").await;
    browser.click("#work-waiting .row-name").await;
    browser.wait_for("#task-page .task-why", "paused").await;
    browser.wait_for("#task-page .timeline", "Queued").await;

    browser.post("url", json!({"url": format!("{}/#/work", server.url)})).await.unwrap();
    browser.click("#work-queues [data-key=queue-default]").await;
    browser.post("url", json!({"url": format!("{}/#/work/{task}", server.url)})).await.unwrap();
    // From here on the page changes by itself.
    browser.wait_for("#task-page .badge", "completed").await;
    browser.wait_for("#task-page .timeline", "Findable by words").await;
    browser.wait_for("#task-page .step", "Reading").await;

    // A task that ended without a result says why, and is tried again by a button.
    // Files with the same fault stand together.
    let mut bytes = std::fs::read(sample("encrypted.pdf")).unwrap();
    for name in ["encrypted.pdf", "again.pdf"] {
        bytes.push(b'\n');
        let request = browser.client.post(server.at("/api/v1/documents")).query(&[("name", name)]);
        assert_eq!(request.body(bytes.clone()).send().await.unwrap().status(), 202);
    }
    browser.post("url", json!({"url": format!("{}/#/work", server.url)})).await.unwrap();
    browser.wait_for("#work-aside", "2 documents encrypted").await;
    browser.click("#work-aside .failure-links a").await;
    browser.wait_for("#task-page .badge", "failed").await;
    browser.click("#task-page [data-key=retry]").await;
    let tried = server
        .until("/api/v1/tasks?status=failed", |tasks| tasks["items"].as_array().is_some_and(|items| items.len() == 3))
        .await;
    let newest = tried["items"][2]["id"].as_str().unwrap();
    let here = "return location.hash";
    assert_eq!(browser.script(here, json!([])).await, format!("#/work/{newest}"));

    // Nothing stands out over the side of a phone, in either part.
    browser.post("window/rect", json!({"width": 500, "height": 844})).await.unwrap();
    for part in ["#/work".to_owned(), format!("#/work/{task}")] {
        browser.post("url", json!({"url": format!("{}/{part}", server.url)})).await.unwrap();
        browser.wait_for("#work", "").await;
        let fits = "return document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(browser.script(fits, json!([])).await, true, "{part}");
    }
}

/// Three documents, the work on which broke off three times each. Nobody works on them.
async fn set_aside(library: &TestLibrary) {
    for name in ["two_columns.pdf", "procedure.pdf", "deutsch.pdf"] {
        assert_eq!(library.run(&["add", sample(name).to_str().unwrap()]).code, 0);
    }
    let options = pagemill_store::StoreOptions::sqlite(&library.path().join("library.db"));
    let store = pagemill_store::Store::open(&options).await.unwrap();
    let worker = pagemill_core::WorkerId::new();
    let error = pagemill_core::TaskError {
        code: pagemill_core::ErrorCode::ReaderCrashed,
        message: "the reader crashed on the file; save the file anew with another program and add it again".to_owned(),
    };
    for _ in 0..3 * pagemill_store::MAX_CRASHES {
        let claims = store.claim(&worker, &[pagemill_core::Queue::Default], 1, Duration::from_secs(30)).await.unwrap();
        store.crash_job(&claims[0], &error, Duration::ZERO).await.unwrap();
    }
    store.close().await;
}

#[tokio::test]
async fn a_person_sees_to_what_was_set_aside() {
    let library = TestLibrary::new();
    set_aside(&library).await;
    let server = library.serve();
    let letters = || server.until("/api/v1/dead-letters", |_| true);
    let jobs = letters().await["items"].as_array().unwrap().clone();
    assert_eq!(jobs.len(), 3);
    let job = |at: usize| jobs[at]["job"].as_str().unwrap();
    let browser = Browser::open().await;
    browser.post("url", json!({"url": format!("{}/#/work", server.url)})).await.unwrap();

    // What happened stands there, and what to do.
    browser.wait_for("#work-aside", "Reading · crashed 3 times").await;
    browser.wait_for("#work-aside", "The reader crashed on the file").await;
    browser.wait_for("#work-line", "3 set aside").await;
    browser.wait_for("#work-aside", "Another try helps after an update").await;
    browser.wait_for("#work-failures", "Nothing has failed").await;
    let fits = "return document.documentElement.scrollWidth <= innerWidth";
    browser.post("window/rect", json!({"width": 500, "height": 844})).await.unwrap();
    assert_eq!(browser.script(fits, json!([])).await, true);

    // To throw one away has to be said twice.
    browser.click(&format!("[data-key=discard-{}]", job(2))).await;
    browser.click("#confirm-keep").await;
    assert_eq!(letters().await["items"].as_array().unwrap().len(), 3);
    browser.click(&format!("[data-key=discard-{}]", job(2))).await;
    browser.wait_for("#confirm[open]", "Give up the work").await;
    browser.click("#confirm-act").await;
    server.until("/api/v1/dead-letters", |letters| letters["items"].as_array().unwrap().len() == 2).await;
    browser.wait_for("#work-failures", "reader_crashed").await;

    browser.wait_for("#work-aside-acts", "Try all 2 again").await;
    browser.click(&format!("[data-key=replay-{}]", job(1))).await;
    server.until("/api/v1/dead-letters", |letters| letters["items"].as_array().unwrap().len() == 1).await;
    let done = |task: &Value| task["status"] == "completed";
    server.until(&format!("/api/v1/tasks/{}", jobs[1]["task"].as_str().unwrap()), done).await;
    browser.click(&format!("[data-key=replay-{}]", job(0))).await;
    server.until(&format!("/api/v1/tasks/{}", jobs[0]["task"].as_str().unwrap()), done).await;
    let hidden = "return document.querySelector('#work-aside-part').hidden";
    let end = Instant::now() + PATIENCE;
    while browser.script(hidden, json!([])).await != true {
        assert!(Instant::now() < end, "the list is gone with the last of it");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn all_that_was_set_aside_is_tried_again_at_once() {
    let library = TestLibrary::new();
    set_aside(&library).await;
    let server = library.serve();
    let browser = Browser::open().await;
    browser.post("url", json!({"url": format!("{}/#/work", server.url)})).await.unwrap();
    browser.wait_for("#work-aside-acts", "Try all 3 again").await;
    browser.click("[data-key=aside-all]").await;
    let all = |tasks: &Value| tasks["items"].as_array().unwrap().len() == 3;
    server.until("/api/v1/tasks?status=completed", all).await;
    browser.wait_for("#work-line", "All work is done").await;
}
