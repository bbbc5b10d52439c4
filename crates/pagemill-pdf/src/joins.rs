//! Paragraphs that go on in the next column or on the next page.

use pagemill_core::BlockKind;

use crate::compounds::Compounds;
use crate::layout::{Draft, append, ends_sentence, is_broken};

/// What a piece of a sentence may begin with, beside a small letter.
const OPENING: [char; 5] = ['(', '[', '“', '"', '‘'];
/// A column of running text has at least so many lines.
const BODY_LINES: usize = 4;
/// An item of a list with fewer bytes needs no full stop to be at its end.
const SHORT_ITEM: usize = 45;
/// Lines of running text are filled at least so far, where a letter is so many times its size wide.
const FILLED: f32 = 0.5;
const LETTER: f32 = 0.45;

/// How paragraphs are told apart in a document.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    /// Whether first lines of paragraphs begin further in.
    pub(crate) indents: bool,
}

impl Habits {
    /// The habits seen in these pages.
    pub(crate) fn of<'d>(pages: impl IntoIterator<Item = &'d [Draft]>) -> Self {
        let (mut all, mut indented) = (0_u32, 0_u32);
        for page in pages {
            for pair in page.windows(2) {
                let close = pair[1].kind == BlockKind::Paragraph
                    && pair[0].kind == BlockKind::Paragraph
                    && pair[0].flow == pair[1].flow
                    && pair[1].lines > 2
                    && pair[1].space_above < 0.3;
                if close {
                    all += 1;
                    indented += u32::from(pair[1].indented);
                }
            }
        }
        Self { indents: indented >= 3 && indented * 10 > all * 6 }
    }
}

/// Joins paragraphs over column breaks and floats within a page.
pub(crate) fn join_within(page: &mut Vec<Draft>, habits: Habits, compounds: &Compounds) {
    let mut at = 0;
    while at < page.len() {
        if carries(&page[at])
            && let Some(next) = following(page, at + 1)
            && (page[next].flow != page[at].flow || next > at + 1)
            && goes_on(&page[at], &page[next], habits)
            && (opens_midway(&page[next]) || is_body(page, at) || [at, next].iter().all(|at| is_numbers(&page[*at])))
        {
            let rest = page.remove(next);
            append(&mut page[at], rest, compounds);
            continue;
        }
        at += 1;
    }
}

/// Joins the last paragraph of a page with the first running text on the pages after it,
/// past pages that hold nothing but tables and figures, where it goes on.
pub(crate) fn join_over<'d>(
    page: &mut [Draft],
    later: impl IntoIterator<Item = &'d mut Vec<Draft>>,
    habits: Habits,
    compounds: &Compounds,
) {
    let Some(last) = page.iter().rposition(|draft| !is_aside(draft)) else { return };
    if !carries(&page[last]) {
        return;
    }
    for next in later {
        if next.iter().all(is_aside) && !next.is_empty() {
            continue;
        }
        if let Some(first) = following(next, 0)
            && goes_on(&page[last], &next[first], habits)
        {
            let rest = next.remove(first);
            append(&mut page[last], rest, compounds);
        }
        return;
    }
}

/// Whether a block begins in the middle of a sentence, as its first letter tells.
fn opens_midway(draft: &Draft) -> bool {
    draft.text.chars().next().is_some_and(|first| first.is_lowercase() || OPENING.contains(&first))
}

/// Whether a block is numbers alone, as at the axes of a chart, which are better together than one by one.
fn is_numbers(draft: &Draft) -> bool {
    !draft.text.contains(char::is_alphabetic)
}

/// Whether the column of a block is one of running text, not of some words that stand by themselves, as in the
/// head of a letter or on a form: only such a column breaks off in the middle of a sentence.
fn is_body(page: &[Draft], at: usize) -> bool {
    let column = || page.iter().filter(|draft| draft.flow == page[at].flow && carries(draft));
    let lines = column().map(|draft| draft.lines).sum::<usize>();
    let left = column().map(|draft| draft.frame.x0).fold(f32::MAX, f32::min);
    let right = column().map(|draft| draft.frame.x1).fold(f32::MIN, f32::max);
    let filled: f32 = column().map(|draft| draft.text.chars().count() as f32 * LETTER * draft.size).sum();
    lines >= BODY_LINES && filled > FILLED * (right - left) * lines as f32
}

/// Whether a block stands beside the running text, which goes on past it.
fn is_aside(draft: &Draft) -> bool {
    draft.aside
        || matches!(
            draft.kind,
            BlockKind::Figure
                | BlockKind::Caption
                | BlockKind::Table
                | BlockKind::Footnote
                | BlockKind::Header
                | BlockKind::Footer
        )
}

fn carries(draft: &Draft) -> bool {
    !draft.aside && matches!(draft.kind, BlockKind::Paragraph | BlockKind::ListItem)
}

/// The first block from `from` on that is running text, if it is a paragraph.
fn following(page: &[Draft], from: usize) -> Option<usize> {
    let at = from + page.get(from..)?.iter().position(|draft| !is_aside(draft))?;
    (page[at].kind == BlockKind::Paragraph).then_some(at)
}

fn goes_on(before: &Draft, after: &Draft, habits: Habits) -> bool {
    let size = before.size.max(after.size);
    if (before.size - after.size).abs() > 0.06 * size || (before.bold - after.bold).abs() > 0.7 {
        return false;
    }
    let last = before.text.rsplit(' ').next().unwrap_or("");
    let Some(first) = after.text.chars().next() else { return false };
    if is_broken(last) {
        return first.is_alphabetic();
    }
    let mid_sentence = last.ends_with([',', ';']) || !ends_sentence(last);
    let is_short = before.kind == BlockKind::ListItem && before.lines == 1 && before.text.len() < SHORT_ITEM;
    if mid_sentence {
        let may_go_on = first.is_ascii_digit() || !after.indented || !habits.indents;
        return opens_midway(after) || (may_go_on && !is_short);
    }
    if first.is_lowercase() {
        return before.full || !after.indented;
    }
    habits.indents && before.full && !after.indented && before.lines > 1 && after.lines > 1
}
