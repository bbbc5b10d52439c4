//! What stands at the edges of pages: heads, feet, numbers of lines, notes in the margin.
use super::*;

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
fn the_last_row_of_a_table_with_a_date_is_no_foot() {
    let rows: String = (0..9_u8)
        .map(|row| {
            let y = 220.0 - 22.0 * f32::from(row);
            line(60.0, y, 10.0, &format!("0{}/02/2026", row + 1))
                + &line(160.0, y, 10.0, "Water Utility")
                + &line(440.0, y, 10.0, "-$75.00")
                + &line(500.0, y, 10.0, "$5,820.00")
        })
        .collect();
    let page = lines(60.0, 700.0, &LEFT) + &rows;
    let kinds: Vec<&str> = read(&[page])[0].blocks.iter().map(|block| block.kind.as_str()).collect();
    assert_eq!(kinds, ["paragraph", "table"]);
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
fn notes_with_numbers_that_follow_each_other_are_notes_of_their_own() {
    let page = lines(60.0, 700.0, &LEFT)
        + &lines(60.0, 640.0, &RIGHT)
        + &line(70.0, 80.0, 8.0, "7http://rivers.example.org/")
        + &line(70.0, 70.0, 8.0, "8https://example.com/bridges/")
        + &line(60.0, 60.0, 8.0, "of-the-north");
    let told = told(&read(&[page])[0]);
    assert_eq!(
        told[1..],
        ["footnote: 7http://rivers.example.org/", "footnote: 8https://example.com/bridges/of-the-north"]
    );
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
