//! Tables drawn in the test, and pages that only look like tables.

use std::fmt::Write;
use std::ops::ControlFlow;

use pagemill_core::{Block, BlockKind, Rect};
use proptest::prelude::*;

use super::find_tables;
use crate::content::{Content, Direction, Ink, RawWord, Rule, Shape, Sight};
use crate::open::open;
use crate::test_pdf::pages_pdf;

/// A content stream with pieces of text at places counted from the bottom left.
pub(super) fn texts(pieces: &[(f32, f32, &str)]) -> String {
    let mut out = String::new();
    for (x, y, text) in pieces {
        writeln!(out, "BT /F1 10 Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET").unwrap();
    }
    out
}

pub(super) fn line(x0: f32, y0: f32, x1: f32, y1: f32) -> String {
    format!("{x0} {y0} m {x1} {y1} l S\n")
}

pub(super) fn blocks(content: &str) -> Vec<Block> {
    let pdf = open(pages_pdf("", &[("", content)], &[]), &Default::default()).unwrap();
    let mut blocks = Vec::new();
    pdf.read(1..=1, &mut |page| {
        blocks.extend(page.blocks);
        ControlFlow::Continue(())
    });
    for block in &blocks {
        for word in &block.words {
            let text = &block.text[word.start as usize..word.end as usize];
            assert!(!text.is_empty() && !text.contains(char::is_whitespace), "{text:?}");
        }
    }
    blocks
}

/// The only table, as its text and its spanning cells.
pub(super) fn table(content: &str) -> Block {
    let mut tables = blocks(content);
    tables.retain(|block| block.kind == BlockKind::Table);
    assert_eq!(tables.len(), 1, "{tables:#?}");
    tables.remove(0)
}

fn has_table(content: &str) -> bool {
    blocks(content).iter().any(|block| block.kind == BlockKind::Table)
}

#[test]
fn a_lattice_has_cells_that_span() {
    let mut page = texts(&[
        (105.0, 685.0, "Country"),
        (240.0, 685.0, "Number of shops"),
        (205.0, 665.0, "1995"),
        (305.0, 665.0, "1996"),
        (105.0, 645.0, "Austria and the"),
        (105.0, 633.0, "Tyrol"),
        (205.0, 645.0, "12"),
        (305.0, 645.0, "13"),
    ]);
    for y in [700.0, 660.0, 628.0] {
        page += &line(100.0, y, 400.0, y);
    }
    page += &line(200.0, 680.0, 400.0, 680.0);
    for x in [100.0, 200.0, 400.0] {
        page += &line(x, 628.0, x, 700.0);
    }
    page += &line(300.0, 628.0, 300.0, 680.0);
    let table = table(&page);
    assert_eq!(table.text, "Country\tNumber of shops\n\t1995\t1996\nAustria and the Tyrol\t12\t13");
    let spans: Vec<_> = table.cells.iter().map(|cell| (cell.row, cell.col, cell.row_span, cell.col_span)).collect();
    assert_eq!(spans[..2], [(0, 0, 2, 1), (0, 1, 1, 2)]);
    assert!(table.cells[0].header && !table.cells[5].header);
    assert!((table.bbox.x0 - 100.0).abs() < 1.0 && (table.bbox.y0 - 92.0).abs() < 1.0, "{:?}", table.bbox);
}

#[test]
fn rules_above_and_below_make_a_table() {
    let mut page = texts(&[
        (105.0, 685.0, "Method"),
        (220.0, 685.0, "Precision"),
        (320.0, 685.0, "Recall"),
        (105.0, 665.0, "Ours"),
        (220.0, 665.0, "0.91"),
        (320.0, 665.0, "0.90"),
        (105.0, 652.0, "Theirs with more"),
        (220.0, 652.0, "0.85"),
        (320.0, 652.0, "0.84"),
    ]);
    for y in [698.0, 680.0, 646.0] {
        page += &line(100.0, y, 380.0, y);
    }
    let table = table(&page);
    assert_eq!(table.text, "Method\tPrecision\tRecall\nOurs\t0.91\t0.90\nTheirs with more\t0.85\t0.84");
}

#[test]
fn numbers_in_columns_need_no_rules() {
    let rows =
        [("Germany", "27.5", "81.9"), ("France", "25.0", "58.1"), ("Italy", "19.0", "57.3"), ("Spain", "13.6", "39.3")];
    let mut page = String::new();
    for (index, (name, left, right)) in rows.into_iter().enumerate() {
        let y = 600.0 - 14.0 * index as f32;
        page += &texts(&[(100.0, y, name), (250.0, y, left), (350.0, y, right)]);
    }
    let table = table(&page);
    assert_eq!(table.text, "Germany\t27.5\t81.9\nFrance\t25.0\t58.1\nItaly\t19.0\t57.3\nSpain\t13.6\t39.3");
}

#[test]
fn columns_of_text_are_no_table() {
    let mut page = String::new();
    for index in 0..12 {
        let y = 700.0 - 12.0 * index as f32;
        page += &texts(&[
            (72.0, y, "the quick brown fox jumps over the lazy"),
            (320.0, y - 3.0, "dogs that sleep in the sun all day long"),
        ]);
    }
    assert!(!has_table(&page));
}

#[test]
fn lists_and_contents_are_no_tables() {
    let mut list = String::new();
    let mut contents = String::new();
    for index in 0..6 {
        let y = 700.0 - 14.0 * index as f32;
        list += &texts(&[(72.0, y, &format!("{}.", index + 1)), (100.0, y, "Wash your hands with warm water")]);
        contents += &texts(&[(72.0, y, "Chapter on things"), (480.0, y, &(index * 7 + 3).to_string())]);
    }
    assert!(!has_table(&list));
    assert!(!has_table(&contents));
}

#[test]
fn a_frame_around_text_is_no_table() {
    let mut page = texts(&[(110.0, 680.0, "Note: keep this page."), (110.0, 666.0, "It will be asked for.")]);
    for y in [700.0, 650.0] {
        page += &line(100.0, y, 400.0, y);
    }
    for x in [100.0, 400.0] {
        page += &line(x, 650.0, x, 700.0);
    }
    assert!(!has_table(&page));
}

/// Rows with cells of several lines, the first line of each at `x` places, without rules.
pub(super) fn rows_of_many_lines(top: f32) -> String {
    let rows = [
        (["Oats", "Field", "Sown in spring and", "3", "30"], vec!["cut in summer"]),
        (["Rye", "Field", "Sown in autumn, left", "5", "14"], vec!["under the snow and", "cut in July"]),
        (["Peas", "Garden", "Sown in rows, tied", "2", "21"], vec!["to sticks of hazel"]),
        (["Beans", "Garden", "Sown in May after", "4", "28"], vec!["the last frost, in", "heaps of five"]),
        (["Hops", "Wall", "Planted once, then", "1", "90"], vec!["cut back every year"]),
        (["Flax", "Field", "Sown late and pulled", "3", "45"], vec!["by hand"]),
    ];
    let (mut page, mut y) = (String::new(), top);
    for (cells, more) in rows {
        for (x, text) in [60.0, 130.0, 200.0, 340.0, 400.0].into_iter().zip(cells) {
            page += &texts(&[(x, y, text)]);
        }
        for text in more {
            y -= 12.0;
            page += &texts(&[(200.0, y, text)]);
        }
        y -= 12.0;
    }
    page
}

pub(super) const MANY_LINES: &str = "Oats\tField\tSown in spring and cut in summer\t3\t30\n\
    Rye\tField\tSown in autumn, left under the snow and cut in July\t5\t14\n\
    Peas\tGarden\tSown in rows, tied to sticks of hazel\t2\t21\n\
    Beans\tGarden\tSown in May after the last frost, in heaps of five\t4\t28\n\
    Hops\tWall\tPlanted once, then cut back every year\t1\t90\n\
    Flax\tField\tSown late and pulled by hand\t3\t45";

#[test]
fn numbers_tell_rows_of_many_lines_without_rules() {
    assert_eq!(table(&rows_of_many_lines(640.0)).text, MANY_LINES);
}

#[test]
fn a_title_under_the_rule_of_the_page_is_not_in_the_table() {
    let mut page = line(58.0, 740.0, 450.0, 740.0);
    page += &texts(&[(60.0, 722.0, "Table 4. What is sown where")]);
    page += &line(58.0, 712.0, 450.0, 712.0);
    page += &rows_of_many_lines(700.0);
    page += &line(58.0, 528.0, 450.0, 528.0);
    let blocks = blocks(&page);
    assert!(blocks.iter().any(|block| block.kind == BlockKind::Caption), "{blocks:#?}");
    assert_eq!(table(&page).text, MANY_LINES);
}

#[test]
fn text_in_columns_below_a_table_is_not_in_it() {
    let mut page = String::new();
    for (row, (name, share)) in [("Oats", "12"), ("Rye", "30"), ("Peas", "7"), ("Beans", "9")].into_iter().enumerate() {
        let y = 690.0 - 12.0 * row as f32;
        page += &texts(&[(60.0, y, name), (330.0, y, share)]).replace("/F1 10", "/F1 8");
    }
    page += &(line(58.0, 702.0, 560.0, 702.0) + &line(58.0, 648.0, 560.0, 648.0));
    for row in 0..4 {
        let y = 634.0 - 12.0 * row as f32;
        page += &texts(&[
            (60.0, y, "the seed is kept in the loft over the stable"),
            (330.0, y, "and is sown as soon as the ground is dry"),
        ]);
    }
    assert_eq!(table(&page).text, "Oats\t12\nRye\t30\nPeas\t7\nBeans\t9");
}

#[test]
fn a_head_wider_than_its_numbers_keeps_to_its_column() {
    let mut page = texts(&[(60.0, 690.0, "Field"), (150.0, 690.0, "Seed per acre"), (226.0, 690.0, "Days")]);
    for (row, (name, seed, days)) in [("A", "47", "49"), ("B", "53", "51"), ("C", "42", "45")].into_iter().enumerate() {
        let y = 670.0 - 12.0 * row as f32;
        page += &texts(&[(60.0, y, name), (150.0, y, seed), (226.0, y, days)]);
    }
    page += &(line(58.0, 702.0, 260.0, 702.0) + &line(58.0, 683.0, 260.0, 683.0) + &line(58.0, 640.0, 260.0, 640.0));
    assert_eq!(table(&page).text, "Field\tSeed per acre\tDays\nA\t47\t49\nB\t53\t51\nC\t42\t45");
}

#[test]
fn rows_without_shade_belong_to_the_shaded_heads_above_them() {
    let at = |values: [&'static str; 4]| [105.0, 165.0, 225.0, 285.0].into_iter().zip(values).collect::<Vec<_>>();
    let mut page = shaded(640.0, &at(["Shop", "Bread", "Milk", "Cheese"]));
    let rows = [["north", "1 pound", "2 pints", "none"], ["south", "2 pounds", "1 pint", "half"]];
    for (row, values) in rows.into_iter().chain([["west", "none", "3 pints", "one"]]).enumerate() {
        for (x, text) in at(values) {
            page += &texts(&[(x, 624.0 - 13.0 * row as f32, text)]);
        }
    }
    let expected = "Shop\tBread\tMilk\tCheese\nnorth\t1 pound\t2 pints\tnone\n\
        south\t2 pounds\t1 pint\thalf\nwest\tnone\t3 pints\tone";
    assert_eq!(table(&page).text, expected);
}

#[test]
fn a_first_column_in_the_margin_is_of_the_table() {
    let mut page = String::new();
    for row in 0..6 {
        let y = 600.0 - 13.0 * row as f32;
        page += &texts(&[(30.0, y, &(row + 1).to_string())]);
        for (x, text) in [(80.0, "0.12"), (180.0, "12"), (280.0, "7.5"), (380.0, "81"), (480.0, "3")] {
            page += &texts(&[(x, y, text)]);
        }
    }
    let table = table(&page);
    assert!(table.text.starts_with("1\t0.12\t12\t7.5\t81\t3\n2\t"), "{}", table.text);
}

fn any_box() -> impl Strategy<Value = Rect> {
    (0_f32..600.0, 0_f32..780.0, 0_f32..300.0, 0_f32..200.0).prop_map(|(x, y, w, h)| Rect::new(x, y, x + w, y + h))
}

/// A row of shaded cells, each with its text.
fn shaded(y: f32, texts_at: &[(f32, &str)]) -> String {
    let mut out = String::new();
    for (x, text) in texts_at {
        let _ = writeln!(out, "0.8 g {} {} 60 14 re f 0 g", x - 5.0, y - 4.0);
        out += &texts(&[(*x, y, text)]);
    }
    out
}

#[test]
fn shaded_parts_are_one_table_under_heads_aslant() {
    let columns = |values: [&'static str; 4]| [105.0, 165.0, 225.0, 285.0].into_iter().zip(values).collect::<Vec<_>>();
    let mut page = line(100.0, 720.0, 340.0, 720.0);
    page += &texts(&[(105.0, 662.0, "Shop")]);
    for (x, head) in [(175.0, "Bread"), (235.0, "Milk"), (295.0, "Cheese")] {
        let _ = writeln!(page, "BT /F1 10 Tf 0.766 0.643 -0.643 0.766 {x} 662 Tm ({head}) Tj ET");
    }
    page += &shaded(640.0, &columns(["north", "0.87", "0.20", "0.31"]));
    page += &shaded(626.0, &columns(["south", "0.88", "0.40", "0.35"]));
    page += &texts(&[(105.0, 612.0, "Others in the valley")]);
    page += &shaded(598.0, &columns(["east", "0.27", "0.60", "0.44"]));
    page += &shaded(584.0, &columns(["west", "0.72", "0.40", "0.48"]));
    let text = table(&page).text;
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 6, "{text}");
    assert_eq!(rows[0], "Shop\tBread\tMilk\tCheese");
    assert_eq!(rows[2], "south\t0.88\t0.40\t0.35");
    assert!(rows[3].starts_with("Others in the valley"), "{text}");
    assert_eq!(rows[5], "west\t0.72\t0.40\t0.48");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_drawing_is_survived_and_no_word_is_in_two_cells(
        words in prop::collection::vec((0_u8..40, 0_u8..60, 1_u8..5, any::<bool>()), 0..120),
        rules in prop::collection::vec((any_box(), any::<bool>()), 0..40),
        shapes in prop::collection::vec((any_box(), any::<bool>()), 0..20),
    ) {
        let mut content = Content { size: (612.0, 792.0), ..Content::default() };
        for (col, row, length, number) in words {
            let start = content.text.len() as u32;
            content.text.push_str(&if number { "7" } else { "w" }.repeat(usize::from(length)));
            let (x, base) = (f32::from(col) * 15.0, 20.0 + f32::from(row) * 12.0);
            content.words.push(RawWord {
                start,
                end: content.text.len() as u32,
                frame: Rect::new(x, base - 7.6, x + 5.0 * f32::from(length), base + 2.2),
                base,
                size: 10.0,
                face: 0,
                direction: Direction::Right,
                sight: Sight::Seen,
                space_after: true,
                wide: false,
            });
        }
        for (mut bbox, horizontal) in rules {
            if horizontal { bbox.y1 = bbox.y0 } else { bbox.x1 = bbox.x0 }
            content.rules.push(Rule { bbox, horizontal });
        }
        content.shapes = shapes.into_iter().map(|(bbox, rectangle)| Shape { bbox, rectangle, ink: Ink::Pattern }).collect();
        let flow: Vec<u32> = (0..content.words.len() as u32).collect();
        let mut seen = vec![false; content.words.len()];
        for table in find_tables(&content, Direction::Right, &[flow], &[]).tables {
            for word in table.words() {
                prop_assert!(!std::mem::replace(&mut seen[word as usize], true));
            }
            let (text, words, _) = super::written(&table, &content, Direction::Right, 1);
            prop_assert!(words.iter().all(|word| text.get(word.start as usize..word.end as usize).is_some()));
        }
    }
}
