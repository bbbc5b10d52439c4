//! What OCR saw on a page, in the form the layout takes.

use std::collections::BTreeMap;

use pagemill_core::Rect;
use serde::{Deserialize, Serialize};

use crate::bidi;
use crate::content::{Content, Direction, RawWord, Rule, Sight};
use crate::language::Sample;
use crate::pen::{RISE, SINK};

/// Sizes this near to the usual one are the usual one: what OCR measures wavers.
const SAME_SIZE: f32 = 0.17;
/// The same in the text layers of others, whose type is stretched to the ink of each word.
const LAYER_SIZE: f32 = 0.25;
/// A word this sure was read.
const SURE: f32 = 0.6;
/// A picture with so many lines of so many words is paper.
const PAPER_LINES: usize = 3;
const PAPER_WORDS: usize = 4;
/// The size that is usual is learnt from so many pages at the beginning.
const BEGINNING: u32 = 32;
/// No page has more words than this; what is beyond is not believed.
const MAX_WORDS: usize = 50_000;

/// The picture of a page set upright, in points.
///
/// Its origin is at the top left of the upright picture; `to_page` leads from there to the page as it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Upright {
    /// Width in points.
    pub width: f32,
    /// Height in points.
    pub height: f32,
    /// `x' = a x + c y + e`, `y' = b x + d y + f`, as `[a, b, c, d, e, f]`.
    pub to_page: [f32; 6],
}

impl Upright {
    /// The frame of a page that stands upright already.
    pub fn as_shown(width: f32, height: f32) -> Self {
        Self { width, height, to_page: [1.0, 0.0, 0.0, 1.0, 0.0, 0.0] }
    }

    /// The box on the page that holds a box of the upright picture.
    #[must_use]
    pub fn to_page(&self, bbox: &Rect) -> Rect {
        let [a, b, c, d, e, f] = self.to_page;
        let at = |x: f32, y: f32| (a * x + c * y + e, b * x + d * y + f);
        let corners = [(bbox.x0, bbox.y0), (bbox.x1, bbox.y0), (bbox.x0, bbox.y1), (bbox.x1, bbox.y1)];
        let mut out: Option<Rect> = None;
        for (x, y) in corners {
            let (x, y) = at(x, y);
            let point = Rect::new(x, y, x, y);
            out = Some(out.map_or(point, |known| known.union(&point)));
        }
        out.unwrap_or_default()
    }

    fn is_sound(&self) -> bool {
        let sane = |value: f32| value.is_finite() && value.abs() < 1e5;
        self.to_page.into_iter().all(sane) && sane(self.width) && sane(self.height)
    }
}

/// A word that OCR read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenWord {
    /// Its characters, without white space.
    pub text: String,
    /// Its ink, in points of the upright picture.
    pub bbox: Rect,
    /// Where its line stands at this word, in points from the top.
    pub base: f32,
    /// Size of its type in points, as far as its line tells.
    pub size: f32,
    /// How sure it is, 0 to 1.
    pub confidence: f32,
}

/// A page as OCR read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recognised {
    /// The picture it was read from.
    pub upright: Upright,
    /// Words, line by line.
    pub words: Vec<SeenWord>,
    /// Ruling lines, in points of the upright picture.
    pub rules: Vec<Rect>,
    /// Pictures within the picture, in points of the upright picture.
    pub pictures: Vec<Rect>,
}

impl Recognised {
    /// The language the words are most likely in, ISO 639-3, where that is clear.
    pub fn language(&self) -> Option<String> {
        let sure = self.words.iter().filter(|word| word.confidence > 0.5).map(|word| word.text.as_str());
        let mut sample = Sample::default();
        sample.add(&sure.collect::<Vec<_>>().join(" "));
        sample.language()
    }

    /// The size of each word with its length.
    fn sizes(&self) -> impl Iterator<Item = (f32, usize)> + '_ {
        self.words.iter().map(|word| (word.size, word.text.len()))
    }

    /// How sure the words are on average, weighted by their length; 0 when there are none.
    pub fn confidence(&self) -> f32 {
        let weighted = self.words.iter().map(|word| {
            let length = word.text.chars().count() as f32;
            (word.confidence.clamp(0.0, 1.0) * length, length)
        });
        let (sum, length) = weighted.fold((0.0, 0.0), |(sum, all), (part, length)| (sum + part, all + length));
        if length > 0.0 { sum / length } else { 0.0 }
    }
}

/// Pages that OCR read, by 1-based number, with the size of type that is usual on them.
#[derive(Clone, Debug, Default)]
pub struct Recognition {
    pages: BTreeMap<u32, Recognised>,
    usual: f32,
}

impl Recognition {
    /// Pages by their 1-based number. What no picture of a page can show is dropped.
    pub fn new(pages: impl IntoIterator<Item = (u32, Recognised)>) -> Self {
        let sound = |page: &Recognised| page.upright.is_sound();
        let mut pages: BTreeMap<u32, Recognised> = pages.into_iter().filter(|(_, page)| sound(page)).collect();
        pages.values_mut().for_each(tidy);
        // Learnt from the beginning, so that a page comes out the same whichever pages are at hand.
        let usual = usual_size(pages.range(..=BEGINNING).flat_map(|(_, page)| page.sizes()));
        Self { pages, usual }
    }

    /// Whether no page was recognised.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// A page, if it was recognised.
    pub(crate) fn page(&self, number: u32) -> Option<&Recognised> {
        self.pages.get(&number)
    }

    /// What is painted on a recognised page, as if it had been read from a text layer.
    pub(crate) fn content(&self, page: &Recognised) -> Content {
        let own = usual_size(page.sizes());
        let usual = if self.usual > 0.0 { self.usual } else { own };
        let mut content = Content { size: (page.upright.width, page.upright.height), ..Content::default() };
        for word in &page.words {
            let start = content.text.len() as u32;
            content.text.push_str(&word.text);
            let size = settled(word.size, own, usual);
            let (top, bottom) = (word.base - RISE * size, word.base + SINK * size);
            content.words.push(RawWord {
                start,
                end: content.text.len() as u32,
                frame: Rect::new(word.bbox.x0, top, word.bbox.x1, bottom),
                base: word.base,
                size,
                face: u16::MAX,
                direction: Direction::Right,
                sight: Sight::Seen,
                space_after: true,
                wide: word.text.chars().all(bidi::is_wide),
            });
        }
        let rule = |bbox: &Rect| Rule { bbox: *bbox, horizontal: bbox.width() >= bbox.height() };
        content.rules = page.rules.iter().map(rule).collect();
        content.images.clone_from(&page.pictures);
        content
    }
}

/// Takes the wavering out of the sizes in a text layer that another program's OCR left under a picture.
pub(crate) fn settle(content: &mut Content) {
    let inkless = content.words.iter().filter(|word| word.sight == Sight::Inkless);
    let usual = usual_size(inkless.map(|word| (word.size, (word.end - word.start) as usize)));
    for word in content.words.iter_mut().filter(|word| word.sight == Sight::Inkless) {
        if (word.size - usual).abs() < LAYER_SIZE * usual {
            word.size = usual;
            (word.frame.y0, word.frame.y1) = (word.base - RISE * usual, word.base + SINK * usual);
        }
    }
}

/// The size of a line, without the wavering of what was measured.
fn settled(size: f32, own: f32, usual: f32) -> f32 {
    let near = |other: f32| other > 0.0 && (size - other).abs() < SAME_SIZE * other;
    if near(own) {
        // The pages of a document are set in one size; a single page knows it less well.
        return if (own - usual).abs() < SAME_SIZE * usual { usual } else { own };
    }
    if near(usual) { usual } else { (size * 2.0).round().max(1.0) / 2.0 }
}

/// The size most characters have.
fn usual_size(sizes: impl Iterator<Item = (f32, usize)>) -> f32 {
    let mut sizes: Vec<(f32, usize)> = sizes.collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all: usize = sizes.iter().map(|(_, length)| length).sum();
    let mut seen = 0;
    for (size, length) in sizes {
        seen += length;
        if seen * 2 >= all {
            return size;
        }
    }
    0.0
}

/// Drops what cannot stand on a page.
fn tidy(page: &mut Recognised) {
    let (width, height) = (page.upright.width, page.upright.height);
    let inside = |bbox: &Rect| {
        let edges = [bbox.x0, bbox.y0, bbox.x1, bbox.y1];
        edges.iter().all(|edge| edge.is_finite())
            && bbox.x0 > -2.0
            && bbox.y0 > -2.0
            && bbox.x1 < width + 2.0
            && bbox.y1 < height + 2.0
    };
    page.words.retain(|word| {
        !word.text.is_empty()
            && inside(&word.bbox)
            && word.base.is_finite()
            && word.size.is_finite()
            && word.size > 0.5
            && word.size < height.max(1.0)
    });
    page.words.truncate(MAX_WORDS);
    page.rules.retain(inside);
    page.pictures.retain(|picture| inside(picture) && !is_paper(picture, &page.words));
}

/// Whether what was taken for a picture is paper with lines of text on it, a dark or folded sheet perhaps: its
/// words are not the labels of a figure.
fn is_paper(picture: &Rect, words: &[SeenWord]) -> bool {
    let on_it = |word: &&SeenWord| word.confidence > SURE && picture.holds_middle_of(&word.bbox, 0.0);
    let (mut lines, mut in_line, mut base) = (0, 0, f32::NAN);
    for word in words.iter().filter(on_it) {
        in_line = if (word.base - base).abs() < 0.5 * word.size { in_line + 1 } else { 1 };
        base = word.base;
        lines += usize::from(in_line == PAPER_WORDS);
    }
    lines >= PAPER_LINES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: u8, words: u8) -> impl Iterator<Item = SeenWord> {
        let base = 100.0 + 14.0 * f32::from(row);
        (0..words).map(move |at| {
            let x = 60.0 + 50.0 * f32::from(at);
            let bbox = Rect::new(x, base - 8.0, x + 40.0, base);
            SeenWord { text: "word".to_owned(), bbox, base, size: 10.0, confidence: 0.9 }
        })
    }

    fn kept(words: Vec<SeenWord>) -> usize {
        let upright = Upright::as_shown(600.0, 800.0);
        let mut page =
            Recognised { upright, words, rules: Vec::new(), pictures: vec![Rect::new(0.0, 0.0, 450.0, 790.0)] };
        tidy(&mut page);
        page.pictures.len()
    }

    #[test]
    fn paper_with_lines_of_text_is_no_picture() {
        assert_eq!(kept((0..5).flat_map(|row| line(row, 6)).collect()), 0);
        // The labels of a diagram stand alone.
        assert_eq!(kept((0..9).flat_map(|row| line(row, 2)).collect()), 1);
        assert_eq!(kept(line(0, 6).collect()), 1, "a line on a photo");
    }
}
