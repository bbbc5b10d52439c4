//! Cutting a passage into sentences: byte ranges, trimmed, in order.
//!
//! Rules over the characters around a full stop, with the abbreviations of scholarly and
//! commercial English and the commonest of German and French. Lines of lists and tables
//! are sentences of their own.

use std::ops::Range;

/// Abbreviations that are always followed by more of the sentence.
const OPEN: &str = "e.g i.e cf vs fig figs eq eqs ref refs sec sect tab ch chap vol vols no nos pp p art para dr mr mrs \
    ms prof st mt gen col sgt capt rev hon approx ca resp viz dept est incl excl max min z.b bzw vgl abb nr s ggf d.h u.a \
    usw mme mlle ed eds trans jan feb mar apr jun jul aug sep sept oct nov dec";
/// Abbreviations that may also end a sentence: what follows decides.
const EITHER: &str = "al inc corp ltd co llc plc bros etc u.s u.k e.u u.n ph.d m.d b.sc m.sc a.m p.m jr sr";
/// Words that begin sentences far more often than they follow an abbreviation.
const STARTERS: &str = "the a an in we this these those it its they he she our there however for as at on to after \
    although when while if by from with such both each one all our their results moreover furthermore";
/// A sentence longer than this is cut at a semicolon or a space, in bytes.
const LONGEST: usize = 1200;

/// The sentences of a text.
pub(super) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for block in blocks(text) {
        cut(text, block, &mut out);
    }
    out
}

/// Lines, joined where one goes on in the next.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        if line.trim().is_empty() {
            // An empty block keeps what is around it apart.
            blocks.push(range.start..range.start);
            continue;
        }
        match blocks.last_mut() {
            Some(last) if goes_on(&text[last.clone()], line) => last.end = range.end,
            _ => blocks.push(range),
        }
    }
    blocks
}

/// Whether a line continues the text before it: that has not ended, and this begins in lower case.
fn goes_on(before: &str, line: &str) -> bool {
    let before = before.trim_end();
    let first = line.trim_start().chars().next();
    !before.is_empty()
        && !before.ends_with(['.', '!', '?', ':', ';', '。', '؟'])
        && before.len() > 40
        && first.is_some_and(char::is_lowercase)
}

fn cut(text: &str, block: Range<usize>, out: &mut Vec<Range<usize>>) {
    let mut start = block.start;
    let mut characters = text[block.clone()].char_indices().peekable();
    while let Some((offset, character)) = characters.next() {
        if !matches!(character, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '۔') {
            continue;
        }
        // Closing marks belong to the sentence.
        let mut end = block.start + offset + character.len_utf8();
        while let Some((_, mark)) =
            characters.next_if(|(_, c)| matches!(c, '.' | '!' | '?' | '"' | '\'' | '”' | '’' | '»' | ')' | ']'))
        {
            end += mark.len_utf8();
        }
        if ends(&text[start..block.start + offset], character, &text[end..block.end]) {
            push(text, start..end, out);
            start = end;
        }
    }
    push(text, start..block.end, out);
}

/// Whether a sentence ends at a mark, by what stands before and after it.
fn ends(before: &str, mark: char, after: &str) -> bool {
    if matches!(mark, '。' | '！' | '？') {
        return true;
    }
    if !after.starts_with(char::is_whitespace) {
        return after.is_empty();
    }
    let next = after.trim_start();
    let Some(first) = next.chars().next() else { return true };
    if first.is_lowercase() {
        return false;
    }
    if mark != '.' {
        return true;
    }
    let last = before.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[')).next().unwrap_or("");
    let word = last.to_lowercase();
    let listed = |list: &str| list.split_whitespace().any(|entry| entry == word);
    let next_word = next.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("").to_lowercase();
    let next_starts = STARTERS.split_whitespace().any(|starter| starter == next_word);
    let is_initial = last.chars().count() == 1 && last.chars().all(char::is_uppercase);
    // `No. 5` and `Fig. 3` go on; `in May. 12 people` does not occur.
    if listed(OPEN) {
        return false;
    }
    if listed(EITHER) || is_initial {
        return next_starts;
    }
    // `3. Results` at the start of a line is the number of a heading.
    let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    !(is_number && before.trim() == last && before.trim().len() <= 4)
}

fn push(text: &str, range: Range<usize>, out: &mut Vec<Range<usize>>) {
    let inside = &text[range.clone()];
    let start = range.start + (inside.len() - inside.trim_start().len());
    let end = range.start + inside.trim_end().len();
    let mut start = start;
    while start < end {
        let stop = if end - start <= LONGEST { end } else { breaking_place(text, start) };
        out.push(start..stop);
        start = stop + (text[stop..end].len() - text[stop..end].trim_start().len());
    }
}

/// Where to break a sentence that is too long.
fn breaking_place(text: &str, start: usize) -> usize {
    let mut limit = start + LONGEST;
    while !text.is_char_boundary(limit) {
        limit -= 1;
    }
    let window = &text[start..limit];
    let place = window.rfind("; ").map(|at| at + 1).or_else(|| window.rfind(char::is_whitespace));
    place.filter(|at| *at > 0).map_or(limit, |at| start + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn plain_sentences() {
        assert_eq!(cut("One two. Three four! Five?"), ["One two.", "Three four!", "Five?"]);
        assert_eq!(cut("He said \"stop.\" Then he left."), ["He said \"stop.\"", "Then he left."]);
    }

    #[test]
    fn abbreviations_and_numbers_do_not_end_a_sentence() {
        let text = "As Smith et al. (2019) showed in Fig. 3, the value is 3.14 mm, e.g. in the U.S. market. It fell.";
        assert_eq!(cut(text).len(), 2);
        assert_eq!(cut("J. Smith of Acme Inc. Boston wrote it. The rest did not.").len(), 2);
        assert_eq!(cut("It was sold by Acme Inc. The price fell."), ["It was sold by Acme Inc.", "The price fell."]);
        assert_eq!(cut("3. Results of the trial"), ["3. Results of the trial"]);
    }

    #[test]
    fn lines_of_tables_stand_alone_and_paragraphs_go_on() {
        assert_eq!(cut("Net sales 177,866\nOperating income 4,106"), ["Net sales 177,866", "Operating income 4,106"]);
        let text = "The quick brown fox jumps over the lazy dog and\nthen it sleeps. It is late.";
        assert_eq!(cut(text), ["The quick brown fox jumps over the lazy dog and\nthen it sleeps.", "It is late."]);
    }

    #[test]
    fn other_scripts_end_too() {
        assert_eq!(cut("これは本です。それは水です。"), ["これは本です。", "それは水です。"]);
        assert_eq!(cut("ما هذا؟ هذا كتاب."), ["ما هذا؟", "هذا كتاب."]);
    }

    proptest! {
        #[test]
        fn ranges_are_in_order_and_lose_no_word(text in "[a-zA-Z.!?\"' \n;0-9é。]{0,200}") {
            let ranges = sentences(&text);
            let mut at = 0;
            for range in &ranges {
                prop_assert!(range.start >= at && range.start < range.end);
                prop_assert!(text[at..range.start].trim().is_empty());
                at = range.end;
            }
            prop_assert!(text[at..].trim().is_empty());
        }

        #[test]
        fn nothing_panics(text in any::<String>()) {
            let _ = sentences(&text);
        }
    }

    #[test]
    fn endless_sentences_are_broken() {
        let text = "word ".repeat(2000);
        assert!(sentences(&text).iter().all(|range| range.len() <= LONGEST));
    }
}
