//! Joins glyphs to words while they are painted.

use pagemill_core::Rect;
use rustc_hash::FxHashMap;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::bidi::{is_rtl, is_wide};
use crate::content::{Content, Direction, RawWord, Sight};

/// A gap wider than this share of the font size parts words.
const WORD_GAP: f32 = 0.115;
/// Text may step back this share of the font size (kerning) and still go on.
const BACK_STEP: f32 = 0.35;
/// A gap wider than this share of the font size parts words of scripts written without spaces.
const WIDE_GAP: f32 = 0.5;
/// A baseline may differ by this share of the font size within a word (superscripts).
const BASE_STEP: f32 = 0.45;
/// How far letters rise above and sink below the baseline, as shares of the font size.
pub(crate) const RISE: f32 = 0.76;
pub(crate) const SINK: f32 = 0.22;
/// Words beyond this many on a page are dropped.
const MAX_WORDS: usize = 300_000;

/// What a glyph stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text<'t> {
    /// One character.
    One(char),
    /// A ligature or the like.
    Several(&'t str),
    /// The file does not tell.
    Unknown,
}

/// A glyph on its line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    /// A number [`Pen::note`] gave.
    pub(crate) text: u32,
    /// Where it begins along the line.
    pub(crate) u: f32,
    /// Its baseline.
    pub(crate) base: f32,
    /// How far the pen moves.
    pub(crate) advance: f32,
    /// Font size.
    pub(crate) size: f32,
    /// Number of its face.
    pub(crate) face: u16,
}

const FIRST_NOTE: u32 = 0x11_0000;

/// The word being drawn.
#[derive(Debug, Default)]
pub(crate) struct Pen {
    notes: Vec<Box<str>>,
    numbers: FxHashMap<Box<str>, u32>,
    down: bool,
    start: u32,
    frame: Rect,
    base: f32,
    size: f32,
    face: u16,
    letters: u32,
    end: f32,
    last_advance: f32,
    wide: bool,
    direction: Direction,
    sight: Option<Sight>,
}

impl Pen {
    /// Keeps the characters of a glyph under a number.
    pub(crate) fn note(&mut self, text: Text<'_>, content: &mut Content) -> u32 {
        match text {
            Text::One(character) => u32::from(character),
            Text::Several(several) => {
                if let Some(number) = self.numbers.get(several) {
                    return *number;
                }
                let number = FIRST_NOTE + self.notes.len() as u32;
                self.notes.push(several.into());
                self.numbers.insert(several.into(), number);
                number
            }
            Text::Unknown => {
                content.unreadable = content.unreadable.saturating_add(1);
                u32::from('\u{fffd}')
            }
        }
    }

    /// Draws glyphs of one run. Those outside `clip` (in the frame of `direction`) are not seen.
    pub(crate) fn draw(
        &mut self,
        strokes: &[Stroke],
        direction: Direction,
        sight: Sight,
        clip: &Rect,
        content: &mut Content,
    ) {
        let tracking = tracking(strokes);
        if self.down && (self.direction != direction || self.sight != Some(sight)) {
            self.lift(content);
        }
        self.direction = direction;
        self.sight = Some(sight);
        for stroke in strokes {
            let middle = stroke.u + stroke.advance * 0.5;
            let inside = middle >= clip.x0
                && middle <= clip.x1
                && stroke.base >= clip.y0
                && stroke.base - 0.6 * stroke.size <= clip.y1;
            if !inside {
                self.lift_apart(content);
                continue;
            }
            let single = char::from_u32(stroke.text);
            if single.is_some_and(|c| c.is_whitespace() || c == '\u{200b}') {
                self.lift_apart(content);
                continue;
            }
            if single.is_some_and(char::is_control) {
                continue;
            }
            self.place(stroke, single, tracking, content);
        }
    }

    fn place(&mut self, stroke: &Stroke, single: Option<char>, tracking: f32, content: &mut Content) {
        let size = stroke.size.max(self.size);
        if self.down {
            if let Some(mark) = self.accent_before(stroke, content) {
                content.text.pop();
                self.write(stroke, single, content);
                content.text.push(mark);
                return;
            }
            if let Some(mark) = single.and_then(combining)
                && stroke.u < self.end - 0.3 * self.last_advance
                && stroke.u + stroke.advance * 0.5 < self.end
                && (stroke.base - self.base).abs() < 0.5 * size
                && content.text.chars().next_back().is_some_and(char::is_alphabetic)
            {
                content.text.push(mark);
                return;
            }
            let gap = stroke.u - self.end;
            let same_line = (stroke.base - self.base).abs() < BASE_STEP * size;
            let wide = single.is_some_and(is_wide);
            if !same_line || gap < -BACK_STEP * size {
                self.lift(content);
            } else if wide || self.wide {
                // Each character is a word by itself, for a line may end after any of them.
                if gap > WIDE_GAP * size { self.lift_apart(content) } else { self.lift(content) }
            } else if gap > WORD_GAP * size + tracking {
                self.lift_apart(content);
            }
        }
        self.write(stroke, single, content);
    }

    /// TeX sets an accent as a glyph of its own and the letter over it.
    fn accent_before(&self, stroke: &Stroke, content: &Content) -> Option<char> {
        if stroke.u > self.end - 0.5 * self.last_advance {
            return None;
        }
        let last = content.text.get(self.start as usize..)?.chars().next_back()?;
        let mark = combining(last)?;
        let letter = char::from_u32(stroke.text)?;
        let middle = self.end - 0.5 * self.last_advance;
        let over = middle >= stroke.u - 0.1 * stroke.size && middle <= stroke.u + stroke.advance + 0.1 * stroke.size;
        (letter.is_alphabetic() && over && (stroke.base - self.base).abs() < 0.5 * stroke.size).then_some(mark)
    }

    fn write(&mut self, stroke: &Stroke, single: Option<char>, content: &mut Content) {
        let frame = Rect {
            x0: stroke.u,
            y0: stroke.base - RISE * stroke.size,
            x1: stroke.u + stroke.advance,
            y1: stroke.base + SINK * stroke.size,
        };
        if self.down {
            self.frame = self.frame.union(&frame);
            if stroke.size > self.size * 1.05 {
                (self.size, self.base, self.face) = (stroke.size, stroke.base, stroke.face);
            } else if self.letters == 0 {
                self.face = stroke.face;
            }
        } else {
            self.down = true;
            self.start = content.text.len() as u32;
            self.frame = frame;
            (self.size, self.base, self.face) = (stroke.size, stroke.base, stroke.face);
            self.letters = 0;
        }
        self.end = frame.x1;
        self.last_advance = stroke.advance;
        self.wide = single.is_some_and(is_wide);
        match single {
            Some(character) => {
                self.letters += u32::from(character.is_alphanumeric());
                push_plain(character, &mut content.text);
            }
            None => {
                self.letters += 1;
                let note = self.notes.get((stroke.text.saturating_sub(FIRST_NOTE)) as usize);
                let kept = |c: &char| !c.is_control() && !c.is_whitespace();
                let characters = note.iter().flat_map(|note| note.chars()).filter(kept);
                if note.is_some_and(|note| note.contains(is_rtl)) {
                    // What is drawn from right to left stands reversed, like the letters around it.
                    for character in characters.collect::<Vec<char>>().into_iter().rev() {
                        push_plain(character, &mut content.text);
                    }
                } else {
                    for character in characters {
                        push_plain(character, &mut content.text);
                    }
                }
            }
        }
    }

    /// Whether a word is being drawn.
    pub(crate) fn is_down(&self) -> bool {
        self.down
    }

    /// Ends the word.
    pub(crate) fn lift(&mut self, content: &mut Content) {
        self.end_word(false, content);
    }

    /// Ends the word, white space following.
    fn lift_apart(&mut self, content: &mut Content) {
        if self.down {
            self.end_word(true, content);
        } else if let Some(last) = content.words.last_mut() {
            last.space_after = true;
        }
    }

    fn end_word(&mut self, space_after: bool, content: &mut Content) {
        if !self.down {
            return;
        }
        self.down = false;
        let start = self.start as usize;
        let Some(text) = content.text.get(start..) else { return };
        if !text.is_ascii() && (text.contains('ı') || !is_nfc(text)) && !text.contains(is_rtl) {
            let composed: String = dotted(text).nfc().collect();
            content.text.truncate(start);
            content.text.push_str(&composed);
        }
        let end = content.text.len();
        let finite = [self.frame.x0, self.frame.y0, self.frame.x1, self.frame.y1].iter().all(|v| v.is_finite());
        if end == start || !finite || content.words.len() >= MAX_WORDS {
            content.text.truncate(start);
            return;
        }
        content.words.push(RawWord {
            start: self.start,
            end: end as u32,
            frame: self.frame,
            base: self.base,
            size: self.size,
            face: self.face,
            direction: self.direction,
            sight: self.sight.unwrap_or(Sight::Seen),
            space_after,
            wide: self.wide,
        });
    }
}

/// The letters of a word, where an i without a dot that bears an accent is a plain one.
fn dotted(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut characters = text.chars().peekable();
    std::iter::from_fn(move || {
        let character = characters.next()?;
        let is_accent = |c: &char| matches!(c, '\u{300}'..='\u{304}' | '\u{306}' | '\u{308}' | '\u{30c}');
        Some(if character == 'ı' && characters.peek().is_some_and(is_accent) { 'i' } else { character })
    })
}

/// Extra space set between all letters of a run, so that it is not taken for word gaps.
fn tracking(strokes: &[Stroke]) -> f32 {
    if strokes.len() < 5 {
        return 0.0;
    }
    let mut least = f32::MAX;
    for pair in strokes.windows(2) {
        let is_space = |stroke: &Stroke| char::from_u32(stroke.text).is_some_and(char::is_whitespace);
        if is_space(&pair[0]) || is_space(&pair[1]) {
            continue;
        }
        least = least.min((pair[1].u - pair[0].u - pair[0].advance) / pair[0].size.max(0.1));
        if least < 0.05 {
            return 0.0;
        }
    }
    if least > 2.0 { 0.0 } else { least * strokes[0].size }
}

/// Spells ligatures out, and gives characters of private use their usual meaning.
fn push_plain(character: char, out: &mut String) {
    match character {
        '\u{fb00}' => out.push_str("ff"),
        '\u{fb01}' => out.push_str("fi"),
        '\u{fb02}' => out.push_str("fl"),
        '\u{fb03}' => out.push_str("ffi"),
        '\u{fb04}' => out.push_str("ffl"),
        '\u{fb05}' | '\u{fb06}' => out.push_str("st"),
        '\u{f0b7}' | '\u{f0a7}' | '\u{f076}' | '\u{f0d8}' => out.push('•'),
        '\u{f06e}' => out.push('■'),
        '\u{f06f}' | '\u{f071}' | '\u{f0a8}' => out.push('□'),
        '\u{f0e0}' => out.push('→'),
        '\u{f02d}' => out.push('−'),
        '\u{f0fc}' => out.push('✓'),
        // Pieces of large brackets.
        '\u{f8eb}'..='\u{f8fe}' => out.push(BRACKETS[(character as usize) - 0xf8eb]),
        // Joiners, and the stroke that lengthens Arabic words.
        '\u{feff}' | '\u{200c}' | '\u{200d}' | '\u{640}' => {}
        // Shapes of Arabic letters, and ligatures of them, reversed like the letters around them.
        '\u{fb1d}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fdfc}' | '\u{fe70}'..='\u{fefe}' => {
            let letters: Vec<char> = std::iter::once(character).nfkc().filter(|c| !c.is_whitespace()).collect();
            out.extend(letters.into_iter().rev());
        }
        // Full-width letters and digits.
        '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => {
            out.extend(std::iter::once(character).nfkc());
        }
        other => out.push(other),
    }
}

/// What Symbol fonts hold from U+F8EB on.
const BRACKETS: [char; 20] =
    ['⎛', '⎜', '⎝', '⎡', '⎢', '⎣', '⎧', '⎨', '⎩', '⎪', '⎮', '⎞', '⎟', '⎠', '⎤', '⎥', '⎦', '⎫', '⎬', '⎭'];

/// The combining form of an accent that stands alone.
fn combining(accent: char) -> Option<char> {
    Some(match accent {
        '`' | '\u{2cb}' => '\u{300}',
        '´' | '\u{2ca}' => '\u{301}',
        '\u{2c6}' => '\u{302}',
        '\u{2dc}' => '\u{303}',
        '¯' | '\u{2c9}' => '\u{304}',
        '\u{2d8}' => '\u{306}',
        '\u{2d9}' => '\u{307}',
        '¨' => '\u{308}',
        '\u{2da}' => '\u{30a}',
        '\u{2dd}' => '\u{30b}',
        '\u{2c7}' => '\u{30c}',
        '¸' => '\u{327}',
        '\u{2db}' => '\u{328}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const CLIP: Rect = Rect { x0: 0.0, y0: 0.0, x1: 600.0, y1: 800.0 };

    fn drawn(strokes: &[Stroke]) -> Vec<String> {
        let mut content = Content { size: (600.0, 800.0), ..Content::default() };
        let mut pen = Pen::default();
        pen.draw(strokes, Direction::Right, Sight::Seen, &CLIP, &mut content);
        pen.lift(&mut content);
        content.words.iter().map(|word| content.word(word).to_owned()).collect()
    }

    fn stroke(character: char, u: f32, advance: f32) -> Stroke {
        Stroke { text: u32::from(character), u, base: 100.0, advance, size: 10.0, face: 0 }
    }

    #[test]
    fn gaps_part_words_and_ligatures_are_spelled_out() {
        let strokes = [stroke('o', 10.0, 5.0), stroke('\u{fb03}', 15.0, 8.0), stroke('a', 26.0, 5.0)];
        assert_eq!(drawn(&strokes), ["offi", "a"]);
    }

    #[test]
    fn an_accent_set_apart_joins_its_letter() {
        let strokes = [stroke('u', 10.0, 5.0), stroke('¨', 15.0, 3.3), stroke('a', 14.2, 5.0), stroke('b', 19.2, 5.0)];
        assert_eq!(drawn(&strokes), ["uäb"]);
        let strokes = [stroke('c', 10.0, 5.0), stroke('´', 15.0, 3.3), stroke('ı', 15.3, 2.7), stroke('a', 18.0, 5.0)];
        assert_eq!(drawn(&strokes), ["cía"]);
    }

    proptest! {
        #[test]
        fn no_number_upsets_the_pen(
            raw in prop::collection::vec((any::<char>(), any::<f32>(), any::<f32>(), any::<f32>(), any::<f32>()), 0..60)
        ) {
            let strokes: Vec<Stroke> = raw
                .into_iter()
                .map(|(c, u, base, advance, size)| Stroke { text: u32::from(c), u, base, advance, size, face: 0 })
                .collect();
            drawn(&strokes);
        }
    }
}
