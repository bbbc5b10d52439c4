//! Pages that are pictures, read by the real Tesseract.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{PATIENCE, TestLibrary, on_page, sample};

/// A grey picture.
#[derive(Clone)]
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Resolution of the pictures, in pixels per inch.
const DPI: f32 = 150.0;

impl Picture {
    /// The upper part of a page of a sample.
    fn of(name: &str, page: u32, share: f32) -> Self {
        let pdf = pagemill_pdf::open(std::fs::read(sample(name)).unwrap(), &pagemill_pdf::OpenOptions::default());
        let options = pagemill_pdf::RenderOptions { dpi: DPI, ..Default::default() };
        let drawn = pdf.unwrap().renderer().pixels(page, &options).unwrap();
        let (width, height) = (drawn.width as usize, (drawn.height as f32 * share) as usize);
        let pixels = drawn.rgba.chunks_exact(4).map(|pixel| pixel[1]).take(width * height).collect();
        Self { width, height, pixels }
    }

    fn at(&self, x: f32, y: f32) -> u8 {
        let inside = x >= 0.0 && y >= 0.0 && (x as usize) < self.width && (y as usize) < self.height;
        if inside { self.pixels[y as usize * self.width + x as usize] } else { 255 }
    }

    /// Turned about its middle, clockwise.
    fn turned(&self, degrees: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (w, h) = (self.width as f32, self.height as f32);
        let (width, height) = (w * cos.abs() + h * sin.abs(), w * sin.abs() + h * cos.abs());
        let (width, height) = (width.round() as usize, height.round() as usize);
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let (dx, dy) = (x as f32 + 0.5 - width as f32 / 2.0, y as f32 + 0.5 - height as f32 / 2.0);
                pixels.push(self.at(cos * dx + sin * dy + w / 2.0, cos * dy - sin * dx + h / 2.0));
            }
        }
        Self { width, height, pixels }
    }
}

/// A file whose pages are pictures and nothing else.
fn picture_pdf(pages: &[Picture]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    let mut object = |out: &mut Vec<u8>, body: &[u8]| {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n", places.len()).into_bytes());
        out.extend_from_slice(body);
        out.extend(b"\nendobj\n");
    };
    let kids: Vec<String> = (0..pages.len()).map(|index| format!("{} 0 R", 3 + index * 3)).collect();
    object(&mut out, b"<< /Type /Catalog /Pages 2 0 R >>");
    object(&mut out, format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()).as_bytes());
    for (index, page) in pages.iter().enumerate() {
        let (w, h) = (page.width as f32 * 72.0 / DPI, page.height as f32 * 72.0 / DPI);
        let own = 3 + index * 3;
        object(
            &mut out,
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {w} {h}] /Contents {} 0 R \
                 /Resources << /XObject << /P {} 0 R >> >> >>",
                own + 1,
                own + 2
            )
            .as_bytes(),
        );
        let content = format!("q {w} 0 0 {h} 0 0 cm /P Do Q");
        object(&mut out, format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()).as_bytes());
        let mut image = format!(
            "<< /Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace /DeviceGray /BitsPerComponent 8 \
             /Length {} >>\nstream\n",
            page.width,
            page.height,
            page.pixels.len()
        )
        .into_bytes();
        image.extend_from_slice(&page.pixels);
        image.extend(b"\nendstream");
        object(&mut out, &image);
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).into_bytes());
    for place in &places {
        out.extend(format!("{place:010} 00000 n \n").into_bytes());
    }
    out.extend(
        format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", places.len() + 1).into_bytes(),
    );
    out
}

/// Words of one text that another has too, as a share.
fn recall(wanted: &str, said: &str) -> f64 {
    let words = |text: &str| -> Vec<String> {
        text.split_whitespace().filter(|word| word.len() > 3).map(str::to_lowercase).collect()
    };
    let said = words(said);
    let wanted = words(wanted);
    let found = wanted.iter().filter(|word| said.contains(word)).count();
    found as f64 / wanted.len().max(1) as f64
}

fn text_of(page: &Value) -> String {
    let blocks = page["blocks"].as_array().unwrap().iter();
    blocks.map(|block| block["text"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_page_is_read_whichever_way_it_was_laid_on_the_glass() {
    let library = TestLibrary::new();
    let upright = Picture::of("two_columns.pdf", 1, 0.45);
    let turns = [0.0, 90.0, 180.0, 270.0, 4.0, 266.0];
    let pages: Vec<Picture> = turns.iter().map(|degrees| upright.turned(*degrees)).collect();
    let file = library.file("turned.pdf", &picture_pdf(&pages));
    let ran = library.run(&["read", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let read = ran.json();
    let truth = library.run(&["read", sample("two_columns.pdf").to_str().unwrap(), "--pages", "1"]).stdout;
    // The upper part of the page: up to where its columns begin.
    let truth = &truth[..truth.find("Ventriculoperitoneal shunting remains").unwrap()];
    for (page, degrees) in read["pages"].as_array().unwrap().iter().zip(turns) {
        assert_eq!(page["source"], "ocr", "turned by {degrees}");
        assert!(page["confidence"].as_f64().unwrap() > 0.8, "turned by {degrees}: {}", page["confidence"]);
        let found = recall(truth, &text_of(page));
        assert!(found > 0.93, "turned by {degrees}: {found} of the words, {}", text_of(page));
        let (width, height) = (page["width"].as_f64().unwrap(), page["height"].as_f64().unwrap());
        for block in page["blocks"].as_array().unwrap() {
            let side = |at: usize| block["bbox"][at].as_f64().unwrap();
            let inside = side(0) >= -2.0 && side(1) >= -2.0 && side(2) <= width + 2.0 && side(3) <= height + 2.0;
            assert!(inside, "turned by {degrees}: {} is outside {width} × {height}", block["bbox"]);
        }
    }
}

#[test]
fn a_scan_is_found_and_cited_at_its_place() {
    let library = TestLibrary::with("scanned_article.pdf");
    let shown = library.json(&["ls"]);
    assert_eq!(shown["documents"][0]["status"], "completed", "{shown}");
    let answer = library.json(&["ask", "When did the department introduce a closed protocol of six steps?"]);
    assert_eq!(answer["found"], true, "{answer}");
    let citation = &answer["sentences"][0]["citations"][0];
    assert_eq!((&citation["file"], &citation["page"]), (&"scanned_article.pdf".into(), &1.into()));
    assert_eq!(citation["verified"], true);
    assert!(citation["quote"].as_str().unwrap().contains("In January 2019"), "{citation}");
    let boxes = citation["boxes"].as_array().unwrap();
    assert!(!boxes.is_empty() && boxes.iter().all(on_page), "{citation}");
    // The sentence begins the right column of the page, in its lower half.
    assert!(boxes[0][0].as_f64().unwrap() > 290.0 && boxes[0][1].as_f64().unwrap() > 300.0, "{citation}");
}

#[test]
fn a_server_killed_in_mid_ocr_goes_on_behind_the_last_page() {
    let pages: Vec<Picture> = (1..=4).map(|page| Picture::of("two_columns.pdf", page, 0.3)).collect();
    let library = TestLibrary::new();
    let file = library.file("scans.pdf", &picture_pdf(&pages));
    let added = library.json(&["add", file.to_str().unwrap()]);
    let task = format!("/api/v1/tasks/{}", added["documents"][0]["task"].as_str().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut server = library.serve();
        let begun = server
            .until(&task, |task| task["status"] == "completed" || (task["stage"] == "ocr" && task["units_done"] != 0))
            .await;
        // The register does not say meanwhile that nobody works.
        server.until("/api/v1/workers", |workers| workers["items"][0]["status"] == "working").await;
        server.process.kill().unwrap();
        server.process.wait().unwrap();
        let done_before = begun["units_done"].as_u64().unwrap();
        let server = library.serve();
        let done = server.until(&task, |task| task["status"] == "completed").await;
        assert_eq!((&done["pages_done"], &done["pages_unread"]), (&4.into(), &0.into()), "{done}");
        // Every page was recognised once: what was done before the kill was not done again.
        assert!(done_before >= 1);
        let ledger = done["ledger"].as_array().unwrap().iter().find(|entry| entry["stage"] == "ocr").unwrap();
        assert_eq!((&ledger["done"], &ledger["failed"]), (&4.into(), &0.into()), "{done}");
    });
    // The same as without a kill.
    let undisturbed = TestLibrary::new();
    let file = undisturbed.file("scans.pdf", &picture_pdf(&pages));
    assert_eq!(undisturbed.run(&["add", file.to_str().unwrap(), "--wait"]).code, 0);
    assert_eq!(library.run(&["dump"]).stdout, undisturbed.run(&["dump"]).stdout);
}

#[test]
fn without_tesseract_a_picture_is_skipped_and_read_once_it_is_there() {
    let library = TestLibrary::new();
    let scan = sample("scanned_article.pdf");
    let scan = scan.to_str().unwrap();
    let without = |words: &[&str]| {
        let output = library.command(words).env("PATH", "/nonexistent").output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, _, stderr) = without(&["read", scan, "--ocr", "always"]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.starts_with("ocr_unavailable: ") && stderr.trim().lines().count() == 1, "{stderr}");
    let (code, stdout, _) = without(&["read", scan, "--format", "json"]);
    assert_eq!(code, Some(4));
    let read: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&read["pages"][0]["source"], &read["pages"][0]["reason"]),
        (&"skipped".into(), &"ocr_unavailable".into())
    );
    assert_eq!(read["warnings"].as_array().unwrap().iter().filter(|w| w["code"] == "ocr_unavailable").count(), 1);

    let (_, stdout, _) = without(&["add", scan, "--wait", "--json"]);
    let added: Value = serde_json::from_str(&stdout).unwrap();
    let error = added["documents"][0]["error"].to_string();
    assert!(error.contains("ocr_unavailable"), "{added}");
    let (code, stdout, _) = without(&["doctor"]);
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("install `tesseract-ocr`"), "{stdout}");

    // Tesseract is there now: adding the file again reads it.
    let begun = Instant::now();
    let added = library.json(&["add", scan, "--wait"]);
    assert_eq!(added["documents"][0]["status"], "completed", "{added}");
    assert!(begun.elapsed() < PATIENCE + Duration::from_secs(60));
    assert!(library.run(&["doctor"]).stdout.contains("Tesseract"));
}
