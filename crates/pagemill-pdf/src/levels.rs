//! Levels of headings, the same all over a document.

use pagemill_core::{BlockKind, Outline};
use rustc_hash::FxHashMap;

use crate::layout::{Draft, numbering};

/// Deepest level given.
const DEEPEST: u8 = 6;

/// What a heading looks like. Sizes are in half points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Style {
    size: i32,
    bold: bool,
    capitals: bool,
    italic: bool,
}

impl Style {
    fn of(draft: &Draft) -> Self {
        Self {
            size: (draft.size * 2.0).round() as i32,
            bold: draft.bold > 0.5,
            capitals: !draft.text.chars().any(char::is_lowercase),
            italic: draft.italic > 0.5,
        }
    }

    /// Higher for what looks more important.
    fn weight(&self) -> (i32, bool, bool, bool) {
        (self.size, self.bold, self.capitals, !self.italic)
    }
}

/// Levels by style and by the outline of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    outline: FxHashMap<String, u8>,
    styles: FxHashMap<Style, u8>,
    ranked: Vec<(Style, u8)>,
    titled: bool,
    numbered: bool,
    /// The least level tags give, where they are to be trusted.
    tagged: Option<u8>,
}

impl Levels {
    /// Learns from the first pages and from the outline.
    pub(crate) fn of<'d>(pages: impl IntoIterator<Item = &'d [Draft]>, outline: &Outline) -> Self {
        let mut headings: Vec<&Draft> = Vec::new();
        for page in pages {
            headings.extend(page.iter().filter(|draft| draft.kind == BlockKind::Heading));
        }
        let outline: FxHashMap<String, u8> =
            outline.iter().map(|entry| (key(&entry.title), entry.level.clamp(1, DEEPEST))).collect();
        let largest = headings.iter().map(|draft| Style::of(draft).size).max().unwrap_or(0);
        let titled = headings.first().is_some_and(|first| {
            let style = Style::of(first);
            style.size == largest && headings.iter().filter(|draft| Style::of(draft).size == largest).count() == 1
        });
        let sections = if titled { &headings[1..] } else { &headings[..] };
        let base = u8::from(titled);
        let mut depths: FxHashMap<Style, FxHashMap<u8, u32>> = FxHashMap::default();
        let mut count = 0_usize;
        for draft in sections {
            let depth = numbering(&draft.text).map(|(depth, _)| depth);
            count += usize::from(depth.is_some());
            let depths = depths.entry(Style::of(draft)).or_default();
            if let Some(depth) = depth {
                *depths.entry(depth).or_insert(0) += 1;
            }
        }
        let numbered = count * 2 >= sections.len() && count >= 2;
        let mut order: Vec<Style> = depths.keys().copied().collect();
        order.sort_by_key(|style| std::cmp::Reverse(style.weight()));
        let mut styles = FxHashMap::default();
        let mut ranked: Vec<(Style, u8)> = Vec::new();
        let mut level = base;
        for style in order {
            let known = depths[&style].iter().max_by_key(|(_, count)| **count).map(|(depth, _)| *depth);
            level = match known {
                Some(depth) if numbered => (base + depth).min(DEEPEST),
                _ => (level + 1).min(DEEPEST),
            };
            styles.insert(style, level.max(1));
            ranked.push((style, level.max(1)));
        }
        Self { outline, styles, ranked, titled, numbered, tagged: least_tagged(sections) }
    }

    /// Whether the first heading is the title of the document.
    pub(crate) fn titled(&self) -> bool {
        self.titled
    }

    /// Gives the headings of a page their levels.
    pub(crate) fn set(&self, page: &mut [Draft], first_page: bool) {
        let mut title_left = self.titled && first_page;
        for draft in page.iter_mut().filter(|draft| draft.kind == BlockKind::Heading) {
            let level = if std::mem::take(&mut title_left) { 1 } else { self.level(draft) };
            draft.level = Some(level.clamp(1, DEEPEST));
        }
    }

    fn level(&self, draft: &Draft) -> u8 {
        let base = u8::from(self.titled);
        if let Some(level) = self.outline.get(&key(&draft.text)) {
            return level + base;
        }
        if let Some(least) = self.tagged
            && let Some(level @ 1..) = draft.tagged
        {
            return (level + base + 1).saturating_sub(least);
        }
        if self.numbered
            && let Some((depth, _)) = numbering(&draft.text)
        {
            return base + depth;
        }
        let style = Style::of(draft);
        if let Some(level) = self.styles.get(&style) {
            return *level;
        }
        // A style not seen before ranks with the nearest that is not more important.
        let below = self.ranked.iter().find(|(known, _)| known.weight() <= style.weight());
        below.or(self.ranked.last()).map_or(base + 1, |(_, level)| *level)
    }
}

/// The least level the tags of the file give to headings. `None` when most have no level, all have the same, or
/// their numbering says otherwise: then the tags tell what is a heading, but not of which level.
fn least_tagged(sections: &[&Draft]) -> Option<u8> {
    let levels: Vec<u8> = sections.iter().filter_map(|draft| draft.tagged.filter(|level| *level > 0)).collect();
    let (least, most) = (*levels.iter().min()?, *levels.iter().max()?);
    let numbered: Vec<(u8, u8)> =
        sections.iter().filter_map(|draft| Some((draft.tagged?, numbering(&draft.text)?.0))).collect();
    let agrees = |(tag, depth): &&(u8, u8)| tag.saturating_sub(least) + 1 == *depth;
    let agreeing = numbered.iter().filter(agrees).count();
    (least < most && levels.len() * 3 >= sections.len() * 2 && agreeing * 10 >= numbered.len() * 8).then_some(least)
}

/// A heading as it is compared with the outline: letters and digits, without its number.
fn key(text: &str) -> String {
    let begin = numbering(text).map_or(0, |(_, begin)| begin);
    text[begin..].chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
