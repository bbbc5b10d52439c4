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
    let mut objects: Vec<String> = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Count {pages} /Kids [{}] >>",
            (0..pages).map(|page| format!("{} 0 R", 4 + page * 2)).collect::<Vec<_>>().join(" ")
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    for page in 1..=pages {
        let mut content = String::from("BT /F1 11 Tf 72 720 Td 14 TL\n");
        for line in lines(page) {
            writeln!(content, "({line}) Tj T*").unwrap();
        }
        content.push_str("ET");
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
