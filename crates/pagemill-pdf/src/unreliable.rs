//! Whether the text a file gives for a page is what the page shows.
//!
//! Fonts may lack the table from codes to characters, or have a wrong one: then the page looks right and its text
//! is improbable. And a scanned page may carry a stamp or a page number as its only text.

use unicode_normalization::UnicodeNormalization;

use crate::content::{Content, RawWord, Sight, WHOLE_PAGE};

/// Pairs of letters that are usual in languages written in Latin letters: for each letter `a` to `z` the set of those
/// that follow it, `a` in the lowest bit. Accents apart, they cover 0.985 of the pairs in the text of 80 documents in
/// English, German, French, Spanish and Portuguese. Over 1,246 pages of 350 other files real text has a share of 0.72
/// and more of usual pairs (the least being program code), text under wrong encodings 0.44 to 0.52.
const USUAL: [u32; 26] = [
    0x1beff7f, 0x1165b11, 0x31e4d95, 0x316595b, 0x1fffbff, 0x11a4931, 0x11e69db, 0x11a7d11, 0x2aeff7f, 0x0104211,
    0x00c2511, 0x13c595f, 0x014d113, 0x13c7d7d, 0x0feff7f, 0x11ec991, 0x0100000, 0x33efd7f, 0x37eddb5, 0x15edd95,
    0x01ebb5f, 0x0204111, 0x1466191, 0x0088111, 0x10cf110, 0x1440019,
];
/// Less is no text of any language.
const LEAST_USUAL: f32 = 0.62;
/// So many pairs tell.
const LEAST_PAIRS: u32 = 150;
/// More glyphs than this share without a character spoil a page.
const UNREADABLE: f32 = 0.3;
/// So many glyphs tell.
const LEAST_GLYPHS: u32 = 20;
/// More single letters than this share of words are words torn apart.
const TORN: f32 = 0.7;
/// A scan has so many pixels per inch, or across where the page is large.
const LEAST_DPI: f32 = 90.0;
const LEAST_PIXELS: f32 = 900.0;
/// A page that is an image and shows fewer characters than this has its text in the image.
const FEW: usize = 80;

/// Why the text of a page is not to be trusted, in words; `None` when it is.
/// `at_edges` is whether all its text stands where heads and feet do.
pub(crate) fn reason(content: &Content, at_edges: bool) -> Option<&'static str> {
    if content.glyphs >= LEAST_GLYPHS && content.unreadable as f32 > UNREADABLE * content.glyphs as f32 {
        return Some("its fonts do not say which characters they show");
    }
    let (mut odd, mut all, mut shown) = (0_usize, 0_usize, 0_usize);
    let (mut usual, mut pairs) = (0_u32, 0_u32);
    let (mut single, mut lettered) = (0_u32, 0_u32);
    let mut before: Option<&RawWord> = None;
    for word in &content.words {
        let text = content.word(word);
        let count = text.chars().count();
        all += count;
        if word.sight != Sight::White {
            shown += count;
        }
        odd += text.chars().filter(|c| is_odd(*c)).count();
        let mut letters = text.chars().filter(|c| c.is_alphabetic());
        if letters.next().is_some() {
            lettered += 1;
            // Letters far apart are a table of signs, not words.
            let near = before.is_some_and(|before| {
                let gap = word.frame.x0 - before.frame.x1;
                (word.base - before.base).abs() < 0.2 * word.size && (0.0..word.size).contains(&gap)
            });
            single += u32::from(near && letters.next().is_none() && count == 1);
        }
        before = Some(word);
        let (word_usual, word_pairs) = pairs_of(text);
        usual += word_usual;
        pairs += word_pairs;
    }
    if all >= LEAST_GLYPHS as usize && odd as f32 > UNREADABLE * all as f32 {
        return Some("its fonts do not say which characters they show");
    }
    if pairs >= LEAST_PAIRS && (usual as f32) < LEAST_USUAL * pairs as f32 {
        return Some("its text is improbable, as under a wrong encoding");
    }
    if lettered >= 60 && single as f32 > TORN * lettered as f32 {
        return Some("its words are torn apart into letters");
    }
    let (dpi, share) = content.main_image;
    let pixels = dpi / 72.0 * content.size.0.min(content.size.1);
    let scanned = share > WHOLE_PAGE && (dpi >= LEAST_DPI || pixels >= LEAST_PIXELS);
    if scanned && shown > 0 && (shown < FEW || at_edges) {
        return Some("it is a picture with little text beside");
    }
    None
}

/// Whether a character stands for want of a better one.
fn is_odd(c: char) -> bool {
    matches!(c, '\u{fffd}' | '\u{e000}'..='\u{f8ff}') || c.is_control()
}

/// Usual pairs of letters in a word, and pairs in all, accents apart.
fn pairs_of(text: &str) -> (u32, u32) {
    let (mut usual, mut pairs) = (0, 0);
    let mut before: Option<u8> = None;
    let mut next = |c: char| {
        let now = c.is_ascii_alphabetic().then(|| c.to_ascii_lowercase() as u8 - b'a');
        if let (Some(before), Some(now)) = (before, now) {
            pairs += 1;
            usual += USUAL[usize::from(before)] >> now & 1;
        }
        before = now;
    };
    if text.is_ascii() {
        text.chars().for_each(&mut next);
    } else {
        let is_mark = |c: &char| matches!(c, '\u{300}'..='\u{36f}');
        text.nfd().filter(|c| !is_mark(c)).for_each(&mut next);
    }
    (usual, pairs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use pagemill_core::Rect;

    use super::*;
    use crate::content::Direction;

    fn content(text: &str) -> Content {
        let mut content = Content { size: (600.0, 800.0), ..Content::default() };
        for (word, place) in text.split_whitespace().zip(0_u32..) {
            let left = 11.0 * place as f32;
            let start = content.text.len() as u32;
            content.text.push_str(word);
            content.words.push(RawWord {
                start,
                end: content.text.len() as u32,
                frame: Rect::new(left, 0.0, left + 10.0, 10.0),
                base: 8.0,
                size: 10.0,
                face: 0,
                direction: Direction::Right,
                sight: Sight::Seen,
                space_after: true,
                wide: false,
            });
        }
        content.glyphs = content.text.chars().count() as u32;
        content
    }

    const ENGLISH: &str = "Ventriculoperitoneal shunting remains the most common treatment of hydrocephalus in adults. \
        The operation is short and its technique is well established, yet infection of the implanted system \
        continues to be its most feared complication.";
    const GERMAN: &str = "Im November stieß ein Holztransporter gegen das Geländer der Brücke. Die Prüfung ergab \
        Schäden an Übergangskonstruktion und Querträger, deren Behebung mehrere Wochen in Anspruch nahm, während der \
        Verkehr über die Umleitung geführt wurde.";
    const POLISH: &str = "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni \
        obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa. Każdy człowiek posiada \
        wszystkie prawa i wolności zawarte w niniejszej Deklaracji.";
    const FINNISH: &str = "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on \
        annettu järki ja omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä. Jokainen on \
        oikeutettu kaikkiin tässä julistuksessa esitettyihin oikeuksiin.";

    #[test]
    fn real_text_is_trusted() {
        for text in [ENGLISH, GERMAN, POLISH, FINNISH] {
            assert_eq!(reason(&content(text), false), None, "{text}");
        }
    }

    #[test]
    fn text_under_a_wrong_encoding_is_not() {
        // Each letter moved along the alphabet, as when codes of glyphs are taken for characters.
        for by in [3_u8, 7, 13] {
            let moved: String = ENGLISH
                .chars()
                .map(|c| match c {
                    'a'..='z' => ((c as u8 - b'a' + by) % 26 + b'a') as char,
                    'A'..='Z' => ((c as u8 - b'A' + by) % 26 + b'A') as char,
                    c => c,
                })
                .collect();
            assert!(reason(&content(&moved), false).unwrap().contains("improbable"), "{moved}");
        }
    }

    #[test]
    fn characters_that_are_not_known_spoil_a_page() {
        let odd: String = ENGLISH.chars().map(|c| if c.is_alphabetic() { '\u{fffd}' } else { c }).collect();
        assert!(reason(&content(&odd), false).unwrap().contains("fonts"));
        let torn: String = ENGLISH.chars().flat_map(|c| [c, ' ']).collect();
        let mut torn = content(&torn);
        assert!(reason(&torn, false).unwrap().contains("torn"));
        for (word, place) in torn.words.iter_mut().zip(0_u32..) {
            let left = 60.0 * place as f32;
            word.frame = Rect::new(left, 0.0, left + 10.0, 10.0);
        }
        assert_eq!(reason(&torn, false), None, "a table of letters");
    }

    #[test]
    fn a_stamp_on_a_scan_is_not_its_text() {
        let mut page = content("Downloaded from the archive");
        assert_eq!(reason(&page, false), None);
        page.main_image = (300.0, 0.98);
        assert!(reason(&page, false).is_some());
        let mut page = content(ENGLISH);
        page.main_image = (300.0, 0.98);
        assert_eq!(reason(&page, false), None, "a picture behind real text");
        assert!(reason(&page, true).is_some(), "its head and foot are all that is text");
    }
}
