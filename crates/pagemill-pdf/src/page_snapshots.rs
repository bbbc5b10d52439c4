//! Small pages of our own with everything that is read from them, as snapshots: text, order, kinds, tables.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::test_pdf::{line, lines, pages_pdf, read};
use crate::whole_tables::whole_tables;

/// Everything that is read from pages.
fn told(pages: &[(&str, &str)]) -> String {
    let read = read(pages_pdf("", pages, &[]), 1..=u32::MAX);
    let mut out = String::new();
    for page in &read {
        let _ = writeln!(out, "page {}", page.number);
        for block in &page.blocks {
            let level = block.level.map(|level| format!(" {level}")).unwrap_or_default();
            let float = block.float.as_ref();
            let label = float.and_then(|float| float.label.as_deref()).map(|label| format!(" [{label}]"));
            let continued = if float.is_some_and(|float| float.continued) { " (continued)" } else { "" };
            let text = block.text.replace('\t', " | ").replace('\n', "\n    ");
            let kind = block.kind.as_str();
            let _ = writeln!(out, "  {kind}{level}{}{continued}: {text}", label.unwrap_or_default());
        }
        for hidden in &page.extras.hidden {
            let _ = writeln!(out, "  hidden: {}", hidden.text);
        }
    }
    for table in whole_tables(&read) {
        let _ = writeln!(out, "table of {} parts\n{}", table.parts.len(), table.to_csv().replace('\r', ""));
    }
    out
}

/// A ruled table with these rows: its top left corner, widths of columns and texts.
fn ruled(x: f32, top: f32, widths: &[f32], rows: &[&[&str]]) -> String {
    let mut out = String::new();
    let right = x + widths.iter().sum::<f32>();
    let bottom = top - 16.0 * rows.len() as f32;
    for row in 0..=rows.len() {
        let y = top - 16.0 * row as f32;
        let _ = writeln!(out, "{x} {y} m {right} {y} l S");
    }
    let mut at = x;
    for width in std::iter::once(&0.0).chain(widths) {
        at += width;
        let _ = writeln!(out, "{at} {top} m {at} {bottom} l S");
    }
    for (row, texts) in rows.iter().enumerate() {
        let mut at = x + 4.0;
        for (text, width) in texts.iter().zip(widths) {
            out += &line(at, top - 12.0 - 16.0 * row as f32, 9.0, text);
            at += width;
        }
    }
    out
}

const TEXT: [&str; 4] = [
    "The station measures the level of the river every",
    "ten minutes and sends the readings to the office,",
    "where they are checked by hand before anybody is",
    "told about them and before they go to the archive.",
];

#[test]
fn an_article_page() {
    let page = line(60.0, 740.0, 18.0, "Levels of a River")
        + &line(60.0, 712.0, 13.0, "1 Measuring")
        + &lines(60.0, 690.0, &TEXT)
        + &lines(330.0, 690.0, &TEXT)
        + "200 500 60 60 re f 205 505 m 240 560 l 260 520 l 210 515 l f 220 510 m 250 550 l 255 515 l f \
           230 520 m 260 570 l 265 525 l f 215 530 m 245 575 l 250 535 l f 225 500 m 235 560 l 262 512 l f\n"
        + &line(180.0, 478.0, 8.0, "Figure 2. The level in spring")
        + &line(60.0, 440.0, 13.0, "2 Results")
        + &lines(60.0, 420.0, &TEXT)
        + "1 g\n"
        + &line(60.0, 200.0, 10.0, "words for machines alone");
    assert_snapshot!(told(&[("", &page)]), @"
    page 1
      heading 1: Levels of a River
      heading 2: 1 Measuring
      paragraph: The station measures the level of the river every ten minutes and sends the readings to the office, where they are checked by hand before anybody is told about them and before they go to the archive.
      figure [Figure 2]: 
      caption: Figure 2. The level in spring
      heading 2: 2 Results
      paragraph: The station measures the level of the river every ten minutes and sends the readings to the office, where they are checked by hand before anybody is told about them and before they go to the archive.
      paragraph: The station measures the level of the river every ten minutes and sends the readings to the office, where they are checked by hand before anybody is told about them and before they go to the archive.
      hidden: words for machines alone
    ");
}

#[test]
fn a_table_over_two_pages() {
    let head: &[&str] = &["Station", "Level", "Change"];
    let widths = [120.0, 80.0, 80.0];
    let first = lines(60.0, 700.0, &TEXT)
        + &line(60.0, 290.0, 9.0, "Table 1: Levels by station")
        + &ruled(60.0, 280.0, &widths, &[head, &["Upper bridge", "2.31", "+0.02"], &["Old mill", "1.98", "-0.11"]]);
    let second = ruled(60.0, 730.0, &widths, &[head, &["Lower bridge", "1.40", "0.00"], &["Harbour", "0.87", "+0.30"]])
        + &lines(60.0, 600.0, &TEXT);
    assert_snapshot!(told(&[("", &first), ("", &second)]), @"
    page 1
      paragraph: The station measures the level of the river every ten minutes and sends the readings to the office, where they are checked by hand before anybody is told about them and before they go to the archive.
      caption: Table 1: Levels by station
      table [Table 1]: Station | Level | Change
        Upper bridge | 2.31 | +0.02
        Old mill | 1.98 | -0.11
    page 2
      table (continued): Station | Level | Change
        Lower bridge | 1.40 | 0.00
        Harbour | 0.87 | +0.30
      paragraph: The station measures the level of the river every ten minutes and sends the readings to the office, where they are checked by hand before anybody is told about them and before they go to the archive.
    table of 2 parts
    Station,Level,Change
    Upper bridge,2.31,+0.02
    Old mill,1.98,-0.11
    Lower bridge,1.40,0.00
    Harbour,0.87,+0.30
    ");
}

#[test]
fn a_turned_table() {
    let table = ruled(
        60.0,
        500.0,
        &[120.0, 80.0, 80.0],
        &[&["Station", "Level", "Change"], &["Upper bridge", "2.31", "+0.02"], &["Old mill", "1.98", "-0.11"]],
    );
    // Drawn sideways on an upright page.
    let page = format!("q 0 1 -1 0 600 100 cm\n{table}Q\n");
    assert_snapshot!(told(&[("", &page)]), @"
    page 1
      table: Station | Level | Change
        Upper bridge | 2.31 | +0.02
        Old mill | 1.98 | -0.11
    table of 1 parts
    Station,Level,Change
    Upper bridge,2.31,+0.02
    Old mill,1.98,-0.11
    ");
}

#[test]
fn lists_notes_and_feet() {
    let page = line(60.0, 740.0, 13.0, "Before you start")
        + &lines(60.0, 715.0, &TEXT)
        + &line(70.0, 650.0, 10.0, "1. Close the valve")
        + &line(70.0, 636.0, 10.0, "2. Wait until the lamp is off")
        + &line(90.0, 622.0, 10.0, "a) if it stays on, call the office")
        + &line(90.0, 608.0, 10.0, "b) otherwise go on")
        + &line(70.0, 594.0, 10.0, "3. Open the lid")
        + &lines(60.0, 560.0, &TEXT)
        + &line(60.0, 90.0, 7.5, "1 The lamp is on the left of the door.")
        + &line(280.0, 40.0, 9.0, "Page 3 of 12");
    assert_snapshot!(told(&[("", &page)]), @"
    page 1
      heading 1: Before you start
      paragraph: The station measures the level of the river every ten minutes and sends the readings to the office, where they are checked by hand before anybody is told about them and before they go to the archive.
      list_item 1: 1. Close the valve
      list_item 1: 2. Wait until the lamp is off
      list_item 2: a) if it stays on, call the office
      list_item 2: b) otherwise go on
      list_item 1: 3. Open the lid
      paragraph: The station measures the level of the river every ten minutes and sends the readings to the office, where they are checked by hand before anybody is told about them and before they go to the archive.
      footnote: 1 The lamp is on the left of the door.
      footer: Page 3 of 12
    ");
}

#[test]
fn a_large_first_letter_and_a_note_in_the_margin() {
    let page = line(60.0, 678.0, 36.0, "T")
        + &line(84.0, 700.0, 10.0, "he station measures the level of the river every")
        + &line(84.0, 688.0, 10.0, "ten minutes and sends the readings to the office")
        + &line(84.0, 676.0, 10.0, "in the town, where they are checked by hand and")
        + &lines(60.0, 664.0, &TEXT[2..])
        + &line(340.0, 690.0, 7.0, "Readings by radio")
        + &line(340.0, 681.0, 7.0, "since 1998")
        + &lines(60.0, 620.0, &TEXT);
    assert_snapshot!(told(&[("", &page)]), @"
    page 1
      paragraph: The station measures the level of the river every ten minutes and sends the readings to the office in the town, where they are checked by hand and where they are checked by hand before anybody is told about them and before they go to the archive.
      paragraph: The station measures the level of the river every ten minutes and sends the readings to the office, where they are checked by hand before anybody is told about them and before they go to the archive.
      paragraph: Readings by radio since 1998
    ");
}
