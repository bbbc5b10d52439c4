//! Words and lines as the search for tables sees them.

use pagemill_core::Rect;

use crate::content::RawWord;

/// A word in the frame of the page's main direction.
#[derive(Clone, Debug)]
pub(super) struct TableWord {
    /// Its number in the page's content.
    pub(super) id: u32,
    /// Its box in the frame.
    pub(super) bbox: Rect,
    /// Its baseline.
    pub(super) base: f32,
    /// Its font size.
    pub(super) size: f32,
    /// What kind of characters it has.
    pub(super) kind: WordKind,
}

/// What kind of characters a word has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordKind {
    /// Digits with the signs that go with them.
    Number,
    /// A row of dots that leads the eye.
    Leader,
    /// Letters.
    Text,
    /// A bullet, a dash, a mark: no letter and no digit.
    Sign,
    /// A rule made of dashes.
    Dashes,
}

impl TableWord {
    pub(super) fn of(id: u32, word: &RawWord, text: &str) -> Self {
        Self { id, bbox: word.frame, base: word.base, size: word.size, kind: kind_of(text) }
    }
}

fn kind_of(text: &str) -> WordKind {
    let (mut digits, mut letters, mut dots, mut all) = (0, 0, 0, 0);
    for c in text.chars() {
        all += 1;
        digits += usize::from(c.is_numeric());
        letters += usize::from(c.is_alphabetic());
        dots += usize::from(matches!(c, '.' | '…' | '·' | '_'));
    }
    if all >= 5 && text.chars().all(|c| matches!(c, '-' | '_' | '=' | '—' | '–' | '─')) {
        WordKind::Dashes
    } else if dots >= 3 && dots * 10 >= all * 8 {
        WordKind::Leader
    } else if digits > 0 && digits * 2 >= letters * 3 {
        WordKind::Number
    } else if letters + digits > 0 {
        let missing = matches!(text.to_ascii_lowercase().as_str(), "n.a." | "n/a" | "na" | "nd" | "n.d.");
        if missing { WordKind::Number } else { WordKind::Text }
    } else if text.len() > 2 && text.starts_with('(') && text.ends_with(')') {
        // A unit, as in `(%)`, belongs to the name before it.
        WordKind::Text
    } else {
        WordKind::Sign
    }
}

/// Two numbers beside each other are two cells sooner than two words are: the gap between them counts for more.
pub(super) const NUMBERS: f32 = 0.6;

/// Whether both words are numbers.
pub(super) fn are_numbers(left: &TableWord, right: &TableWord) -> bool {
    left.kind == WordKind::Number && right.kind == WordKind::Number
}

/// Words on one baseline, from left to right.
#[derive(Clone, Debug)]
pub(super) struct TextLine {
    /// Places of its words in the list the line was made from.
    pub(super) words: Vec<usize>,
    /// Its box.
    pub(super) bbox: Rect,
    /// Its baseline.
    pub(super) base: f32,
    /// The font size of its largest word.
    pub(super) size: f32,
}

/// Words of a line with no wide gap between them.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Left edge.
    pub(super) x0: f32,
    /// Right edge.
    pub(super) x1: f32,
    /// Number of words.
    pub(super) words: usize,
}

impl Segment {
    /// Whether it runs over a vertical line at `x`.
    pub(super) fn crosses(&self, x: f32) -> bool {
        self.x0 < x - 1.0 && self.x1 > x + 1.0
    }
}

impl TextLine {
    /// Its words parted where a gap is wider than `gap` ems. Leaders part as well.
    pub(super) fn segments(&self, words: &[TableWord], gap: f32) -> Vec<Segment> {
        let mut out: Vec<Segment> = Vec::new();
        let mut before: Option<&TableWord> = None;
        for word in self.words.iter().map(|at| &words[*at]) {
            if word.kind == WordKind::Leader {
                before = None;
                continue;
            }
            let gap =
                before.map_or(0.0, |before| self.size * if are_numbers(before, word) { gap * NUMBERS } else { gap });
            match out.last_mut() {
                Some(last) if before.is_some() && word.bbox.x0 - last.x1 <= gap => {
                    last.x1 = last.x1.max(word.bbox.x1);
                    last.words += 1;
                }
                _ => out.push(Segment { x0: word.bbox.x0, x1: word.bbox.x1, words: 1 }),
            }
            before = Some(word);
        }
        out
    }
}

/// Lines of the words at these places, from top to bottom. Superscripts go with their line.
pub(super) fn lines_of(words: &[TableWord], mut chosen: Vec<usize>) -> Vec<TextLine> {
    chosen.sort_by(|a, b| words[*a].base.total_cmp(&words[*b].base));
    let mut lines: Vec<TextLine> = Vec::new();
    for at in chosen {
        let word = &words[at];
        // Only the last few lines can take a word, for baselines only grow.
        let taker = lines.iter_mut().rev().take(3).find(|line| {
            let size = line.size.max(word.size);
            let level = (line.base - word.base).abs() < 0.3 * size;
            let beside = line.bbox.vertical_overlap(&word.bbox) > 0.55 * word.bbox.height().min(line.bbox.height());
            let free = |other: &usize| words[*other].bbox.horizontal_overlap(&word.bbox) < 0.4 * word.bbox.width();
            level || (beside && word.size != line.size && line.words.iter().all(free))
        });
        match taker {
            Some(line) => {
                line.words.push(at);
                line.bbox = line.bbox.union(&word.bbox);
                if word.size > line.size * 1.1 {
                    (line.size, line.base) = (word.size, word.base);
                }
            }
            None => lines.push(TextLine { words: vec![at], bbox: word.bbox, base: word.base, size: word.size }),
        }
    }
    for line in &mut lines {
        line.words.sort_by(|a, b| words[*a].bbox.x0.total_cmp(&words[*b].bbox.x0));
    }
    lines.sort_by(|a, b| a.base.total_cmp(&b.base));
    lines
}
