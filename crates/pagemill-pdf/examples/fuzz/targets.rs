// What is fuzzed, as plain functions: shared by the runner beside this file and by `fuzz/` for cargo-fuzz.

use std::ops::ControlFlow;

use pagemill_pdf::{Limits, OpenOptions, Pdf, RenderOptions, With, open};

/// A target by its name.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: [Target; 5] =
    [("open", open_file), ("read", read_pages), ("strings", strings), ("content", content), ("render", render)];

fn opened(data: &[u8]) -> Option<Pdf> {
    let limits = Limits { pages: 50, stream_bytes: 4 << 20, page_pixels: 100_000, ..Limits::default() };
    open(data.to_vec(), &OpenOptions { password: None, limits }).ok()
}

/// Opening a file, or refusing it.
pub(crate) fn open_file(data: &[u8]) {
    opened(data);
}

/// The first pages: words, layout, tables, joins.
pub(crate) fn read_pages(data: &[u8]) {
    if let Some(pdf) = opened(data) {
        pdf.read(1..=3, &mut |page| {
            for block in &page.blocks {
                for word in &block.words {
                    assert!(block.text.get(word.start as usize..word.end as usize).is_some(), "a word beyond its text");
                    assert!(word.bbox.x0 <= word.bbox.x1 && word.bbox.y0 <= word.bbox.y1, "a box inside out");
                }
                assert!(block.cells.iter().all(|cell| cell.row_span > 0 && cell.col_span > 0), "a cell of no size");
            }
            ControlFlow::Continue(())
        });
    }
}

/// Outline, labels, metadata and other strings, without any page.
pub(crate) fn strings(data: &[u8]) {
    if let Some(pdf) = opened(data) {
        let summary = pdf.read(u32::MAX..=u32::MAX, &mut |_| ControlFlow::Continue(()));
        let mut json = Vec::new();
        pagemill_pdf::write_json(&mut json, &summary, &[], With { tables: true, figures: true })
            .expect("memory takes everything");
    }
}

/// The bytes as the content of a page: the shortest way to words, rules and tables.
pub(crate) fn content(data: &[u8]) {
    read_pages(&page_of(data));
}

/// A picture of the first page.
pub(crate) fn render(data: &[u8]) {
    if let Some(pdf) = opened(data) {
        let _refused_or_drawn = pdf.render(1, &RenderOptions { dpi: 40.0, ..RenderOptions::default() });
    }
}

/// A file of one page with this content.
pub(crate) fn page_of(content: &[u8]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n1 0 obj\n<</Type /Catalog /Pages 2 0 R>>\nendobj\n\
        2 0 obj\n<</Type /Pages /Kids [3 0 R] /Count 1>>\nendobj\n\
        3 0 obj\n<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources <</Font <<\
        /F1 <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> /F2 <</Type /Font /Subtype /Type1 /BaseFont /Times-Bold>>\
        >>>>>>\nendobj\n4 0 obj\n"
        .to_vec();
    out.extend(format!("<</Length {}>>\nstream\n", content.len()).bytes());
    out.extend(content);
    out.extend(b"\nendstream\nendobj\ntrailer\n<</Root 1 0 R /Size 5>>\n%%EOF\n");
    out
}
