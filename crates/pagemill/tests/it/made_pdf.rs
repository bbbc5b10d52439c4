//! PDFs made on the spot: as many pages as wanted, each with a sentence of its own.

use std::fmt::Write;

/// A word that stands on one page only.
pub(crate) fn word_of(page: u32) -> String {
    let letter = |value: u32| char::from(b'a' + (value % 26) as u8);
    format!("quay{}{}{}ster", letter(page / 676), letter(page / 26), letter(page))
}

/// A PDF of so many pages. `edition` stands on every page.
pub(crate) fn pdf(pages: u32, edition: &str) -> Vec<u8> {
    let lines = |page: u32| {
        let word = word_of(page);
        [
            format!("The {edition} edition tells on sheet {page} of the {word} and how it was kept."),
            format!("Whoever asks about the {word} finds it described here and nowhere else."),
            format!("Measured twice, the {word} weighed {} grams in spring and less in autumn.", page * 7 + 3),
        ]
    };
    let content = |page: u32| {
        let mut content = String::from("BT /F1 11 Tf 72 720 Td 14 TL\n");
        for line in lines(page) {
            writeln!(content, "({line}) Tj T*").unwrap();
        }
        content + "ET"
    };
    pdf_of(&(1..=pages).map(content).collect::<Vec<_>>())
}

/// A PDF with a ruled table of three columns over so many pages, `rows` rows on each below a header that is repeated.
/// The last cell of each row would be a formula in a spreadsheet.
pub(crate) fn statement(pages: u32, rows: u32) -> Vec<u8> {
    const EDGES: [f32; 4] = [72.0, 150.0, 330.0, 510.0];
    let content = |page: u32| {
        let top = 700.0;
        let bottom = top - 20.0 * (rows + 1) as f32;
        let mut content = String::new();
        if page == 1 {
            content.push_str("BT /F1 9 Tf 72 712 Td (Table 1: Bookings of the year) Tj ET\n");
        }
        for row in 0..=rows + 1 {
            let y = top - 20.0 * row as f32;
            writeln!(content, "72 {y} m 510 {y} l S").unwrap();
        }
        for x in EDGES {
            writeln!(content, "{x} {top} m {x} {bottom} l S").unwrap();
        }
        for row in 0..=rows {
            let number = (page - 1) * rows + row;
            let texts = match row {
                0 => ["No.".to_owned(), "Subject".to_owned(), "Note".to_owned()],
                _ => [number.to_string(), format!("Rent {}", word_of(number)), format!("=SUM\\(A{number}\\)")],
            };
            for (text, x) in texts.iter().zip(EDGES) {
                let (x, y) = (x + 4.0, top - 20.0 * row as f32 - 14.0);
                writeln!(content, "BT /F1 10 Tf {x} {y} Td ({text}) Tj ET").unwrap();
            }
        }
        content
    };
    pdf_of(&(1..=pages).map(content).collect::<Vec<_>>())
}

/// A PDF of pages with these contents, Helvetica as `/F1`.
fn pdf_of(contents: &[String]) -> Vec<u8> {
    let pages = contents.len();
    let mut objects: Vec<String> = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Count {pages} /Kids [{}] >>",
            (0..pages).map(|page| format!("{} 0 R", 4 + page * 2)).collect::<Vec<_>>().join(" ")
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    for content in contents {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> \
             /Contents {} 0 R >>",
            objects.len() + 2
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    let mut file = String::from("%PDF-1.4\n");
    let mut places = Vec::with_capacity(objects.len());
    for (number, object) in (1..).zip(&objects) {
        places.push(file.len());
        writeln!(file, "{number} 0 obj\n{object}\nendobj").unwrap();
    }
    let table = file.len();
    writeln!(file, "xref\n0 {}\n0000000000 65535 f ", objects.len() + 1).unwrap();
    for place in places {
        writeln!(file, "{place:010} 00000 n ").unwrap();
    }
    writeln!(file, "trailer << /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF", objects.len() + 1).unwrap();
    file.into_bytes()
}
