//! Whole readings of tiny PDFs drawn by hand.
#![allow(clippy::unwrap_used)]

mod edges;
mod pictures;
mod scripts;

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
fn a_title_may_end_with_a_long_number() {
    let page = line(60.0, 720.0, 18.0, "Invoice RE-2017-0005") + &lines(60.0, 690.0, &LEFT);
    assert_eq!(told(&read(&[page])[0])[0], "heading: Invoice RE-2017-0005");
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
