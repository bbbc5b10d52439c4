//! Tiny PDFs for tests, written out object by object, and what is read from them.
#![allow(clippy::unwrap_used)]

use std::ops::{ControlFlow, RangeInclusive};

use pagemill_core::Page;

use crate::open::{OpenOptions, open};

/// The pages of a file.
pub(crate) fn read(bytes: Vec<u8>, range: RangeInclusive<u32>) -> Vec<Page> {
    let pdf = open(bytes, &OpenOptions::default()).unwrap();
    let mut pages = Vec::new();
    pdf.read(range, &mut |page| {
        pages.push(page);
        ControlFlow::Continue(())
    });
    pages
}

/// A line of text at a place, in points from the bottom left.
pub(crate) fn line(x: f32, y: f32, size: f32, text: &str) -> String {
    let escaped = text.replace('(', "\\(").replace(')', "\\)");
    format!("BT /F1 {size} Tf {x} {y} Td ({escaped}) Tj ET\n")
}

/// Lines below each other, 12 points apart.
pub(crate) fn lines(x: f32, top: f32, texts: &[&str]) -> String {
    texts.iter().zip(0_u8..).map(|(text, row)| line(x, top - 12.0 * f32::from(row), 10.0, text)).collect()
}

/// A PDF of these objects, numbered from 1; the first is the catalog. `info` is the trailer's `/Info`, or empty.
pub(crate) fn pdf_of(objects: &[String], info: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (object, number) in objects.iter().zip(1..) {
        offsets.push(out.len());
        out.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    }
    let start = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        out.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    let info = if info.is_empty() { String::new() } else { format!("/Info {info}") };
    let size = objects.len() + 1;
    out.extend(format!("trailer\n<</Size {size} /Root 1 0 R {info}>>\nstartxref\n{start}\n%%EOF\n").bytes());
    out
}

/// As [`pages_pdf`] with one page, in a font whose codes from `A` on stand for `letters`. All glyphs are
/// 0.6 em wide.
pub(crate) fn lettered_pdf(letters: &str, content: &str) -> Vec<u8> {
    let codes: String = letters
        .chars()
        .zip(0x41_u8..)
        .map(|(letter, code)| {
            let units: String = letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("{unit:04X}")).collect();
            format!("<{code:02X}> <{units}>\n")
        })
        .collect();
    let count = letters.chars().count();
    let map = format!(
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n1 begincodespacerange <00> <FF> \
         endcodespacerange\n{count} beginbfchar\n{codes}endbfchar\nendcmap end end"
    );
    let objects = [
        "<</Type /Catalog /Pages 2 0 R>>".to_owned(),
        "<</Type /Pages /Kids [4 0 R] /Count 1>>".to_owned(),
        "<</Type /Font /Subtype /Type1 /BaseFont /Courier /ToUnicode 6 0 R>>".to_owned(),
        "<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources <</Font <</F1 3 0 R>>>> /Contents 5 0 R>>"
            .to_owned(),
        format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()),
        format!("<</Length {}>>\nstream\n{map}\nendstream", map.len()),
    ];
    pdf_of(&objects, "")
}

/// A PDF of pages with these extra page entries and contents, in Helvetica as `/F1`.
/// Objects: 1 catalog (with `catalog` in it), 2 page tree, 3 font, then page and contents in turn
/// (the first page is object 4, the second object 6), then `more`.
pub(crate) fn pages_pdf(catalog: &str, pages: &[(&str, &str)], more: &[&str]) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|index| format!("{} 0 R", 4 + 2 * index)).collect();
    let mut objects = vec![
        format!("<</Type /Catalog /Pages 2 0 R {catalog}>>"),
        format!("<</Type /Pages /Kids [{}] /Count {}>>", kids.join(" "), pages.len()),
        "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>".to_owned(),
    ];
    for (index, (entries, content)) in pages.iter().enumerate() {
        let media = if entries.contains("/MediaBox") { "" } else { "/MediaBox [0 0 612 792]" };
        objects.push(format!(
            "<</Type /Page /Parent 2 0 R {media} /Resources <</Font <</F1 3 0 R>>>> /Contents {} 0 R {entries}>>",
            5 + 2 * index
        ));
        objects.push(format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()));
    }
    objects.extend(more.iter().map(|object| (*object).to_owned()));
    pdf_of(&objects, "")
}
