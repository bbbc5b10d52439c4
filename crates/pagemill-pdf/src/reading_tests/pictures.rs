//! Text on, below and beside pictures and drawings, and text that cannot be seen.
use super::*;

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
fn a_table_with_strokes_by_hand_is_a_table() {
    let mut page = lines(60.0, 740.0, &LEFT);
    for row in 0..8_u8 {
        let y = 500.0 - 30.0 * f32::from(row);
        page += &line(70.0, y + 10.0, 10.0, &format!("Name of plan {row} in the papers here"));
        page += &line(310.0, y + 10.0, 10.0, &format!("The value {row} of it"));
        // A frame of thin boxes around each cell.
        for (x, width) in [(60.0, 240.0), (300.0, 200.0)] {
            page += &format!("{x} {y} {width} 0.5 re f {x} {} {width} 0.5 re f ", y + 30.0);
            page += &format!("{x} {y} 0.5 30 re f {} {y} 0.5 30 re f\n", x + width);
        }
    }
    for stroke in 0..5_u8 {
        let y = 480.0 - 30.0 * f32::from(stroke);
        page += &format!("310 {y} m 330 {} 350 {} 390 {y} c 380 {} l s\n", y + 12.0, y - 12.0, y + 9.0);
    }
    let kinds: Vec<String> = told(&read(&[page])[0]);
    assert!(
        kinds.iter().any(|block| block.starts_with("table: Name of plan 0 in the papers here\tThe value 0 of it")),
        "{kinds:?}"
    );
}

#[test]
fn the_caption_within_the_frame_of_a_figure_is_read() {
    // A frame with round corners.
    let frame = "60 300 m 500 300 l 505 300 510 305 510 310 c 510 550 l 505 555 500 560 490 560 c 60 560 l \
                 55 555 55 550 55 545 c 55 310 l 55 305 56 301 60 300 c s\n";
    let curves: String =
        (0..8_u16).map(|at| format!("{0} 400 m {0} 450 {1} 500 {1} 520 c S\n", 80 + 40 * at, 100 + 40 * at)).collect();
    let page = lines(60.0, 740.0, &LEFT)
        + frame
        + &curves
        + &line(90.0, 540.0, 7.0, "Levels")
        + &line(
            70.0,
            330.0,
            7.0,
            "Fig. 2 Levels of the river over the year, as the gauges beside the two bridges told them",
        )
        + &line(70.0, 320.0, 7.0, "in the spring. The gauge in the middle is the oldest of them.");
    let told = told(&read(&[page])[0]);
    let caption = told.iter().find(|block| block.starts_with("caption: Fig. 2 Levels"));
    assert!(caption.is_some_and(|caption| caption.ends_with("the oldest of them.")), "{told:?}");
    assert!(!told.iter().any(|block| block.ends_with(": Levels")), "{told:?}");
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
