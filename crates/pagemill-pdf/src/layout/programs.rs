//! Programs between rules: a title, and steps with remarks beside them.

use pagemill_core::{BlockKind, Rect};

use super::lines::Line;
use super::paragraphs::Flow;
use super::{Draft, Prepared};
use crate::fonts::Faces;

impl Prepared {
    /// Takes the lines of a program out of others: its title is a caption, and each line of it a block of its own, an
    /// item where lines are numbered.
    pub(super) fn program(&self, area: &Rect, lines: &mut Vec<Line>, faces: &Faces) -> Vec<Draft> {
        let mut pieces: Vec<Line> = lines.extract_if(.., |line| area.holds_middle_of(&line.frame, 0.0)).collect();
        pieces.sort_by(|a, b| a.base.total_cmp(&b.base));
        let flow = Flow::new(pieces, f32::MAX, &self.content, faces);
        let numbered = |line: &&Line| is_number_of_line(line.first_word(&self.content));
        let are_numbered = flow.lines.iter().filter(numbered).count() * 2 > flow.lines.len();
        let mut out: Vec<Draft> = Vec::new();
        let mut begin = 0;
        for at in 1..=flow.lines.len() {
            // What has no number goes on with the line above.
            let goes_on = are_numbered && begin > 0 && flow.lines.get(at).is_some_and(|line| !numbered(&line));
            if goes_on {
                continue;
            }
            let kind = if begin == 0 {
                BlockKind::Caption
            } else if are_numbered {
                BlockKind::ListItem
            } else {
                BlockKind::Paragraph
            };
            let mut draft = self.draft(kind, &flow.lines[begin..at], Some(&flow), usize::MAX);
            draft.level = (kind == BlockKind::ListItem).then_some(1);
            draft.aside = true;
            out.push(draft);
            begin = at;
        }
        out
    }
}

/// Whether a word is the number of a line: `12`, `12:` or `12.`.
fn is_number_of_line(word: &str) -> bool {
    let digits = word.trim_end_matches([':', '.', ')']);
    (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}
