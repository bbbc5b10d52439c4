//! From what is painted on a page to blocks in reading order.

mod classify;
mod draft;
mod figures;
mod flows;
mod formulas;
mod furniture;
mod line_numbers;
mod lines;
mod looks;
mod marks;
mod paragraphs;
mod programs;
mod run_in;
mod spaced;
mod tabled;

use pagemill_core::{BlockKind, HiddenText, Hiding, Rect};

use crate::bidi::{self, is_rtl};
use crate::content::{Content, Direction, Sight};
use crate::fonts::Faces;
use crate::profile::Profile;
use crate::recognised;

pub(crate) use draft::{Draft, Writer, append};
pub(crate) use furniture::Edges;
pub(crate) use lines::Line;
pub(crate) use marks::{caption_label, ends_sentence, is_broken, numbering};

use figures::Region;
use paragraphs::Flow;
use tabled::Parted;

/// A heading this many points above a table or figure heads it.
const HEADING_REACH: f32 = 40.0;
/// Short lines this share of the page width from its sides are numbers in the margin.
const MARGIN: f32 = 0.075;

/// A number in the margin with so many pieces of text level with it is of a table, where so many are.
const ROW_PIECES: usize = 4;
const LEAST_ROWS: usize = 3;

/// So much hidden text of a page is told of, in bytes.
const MAX_HIDDEN: usize = 20_000;

/// A page with its words in lines, before its blocks are known.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// 1-based number in the file.
    pub(crate) number: u32,
    /// What is painted.
    pub(crate) content: Content,
    /// The way most of its text runs.
    pub(crate) direction: Direction,
    /// Lines of the text that runs that way.
    pub(crate) lines: Vec<Line>,
    /// Lines at its edges.
    pub(crate) edges: Edges,
    /// Whether its text is a layer without ink under the picture of a page.
    layer: bool,
    /// Words that run another way, by direction.
    others: Vec<(Direction, Vec<u32>)>,
}

impl Prepared {
    /// Puts the words of a page into lines.
    pub(crate) fn new(number: u32, mut content: Content, faces: &Faces) -> Self {
        bidi::turn(&mut content);
        let inkless = content.words.iter().filter(|word| word.sight == Sight::Inkless).count();
        // Text without ink is the text layer of a scanned page, unless there is other text.
        let layer = inkless * 2 > content.words.len();
        if layer {
            recognised::settle(&mut content);
        }
        let shown = |sight: Sight| match sight {
            Sight::Seen => !layer,
            Sight::Inkless => layer,
            Sight::White | Sight::Slanted => false,
        };
        let mut by_direction: Vec<(Direction, Vec<u32>)> =
            [Direction::Right, Direction::Mirrored, Direction::Up, Direction::Left, Direction::Down]
                .map(|d| (d, Vec::new()))
                .into();
        for (at, word) in content.words.iter().enumerate() {
            if shown(word.sight)
                && let Some((_, words)) = by_direction.iter_mut().find(|(direction, _)| *direction == word.direction)
            {
                words.push(at as u32);
            }
        }
        by_direction.sort_by_key(|(_, words)| std::cmp::Reverse(words.len()));
        let (direction, words) = by_direction.remove(0);
        by_direction.retain(|(_, words)| !words.is_empty());
        let mut lines = lines::lines_of(&content, faces, &words);
        if direction == Direction::Right {
            spaced::join(&mut lines, &mut content, faces);
        }
        let size = match direction {
            Direction::Right | Direction::Left | Direction::Mirrored => content.size,
            Direction::Up | Direction::Down => (content.size.1, content.size.0),
        };
        let edges = Edges::of(&lines, &content, size);
        Self { number, content, direction, lines, edges, layer, others: by_direction }
    }

    /// Whether all its text stands where heads and feet do.
    pub(crate) fn has_only_edges(&self) -> bool {
        !self.lines.is_empty() && self.edges.are_all_of(self.lines.len())
    }

    /// Whether anything is painted.
    pub(crate) fn is_blank(&self) -> bool {
        self.content.words.is_empty()
            && self.content.images.is_empty()
            && self.content.shapes.is_empty()
            && self.content.rules.is_empty()
    }

    /// Text of the page that is not to be seen, piece by piece in the order of painting.
    pub(crate) fn hidden(&self) -> Vec<HiddenText> {
        let mut out: Vec<HiddenText> = Vec::new();
        let mut before: Option<(Hiding, Rect)> = None;
        let mut room = MAX_HIDDEN;
        for word in &self.content.words {
            let reason = match word.sight {
                Sight::White => Hiding::White,
                Sight::Inkless if !self.layer => Hiding::Inkless,
                Sight::Inkless | Sight::Seen | Sight::Slanted => continue,
            };
            let text = self.content.word(word);
            if text.len() > room {
                break;
            }
            room -= text.len();
            let bbox = word.direction.to_page(&word.frame, self.content.size);
            let follows = before.is_some_and(|(known, last)| {
                known == reason && (last.center_y() - bbox.center_y()).abs() < 2.5 * word.size
            });
            match out.last_mut() {
                Some(last) if follows => {
                    last.text.push(' ');
                    last.text.push_str(text);
                    last.bbox = last.bbox.union(&bbox);
                }
                _ => out.push(HiddenText { reason, bbox, text: text.to_owned() }),
            }
            before = Some((reason, bbox));
        }
        out
    }

    /// The blocks of the page; `furniture` are lines with whether each stands at the top.
    pub(crate) fn compose(&self, furniture: &[(usize, bool)], profile: &Profile, faces: &Faces) -> Vec<Draft> {
        let mut taken = vec![false; self.lines.len()];
        let mut heads = Vec::new();
        let mut feet = Vec::new();
        for (at, top) in furniture.iter().copied().chain(self.edges.tagged(&self.lines, &self.content)) {
            if taken.get_mut(at).is_some_and(|taken| !std::mem::replace(taken, true)) {
                let kind = if top { BlockKind::Header } else { BlockKind::Footer };
                let draft = self.draft(kind, std::slice::from_ref(&self.lines[at]), None, 0);
                if top { heads.push(draft) } else { feet.push(draft) }
            }
        }
        let width = self.frame_size().0;
        // Numbers of lines and pages in the margin, beside other text.
        let is_aside = |line: &Line| {
            let aside = line.frame.x1 < MARGIN * width || line.frame.x0 > (1.0 - MARGIN) * width;
            aside && line.chars <= 4 && !line.text(&self.content).contains(is_rtl)
        };
        let mut beside: Vec<usize> =
            (0..self.lines.len()).filter(|at| !taken[*at] && is_aside(&self.lines[*at])).collect();
        self.keep_first_columns(&mut beside);
        if taken.iter().filter(|taken| !**taken).count() > beside.len() {
            for at in beside {
                taken[at] = true;
                heads.push(self.draft(BlockKind::Header, std::slice::from_ref(&self.lines[at]), None, 0));
            }
        }
        for at in line_numbers::find(&self.lines, &self.content, width) {
            if !std::mem::replace(&mut taken[at], true) {
                heads.push(self.draft(BlockKind::Header, std::slice::from_ref(&self.lines[at]), None, 0));
            }
        }
        let in_frame = figures::regions(&self.content)
            .into_iter()
            .map(|region| Region { bbox: self.direction.box_to_frame(&region.bbox, self.content.size), ..region })
            .collect();
        let figures = figures::without_text(in_frame, &self.lines, &self.content, profile.size);
        for at in figures::labels(&figures, &self.lines, &taken, &self.content, profile.size) {
            taken[at] = true;
        }
        let free: Vec<Line> =
            self.lines.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(line, _)| line.clone()).collect();
        let Parted { lines: free, flows, tables, programs } = self.part_tables(free, &figures, faces);
        let large = classify::TITLE * profile.size;
        let mut body = Vec::new();
        for (number, ids) in flows.into_iter().enumerate() {
            let flow = Flow::new(ids.into_iter().map(|id| free[id].clone()).collect(), large, &self.content, faces);
            for span in flow.paragraphs(&self.content) {
                let mut draft = self.paragraph(&flow, span.clone(), number);
                if let Some((head, rest)) = run_in::split(&flow.lines[span], &self.content, faces) {
                    let mut heading = self.draft(BlockKind::Heading, &head, Some(&flow), number);
                    heading.space_above = draft.space_above;
                    heading.indented = draft.indented;
                    body.push(heading);
                    draft = self.draft(BlockKind::Paragraph, &rest, Some(&flow), number);
                }
                body.push(draft);
            }
        }
        let page_height = self.frame_size().1.max(1.0);
        classify::classify(&mut body, profile, self.number, page_height);
        formulas::join(&mut body);
        let figures = figures.into_iter().map(|figure| self.figure(figure));
        for draft in tables.into_iter().chain(figures) {
            let at = place_of(&body, &draft.frame);
            body.insert(at, draft);
        }
        for program in programs {
            let at = program.first().map_or(0, |title| place_of(&body, &title.frame));
            body.splice(at..at, program);
        }
        classify::drawn_tables(&mut body);
        classify::whole_figures(&mut body);
        classify::asides(&mut body, profile, page_height);
        heads.extend(body);
        heads.extend(self.sideways(faces, profile));
        heads.extend(feet);
        heads
    }

    /// Leaves out of the lines beside the text those that are the first column of a table: level with them stand many
    /// pieces of text.
    fn keep_first_columns(&self, beside: &mut Vec<usize>) {
        let heads_row = |line: &Line| {
            let level = |other: &&Line| (other.base - line.base).abs() < 0.3 * line.size.max(other.size);
            self.lines.iter().filter(level).count() > ROW_PIECES
        };
        let first_cells: Vec<Rect> =
            beside.iter().map(|at| &self.lines[*at]).filter(|line| heads_row(line)).map(|line| line.frame).collect();
        if first_cells.len() >= LEAST_ROWS {
            beside.retain(|at| {
                let frame = &self.lines[*at].frame;
                !first_cells.iter().any(|cell| cell.horizontal_overlap(frame) > 0.0)
            });
        }
    }

    /// Width and height of the page as its text runs.
    fn frame_size(&self) -> (f32, f32) {
        match self.direction {
            Direction::Right | Direction::Left | Direction::Mirrored => self.content.size,
            Direction::Up | Direction::Down => (self.content.size.1, self.content.size.0),
        }
    }

    fn paragraph(&self, flow: &Flow, span: paragraphs::Span, number: usize) -> Draft {
        let above = span.start.checked_sub(1).map(|before| {
            let (line, before) = (&flow.lines[span.start], &flow.lines[before]);
            (line.base - before.base) / line.size.max(0.1) - flow.leading
        });
        let mut draft = self.draft(BlockKind::Paragraph, &flow.lines[span], Some(flow), number);
        draft.space_above = above.unwrap_or(9.0);
        draft
    }

    fn draft(&self, kind: BlockKind, lines: &[Line], flow: Option<&Flow>, number: usize) -> Draft {
        self.draft_in(self.direction, kind, lines, flow, number)
    }

    fn draft_in(
        &self,
        direction: Direction,
        kind: BlockKind,
        lines: &[Line],
        flow: Option<&Flow>,
        number: usize,
    ) -> Draft {
        let mut writer = Writer::new(&self.content, direction, self.number);
        let mut frame: Option<Rect> = None;
        let (mut chars, mut bold, mut italic, mut math, mut size) = (0.0_f32, 0.0, 0.0, 0.0, 0.0);
        for line in lines {
            writer.line(line);
            frame = Some(frame.map_or(line.frame, |known| known.union(&line.frame)));
            let count = line.chars as f32;
            chars += count;
            bold += line.bold * count;
            italic += line.italic * count;
            math += line.math * count;
            size += line.size * count;
        }
        let frame = frame.unwrap_or_default();
        let share = |sum: f32| sum / chars.max(1.0);
        let (first, last) = (lines.first(), lines.last());
        Draft {
            kind,
            level: None,
            text: writer.text,
            words: writer.words,
            bbox: direction.to_page(&frame, self.content.size),
            frame,
            flow: number,
            lines: lines.len(),
            size: share(size),
            bold: share(bold),
            italic: share(italic),
            math: share(math),
            tagged: self.tagged(lines),
            face: first.filter(|line| line.pure > 0.85).map(|line| line.face),
            indented: flow.zip(first).is_some_and(|(flow, line)| line.frame.x0 > flow.left + 0.6 * line.size),
            full: flow.zip(last).is_some_and(|(flow, line)| line.frame.x1 > flow.right - 1.5 * line.size),
            gaps: lines.iter().map(|line| line.wide_gaps(&self.content)).sum(),
            space_above: 0.0,
            cells: Vec::new(),
            decorative: false,
            continued: false,
            aside: false,
        }
    }

    /// The level of a heading, where the tags of the file say that all of these lines are one.
    fn tagged(&self, lines: &[Line]) -> Option<u8> {
        let level = lines.first()?.tagged(&self.content);
        level.filter(|_| lines.iter().all(|line| line.tagged(&self.content) == level))
    }

    fn figure(&self, frame: Rect) -> Draft {
        let mut draft = self.draft(BlockKind::Figure, &[], None, usize::MAX);
        draft.frame = frame;
        draft.bbox = self.direction.to_page(&frame, self.content.size);
        draft.decorative = figures::is_decorative(&draft.bbox, self.content.size);
        draft
    }

    /// Text that runs another way than the page: stamps at the margin are furniture.
    fn sideways(&self, faces: &Faces, profile: &Profile) -> Vec<Draft> {
        let mut out = Vec::new();
        let regions = figures::regions(&self.content);
        for (direction, words) in &self.others {
            let mut lines = lines::lines_of(&self.content, faces, words);
            lines.retain(|line| {
                let bbox = direction.to_page(&line.frame, self.content.size);
                !regions.iter().any(|region| region.sure && region.bbox.contains(&bbox, 4.0))
            });
            for ids in flows::flows(&lines, &[]) {
                let flow =
                    Flow::new(ids.into_iter().map(|id| lines[id].clone()).collect(), f32::MAX, &self.content, faces);
                for span in flow.paragraphs(&self.content) {
                    let mut draft =
                        self.draft_in(*direction, BlockKind::Paragraph, &flow.lines[span], Some(&flow), usize::MAX);
                    let (width, height) = (self.content.size.0, self.content.size.1);
                    let aside = draft.bbox.x1 < 0.1 * width
                        || draft.bbox.x0 > 0.9 * width
                        || draft.bbox.y1 < 0.1 * height
                        || draft.bbox.y0 > 0.9 * height;
                    if aside || (draft.text.len() < 40 && draft.size < 1.2 * profile.size) {
                        draft.kind = BlockKind::Header;
                    }
                    out.push(draft);
                }
            }
        }
        out
    }
}

/// Where a figure belongs among the blocks: after the last one above it in its columns,
/// and after a heading right above it.
fn place_of(body: &[Draft], figure: &Rect) -> usize {
    let above = |draft: &Draft| {
        draft.frame.horizontal_overlap(figure) > 0.3 * draft.frame.width().min(figure.width())
            && draft.frame.y1 <= figure.y0 + 0.25 * figure.height()
    };
    let at = body.iter().rposition(above).map_or(0, |at| at + 1);
    let heads = |draft: &&Draft| {
        draft.kind == BlockKind::Heading && (0.0..HEADING_REACH).contains(&(figure.y0 - draft.frame.y1))
    };
    at + body[at..].iter().take_while(heads).count()
}
