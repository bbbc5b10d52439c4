//! Tables with few rules, drawn in the test: what is between their rules may look like text.

use pagemill_core::{Block, BlockKind};

use super::tests::{MANY_LINES, blocks, line, rows_of_many_lines, table, texts};

/// Rules from side to side.
fn rules(x0: f32, x1: f32, heights: &[f32]) -> String {
    heights.iter().map(|y| line(x0, *y, x1, *y)).collect()
}

fn tables(content: &str) -> Vec<String> {
    let is_table = |block: &Block| block.kind == BlockKind::Table;
    blocks(content).into_iter().filter(is_table).map(|block| block.text).collect()
}

/// Rows 12 points apart from `top` on, each as its pieces.
fn rows(top: f32, places: &[f32], rows: &[&[&str]]) -> String {
    let row = |(cells, at): (&&[&str], u8)| -> String {
        let pieces = places.iter().zip(*cells).filter(|(_, text)| !text.is_empty());
        texts(&pieces.map(|(x, text)| (*x, top - 12.0 * f32::from(at), *text)).collect::<Vec<_>>())
    };
    rows.iter().zip(0_u8..).map(row).collect()
}

#[test]
fn text_in_columns_above_a_table_is_not_where_it_begins() {
    let text: [&[&str]; 4] = [
        &["the seed is kept", "in the loft over", "the stable, and it", "is sown there"],
        &["as soon as the", "ground is dry; in", "the other fields of", "the same farm"],
        &["it is kept in sacks", "of hemp that hang", "on the wall, so that", "no mouse comes"],
        &["near before spring", "is over and the last", "of the snow is gone", "from the hills"],
    ];
    let mut page = rows(700.0, &[60.0, 160.0, 300.0, 410.0], &text);
    page += &rules(58.0, 470.0, &[646.0, 628.0]);
    page += &rows(634.0, &[60.0, 130.0, 200.0, 340.0, 400.0], &[&["Plant", "Place", "What is done", "Rows", "Days"]]);
    page += &rows_of_many_lines(618.0);
    assert_eq!(tables(&page), [format!("Plant\tPlace\tWhat is done\tRows\tDays\n{MANY_LINES}")]);
}

const TASKS: [&[&str]; 7] = [
    &["Sowing", "Seed is thrown by hand from a sack that hangs on the shoulder,"],
    &["", "row after row, as soon as the ground is dry"],
    &["Mowing", "Grass is cut before noon while it is still wet with dew, dried for"],
    &["", "two days, turned and brought in before the next rain falls, for hay"],
    &["", "that was wet once is no good"],
    &["Threshing", "Sheaves are beaten on the floor of the barn with flails until no"],
    &["", "grain is left in them"],
];
const TOLD: &str = "Task\tHow it is done\n\
    Sowing\tSeed is thrown by hand from a sack that hangs on the shoulder, row after row, as soon as the ground is dry\n\
    Mowing\tGrass is cut before noon while it is still wet with dew, dried for two days, turned and brought in before the \
    next rain falls, for hay that was wet once is no good\n\
    Threshing\tSheaves are beaten on the floor of the barn with flails until no grain is left in them";

fn tasks(x: f32) -> String {
    let mut page = rules(100.0, 462.0, &[700.0, 682.0, 588.0]);
    page += &rows(687.0, &[102.0, 170.0], &[&["Task", "How it is done"]]);
    page + &rows(670.0, &[x, 170.0], &TASKS)
}

#[test]
fn sentences_beside_names_between_rules_are_cells() {
    assert_eq!(table(&tasks(102.0)).text, TOLD);
}

#[test]
fn steps_with_remarks_below_their_title_are_no_table() {
    let steps =
        tasks(102.0).replace("(Task)", "(What is done on the farm, step by step)").replace("(How it is done)", "()");
    assert!(tables(&steps).is_empty());
}

#[test]
fn text_that_runs_into_the_place_between_rules_is_no_cell() {
    let running = tasks(102.0).replace("(Mowing)", "(where)").replace("(Sowing)", "(And)");
    let running = running + &rows(670.0, &[45.0], &[&["It is told:"], &[""], &["It is known"]]);
    assert!(tables(&running).iter().all(|text| !text.contains("Threshing")));
}

#[test]
fn a_title_or_a_heading_between_rules_ends_the_table() {
    let part = |top: f32, head: &str| {
        rules(100.0, 300.0, &[top, top - 18.0, top - 58.0])
            + &rows(top - 13.0, &[102.0, 220.0], &[&[head, "Days"]])
            + &rows(top - 30.0, &[102.0, 220.0], &[&["Oats", "30"], &["Rye", "14"], &["Peas", "21"]])
    };
    let expected = |head: &str| format!("{head}\tDays\nOats\t30\nRye\t14\nPeas\t21");
    let titled = part(700.0, "Field") + &texts(&[(120.0, 622.0, "Table 2. What is sown")]) + &part(608.0, "Garden");
    assert_eq!(tables(&titled), [expected("Field"), expected("Garden")]);
    let heading = texts(&[(102.0, 622.0, "Gardens")]).replace("/F1 10", "/F1 14");
    assert_eq!(
        tables(&(part(700.0, "Field") + &heading + &part(608.0, "Garden"))),
        [expected("Field"), expected("Garden")]
    );
}

#[test]
fn a_table_is_kept_where_text_in_its_columns_is_none() {
    let mut page = rules(100.0, 462.0, &[730.0, 712.0, 672.0, 440.0]);
    page += &rows(717.0, &[102.0, 170.0], &[&["Field", "Days"]]);
    page += &rows(700.0, &[102.0, 170.0], &[&["Oats", "30"], &["Rye", "14"], &["Peas", "21"]]);
    let long = ["", "the seed is kept in the loft over the stable and it is sown there in spring"];
    page += &rows(660.0, &[102.0, 170.0], &[&["Text", long[1]]]);
    page += &rows(648.0, &[102.0, 170.0], &[long.as_slice(); 16]);
    let tables = tables(&page);
    assert_eq!(tables.len(), 1, "{tables:#?}");
    assert!(tables[0].starts_with("Field\tDays\nOats\t30\nRye\t14\nPeas\t21"), "{tables:#?}");
}

#[test]
fn labels_that_come_last_are_the_rest_of_labels() {
    let cells: [&[&str]; 8] = [
        &["I can use at once", "0", "5", "19"],
        &["what I learned in"],
        &["these two days"],
        &["The barn was warm", "2", "4", "13"],
        &["and easy to find"],
        &["The bread was good", "1", "0", "24"],
        &["and there was enough"],
        &["for all of us"],
    ];
    let mut page = rules(100.0, 400.0, &[700.0, 682.0, 578.0]);
    page += &rows(687.0, &[220.0, 280.0, 340.0], &[&["No", "Half", "Yes"]]);
    page += &rows(670.0, &[102.0, 220.0, 280.0, 340.0], &cells);
    let expected = "\tNo\tHalf\tYes\nI can use at once what I learned in these two days\t0\t5\t19\n\
        The barn was warm and easy to find\t2\t4\t13\nThe bread was good and there was enough for all of us\t1\t0\t24";
    assert_eq!(table(&page).text, expected);
}

#[test]
fn heads_between_rules_tell_a_table_without_numbers_that_goes_on() {
    let places = [60.0, 130.0, 230.0, 360.0, 450.0];
    let cells: [&[&str]; 10] = [
        &["oats", "Grain of the hill", "Fed to the horses of", "Miller, year", "stable"],
        &["", "farms", "the post road", "1809."],
        &["rye", "Grain of the plain", "Baked into flat bread", "Miller, year", "stable"],
        &["", "towns", "for the winter", "1811."],
        &["peas", "Garden plant", "Dried on the roof of", "Weaver, year", "open"],
        &["", "of monks", "the mill", "1790."],
        &["hops", "Wall plant", "Put into beer against", "Weaver, year", "open"],
        &["", "of brewers", "its going sour", "1795."],
        &["flax", "Field plant", "Spun and woven into", "Smith, year", "open"],
        &["", "of weavers", "sheets and sails", "1820."],
    ];
    let mut page = rules(58.0, 500.0, &[700.0, 682.0]);
    page += &rows(687.0, &places, &[&["Name", "What it is", "What it is for", "Told by", "State"]]);
    page += &rows(670.0, &places, &cells);
    let text = table(&page).text;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert_eq!(
        lines[1],
        "oats\tGrain of the hill farms\tFed to the horses of the post road\tMiller, year 1809.\tstable"
    );
}

/// The frame of a row and the rules between its cells.
fn frame(top: f32, bottom: f32, places: &[f32]) -> String {
    let sides = places.iter().map(|x| line(*x, bottom, *x, top));
    rules(places[0], places[places.len() - 1], &[top, bottom]) + &sides.collect::<String>()
}

#[test]
fn heads_over_a_strip_of_white_belong_to_the_rows_and_bullets_to_their_text() {
    let sides = [100.0, 180.0, 320.0, 460.0];
    let mut page = frame(700.0, 682.0, &sides);
    page += &rows(687.0, &[104.0, 190.0, 330.0], &[&["Setting", "Choice", "What it does"]]);
    for (top, name) in [(674.0, "Alarm"), (644.0, "Light"), (614.0, "Door")] {
        page += &frame(top, top - 30.0, &sides);
        page += &rows(
            top - 12.0,
            &[104.0, 190.0, 205.0, 330.0],
            &[&[name, "*", "off", "Tells when it is"], &["", "*", "on", "too late"]],
        );
    }
    let choice = |name: &str| format!("\n{name}\t* off * on\tTells when it is too late");
    let expected = format!("Setting\tChoice\tWhat it does{}{}{}", choice("Alarm"), choice("Light"), choice("Door"));
    assert_eq!(table(&page).text, expected);
}

#[test]
fn a_program_below_its_title_is_steps_and_no_table() {
    let mut page = rules(100.0, 400.0, &[700.0, 682.0, 620.0]);
    page += &rows(687.0, &[102.0], &[&["Algorithm 2 Mow the fields \\(F, n\\)"]]);
    let steps: [&[&str]; 4] = [
        &["1: wait for the sun", "// no dew is left"],
        &["2: for field in F do"],
        &["3: mow n rows", "// from the west"],
        &["4: end for"],
    ];
    page += &rows(670.0, &[106.0, 260.0], &steps);
    let told: Vec<(BlockKind, String)> = blocks(&page).into_iter().map(|block| (block.kind, block.text)).collect();
    let item = |text: &str| (BlockKind::ListItem, text.to_owned());
    let expected = [
        (BlockKind::Caption, "Algorithm 2 Mow the fields (F, n)".to_owned()),
        item("1: wait for the sun // no dew is left"),
        item("2: for field in F do"),
        item("3: mow n rows // from the west"),
        item("4: end for"),
    ];
    assert_eq!(told, expected);
    let compared =
        page.replace("Algorithm 2 Mow the fields \\(F, n\\)", "Algorithm").replace("(// no", "(12) Tj 60 0 Td (no");
    assert!(blocks(&compared).iter().all(|block| block.kind != BlockKind::Caption));
}

#[test]
fn a_row_has_its_values_on_its_first_line_and_names_below() {
    let places = [102.0, 130.0, 250.0, 330.0, 400.0];
    let row = |(at, cells): (u8, &[&str; 5])| {
        let top = 640.0 - 60.0 * f32::from(at);
        let rest = if at == 1 { "on the hill, with a discount of 12" } else { "on the hill" };
        rules(100.0, 440.0, &[top + 12.0])
            + &rows(top, &places, &[cells.as_slice()])
            + &rows(top - 14.0, &[130.0], &[&["sold by the sack"], &["from the mill"], &[rest]])
    };
    let cells = [
        ["1", "Oats", "1,20", "40", "48,00"],
        ["2", "Rye", "1,10", "20", "22,00"],
        ["3", "Peas", "3,00", "10", "30,00"],
        ["4", "Hops", "2,00", "10", "20,00"],
    ];
    let mut page: String = (0_u8..).zip(&cells).map(row).collect();
    page += &rules(100.0, 440.0, &[412.0]);
    page +=
        &rows(401.0, &[102.0, 300.0], &[&["The mill on the hill", "Open at noon"], &["Long Street", "Closed in May"]]);
    let tables = tables(&page);
    let lines: Vec<&str> = tables[0].lines().collect();
    let sold = "sold by the sack from the mill on the hill";
    assert_eq!(lines[0], format!("1\tOats {sold}\t1,20\t40\t48,00"));
    // One line that runs into the next column does not mix the values of its row.
    assert!(lines[1].ends_with("\t1,10 of 12\t20\t22,00"), "{lines:#?}");
    assert_eq!(lines[3..], [format!("4\tHops {sold}\t2,00\t10\t20,00")]);
}

#[test]
fn marks_alone_in_their_cells_are_values() {
    let mut page = rules(100.0, 400.0, &[700.0, 682.0, 622.0]);
    page += &rows(687.0, &[220.0, 280.0, 340.0], &[&["May", "June", "July"]]);
    let cells: [&[&str]; 4] =
        [&["Oats", "+", "-", "-"], &["Rye", "+", "+", "-"], &["Peas", "+", "+", "+"], &["Hops", "-", "+", "+"]];
    page += &rows(670.0, &[102.0, 228.0, 290.0, 350.0], &cells);
    let expected = "\tMay\tJune\tJuly\nOats\t+\t-\t-\nRye\t+\t+\t-\nPeas\t+\t+\t+\nHops\t-\t+\t+";
    assert_eq!(table(&page).text, expected);
    let sums = page.replace("(+)", "(+ + =)").replace("(-)", "(= - +)");
    assert!(tables(&sums).is_empty(), "signs in a row are a formula");
}

#[test]
fn a_unit_in_brackets_belongs_to_the_head_above_it() {
    let mut page = rules(100.0, 400.0, &[700.0, 672.0, 622.0]);
    page += &rows(690.0, &[102.0, 220.0, 340.0], &[&["Name of", "Grown", "Weight"], &["the plant", "(%)", "(kg)"]])
        .replace("((%))", "(\\(%\\))")
        .replace("((kg))", "(\\(kg\\))");
    page +=
        &rows(660.0, &[102.0, 220.0, 340.0], &[&["Oats", "40", "210"], &["Rye", "35", "180"], &["Peas", "25", "90"]]);
    let expected = "Name of the plant\tGrown (%)\tWeight (kg)\nOats\t40\t210\nRye\t35\t180\nPeas\t25\t90";
    assert_eq!(table(&page).text, expected);
}

#[test]
fn heads_of_different_heights_stand_side_by_side() {
    let mut page = rules(100.0, 400.0, &[700.0, 660.0, 580.0]);
    page += &texts(&[
        (102.0, 684.0, "Field"),
        (102.0, 672.0, "name"),
        (200.0, 678.0, "Oats"),
        (270.0, 690.0, "Rye"),
        (270.0, 678.0, "and"),
        (270.0, 666.0, "wheat"),
        (340.0, 684.0, "Peas"),
        (340.0, 672.0, "[t]"),
    ]);
    let cells: [&[&str]; 5] = [
        &["North", "12", "7", "3"],
        &["South", "14", "9", "2"],
        &["East", "8", "5", "1"],
        &["West", "6", "4", "2"],
        &["Hill", "3", "2", "1"],
    ];
    page += &rows(646.0, &[102.0, 200.0, 270.0, 340.0], &cells);
    let expected = "Field name\tOats\tRye and wheat\tPeas [t]\nNorth\t12\t7\t3\nSouth\t14\t9\t2\nEast\t8\t5\t1\n\
        West\t6\t4\t2\nHill\t3\t2\t1";
    assert_eq!(table(&page).text, expected);
}

#[test]
fn a_rule_from_edge_to_edge_is_of_the_sheet() {
    let mut page = rules(0.0, 612.0, &[700.0]);
    page += &rows(640.0, &[60.0], &[&["What the farm sells"], &["and what it costs"]]);
    page += &rules(58.0, 560.0, &[600.0, 582.0, 530.0]);
    page += &rows(587.0, &[60.0, 300.0, 480.0], &[&["Plant", "Sacks", "Price"]]);
    page += &rows(570.0, &[60.0, 300.0, 480.0], &[&["Oats", "12", "40"], &["Rye", "9", "35"], &["Peas", "4", "60"]]);
    assert_eq!(tables(&page), ["Plant\tSacks\tPrice\nOats\t12\t40\nRye\t9\t35\nPeas\t4\t60"]);
}

#[test]
fn heads_over_crossing_rules_begin_at_the_rule_over_them() {
    let mut page = rules(100.0, 400.0, &[700.0, 664.0, 620.0]);
    page += &line(200.0, 684.0, 200.0, 620.0);
    page += &line(300.0, 684.0, 300.0, 620.0);
    page += &rows(688.0, &[104.0, 220.0, 320.0], &[&["Plant", "Spring", "Autumn"]]);
    page += &rows(670.0, &[220.0, 320.0], &[&["sacks", "sacks"]]);
    page += &rows(652.0, &[104.0, 220.0, 320.0], &[&["Oats", "12", "40"], &["Rye", "9", "35"], &["Peas", "4", "60"]]);
    assert_eq!(table(&page).text, "Plant\tSpring sacks\tAutumn sacks\nOats\t12\t40\nRye\t9\t35\nPeas\t4\t60");
    let titled = page.replace("(Spring)", "(1 What is)").replace("(Plant)", "(Table)").replace("(Autumn)", "(grown)");
    assert!(table(&titled).text.starts_with("\tsacks"), "{}", table(&titled).text);
}
