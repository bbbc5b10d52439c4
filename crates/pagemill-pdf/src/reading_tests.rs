//! Whole readings of tiny PDFs drawn by hand.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use pagemill_core::{BlockKind, Page, PageSource};

use crate::open::{OpenOptions, open};
use crate::read::ReadOptions;
use crate::test_pdf::{self, lettered_pdf, line, lines, pages_pdf};

fn read(contents: &[String]) -> Vec<Page> {
    read_with(contents, "", 1..=u32::MAX)
}

fn read_with(contents: &[String], entries: &str, range: std::ops::RangeInclusive<u32>) -> Vec<Page> {
    let pages: Vec<(&str, &str)> = contents.iter().map(|content| (entries, content.as_str())).collect();
    test_pdf::read(pages_pdf("", &pages, &[]), range)
}

fn told(page: &Page) -> Vec<String> {
    page.blocks.iter().map(|block| format!("{}: {}", block.kind.as_str(), block.text)).collect()
}

const LEFT: [&str; 5] = [
    "The river rises in the hills to the north of",
    "the town and runs down through a narrow val-",
    "ley before it meets the plain, where it slows",
    "and spreads over a wide bed of gravel that is",
    "dry for most of the year and is crossed by",
];
const RIGHT: [&str; 4] = [
    "two stone bridges which were built before the",
    "road was paved and which still carry all the",
    "traffic between the town and the villages on",
    "the other bank of the river and beyond it.",
];

#[test]
fn a_paragraph_goes_on_in_the_next_column() {
    let page = [lines(60.0, 700.0, &LEFT), lines(330.0, 700.0, &RIGHT)].concat();
    let pages = read(&[page]);
    let expected = "paragraph: The river rises in the hills to the north of the town and runs down through a narrow \
                    valley before it meets the plain, where it slows and spreads over a wide bed of gravel that is \
                    dry for most of the year and is crossed by two stone bridges which were built before the road \
                    was paved and which still carry all the traffic between the town and the villages on the other \
                    bank of the river and beyond it.";
    assert_eq!(told(&pages[0]), [expected]);
    let block = &pages[0].blocks[0];
    let word = |text: &str| block.words.iter().find(|word| &block.text[word.start as usize..word.end as usize] == text);
    assert!(word("river").unwrap().bbox.x1 < 300.0);
    assert!(word("bridges").unwrap().bbox.x0 > 330.0);
    assert!(word("val").is_some() && word("ley").is_some(), "a hyphenated word has two places");
}

#[test]
fn words_that_stand_by_themselves_do_not_go_on_in_the_next_column() {
    let head = lines(60.0, 700.0, &["Blue Water Supplies", "4557 River Street"]) + &lines(60.0, 640.0, &["03/20/2025"]);
    let page = head + &lines(330.0, 700.0, &["Your Company, Harbour Office", "215 Vine Street"]);
    let told = told(&read(&[page])[0]);
    assert!(told.iter().any(|text| text == "paragraph: 03/20/2025"), "{told:?}");
    assert!(told.iter().any(|text| text == "paragraph: Your Company, Harbour Office 215 Vine Street"), "{told:?}");
}

#[test]
fn a_paragraph_goes_on_past_feet_and_heads() {
    let head = |number: u8| line(60.0, 760.0, 9.0, "A Guide to Rivers") + &line(300.0, 30.0, 9.0, &number.to_string());
    let first = head(1) + &lines(60.0, 700.0, &LEFT);
    let second =
        head(2) + &lines(60.0, 700.0, &RIGHT) + &lines(60.0, 600.0, &["A new paragraph begins here and ends."]);
    let pages = read(&[first, second]);
    assert_eq!(told(&pages[0])[0], "header: A Guide to Rivers");
    assert!(told(&pages[0])[1].ends_with("is crossed by two stone bridges which were built before the road was paved and which still carry all the traffic between the town and the villages on the other bank of the river and beyond it."));
    assert_eq!(told(&pages[0])[2], "footer: 1");
    assert_eq!(
        told(&pages[1]),
        ["header: A Guide to Rivers", "paragraph: A new paragraph begins here and ends.", "footer: 2"]
    );
    assert!(pages[0].blocks[1].words.iter().any(|word| word.page == 2));
}

#[test]
fn a_page_comes_out_the_same_in_every_range() {
    let body = |number: u8| {
        line(60.0, 740.0, 14.0, &format!("{number} Chapter"))
            + &lines(60.0, 700.0, &LEFT)
            + &line(300.0, 30.0, 9.0, &number.to_string())
    };
    let contents: Vec<String> = (1..=4).map(body).collect();
    let whole = read(&contents);
    for number in 1..=4_u32 {
        assert_eq!(read_with(&contents, "", number..=number), whole[number as usize - 1..number as usize]);
    }
}

#[test]
fn what_is_known_of_a_document_is_the_same_after_every_range() {
    let body = |number: u8| line(60.0, 740.0, 18.0, &format!("Rivers {number}")) + &lines(60.0, 700.0, &LEFT);
    let contents: Vec<String> = (1..=4).map(body).collect();
    let pages: Vec<(&str, &str)> = contents.iter().map(|content| ("", content.as_str())).collect();
    let pdf = open(pages_pdf("", &pages, &[]), &OpenOptions::default()).unwrap();
    let info = |range| pdf.read(range, &mut |_| ControlFlow::Continue(())).info;
    let whole = info(1..=u32::MAX);
    assert_eq!(whole.language.as_deref(), Some("eng"));
    // The last is that of a reading that goes on behind the last page.
    for range in [1..=1, 2..=3, 4..=u32::MAX, 5..=u32::MAX] {
        assert_eq!(info(range.clone()), whole, "{range:?}");
    }
}

#[test]
fn a_page_alone_tells_its_head_and_foot_by_their_looks() {
    let page = line(60.0, 760.0, 9.0, "212")
        + &line(240.0, 760.0, 9.0, "A GUIDE TO RIVERS")
        + &lines(60.0, 742.0, &LEFT)
        + &line(60.0, 60.0, 9.0, "Riverside Press | www.example.org")
        + &line(420.0, 60.0, 9.0, "March 2014 | Volume 8");
    let kinds: Vec<&str> = read(&[page])[0].blocks.iter().map(|block| block.kind.as_str()).collect();
    assert_eq!(kinds, ["header", "header", "paragraph", "footer", "footer"]);
    let letter = line(60.0, 700.0, 10.0, "Dear Sir,") + &line(60.0, 640.0, 10.0, "we thank you for the order of 2014.");
    let kinds: Vec<&str> = read(&[letter])[0].blocks.iter().map(|block| block.kind.as_str()).collect();
    assert!(!kinds.contains(&"header") && !kinds.contains(&"footer"), "{kinds:?}");
}

#[test]
fn a_foot_at_the_sides_is_told_below_small_print() {
    let page = lines(60.0, 700.0, &LEFT)
        + &(0..9_u8)
            .map(|row| line(60.0, 184.0 - 9.0 * f32::from(row), 8.0, &RIGHT.concat()[..110]))
            .collect::<String>()
        + &line(60.0, 92.0, 10.0, "Revision: 2.4")
        + &line(260.0, 92.0, 10.0, "P/N 119-036")
        + &line(480.0, 92.0, 10.0, "10 June 2019");
    let kinds: Vec<String> = told(&read(&[page])[0]).into_iter().filter(|block| block.starts_with("footer")).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

#[test]
fn a_foot_of_several_lines_is_told_on_a_page_alone_and_a_note_is_none() {
    let page = |foot: &[&str]| {
        let rows = foot.iter().zip(0_u8..).map(|(text, row)| line(60.0, 60.0 - 10.0 * f32::from(row), 8.0, text));
        lines(60.0, 700.0, &LEFT) + &lines(60.0, 640.0, &RIGHT) + &rows.collect::<String>()
    };
    let kinds = |foot: &[&str]| -> Vec<&str> {
        read(&[page(foot)])[0].blocks.iter().skip(1).map(|block| block.kind.as_str()).collect()
    };
    let cite = ["Hill et al. (2023). Rivers and their bridges in the north", "of the country. https://doi.org/10.1/r."];
    assert_eq!(kinds(&cite), ["footer", "footer"]);
    assert_eq!(
        kinds(&["1http://example.org has the levels of the river, and", "http://example.com its bridges."]),
        ["footnote"]
    );
    let tail =
        ["The volume of the water that comes down in a year is", "known since the second bridge was built there."];
    assert!(!kinds(&tail).contains(&"footer"));
}

#[test]
fn columns_are_told_below_a_wide_table() {
    let mut page = line(60.0, 740.0, 9.0, "Table 2. Rivers of the north");
    for row in 0..20_u8 {
        let y = 720.0 - 20.0 * f32::from(row);
        page += &format!("60 {} m 540 {} l S\n", y + 12.0, y + 12.0);
        let cells = [(64.0, "river"), (200.0, "12"), (330.0, "3.5"), (460.0, "7")];
        page += &cells.map(|(x, text)| line(x, y, 9.0, text)).concat();
    }
    page += "60 332 m 540 332 l S\n";
    page += &lines(60.0, 300.0, &LEFT);
    page += &lines(296.0, 300.0, &RIGHT);
    let pages = read(&[page]);
    let text = pages[0].blocks.last().unwrap().text.as_str();
    assert!(text.starts_with("The river rises in the hills to the north of the town"), "{:#?}", told(&pages[0]));
}

#[test]
fn letters_set_apart_are_one_word() {
    let page = line(60.0, 740.0, 14.0, "L E V E L S") + &line(160.0, 740.0, 14.0, "O F") + &lines(60.0, 700.0, &LEFT);
    let pages = read(&[page + &line(60.0, 300.0, 10.0, "A B C D E F G")]);
    let told = told(&pages[0]);
    assert!(told[0].starts_with("heading: LEVELS"), "{told:#?}");
    assert_eq!(pages[0].blocks[0].words[0].end, 6);
    assert!(told.last().unwrap().ends_with("A B C D E F G"), "{told:#?}");
}

#[test]
fn a_caption_over_each_part_of_a_table_is_no_head() {
    let page = |number: u8| {
        line(60.0, 760.0, 9.0, "A Guide to Rivers")
            + &line(60.0, 738.0, 9.0, "Table 2. Rivers of the north")
            + &line(60.0, 724.0, 9.0, "Name")
            + &line(260.0, 724.0, 9.0, "Bridges")
            + &lines(60.0, 600.0, &LEFT)
            + &line(300.0, 30.0, 9.0, &number.to_string())
    };
    let pages = read(&[page(1), page(2), page(3)]);
    let heads =
        |page: &Page| -> Vec<String> { told(page).into_iter().filter(|block| block.starts_with("header")).collect() };
    assert!(pages.iter().all(|page| heads(page) == ["header: A Guide to Rivers"]), "{:#?}", told(&pages[1]));
}

#[test]
fn a_running_head_in_capitals_is_told_though_it_ends_a_sentence() {
    let page = line(60.0, 718.0, 10.0, "400")
        + &line(220.0, 718.0, 10.0, "BRITISH RIVERS.")
        + &line(400.0, 718.0, 10.0, "[Ch. XIX.")
        + &lines(60.0, 704.0, &LEFT)
        + &lines(60.0, 644.0, &RIGHT);
    let pages = read(&[page]);
    let heads = pages[0].blocks.iter().filter(|block| block.kind == BlockKind::Header).count();
    assert_eq!(heads, 3, "{:#?}", told(&pages[0]));
}

#[test]
fn text_that_is_alone_on_its_page_is_no_furniture() {
    for y in [760.0, 20.0] {
        let pages = read(&[line(60.0, y, 12.0, "This document says so much, and nothing more.")]);
        assert_eq!(told(&pages[0]), ["paragraph: This document says so much, and nothing more."]);
    }
    let pages = read(&[1, 2, 3].map(|number| line(60.0, 740.0, 20.0, &format!("Card {number}."))));
    assert_eq!(pages.iter().flat_map(told).collect::<Vec<_>>().len(), 3);
    assert!(pages.iter().flat_map(|page| &page.blocks).all(|block| !block.kind.is_furniture()));
    // A page with nothing but its head and foot in a document of pages with more is furniture.
    let framed = |number: u8, body: &str| {
        line(60.0, 760.0, 9.0, "A Guide to Rivers") + &line(300.0, 30.0, 9.0, &number.to_string()) + body
    };
    let body = lines(60.0, 700.0, &LEFT);
    let pages = read(&[framed(1, &body), framed(2, ""), framed(3, &body)]);
    assert_eq!(told(&pages[1]), ["header: A Guide to Rivers", "footer: 2"]);
}

#[test]
fn a_text_layer_with_wavering_sizes_has_whole_paragraphs() {
    let sizes = [10.0, 11.2, 9.3, 10.4, 9.0];
    let rows = LEFT.iter().zip(sizes).zip(0_u8..);
    let page: String = rows.map(|((text, size), row)| line(60.0, 700.0 - 12.0 * f32::from(row), size, text)).collect();
    assert_eq!(read(&["3 Tr\n".to_owned() + &page])[0].blocks.len(), 1);
}

#[test]
fn headings_have_levels_and_lists_are_told() {
    let page = line(60.0, 740.0, 20.0, "A Guide to Rivers")
        + &line(60.0, 710.0, 14.0, "1 Introduction")
        + &lines(60.0, 690.0, &LEFT)
        + &line(60.0, 610.0, 12.0, "1.1 Bridges")
        + &lines(60.0, 590.0, &RIGHT)
        + &line(70.0, 530.0, 10.0, "1. wood, which is light")
        + &line(70.0, 516.0, 10.0, "2. stone, which is strong")
        + &line(60.0, 480.0, 14.0, "2 Fords")
        + &lines(60.0, 460.0, &RIGHT);
    let pages = read(&[page]);
    let heads: Vec<(String, Option<u8>)> = pages[0]
        .blocks
        .iter()
        .filter(|block| block.kind == BlockKind::Heading)
        .map(|block| (block.text.clone(), block.level))
        .collect();
    let expected = [("A Guide to Rivers", 1), ("1 Introduction", 2), ("1.1 Bridges", 3), ("2 Fords", 2)]
        .map(|(t, l)| (t.to_owned(), Some(l)));
    assert_eq!(heads, expected);
    let items = pages[0].blocks.iter().filter(|block| block.kind == BlockKind::ListItem).count();
    assert_eq!(items, 2);
}

#[test]
fn text_that_cannot_be_seen_is_kept_out() {
    let page = lines(60.0, 700.0, &["This can be seen by everybody who looks at the page."])
        + "3 Tr\n"
        + &line(60.0, 600.0, 10.0, "drawn without ink")
        + "0 Tr 1 g\n"
        + &line(60.0, 500.0, 10.0, "white on white")
        + &line(2000.0, 400.0, 10.0, "beyond the edge");
    let pages = read(&[page]);
    assert_eq!(told(&pages[0]), ["paragraph: This can be seen by everybody who looks at the page."]);
}

#[test]
fn a_text_layer_without_ink_is_read_where_there_is_nothing_else() {
    let page = "3 Tr\n".to_owned() + &lines(60.0, 700.0, &["recognised words under a scanned picture"]);
    assert_eq!(told(&read(&[page])[0]), ["paragraph: recognised words under a scanned picture"]);
}

#[test]
fn white_text_on_a_thick_line_is_seen() {
    let band = "q 17 w 0.6 G 50 503 m 560 503 l S Q 1 g\n".to_owned();
    let page = lines(60.0, 700.0, &LEFT) + &band + &line(60.0, 500.0, 10.0, "Minimum Typical Maximum");
    let read = read(&[page]);
    assert!(told(&read[0]).iter().any(|block| block.ends_with("Minimum Typical Maximum")), "{:?}", told(&read[0]));
}

#[test]
fn white_text_below_a_scan_is_its_text_layer() {
    let text = lines(60.0, 700.0, &["recognised words under a scanned picture"]);
    let page = "1 g\n".to_owned() + &text + &picture(0, 0, 612, 792);
    let read = read(&[page]);
    assert_eq!(told(&read[0]), ["paragraph: recognised words under a scanned picture"]);
    assert!(read[0].extras.hidden.is_empty());
}

#[test]
fn names_with_their_values_stay_apart() {
    let entries = ["Account number: 98292881", "Buyer: A. Rosales", "Closing date: 12 July"];
    let page = lines(60.0, 740.0, &LEFT) + &lines(60.0, 600.0, &entries);
    let told = told(&read(&[page])[0]);
    assert_eq!(told[1..], entries.map(|entry| format!("paragraph: {entry}")));
}

/// A picture with its lower left corner at a place.
#[test]
fn abbreviations_told_one_after_the_other_are_one_note() {
    let lines_of = [
        "GI: gingival index; SBI: bleeding index of the gums; PI: index of plaque; PHP: Patient",
        "Hygiene Performance; BOP: bleeding when probed; VF: vitality of the film; API: index of",
        "NMDA: an acid that is made of others; CNS: nerves of the head and of the spine; STZ: it;",
        "ROS: kinds of oxygen.",
    ];
    assert_eq!(told(&read(&[lines(60.0, 700.0, &lines_of)])[0]), [format!("paragraph: {}", lines_of.join(" "))]);
}

fn picture(x: u32, y: u32, width: u32, height: u32) -> String {
    format!("q {width} 0 0 {height} {x} {y} cm BI /W 1 /H 1 /CS /G /BPC 8 /F /AHx ID 80> EI Q\n")
}

#[test]
fn sentences_on_a_picture_are_read_and_its_labels_are_not() {
    let sentence = "The module lets operators keep the routers which they have.";
    let page = lines(60.0, 740.0, &LEFT)
        + &picture(50, 300, 500, 300)
        + &line(70.0, 570.0, 10.0, sentence)
        + &line(100.0, 400.0, 8.0, "Router")
        + &line(300.0, 400.0, 8.0, "Switch");
    let told = told(&read(&[page])[0]).join("\n");
    assert!(told.contains(sentence) && !told.contains("Router"), "{told}");
}

#[test]
fn what_a_slide_says_on_its_picture_is_its_text() {
    let page = picture(50, 200, 500, 400)
        + &line(100.0, 500.0, 24.0, "A pump for small stations")
        + &line(100.0, 450.0, 14.0, "Presented in Oslo")
        + &line(500.0, 20.0, 8.0, "Spring meeting");
    let told = told(&read(&[page])[0]).join("\n");
    assert!(told.contains("A pump for small stations") && told.contains("Presented in Oslo"), "{told}");
}

#[test]
fn an_excerpt_begins_with_all_the_words_of_its_first_page() {
    let pages = [lines(60.0, 96.0, &LEFT), lines(60.0, 700.0, &RIGHT)];
    let pages: Vec<(&str, &str)> = pages.iter().map(|content| ("", content.as_str())).collect();
    let pdf = open(pages_pdf("", &pages, &[]), &OpenOptions::default()).unwrap();
    let second = |excerpt_from| {
        let mut text = Vec::new();
        pdf.read_with(2..=2, &ReadOptions { excerpt_from, ..ReadOptions::default() }, &mut |page| {
            text.extend(told(&page));
            ControlFlow::Continue(())
        });
        text
    };
    assert_eq!(second(0), Vec::<String>::new(), "the paragraph is in the page it begins on");
    let all = format!("paragraph: {}", RIGHT.join(" "));
    assert_eq!(second(2), [all]);
}

#[test]
fn a_turned_page_is_read_as_it_is_shown() {
    let page = lines(60.0, 700.0, &LEFT);
    let upright = read(std::slice::from_ref(&page));
    let turned = read_with(&[page], "/Rotate 90", 1..=1);
    assert_eq!((turned[0].width, turned[0].height), (792.0, 612.0));
    assert_eq!(upright[0].blocks[0].text, turned[0].blocks[0].text);
    assert!(turned[0].blocks[0].bbox.height() > turned[0].blocks[0].bbox.width());
}

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

#[test]
fn numbers_of_lines_are_furniture() {
    let numbers: String =
        (0..9_u8).map(|row| line(70.0, 700.0 - 12.0 * f32::from(row), 8.0, &(11 + row).to_string())).collect();
    let page = numbers + &lines(110.0, 700.0, &LEFT) + &lines(110.0, 640.0, &RIGHT);
    let pages = read(&[page]);
    assert!(pages[0].blocks.iter().filter(|block| block.kind == BlockKind::Paragraph).all(|b| !b.text.contains("13")));
    assert_eq!(
        pages[0].blocks.iter().filter(|block| block.kind == BlockKind::Header).count(),
        9,
        "{:#?}",
        told(&pages[0])
    );
}

#[test]
fn an_empty_page_is_blank() {
    let pages = read(&[String::new()]);
    assert_eq!((pages[0].source, pages[0].blocks.len()), (PageSource::Blank, 0));
}

#[test]
fn a_reading_stops_when_told() {
    let contents: Vec<String> = (0..5).map(|_| lines(60.0, 700.0, &LEFT)).collect();
    let pages: Vec<(&str, &str)> = contents.iter().map(|content| ("", content.as_str())).collect();
    let pdf = open(pages_pdf("", &pages, &[]), &OpenOptions::default()).unwrap();
    let mut seen = Vec::new();
    pdf.read(2..=5, &mut |page| {
        seen.push(page.number);
        if page.number == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(seen, [2, 3]);
}

#[test]
fn places_without_number_do_no_harm() {
    let huge = "9".repeat(38);
    let page = format!(
        "BT /F1 {huge} Tf {huge} {huge} Td (far) Tj ET BT /F1 10 Tf {huge} 0 0 {huge} {huge} {huge} Tm (off) Tj ET\n"
    ) + &format!("{huge} {huge} {huge} {huge} re f 0 0 m {huge} -{huge} l S\n")
        + &lines(60.0, 700.0, &["near"]);
    assert_eq!(told(&read(&[page])[0]), ["paragraph: near"]);
}

#[test]
fn numbers_of_rows_are_no_numbers_of_lines() {
    let row = |(at, name): (u8, &str)| {
        let top = 640.0 - 60.0 * f32::from(at);
        let rest = ["kept in the loft over the stable", "sown in spring", "from the mill on the hill"];
        line(80.0, top, 10.0, &(at + 1).to_string()) + &line(130.0, top, 10.0, name) + &lines(130.0, top - 12.0, &rest)
    };
    let names = [
        "Oats of the hill farms",
        "Rye of the plain towns",
        "Peas of the old gardens",
        "Hops of the brewers",
        "Flax of the weavers",
        "Hemp of the rope makers",
        "Woad of the dyers in town",
    ];
    let page = (0_u8..).zip(names).map(row).collect::<String>();
    let furniture = |page: &Page| page.blocks.iter().filter(|block| block.kind == BlockKind::Header).count();
    assert_eq!(furniture(&read(&[page])[0]), 0);
}

#[test]
fn names_and_values_side_by_side_are_no_heading() {
    let text = "The mill on the hill is open from the first day of spring to the last of autumn, whatever the weather.";
    let page = line(60.0, 700.0, 10.0, text)
        + &line(60.0, 660.0, 18.0, "Invoice")
        + &line(400.0, 661.0, 11.5, "Sheet")
        + &line(60.0, 620.0, 11.5, "Number")
        + &line(200.0, 620.0, 11.5, "Customer")
        + &line(300.0, 620.0, 11.5, "Day")
        + &line(60.0, 580.0, 10.0, text)
        + &line(60.0, 568.0, 10.0, text);
    let told = told(&read(&[page])[0]);
    assert!(told.contains(&"heading: Invoice".to_owned()), "{told:#?}");
    assert!(told.contains(&"paragraph: Number Customer Day".to_owned()), "{told:#?}");
}

#[test]
fn the_imprint_of_a_journal_is_a_head_and_a_letterhead_is_none() {
    let imprint = ["Annals of Farming", "Advance access 24 May 1921", "doi: 10.9999/annals.12", "Full paper"];
    let small = |texts: &[&str]| lines(60.0, 770.0, texts).replace("/F1 10", "/F1 8");
    let body = lines(60.0, 640.0, &LEFT) + &lines(60.0, 560.0, &LEFT);
    let kinds = |texts: &[&str]| -> Vec<BlockKind> {
        let page = read(&[small(texts) + &body]).remove(0);
        page.blocks.iter().take(texts.len()).map(|block| block.kind).collect()
    };
    assert_eq!(kinds(&imprint), [BlockKind::Header; 4]);
    let letterhead = ["The mill on the hill", "Long Street 12", "www.mill.example", "Open at noon"];
    assert!(!kinds(&letterhead).contains(&BlockKind::Header));
}

#[test]
fn a_note_in_the_margin_with_a_line_that_sticks_out_is_whole() {
    let text: Vec<&str> = LEFT.iter().cycle().take(24).copied().collect();
    let note = ["Note: the mill is", "open from the day", "of the first long thaw", "to that of the frost."];
    let page = lines(190.0, 700.0, &text) + &lines(60.0, 700.0 - 20.0 * 12.0, &note);
    let told = told(&read(&[page])[0]);
    let expected = "paragraph: Note: the mill is open from the day of the first long thaw to that of the frost.";
    assert!(told.contains(&expected.to_owned()), "{told:#?}");
    assert_eq!(told.len(), 2, "{told:#?}");
}

#[test]
fn numbers_at_the_ticks_of_a_chart_are_no_text() {
    let curves: String = (0_u8..6)
        .map(|at| {
            format!("{0} 560 m {0} 600 {0} 640 {1} 640 c S\n", 120 + 40 * u32::from(at), 165 + 40 * u32::from(at))
        })
        .collect();
    let ticked = |tick: &str| -> String {
        (0_u8..4)
            .map(|at| {
                let x = 120.0 + 80.0 * f32::from(at);
                tick.replace('X', &x.to_string()) + &line(x - 5.0, 541.0, 8.0, &(10 * at).to_string())
            })
            .collect()
    };
    let text = lines(60.0, 500.0, &LEFT);
    let page = |tick: &str| curves.clone() + &ticked(tick) + &text;
    let told = |page: String| -> String { told(&read(&[page])[0]).join("\n") };
    assert!(!told(page("X 560 m X 555 l S\n")).contains("20"), "{}", told(page("X 560 m X 555 l S\n")));
    assert!(told(page("")).contains("20"), "numbers below a picture are text");
}
