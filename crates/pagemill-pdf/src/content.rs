//! What is painted on a page, before anything is made of it: words in the order
//! of painting, ruling lines, shapes and images.

use std::sync::Arc;

use pagemill_core::Rect;

use crate::compounds::Compounds;

/// An image over this share of a page is the page: it covers what was painted before.
pub(crate) const WHOLE_PAGE: f32 = 0.8;

/// Which way text runs on the page as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) enum Direction {
    /// Left to right.
    #[default]
    Right,
    /// Bottom to top.
    Up,
    /// Upside down.
    Left,
    /// Top to bottom.
    Down,
    /// Right to left: the frame is the page in a mirror.
    Mirrored,
}

impl Direction {
    /// Turns a place on the page into the frame in which this text is upright:
    /// the first coordinate grows along the line, the second from line to line.
    pub(crate) fn to_frame(self, (x, y): (f32, f32), (width, height): (f32, f32)) -> (f32, f32) {
        match self {
            Self::Right => (x, y),
            Self::Up => (height - y, x),
            Self::Left => (width - x, height - y),
            Self::Down => (y, width - x),
            Self::Mirrored => (width - x, y),
        }
    }

    /// The page box of a box in the frame.
    pub(crate) fn to_page(self, frame: &Rect, (width, height): (f32, f32)) -> Rect {
        match self {
            Self::Right => *frame,
            Self::Up => Rect::new(frame.y0, height - frame.x1, frame.y1, height - frame.x0),
            Self::Left => Rect::new(width - frame.x1, height - frame.y1, width - frame.x0, height - frame.y0),
            Self::Down => Rect::new(width - frame.y1, frame.x0, width - frame.y0, frame.x1),
            Self::Mirrored => Rect::new(width - frame.x1, frame.y0, width - frame.x0, frame.y1),
        }
    }

    /// The frame box of a box on the page.
    pub(crate) fn box_to_frame(self, page: &Rect, size: (f32, f32)) -> Rect {
        let (x0, y0) = self.to_frame((page.x0, page.y0), size);
        let (x1, y1) = self.to_frame((page.x1, page.y1), size);
        Rect::new(x0, y0, x1, y1)
    }
}

/// Why a word is not to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It is painted.
    Seen,
    /// Drawn without ink, as under a scanned picture.
    Inkless,
    /// White on white.
    White,
    /// It is painted aslant, and only a table takes it.
    Slanted,
}

/// What the content says it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing.
    None,
    /// Running heads and the like.
    Artifact,
    /// The content of this number on the page.
    Numbered(u32),
}

/// What the tags of the file make of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// They do not say.
    Unknown,
    /// No content: running heads, ornaments.
    Artifact,
    /// Text of some kind.
    Text,
    /// A heading of this level, which is 0 where it is not told.
    Heading(u8),
}

/// Characters without white space between them, painted one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawWord {
    /// Where its text begins in [`Content::text`].
    pub(crate) start: u32,
    /// Where its text ends in [`Content::text`].
    pub(crate) end: u32,
    /// Its box in the frame of its direction.
    pub(crate) frame: Rect,
    /// Second coordinate of its baseline in the frame.
    pub(crate) base: f32,
    /// Font size in points.
    pub(crate) size: f32,
    /// Number of its face.
    pub(crate) face: u16,
    /// Which way it runs.
    pub(crate) direction: Direction,
    /// Whether it can be seen.
    pub(crate) sight: Sight,
    /// Whether white space follows it.
    pub(crate) space_after: bool,
    /// Whether it is of a script written without spaces.
    pub(crate) wide: bool,
}

/// A straight line or thin bar, along or across the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rule {
    /// Its box on the page; it may have no width or no height.
    pub(crate) bbox: Rect,
    /// Whether it runs from left to right.
    pub(crate) horizontal: bool,
}

/// A painted area other than a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Its box on the page.
    pub(crate) bbox: Rect,
    /// Whether it is an upright rectangle, as backgrounds and frames are.
    pub(crate) rectangle: bool,
    /// What it is painted with.
    pub(crate) ink: Ink,
}

/// What an area is painted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Red, green and blue.
    Color([u8; 3]),
    /// A tiling or shading.
    Pattern,
}

/// What is painted on a page.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// Width and height of the page as shown.
    pub(crate) size: (f32, f32),
    /// Text of all words, one after the other.
    pub(crate) text: String,
    /// Words in the order of painting.
    pub(crate) words: Vec<RawWord>,
    /// Ruling lines.
    pub(crate) rules: Vec<Rule>,
    /// Other drawings.
    pub(crate) shapes: Vec<Shape>,
    /// Boxes of images.
    pub(crate) images: Vec<Rect>,
    /// Pixels per inch of the largest image, and its share of the page; zero without images.
    pub(crate) main_image: (f32, f32),
    /// Words known to be written with a hyphen.
    pub(crate) compounds: Arc<Compounds>,
    /// Whether some words run from right to left.
    pub(crate) mixed: bool,
    /// Marked content as it is painted: from which word on.
    pub(crate) marks: Vec<(u32, Mark)>,
    /// What the tags of the file say, from which word on.
    pub(crate) tags: Vec<(u32, Tag)>,
    /// Glyphs shown.
    pub(crate) glyphs: u32,
    /// Glyphs of which the file does not tell the characters.
    pub(crate) unreadable: u32,
}

impl Content {
    /// The text of a word.
    pub(crate) fn word(&self, word: &RawWord) -> &str {
        self.text.get(word.start as usize..word.end as usize).unwrap_or("")
    }

    /// What the tags of the file make of a word.
    pub(crate) fn tag(&self, word: u32) -> Tag {
        let after = self.tags.partition_point(|(from, _)| *from <= word);
        after.checked_sub(1).map_or(Tag::Unknown, |at| self.tags[at].1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_turn_back_to_the_same_place(
            x in 0_f32..600.0, y in 0_f32..800.0, w in 1_f32..50.0, h in 1_f32..20.0,
            direction in prop::sample::select(vec![Direction::Right, Direction::Up, Direction::Left, Direction::Down, Direction::Mirrored])
        ) {
            let size = (612.0, 792.0);
            let page = Rect::new(x, y, x + w, y + h);
            let back = direction.to_page(&direction.box_to_frame(&page, size), size);
            for (a, b) in [(page.x0, back.x0), (page.y0, back.y0), (page.x1, back.x1), (page.y1, back.y1)] {
                prop_assert!((a - b).abs() < 0.01);
            }
        }
    }
}
