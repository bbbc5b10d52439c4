//! Documents that change: processed anew, given another file, and what is taken over.

use serde_json::{Value, json};

use crate::{
    made_pdf::{pdf, word_of},
    support::{TestLibrary, sample},
};

fn library_of(pages: u32) -> (TestLibrary, String) {
    let library = TestLibrary::new();
    let file = library.file("book.pdf", &pdf(pages, "first"));
    let added = library.json(&["add", file.to_str().unwrap(), "--wait"]);
    let document = &added["documents"][0];
    assert_eq!(document["status"], "completed", "{added}");
    let id = document["id"].as_str().unwrap().to_owned();
    (library, id)
}

fn configure(library: &TestLibrary, text: &str) {
    std::fs::write(library.path().join("pagemill.toml"), text).unwrap();
}

/// `(done, reused)` of a stage.
fn of_stage(task: &Value, stage: &str) -> (u64, u64) {
    let ledger = task["task"]["ledger"].as_array().unwrap();
    let entry = ledger.iter().find(|entry| entry["stage"] == stage).unwrap_or_else(|| panic!("no {stage} in {task}"));
    (entry["done"].as_u64().unwrap(), entry["reused"].as_u64().unwrap())
}

fn planned(plan: &Value, stage: &str) -> (u64, u64) {
    let stages = plan["stages"].as_array().unwrap();
    let entry = stages.iter().find(|entry| entry["stage"] == stage).unwrap();
    (entry["to_do"].as_u64().unwrap(), entry["reused"].as_u64().unwrap())
}

fn hits(library: &TestLibrary, word: &str) -> usize {
    library.json(&["search", word, "--mode", "lexical"])["results"].as_array().unwrap().len()
}

#[test]
fn what_has_not_changed_is_taken_over() {
    let (library, id) = library_of(40);
    let plan = library.json(&["process", &id, "--dry-run"]);
    assert_eq!((planned(&plan, "parse"), plan["cost_usd"].as_f64()), ((0, 40), Some(0.0)));
    assert_eq!((planned(&plan, "chunk").0, planned(&plan, "embed").0, &plan["exact"]), (0, 0, &json!(true)));
    assert_eq!(plan["seconds"], 0.0);

    let before = library.run(&["dump"]).stdout;
    let task = library.json(&["process", &id, "--wait"]);
    assert_eq!(task["task"]["status"], "completed");
    assert_eq!(of_stage(&task, "parse"), (0, 40));
    assert_eq!((of_stage(&task, "chunk").0, of_stage(&task, "embed").0), (0, 0));
    let pages = library.json(&["show", &id, "--pages"]);
    assert_eq!(pages["counts"]["text"], 40);
    assert!(pages["items"].as_array().unwrap().iter().all(|page| page["reused"] == true));
    // The second version is the first, but for its number.
    let after = library.run(&["dump"]).stdout;
    let rows = |text: &str, version: u32| -> Vec<String> {
        let begins = [format!("live {version}"), format!(" | {version} | ")];
        text.lines().map(|line| line.replacen(&begins[0], "live N", 1).replacen(&begins[1], " | N | ", 1)).collect()
    };
    let difference = rows(&before, 1).into_iter().zip(rows(&after, 2)).find(|(before, after)| before != after);
    assert_eq!((difference, before.lines().count()), (None, after.lines().count()));
}

#[test]
fn a_plan_before_the_first_reading_says_that_it_knows_nothing() {
    let library = TestLibrary::new();
    let file = library.file("book.pdf", &pdf(2, "first"));
    let added = library.json(&["add", file.to_str().unwrap()]);
    let id = added["documents"][0]["id"].as_str().unwrap();
    let plan = library.json(&["process", id, "--dry-run"]);
    let stages = plan["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 4, "{plan}");
    for stage in stages {
        let told = (&stage["known"], &stage["exact"], &stage["seconds"]);
        assert_eq!(told, (&json!(false), &json!(false), &Value::Null), "{stage}");
    }
    assert_eq!((&plan["exact"], &plan["seconds"]), (&json!(false), &Value::Null));
    let text = library.run(&["process", id, "--dry-run"]).stdout;
    assert!(text.starts_with("parse  pages not known before the file was read\n"), "{text}");
}

#[test]
fn a_changed_setting_redoes_only_what_depends_on_it() {
    let (library, id) = library_of(40);
    configure(&library, "chunk = { tokens = 64, overlap = 8 }\n");
    let plan = library.json(&["process", &id, "--dry-run"]);
    assert_eq!(planned(&plan, "parse"), (0, 40));
    assert!(planned(&plan, "chunk").0 > 0 && plan["seconds"].as_f64().is_some(), "{plan}");
    let chunks = library.json(&["show", &id])["document"]["chunks"].as_u64().unwrap();
    let task = library.json(&["process", &id, "--wait"]);
    assert_eq!(of_stage(&task, "parse"), (0, 40));
    let (made, reused) = of_stage(&task, "chunk");
    assert!(made > chunks && reused == 0, "{task}");
    assert_eq!(hits(&library, &word_of(17)), 1);

    // Back to fewer chunks: none of the others is findable any more.
    configure(&library, "");
    let task = library.json(&["process", &id, "--wait"]);
    assert_eq!(of_stage(&task, "chunk").0, chunks);
    let doctor = library.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.stdout);
    let asked = library.json(&["process", &id, "--from", "parse", "--wait"]);
    assert_eq!(of_stage(&asked, "parse"), (40, 0));
    assert_eq!(library.run(&["process", &id, "--from", "soup"]).code, 2);
}

#[test]
fn a_replaced_file_leaves_no_old_text() {
    let (library, id) = library_of(20);
    let (old_word, new) = (word_of(9), library.file("shorter.pdf", &pdf(5, "second")));
    assert_eq!(hits(&library, &old_word), 1);
    let in_force = |view: &Value| (view["chunks"].as_u64().unwrap(), view["pages"].as_u64().unwrap());
    let before = in_force(&library.json(&["show", &id])["document"]);
    assert!(before.0 > 0 && before.1 == 20);
    // Queued only: the old text is there, and so are the figures of the document.
    let queued = library.json(&["replace", &id, new.to_str().unwrap()]);
    assert_eq!(queued["task"]["status"], "queued");
    assert_eq!(hits(&library, &old_word), 1);
    let shown = library.json(&["show", &id]);
    assert_eq!((&shown["document"]["file"], in_force(&shown["document"])), (&json!("book.pdf"), before));
    assert_eq!(in_force(&library.json(&["ls"])["documents"][0]), before);
    let book = library.folder.path().join("book.pdf");
    assert_eq!(in_force(&library.json(&["add", book.to_str().unwrap()])["documents"][0]), before);

    let done = library.json(&["replace", &id, new.to_str().unwrap(), "--wait"]);
    assert_eq!(done["task"]["status"], "completed", "{done}");
    let shown = library.json(&["show", &id]);
    assert_eq!((&shown["document"]["file"], &shown["document"]["pages"]), (&json!("shorter.pdf"), &json!(5)));
    assert_eq!((hits(&library, &old_word), hits(&library, &word_of(2))), (0, 1));
    assert!(hits(&library, "second") > 0);
    assert!(!library.run(&["show", &id, "--text"]).stdout.contains("first"));
    // The file goes behind the last stage, or with the next sweep when that had no time left.
    library.json(&["schedules", "run", "files"]);
    let files = std::fs::read_dir(library.path().join("blobs")).unwrap();
    let shelves = files.filter(|file| file.as_ref().unwrap().file_name().len() == 2);
    let blobs: usize = shelves.map(|shelf| std::fs::read_dir(shelf.unwrap().path()).unwrap().count()).sum();
    assert_eq!(blobs, 1, "the old file is gone");

    let receipt = library.json(&["rm", &id]);
    assert_eq!(receipt["deleted"][0]["left"], json!({}));
    assert_eq!(library.run(&["dump"]).stdout, TestLibrary::new().run(&["dump"]).stdout);
}

#[tokio::test]
async fn documents_change_over_http() {
    let (library, id) = library_of(10);
    let server = library.serve();
    let client = reqwest::Client::new();
    let process = server.at(&format!("/api/v1/documents/{id}/process"));
    let plan: Value = client.post(&process).json(&json!({"dry_run": true})).send().await.unwrap().json().await.unwrap();
    assert_eq!(planned(&plan, "parse"), (0, 10));
    let answer = client.post(&process).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    server.until(&place, |task| task["status"] == "completed").await;

    let file = server.at(&format!("/api/v1/documents/{id}/file"));
    let answer = client.put(&file).body(pdf(3, "third")).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    server.until(&place, |task| task["status"] == "completed").await;
    let ledger: Value =
        reqwest::get(server.at(&format!("/api/v1/documents/{id}/ledger"))).await.unwrap().json().await.unwrap();
    assert_eq!((&ledger["counts"]["text"], &ledger["items"][2]["reused"]), (&json!(3), &json!(false)));
    let none = client.post(process.replace(&id, "doc_0")).send().await.unwrap();
    assert_eq!(none.status(), 404);
    let text = client.put(&file).body("no PDF").send().await.unwrap();
    assert_eq!(text.status(), 422);
    let unknown = client.post(&process).json(&json!({"form": "parse"})).send().await.unwrap();
    assert_eq!(unknown.status(), 400);
}

#[tokio::test]
async fn schedules_are_seen_and_run_by_hand() {
    let library = TestLibrary::new();
    let file = library.file("a.pdf", &pdf(2, "first"));
    library.json(&["add", file.to_str().unwrap(), "--wait"]);
    let all = library.json(&["schedules"])["schedules"].as_array().unwrap().clone();
    let names: Vec<&str> = all.iter().map(|schedule| schedule["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["events", "files", "statistics", "tasks", "vectors"]);
    assert!(all.iter().all(|schedule| schedule["last_run"].is_null() && schedule["next_run"].is_string()));
    let run = library.json(&["schedules", "run", "statistics"])["schedules"][0].clone();
    assert_eq!((&run["last_result"]["documents"], &run["last_result"]["pages"]), (&json!(1), &json!(2)), "{run}");
    library.run(&["schedules", "run", "soup"]).assert_failed_with("not_found");

    let server = library.serve();
    let client = reqwest::Client::new();
    let run: Value = client.post(server.at("/api/v1/schedules/files/run")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&run["last_result"], &run["last_error"]), (&json!({"removed": 0}), &Value::Null), "{run}");
    let all: Value = reqwest::get(server.at("/api/v1/schedules")).await.unwrap().json().await.unwrap();
    assert!(all["items"][1]["last_run"].is_string() && all["items"][0]["last_run"].is_null(), "{all}");
    assert_eq!(client.post(server.at("/api/v1/schedules/soup/run")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn what_needs_the_database_alone_works_beside_a_server() {
    let library = TestLibrary::new();
    let server = library.serve();
    let article = sample("two_columns.pdf");
    let added = library.json(&["add", article.to_str().unwrap(), "--wait"]);
    assert_eq!(added["documents"][0]["status"], "completed", "{added}");
    let id = added["documents"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(library.json(&["schedules"])["schedules"].as_array().unwrap().len(), 5);
    assert_eq!(library.json(&["schedules", "run", "files"])["schedules"][0]["last_result"], json!({"removed": 0}));
    assert_eq!(library.json(&["webhooks", "ls"])["webhooks"], json!([]));
    assert_eq!(library.json(&["process", &id, "--dry-run"])["document"], id);
    let done = library.json(&["process", &id, "--from", "chunk", "--wait"]);
    assert_eq!(done["task"]["status"], "completed", "{done}");
    let other = sample("procedure.pdf");
    let done = library.json(&["replace", &id, other.to_str().unwrap(), "--wait"]);
    assert_eq!(done["task"]["status"], "completed", "{done}");

    // Without waiting it is queued, and the server comes to it.
    let queued = library.run(&["add", article.to_str().unwrap(), "--json"]);
    assert_eq!(queued.code, 0, "{}", queued.stderr);
    let task = queued.json()["documents"][0]["task"].as_str().unwrap().to_owned();
    server.until(&format!("/api/v1/tasks/{task}"), |task| task["status"] == "completed").await;
    let found = async || -> Value {
        let address = server.at("/api/v1/search?mode=lexical&q=centrifugal%20pump");
        reqwest::get(address).await.unwrap().json().await.unwrap()
    };
    let of_it = |found: &Value| found["results"].as_array().unwrap().iter().filter(|hit| hit["document"] == id).count();
    let before = found().await;
    let deleted = library.json(&["rm", &id]);
    assert_eq!((&deleted["deleted"][0]["document"], &deleted["deleted"][0]["left"]), (&json!(id), &json!({})));
    let after = found().await;
    assert!(of_it(&before) > 0 && of_it(&after) == 0, "{before} {after}");
    assert_eq!(reqwest::get(server.at(&format!("/api/v1/documents/{id}"))).await.unwrap().status(), 404);
    assert_eq!(library.json(&["ls"])["documents"].as_array().unwrap().len(), 1);
}
