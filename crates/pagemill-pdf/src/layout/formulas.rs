//! Displayed formulas: their limits, fractions and lines are pieces of one block.

use pagemill_core::BlockKind;

use super::draft::{Draft, adjoin};

/// Pieces of a formula are so close to each other, in ems.
const NEAR: f32 = 0.6;
/// A piece has at most so many bytes and lines.
const PIECE: usize = 250;
const LINES: usize = 6;
/// A piece beside pieces has this share of characters in mathematical faces; beside a formula, a sign is enough.
const MATH: f32 = 0.2;
/// Words of so many letters are of a language.
const WORD: usize = 4;

/// What formulas are made of beside letters and digits.
pub(super) fn has_sign(text: &str) -> bool {
    let sign = |c: char| matches!(c, '=' | '<' | '>' | '+' | '−' | '×' | '∑' | '∫' | '√' | '≤' | '≥' | '≈' | '∈' | '→');
    text.contains(sign)
}

/// Puts the pieces of formulas together. A run of pieces with a sign of mathematics in it is a formula.
pub(super) fn join(body: &mut Vec<Draft>) {
    let mut at = 0;
    while at < body.len() {
        if !is_piece(&body[at]) {
            at += 1;
            continue;
        }
        while at + 1 < body.len() && is_piece(&body[at + 1]) && belong(&body[at], &body[at + 1]) {
            let rest = body.remove(at + 1);
            let draft = &mut body[at];
            draft.bbox = draft.bbox.union(&rest.bbox);
            draft.frame = draft.frame.union(&rest.frame);
            draft.math = draft.math.max(rest.math);
            if rest.kind == BlockKind::Formula || has_sign(&rest.text) || has_sign(&draft.text) {
                draft.kind = BlockKind::Formula;
                draft.level = None;
            }
            adjoin(draft, rest);
        }
        at += 1;
    }
}

/// Whether a block may be a piece of a formula: one, or a few signs and names of quantities.
fn is_piece(draft: &Draft) -> bool {
    if draft.text.len() > PIECE || draft.lines > LINES {
        return false;
    }
    match draft.kind {
        BlockKind::Formula => true,
        BlockKind::Paragraph | BlockKind::ListItem => {
            (draft.math > MATH || has_sign(&draft.text)) && !has_prose(&draft.text)
        }
        _ => false,
    }
}

/// Whether several words of a language follow each other.
fn has_prose(text: &str) -> bool {
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.chars().count() >= WORD && word.chars().all(char::is_alphabetic)
    };
    let mut before = false;
    text.split(' ').any(|word| std::mem::replace(&mut before, is_word(word)) && before)
}

/// Whether a piece stands beside, right above or right below the other, or within its lines.
fn belong(formula: &Draft, piece: &Draft) -> bool {
    let em = formula.size.max(piece.size).max(1.0);
    let (a, b) = (&formula.frame, &piece.frame);
    let apart = (b.y0 - a.y1).max(a.y0 - b.y1);
    let level = a.vertical_overlap(b) > 0.3 * a.height().min(b.height());
    let across = a.horizontal_overlap(b) > 0.0;
    let sure = |draft: &Draft| draft.kind == BlockKind::Formula;
    let both_math = formula.math > MATH && piece.math > MATH;
    (sure(formula) || sure(piece) || both_math)
        && apart < NEAR * em
        && if formula.flow == piece.flow { level || across } else { level && across }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::test_pdf::{line, lines, pdf_of, read};

    /// Text at a place in the face of mathematics.
    fn math(x: f32, y: f32, size: f32, text: &str) -> String {
        line(x, y, size, text).replace("/F1", "/F2")
    }

    /// A font of one width, by which its glyphs are known.
    fn font(name: &str, width: u16) -> String {
        let widths = vec![width.to_string(); 95].join(" ");
        format!("<</Type /Font /Subtype /Type1 /BaseFont /{name} /FirstChar 32 /LastChar 126 /Widths [{widths}]>>")
    }

    fn told(content: &str) -> String {
        let objects = [
            "<</Type /Catalog /Pages 2 0 R>>".to_owned(),
            "<</Type /Pages /Kids [3 0 R] /Count 1>>".to_owned(),
            "<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources <</Font <</F1 5 0 R /F2 6 0 R>>>> \
             /Contents 4 0 R>>"
                .to_owned(),
            format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()),
            font("Courier", 600),
            font("CMMI10", 500),
        ];
        let pages = read(pdf_of(&objects, ""), 1..=1);
        let block = |block: &pagemill_core::Block| format!("{}: {}", block.kind.as_str(), block.text);
        pages[0].blocks.iter().map(block).collect::<Vec<_>>().join("\n")
    }

    const TEXT: [&str; 3] = [
        "The level of the river follows from the rain of the days",
        "before it, each of them weighed by how long ago it was, so",
        "that what fell last counts for most of what is measured.",
    ];

    #[test]
    fn a_displayed_formula_is_one_block() {
        let content = lines(60.0, 700.0, &TEXT)
            + &math(150.0, 640.0, 10.0, "h = a")
            + &math(185.0, 647.0, 10.0, "r + s")
            + &math(188.0, 633.0, 10.0, "2 d")
            + "184 643 m 214 643 l S\n"
            + &math(150.0, 620.0, 10.0, "w = b + c")
            + &line(480.0, 640.0, 10.0, "(1)")
            + &lines(60.0, 590.0, &TEXT);
        assert_snapshot!(told(&content), @"
        paragraph: The level of the river follows from the rain of the days before it, each of them weighed by how long ago it was, so that what fell last counts for most of what is measured.
        formula: r + s h = a (1) 2 d w = b + c
        paragraph: The level of the river follows from the rain of the days before it, each of them weighed by how long ago it was, so that what fell last counts for most of what is measured.
        ");
    }

    #[test]
    fn text_with_a_formula_in_it_stays_text() {
        let content = lines(60.0, 700.0, &TEXT)
            + &math(60.0, 652.0, 10.0, "a = b")
            + &line(92.0, 652.0, 10.0, "holds for every one of the days of the year")
            + &lines(60.0, 640.0, &TEXT);
        assert_snapshot!(told(&content), @"
        paragraph: The level of the river follows from the rain of the days before it, each of them weighed by how long ago it was, so that what fell last counts for most of what is measured.
        paragraph: a = b holds for every one of the days of the year The level of the river follows from the rain of the days before it, each of them weighed by how long ago it was, so that what fell last counts for most of what is measured.
        ");
    }
}
