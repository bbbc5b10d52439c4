//! `pagemill compare`: a page for people, whose text may do nothing.

use crate::support::{TestLibrary, sample};

#[test]
fn each_page_stands_beside_what_was_read_of_it() {
    let library = TestLibrary::new();
    let out = library.folder.path().join("out.html");
    let article = sample("two_columns.pdf");
    let ran = library.run(&["compare", article.to_str().unwrap(), "-o", out.to_str().unwrap(), "--pages", "1-2"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let html = std::fs::read_to_string(&out).unwrap();
    assert_eq!(html.matches("src=\"data:image/png;base64,").count(), 2);
    assert!(html.contains("class=\"heading\"") && html.contains("Shunt infection"));
    // Nothing is loaded from anywhere, and nothing runs.
    assert!(html.contains("default-src 'none'") && !html.contains("<script") && !html.contains("http://"));
    assert_eq!(html.matches("<i class=").count(), html.matches("<li class=").count());
}

#[test]
fn text_of_a_document_stays_text() {
    let library = TestLibrary::new();
    let content = "BT /F1 12 Tf 72 700 Td (<img src=x onerror=alert\\(1\\)>) Tj ET";
    let pdf = format!(
        "%PDF-1.7\n1 0 obj\n<</Type /Catalog /Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type /Pages /Kids [3 0 R] /Count 1>>\n\
         endobj\n3 0 obj\n<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources <</Font <</F1 \
         <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>>>>>\nendobj\n4 0 obj\n<</Length {}>>\nstream\n{content}\n\
         endstream\nendobj\ntrailer\n<</Root 1 0 R /Size 5>>\n%%EOF\n",
        content.len()
    );
    let file = library.file("<b>bold.pdf", pdf.as_bytes());
    let out = library.folder.path().join("out.html");
    let ran = library.run(&["compare", file.to_str().unwrap(), "-o", out.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let html = std::fs::read_to_string(&out).unwrap();
    assert!(html.contains("&lt;img src=x") && !html.contains("<img src=x"), "{html}");
    assert!(html.contains("&lt;b&gt;bold.pdf") && !html.contains("<b>bold"));
}
