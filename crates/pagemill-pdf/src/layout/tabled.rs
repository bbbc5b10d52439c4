//! Takes the tables of a page out of its lines.

use pagemill_core::{BlockKind, Rect};

use super::lines::{self, Line};
use super::{Draft, Prepared, flows};
use crate::content::{Direction, Sight};
use crate::fonts::Faces;
use crate::tables::{find_tables, written};

impl Prepared {
    /// The lines without the words of tables, their flows, and the tables from top to bottom.
    pub(super) fn part_tables(
        &self,
        lines: Vec<Line>,
        figures: &[Rect],
        faces: &Faces,
    ) -> (Vec<Line>, Vec<Vec<usize>>, Vec<Draft>) {
        let flows = flows::flows(&lines, figures);
        let words_of = |ids: &Vec<usize>| ids.iter().flat_map(|id| lines[*id].words.iter().copied()).collect();
        let by_flow: Vec<Vec<u32>> = flows.iter().map(words_of).collect();
        let found = find_tables(&self.content, self.direction, &by_flow, &self.slanted());
        if found.is_empty() {
            return (lines, flows, Vec::new());
        }
        let mut in_table = vec![false; self.content.words.len()];
        let mut tables = Vec::with_capacity(found.len());
        for table in &found {
            for word in table.words() {
                in_table[word as usize] = true;
            }
            let (text, words, cells) = written(table, &self.content, self.direction, self.number);
            let mut draft = self.draft(BlockKind::Table, &[], None, usize::MAX);
            (draft.text, draft.words, draft.cells) = (text, words, cells);
            draft.bbox = table.bbox;
            draft.frame = self.direction.box_to_frame(&table.bbox, self.content.size);
            tables.push(draft);
        }
        let rest = lines.into_iter().filter_map(|line| without(line, &in_table, self, faces));
        let rest: Vec<Line> = rest.collect();
        let floats: Vec<Rect> = tables.iter().map(|table| table.frame).chain(figures.iter().copied()).collect();
        let flows = flows::flows(&rest, &floats);
        (rest, flows, tables)
    }

    /// Words aslant, as numbers of [`Content::words`](crate::content::Content::words).
    fn slanted(&self) -> Vec<u32> {
        if self.direction != Direction::Right {
            return Vec::new();
        }
        let words = self.content.words.iter().zip(0_u32..);
        words.filter(|(word, _)| word.sight == Sight::Slanted).map(|(_, at)| at).collect()
    }
}

/// The line without words of tables; `None` when no other word is in it.
fn without(mut line: Line, in_table: &[bool], page: &Prepared, faces: &Faces) -> Option<Line> {
    if line.words.iter().any(|word| in_table[*word as usize]) {
        line.words.retain(|word| !in_table[*word as usize]);
        let boxes = line.words.iter().filter_map(|word| page.content.words.get(*word as usize));
        line.frame = boxes.map(|word| word.frame).reduce(|a, b| a.union(&b))?;
        lines::settle(&mut line, &page.content, faces);
    }
    Some(line)
}
