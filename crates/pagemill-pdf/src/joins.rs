//! Paragraphs that go on in the next column or on the next page.

use pagemill_core::BlockKind;

use crate::compounds::Compounds;
use crate::layout::{Draft, append, ends_sentence, is_broken};

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

/// Whether a block stands beside the running text, which goes on past it.
fn is_aside(draft: &Draft) -> bool {
    matches!(
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
    matches!(draft.kind, BlockKind::Paragraph | BlockKind::ListItem)
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
    if mid_sentence {
        let opens = first.is_lowercase() || first.is_ascii_digit() || matches!(first, '(' | '[' | '“' | '"' | '‘');
        return opens || !after.indented || !habits.indents;
    }
    if first.is_lowercase() {
        return before.full || !after.indented;
    }
    habits.indents && before.full && !after.indented && before.lines > 1 && after.lines > 1
}
