//! Where the words of a block stand, and the compact form they are stored in.
//!
//! Citations are exact because of these: a range of a block's text becomes the
//! boxes of its words, line by line.

use serde::{Deserialize, Serialize};

use crate::Rect;

/// A word of a block's text and its place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Byte offset of its first character in the block's text.
    pub start: u32,
    /// Byte offset after its last character in the block's text.
    pub end: u32,
    /// 1-based page it stands on. A word hyphenated over a line end is stored as two.
    pub page: u32,
    /// Its box.
    pub bbox: Rect,
}

/// Stored words that are not whole or not ours.
#[derive(Debug, thiserror::Error)]
#[error("stored word boxes are damaged at byte {0}")]
pub struct PackedWordsError(usize);

/// Coordinates are stored in 1/20 of a point.
const STEPS_PER_POINT: f32 = 20.0;

/// Packs words to about 9 bytes each: differences as variable-length integers.
pub fn pack_words(words: &[Word]) -> Vec<u8> {
    let mut out = Vec::with_capacity(words.len() * 9 + 4);
    put(&mut out, words.len() as i64);
    let mut last = [0_i64; 5];
    for word in words {
        let now =
            [i64::from(word.start), i64::from(word.page), step(word.bbox.x0), step(word.bbox.y0), step(word.bbox.y1)];
        for (value, previous) in now.iter().zip(last) {
            put(&mut out, value - previous);
        }
        put(&mut out, i64::from(word.end) - i64::from(word.start));
        put(&mut out, step(word.bbox.x1) - now[2]);
        last = now;
    }
    out
}

/// Unpacks what [`pack_words`] made; boxes are exact to 1/40 of a point.
///
/// # Errors
/// When the bytes end early or hold impossible values.
pub fn unpack_words(bytes: &[u8]) -> Result<Vec<Word>, PackedWordsError> {
    let mut at = 0;
    let count = take(bytes, &mut at)?;
    let count = usize::try_from(count).map_err(|_negative| PackedWordsError(at))?;
    if count > bytes.len() {
        return Err(PackedWordsError(at));
    }
    let mut words = Vec::with_capacity(count);
    let mut last = [0_i64; 5];
    for _ in 0..count {
        for value in &mut last {
            let difference = take(bytes, &mut at)?;
            *value = value.checked_add(difference).ok_or(PackedWordsError(at))?;
        }
        let length = take(bytes, &mut at)?;
        let width = take(bytes, &mut at)?;
        let [start, page, x0, y0, y1] = last;
        let unsigned = |value: i64| u32::try_from(value).map_err(|_outside| PackedWordsError(at));
        words.push(Word {
            start: unsigned(start)?,
            end: unsigned(start.checked_add(length).ok_or(PackedWordsError(at))?)?,
            page: unsigned(page)?,
            bbox: Rect::new(
                points(x0),
                points(y0),
                points(x0.checked_add(width).ok_or(PackedWordsError(at))?),
                points(y1),
            ),
        });
    }
    Ok(words)
}

fn step(value: f32) -> i64 {
    (value * STEPS_PER_POINT).round() as i64
}

fn points(value: i64) -> f32 {
    value as f32 / STEPS_PER_POINT
}

/// Zigzag, then seven bits a byte, lowest first (as in Protocol Buffers).
fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push((rest as u8) | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn take(bytes: &[u8], at: &mut usize) -> Result<i64, PackedWordsError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).ok_or(PackedWordsError(*at))?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(((value >> 1) as i64) ^ -((value & 1) as i64));
        }
    }
    Err(PackedWordsError(*at))
}

/// The boxes of the words that a byte range of the block's text touches:
/// one box for each line and page, in reading order.
pub fn boxes_of_range(words: &[Word], start: u32, end: u32) -> Vec<(u32, Rect)> {
    let mut boxes: Vec<(u32, Rect)> = Vec::new();
    for word in words.iter().filter(|word| word.start < end && word.end > start) {
        match boxes.last_mut() {
            Some((page, line)) if *page == word.page && same_line(line, &word.bbox) => {
                *line = line.union(&word.bbox);
            }
            _ => boxes.push((word.page, word.bbox)),
        }
    }
    boxes
}

/// Words of a line share most of their height and do not run backwards.
fn same_line(line: &Rect, word: &Rect) -> bool {
    let height = line.height().min(word.height());
    line.vertical_overlap(word) > height * 0.5 && word.x1 > line.x0 && word.x0 - line.x1 < 4.0 * height.max(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(start: u32, length: u32, page: u32, x: f32, y: f32) -> Word {
        Word { start, end: start + length, page, bbox: Rect::new(x, y, x + 20.0, y + 10.0) }
    }

    #[test]
    fn a_range_gives_one_box_a_line() {
        let words = [
            word(0, 3, 1, 10.0, 700.0),
            word(4, 3, 1, 32.0, 700.0),
            word(8, 3, 1, 10.0, 712.0),
            word(12, 3, 2, 10.0, 40.0),
        ];
        let boxes = boxes_of_range(&words, 4, 15);
        assert_eq!(
            boxes,
            vec![
                (1, Rect::new(32.0, 700.0, 52.0, 710.0)),
                (1, Rect::new(10.0, 712.0, 30.0, 722.0)),
                (2, Rect::new(10.0, 40.0, 30.0, 50.0)),
            ]
        );
    }

    proptest! {
        #[test]
        fn packing_keeps_words(
            raw in prop::collection::vec((0_u32..100_000, 0_u32..60, 1_u32..3000, -50_f32..20_000.0, -50_f32..20_000.0), 0..200)
        ) {
            let words: Vec<Word> = raw.into_iter().map(|(s, l, p, x, y)| word(s, l, p, x, y)).collect();
            let unpacked = unpack_words(&pack_words(&words)).unwrap();
            prop_assert_eq!(words.len(), unpacked.len());
            for (was, is) in words.iter().zip(unpacked) {
                prop_assert_eq!((was.start, was.end, was.page), (is.start, is.end, is.page));
                prop_assert!((was.bbox.x0 - is.bbox.x0).abs() < 0.06);
                prop_assert!((was.bbox.y1 - is.bbox.y1).abs() < 0.06);
            }
        }

        #[test]
        fn damaged_words_are_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack_words(&bytes);
        }
    }
}
