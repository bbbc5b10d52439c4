//! Scripts that run from the right, and scripts without spaces.
use super::*;

fn read_lettered(letters: &str, content: &str) -> Page {
    test_pdf::read(lettered_pdf(letters, content), 1..=1).remove(0)
}

/// Text as a writer of PDF shows it: codes of the letters, reversed where they run from right to left.
fn shown(letters: &str, text: &str, reversed: bool) -> String {
    let code = |c: char| letters.chars().position(|l| l == c).map_or(c, |at| char::from(b'A' + at as u8));
    let coded = text.chars().map(code);
    if reversed { coded.rev().collect() } else { coded.collect() }
}

#[test]
fn text_from_right_to_left_is_read_from_the_right() {
    let letters = "אבגדהולםרתיפט";
    let row = |y: f32, right: f32, text: &str| {
        let width = 6.0 * text.chars().count() as f32;
        line(right - width, y, 10.0, &shown(letters, text, true))
    };
    let page = row(700.0, 550.0, "אבגד הולם רתיפ אבגד הולם רתיפ אבגד הולם")
        + &row(688.0, 550.0, "רתיפ אבגד הולם.")
        + &row(676.0, 550.0, "פתיר אבגד הולם רתיפ אבגד הולם רתיפ הולם")
        + &row(664.0, 550.0, "פתיר הולם רתיפ אבגד הולם רתיפ אבגד הולם")
        // A second column to the left of the first is read after it.
        + &row(700.0, 290.0, "טטטט הולם רתיפ אבגד הולם רתיפ אבגד הולם")
        + &row(688.0, 290.0, "טטטט אבגד הולם רתיפ אבגד הולם רתיפ אבגד")
        + &row(676.0, 290.0, "טטטט הולם רתיפ אבגד הולם רתיפ אבגד הולם")
        + &row(664.0, 290.0, "טטטט אבגד הולם רתיפ אבגד הולם רתיפ אבגד");
    let page = read_lettered(letters, &page);
    let text: Vec<&str> = page.blocks.iter().map(|block| block.text.as_str()).collect();
    let text = text.join(" ");
    assert!(text.starts_with("אבגד הולם רתיפ אבגד הולם רתיפ אבגד הולם רתיפ אבגד הולם. פתיר"), "{text}");
    assert!(text.find("טטטט").unwrap() > text.rfind("פתיר").unwrap(), "{text}");
    let first = page.blocks[0].words[0];
    assert!(first.bbox.x1 > 545.0 && first.bbox.x0 > 500.0, "{first:?}");
}

#[test]
fn shapes_of_arabic_letters_are_read_as_the_letters() {
    // Lam-alef as one glyph, seen and mim in the shapes of the beginning and the end of a word.
    let letters = "\u{fefb}\u{fee1}\u{feb3}";
    let shown = line(300.0, 700.0, 10.0, "BAC");
    assert_eq!(read_lettered(letters, &shown).blocks[0].text, "سلام");
}

#[test]
fn scripts_without_spaces_get_none() {
    let letters = "漢字仮名交文行。";
    let page = line(60.0, 700.0, 10.0, &shown(letters, "漢字仮名交文漢字仮名交文漢字仮名交文漢字仮名交文行行", false))
        + &line(60.0, 688.0, 10.0, &shown(letters, "仮名交文漢字仮名交文漢字仮名交文漢字。", false));
    let page = read_lettered(letters, &page);
    assert_eq!(page.blocks.len(), 1);
    assert_eq!(
        page.blocks[0].text,
        "漢字仮名交文漢字仮名交文漢字仮名交文漢字仮名交文行行仮名交文漢字仮名交文漢字仮名交文漢字。"
    );
    assert_eq!(page.blocks[0].words.len(), 45);
}
