//! What Tesseract prints as hOCR: lines with baseline and size, words with box and confidence.
//!
//! Only the shapes Tesseract writes are understood; anything else is passed over. It is read as hostile text:
//! no number is trusted to be in the picture.

/// A word in pixels of the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HocrWord {
    /// Its characters.
    pub(super) text: String,
    /// Left, top, right, bottom.
    pub(super) bbox: [f32; 4],
    /// Where its line stands at its middle.
    pub(super) base: f32,
    /// Height of the line from the lowest descender to the highest ascender.
    pub(super) size: f32,
    /// 0 to 100.
    pub(super) confidence: f32,
}

/// What is on a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hocr {
    /// Words, line by line.
    pub(super) words: Vec<HocrWord>,
    /// Characters on lines that run up or down: they are not among the words.
    pub(super) sideways: usize,
    /// Boxes of pictures.
    pub(super) photos: Vec<[f32; 4]>,
}

/// No more words than this are taken.
const MAX_WORDS: usize = 50_000;

#[derive(Clone, Copy, Default)]
struct Line {
    bbox: [f32; 4],
    slope: f32,
    offset: f32,
    size: f32,
    sideways: bool,
}

/// Reads hOCR.
pub(super) fn parse(text: &str) -> Hocr {
    let mut out = Hocr::default();
    let mut line = Line::default();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let Some(end) = rest.find('>') else { break };
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        let (Some(class), Some(title)) = (attribute(tag, "class"), attribute(tag, "title")) else { continue };
        match class {
            "ocr_line" | "ocr_header" | "ocr_caption" | "ocr_textfloat" => line = line_of(title),
            "ocr_photo" => out.photos.extend(numbers(title, "bbox")),
            "ocrx_word" if out.words.len() < MAX_WORDS => {
                let inside = after.find("</span>").map_or("", |end| &after[..end]);
                match word_of(title, inside, &line) {
                    Some(word) if line.sideways => out.sideways += word.text.chars().count(),
                    Some(word) => out.words.push(word),
                    None => {}
                }
            }
            _ => {}
        }
    }
    out
}

fn line_of(title: &str) -> Line {
    let [slope, offset] = numbers(title, "baseline").unwrap_or_default();
    let [size] = numbers(title, "x_size").unwrap_or_default();
    let sideways = numbers(title, "textangle").is_some_and(|[angle]: [f32; 1]| angle != 0.0);
    Line { sideways, bbox: numbers(title, "bbox").unwrap_or_default(), slope, offset, size }
}

fn word_of(title: &str, inside: &str, line: &Line) -> Option<HocrWord> {
    let bbox: [f32; 4] = numbers(title, "bbox")?;
    let [confidence] = numbers(title, "x_wconf")?;
    let text = plain(inside);
    let middle = (bbox[0] + bbox[2]) / 2.0;
    let base = line.bbox[3] + line.offset + line.slope * (middle - line.bbox[0]);
    (!text.is_empty()).then_some(HocrWord { text, bbox, base, size: line.size, confidence })
}

/// The value of an attribute, in either quotes. (A quote inside is written `&quot;` or `&#39;`.)
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = tag;
    loop {
        let at = rest.find(name)?;
        let before_is_space = at > 0 && rest.as_bytes()[at - 1].is_ascii_whitespace();
        rest = &rest[at + name.len()..];
        let Some(value) = rest.strip_prefix('=').filter(|_| before_is_space) else { continue };
        let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let value = &value[1..];
        return value.find(quote).map(|end| &value[..end]);
    }
}

/// The numbers of a property such as `bbox 1 2 3 4`.
fn numbers<const N: usize>(title: &str, name: &str) -> Option<[f32; N]> {
    let property = title.split(';').map(str::trim).find(|part| part.split(' ').next() == Some(name))?;
    let mut out = [0.0; N];
    let mut words = property.split_ascii_whitespace().skip(1);
    for slot in &mut out {
        *slot = words.next()?.parse().ok().filter(|value: &f32| value.is_finite() && value.abs() < 1e6)?;
    }
    Some(out)
}

/// Text without tags (`<strong>`, `<em>`), its entities resolved, without white space.
fn plain(inside: &str) -> String {
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(c) = rest.chars().next() {
        match c {
            '<' => rest = rest.find('>').map_or("", |end| &rest[end + 1..]),
            '&' => {
                let entities = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\'')];
                let (length, c) = entities
                    .iter()
                    .find(|(entity, _)| rest.starts_with(entity))
                    .map_or((1, '&'), |(entity, c)| (entity.len(), *c));
                out.push(c);
                rest = &rest[length..];
            }
            c => {
                if !c.is_whitespace() && !c.is_control() {
                    out.push(c);
                }
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_know_their_line() {
        let text = r#"<div class='ocr_photo' id='block_1_1' title="bbox 5 6 70 80"></div>
            <span class='ocr_line' id='line_1_1' title="bbox 100 50 300 80; baseline 0.01 -6; x_size 30; x_descenders 6">
            <span class='ocrx_word' id='word_1_1' title='bbox 100 52 180 79; x_wconf 96'>R&amp;D</span>
            <span class='ocrx_word' title='bbox 200 51 300 78; x_wconf 41'><em>isn&#39;t</em></span>"#;
        let read = parse(text);
        assert_eq!(read.photos, [[5.0, 6.0, 70.0, 80.0]]);
        let words: Vec<_> = read.words.iter().map(|word| (word.text.as_str(), word.base, word.confidence)).collect();
        assert_eq!(words[0], ("R&D", 74.4, 96.0));
        assert_eq!((words[1].0, words[1].2), ("isn't", 41.0));
        assert!((words[1].1 - 75.5).abs() < 0.01);
    }

    #[test]
    fn nonsense_gives_nothing() {
        for text in [
            "",
            "<",
            "<span class='ocrx_word' title='bbox 1 2 3'>x</span>",
            "<span class='ocrx_word' title='bbox nan 1 2 inf; x_wconf 3'>x",
            "<a class='",
        ] {
            assert_eq!(parse(text), Hocr::default(), "{text}");
        }
    }
}
