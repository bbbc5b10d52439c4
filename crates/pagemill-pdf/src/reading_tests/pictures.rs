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
fn what_a_slide_says_on_its_picture_is_its_text() {
    let page = picture(50, 200, 500, 400)
        + &line(100.0, 500.0, 24.0, "A pump for small stations")
        + &line(100.0, 450.0, 14.0, "Presented in Oslo")
        + &line(500.0, 20.0, 8.0, "Spring meeting");
    let told = told(&read(&[page])[0]).join("\n");
    assert!(told.contains("A pump for small stations") && told.contains("Presented in Oslo"), "{told}");
}
