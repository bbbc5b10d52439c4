//! Tables and figures: over HTTP, on the command line, and without a library.

use reqwest::header;
use serde_json::{Value, json};

use crate::{
    made_pdf::{statement, word_of},
    support::{TestLibrary, on_page, sample},
};

async fn json_of(address: String) -> Value {
    let answer = reqwest::get(address).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// The only document of a library.
fn document(library: &TestLibrary) -> String {
    library.json(&["ls"])["documents"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_table_over_many_pages_is_one_in_every_form() {
    const PAGES: u32 = 37;
    const ROWS: u32 = 24;
    let library = TestLibrary::new();
    let file = library.file("bookings.pdf", &statement(PAGES, ROWS));
    assert_eq!(library.run(&["add", file.to_str().unwrap(), "--wait"]).code, 0);
    let id = document(&library);
    let server = library.serve();
    let base = server.at(&format!("/api/v1/documents/{id}/tables"));

    let listed = json_of(base.clone()).await;
    assert_eq!((&listed["total"], &listed["next"]), (&json!(1), &Value::Null), "{listed}");
    let table = &listed["items"][0];
    assert_eq!((&table["number"], &table["label"]), (&json!(1), &json!("Table 1")));
    assert_eq!(table["caption"], "Table 1: Bookings of the year");
    assert_eq!((&table["rows"], &table["columns"]), (&json!(PAGES * ROWS + 1), &json!(3)));
    let parts = table["parts"].as_array().unwrap();
    assert_eq!(parts.len() as u32, PAGES);
    assert!(parts.iter().all(|part| on_page(&part["bbox"])));
    assert_eq!((&parts[17]["page"], &parts[17]["first_row"]), (&json!(18), &json!(17 * ROWS + 1)));
    let cells = table["cells"].as_array().unwrap();
    assert_eq!(cells.len() as u32, (PAGES * ROWS + 1) * 3);
    assert_eq!(json_of(format!("{base}/1")).await, *table);

    let csv = reqwest::get(format!("{base}/1?format=csv")).await.unwrap();
    assert_eq!(csv.headers()[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let name = csv.headers()[header::CONTENT_DISPOSITION].to_str().unwrap();
    assert!(name.starts_with("attachment; filename=\"bookings table 1.csv\""), "{name}");
    let csv = csv.text().await.unwrap();
    let expected: String =
        (1..=PAGES * ROWS).map(|number| format!("{number},Rent {},'=SUM(A{number})\r\n", word_of(number))).collect();
    assert_eq!(csv, format!("No.,Subject,Note\r\n{expected}"));
    let html = reqwest::get(format!("{base}/1?format=html")).await.unwrap();
    assert!(html.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let html = html.text().await.unwrap();
    assert!(html.starts_with("<table>\n<caption>Table 1: Bookings of the year</caption>\n<tr><th>No.</th>"), "{html}");
    assert_eq!(html.matches("<tr>").count() as u32, PAGES * ROWS + 1);
    let markdown = reqwest::get(format!("{base}/1?format=markdown")).await.unwrap().text().await.unwrap();
    assert!(markdown.starts_with("| No. | Subject | Note |\n| --- | --- | --- |\n| 1 | Rent "), "{markdown}");
    assert_eq!(markdown.lines().count() as u32, PAGES * ROWS + 2);

    for (address, status) in [("2", 404), ("0", 404), ("1?format=pdf", 400), ("x", 400)] {
        assert_eq!(reqwest::get(format!("{base}/{address}")).await.unwrap().status(), status, "{address}");
    }
    let nobody = server.at("/api/v1/documents/doc_01890000000070008000000000000000/tables");
    assert_eq!(reqwest::get(nobody).await.unwrap().status(), 404);

    // The command says the same, beside the server.
    assert_eq!(library.run(&["show", "bookings.pdf", "--table", "1", "--format", "csv"]).stdout, csv);
    assert_eq!(library.run(&["show", "bookings.pdf", "--tables", "--format", "html"]).stdout, html);
    assert_eq!(library.json(&["show", "bookings.pdf", "--tables"])["tables"], json!([table]));
    let line = library.run(&["show", "bookings.pdf", "--tables"]).stdout;
    let expected = format!("   1  pages 1-{PAGES}, {} rows of 3  Table 1: Bookings of the year\n", PAGES * ROWS + 1);
    assert_eq!(line, expected);
    library.run(&["show", "bookings.pdf", "--table", "2"]).assert_failed_with("not_found");
}

#[tokio::test]
async fn tables_come_in_parts_of_a_list() {
    let library = TestLibrary::with("catalogue.pdf");
    let all = library.json(&["show", "catalogue.pdf", "--tables"]);
    let all = all["tables"].as_array().unwrap().clone();
    assert!(all.len() > 10);
    let id = document(&library);
    let server = library.serve();
    let base = server.at(&format!("/api/v1/documents/{id}/tables"));
    let (mut items, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let part = json_of(format!("{base}?limit=4&after={after}")).await;
        assert!(part["items"].as_array().unwrap().len() <= 4);
        assert_eq!(part["total"], all.len());
        items.extend(part["items"].as_array().unwrap().clone());
        after = part["next"].clone();
    }
    assert_eq!(items, all);
    assert!((1..).zip(&all).all(|(number, table)| table["number"] == number));
}

#[test]
fn reading_without_a_library_gives_the_same_tables_and_figures() {
    let library = TestLibrary::with("two_columns.pdf");
    let article = sample("two_columns.pdf").display().to_string();
    let plain = library.json(&["read", &article]);
    let with = library.json(&["read", &article, "--with", "tables,figures"]);
    for what in ["tables", "figures"] {
        assert_eq!(library.json(&["show", "two_columns.pdf", &format!("--{what}")])[what], with[what]);
        assert!(plain.get(what).is_none());
    }
    assert_eq!(with["tables"].as_array().unwrap().len(), 2);
    assert_eq!(plain["pages"], with["pages"], "nothing else changes");
    library.run(&["read", &article, "--with", "tables"]).assert_failed_with("invalid_request");
}

/// Width and height of a PNG.
fn size(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[tokio::test]
async fn figures_are_listed_and_cut_out() {
    let library = TestLibrary::with("two_columns.pdf");
    let id = document(&library);
    let server = library.serve();
    let base = server.at(&format!("/api/v1/documents/{id}/figures"));
    let listed = json_of(base.clone()).await;
    let figures = listed["items"].as_array().unwrap();
    assert_eq!((figures.len(), &listed["total"], &listed["next"]), (2, &json!(2), &Value::Null));
    for (number, figure) in (1..).zip(figures) {
        assert_eq!((&figure["number"], &figure["page"]), (&json!(number), &json!(3)));
        assert_eq!(figure["label"], format!("Figure {number}"));
        assert!(figure["caption"].as_str().unwrap().starts_with(&format!("Figure {number}")), "{figure}");
        assert!(on_page(&figure["bbox"]));
        assert_eq!(json_of(format!("{base}/{number}")).await, *figure);
    }
    assert_eq!(json_of(format!("{base}?limit=1")).await["next"], 1);
    assert_eq!(json_of(format!("{base}?limit=1&after=1")).await["items"][0], figures[1]);

    let drawn = reqwest::get(format!("{base}/2/image?dpi=144")).await.unwrap();
    assert_eq!(drawn.headers()[header::CONTENT_TYPE], "image/png");
    let tag = drawn.headers()[header::ETAG].clone();
    let png = drawn.bytes().await.unwrap();
    // The box, with a little air around it.
    let bbox = |at: usize| figures[1]["bbox"][at].as_f64().unwrap();
    let (width, height) = size(&png);
    for (pixels, points) in [(width, bbox(2) - bbox(0)), (height, bbox(3) - bbox(1))] {
        assert!((points * 2.0..=points * 2.0 + 25.0).contains(&f64::from(pixels)), "{pixels} pixels, {points} points");
    }
    // A drawing comes with the labels below its axis.
    let drawing = reqwest::get(format!("{base}/1/image?dpi=144")).await.unwrap().bytes().await.unwrap();
    let height = figures[0]["bbox"][3].as_f64().unwrap() - figures[0]["bbox"][1].as_f64().unwrap();
    assert!(f64::from(size(&drawing).1) > height * 2.0 + 40.0);
    let client = reqwest::Client::new();
    let again = client.get(format!("{base}/2/image?dpi=144")).header(header::IF_NONE_MATCH, &tag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    let other = client.get(format!("{base}/1/image?dpi=144")).header(header::IF_NONE_MATCH, &tag).send().await.unwrap();
    assert_eq!(other.status(), 200);
    for (address, status) in [("3", 404), ("3/image", 404), ("1/image?dpi=5000", 400)] {
        assert_eq!(reqwest::get(format!("{base}/{address}")).await.unwrap().status(), status, "{address}");
    }

    let out = library.folder.path().join("figure.png");
    let ran =
        library.run(&["show", "two_columns.pdf", "--figure", "2", "--out", out.to_str().unwrap(), "--dpi", "144"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("   2  page 3  Figure 2"), "{}", ran.stdout);
    assert_eq!(std::fs::read(&out).unwrap(), png);
    assert_eq!(library.json(&["show", "two_columns.pdf", "--figures"])["figures"], listed["items"]);
}
