//! Takes the tables of a page out of its lines.

use pagemill_core::{BlockKind, Rect};

use super::lines::{self, Line};
use super::{Draft, Prepared, flows};
use crate::content::{Direction, Sight};
use crate::fonts::Faces;
use crate::tables::{find_tables, written};

/// Running text and what stands beside it.
pub(super) struct Parted {
    /// The lines of the running text.
    pub(super) lines: Vec<Line>,
    /// Its flows, as numbers of the lines.
    pub(super) flows: Vec<Vec<usize>>,
    /// The tables from top to bottom.
    pub(super) tables: Vec<Draft>,
    /// Programs, each as its title and its steps.
    pub(super) programs: Vec<Vec<Draft>>,
}

impl Prepared {
    /// Takes tables and programs out of the lines.
    pub(super) fn part_tables(&self, lines: Vec<Line>, figures: &[Rect], faces: &Faces) -> Parted {
        let flows = flows::flows(&lines, figures);
        let words_of = |ids: &Vec<usize>| ids.iter().flat_map(|id| lines[*id].words.iter().copied()).collect();
        let by_flow: Vec<Vec<u32>> = flows.iter().map(words_of).collect();
        let found = find_tables(&self.content, self.direction, &by_flow, &self.slanted());
        if found.tables.is_empty() && found.programs.is_empty() {
            return Parted { lines, flows, tables: Vec::new(), programs: Vec::new() };
        }
        let mut in_table = vec![false; self.content.words.len()];
        let mut tables = Vec::with_capacity(found.tables.len());
        for table in &found.tables {
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
        let mut rest: Vec<Line> = rest.collect();
        let programs = found.programs.iter().map(|area| self.program(area, &mut rest, faces)).collect();
        let boxes = tables.iter().map(|table| table.frame).chain(found.programs);
        let floats: Vec<Rect> = boxes.chain(figures.iter().copied()).collect();
        let flows = flows::flows(&rest, &floats);
        Parted { lines: rest, flows, tables, programs }
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
