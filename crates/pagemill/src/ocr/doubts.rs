//! Lines that read badly on a page that reads well: a second look with another threshold often reads them.

use super::hocr::{Hocr, HocrWord};

/// A line less sure than this on average, of 100, is doubtful.
const DOUBTFUL: f32 = 62.0;
/// Lines with fewer characters say too little.
const LEAST_CHARS: usize = 8;
/// What takes the place of a doubtful region is surer by this, of 100.
const SURER: f32 = 15.0;
/// And has at least this share of its characters.
const AS_LONG: f32 = 0.6;

/// Neighbouring doubtful lines.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Region {
    bbox: [f32; 4],
    /// Height of its lines.
    height: f32,
    lines: Vec<u32>,
    sure: f32,
    chars: usize,
}

/// The doubtful regions of what was read.
pub(super) fn regions(read: &Hocr) -> Vec<Region> {
    let mut lines: Vec<Region> = Vec::new();
    for some in read.words.chunk_by(|a, b| a.line == b.line) {
        let (sure, chars) = sureness(some.iter());
        let Some(bbox) = some.iter().map(|word| word.bbox).reduce(union) else { continue };
        if chars >= LEAST_CHARS && sure < DOUBTFUL {
            lines.push(Region { bbox, height: bbox[3] - bbox[1], lines: vec![some[0].line], sure, chars });
        }
    }
    let mut out: Vec<Region> = Vec::new();
    for line in lines {
        let near = |region: &&mut Region| {
            let gap = line.bbox[1].max(region.bbox[1]) - line.bbox[3].min(region.bbox[3]);
            let beside = line.bbox[0] < region.bbox[2] && region.bbox[0] < line.bbox[2];
            beside && gap < line.height.min(region.height)
        };
        match out.iter_mut().find(near) {
            Some(region) => {
                let all = (region.chars + line.chars) as f32;
                region.sure = (region.sure * region.chars as f32 + line.sure * line.chars as f32) / all;
                region.chars += line.chars;
                region.bbox = union(region.bbox, line.bbox);
                region.lines.extend(line.lines);
            }
            None => out.push(line),
        }
    }
    out
}

/// Puts what a second look read into doubtful regions, where it is surer.
pub(super) fn mend(read: &mut Hocr, regions: &[Region], second: &Hocr) {
    for (region, place) in regions.iter().zip(0_u32..) {
        let slack = 0.3 * region.height;
        let [x0, y0, x1, y1] = region.bbox;
        let inside = |word: &&HocrWord| {
            let (x, y) = ((word.bbox[0] + word.bbox[2]) / 2.0, (word.bbox[1] + word.bbox[3]) / 2.0);
            x > x0 - slack && x < x1 + slack && y > y0 - slack && y < y1 + slack
        };
        let is_free = |word: &&HocrWord| {
            // What the first look read well stays, and is not read twice.
            let other = |known: &&HocrWord| !region.lines.contains(&known.line);
            !read.words.iter().filter(other).any(|known| overlaps(&known.bbox, &word.bbox))
        };
        let found: Vec<HocrWord> = second.words.iter().filter(inside).filter(is_free).cloned().collect();
        let (sure, chars) = sureness(found.iter());
        if sure < region.sure + SURER || (chars as f32) < AS_LONG * region.chars as f32 {
            continue;
        }
        let Some(at) = read.words.iter().position(|word| region.lines.contains(&word.line)) else { continue };
        read.words.retain(|word| !region.lines.contains(&word.line));
        // Numbers of lines that no line of the first look has.
        let own = u32::MAX - place;
        let found = found.into_iter().map(|word| HocrWord { line: own, ..word });
        let at = at.min(read.words.len());
        read.words.splice(at..at, found);
    }
}

/// How sure words are on average, of 100, weighted by their characters; and how many characters they have.
fn sureness<'w>(words: impl Iterator<Item = &'w HocrWord>) -> (f32, usize) {
    let mut sum = 0.0;
    let mut chars = 0;
    for word in words {
        let count = word.text.chars().count();
        sum += word.confidence * count as f32;
        chars += count;
    }
    (if chars == 0 { 0.0 } else { sum / chars as f32 }, chars)
}

fn union(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

/// Whether boxes share more than a third of the second.
fn overlaps(a: &[f32; 4], b: &[f32; 4]) -> bool {
    let width = a[2].min(b[2]) - a[0].max(b[0]);
    let height = a[3].min(b[3]) - a[1].max(b[1]);
    width > 0.0 && height > 0.0 && 3.0 * width * height > (b[2] - b[0]) * (b[3] - b[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, line: u32, x: f32, confidence: f32) -> HocrWord {
        let y = 40.0 * line as f32;
        let bbox = [x, y, x + 12.0 * text.len() as f32, y + 30.0];
        HocrWord { text: text.to_owned(), bbox, base: y + 24.0, size: 30.0, confidence, line }
    }

    fn texts(read: &Hocr) -> Vec<&str> {
        read.words.iter().map(|word| word.text.as_str()).collect()
    }

    #[test]
    fn a_doubtful_line_is_mended_and_a_good_one_left_alone() {
        let good = [word("implanted", 0, 0.0, 96.0), word("system", 0, 120.0, 95.0)];
        let bad = [word("ae", 1, 0.0, 20.0), word("lavas", 1, 40.0, 35.0), word("Seat", 1, 110.0, 30.0)];
        let last = word("theatre", 2, 0.0, 94.0);
        let mut read = Hocr { words: [&good[..], &bad[..], &[last]].concat(), ..Hocr::default() };
        let second = Hocr {
            words: vec![
                word("smudged", 0, 0.0, 70.0),
                word("are", 1, 0.0, 95.0),
                word("acquired", 1, 40.0, 96.0),
                word("elsewhere", 1, 900.0, 96.0),
            ],
            ..Hocr::default()
        };
        let found = regions(&read);
        assert_eq!(found.len(), 1);
        mend(&mut read, &found, &second);
        assert_eq!(texts(&read), ["implanted", "system", "are", "acquired", "theatre"]);
    }

    #[test]
    fn what_reads_no_better_changes_nothing() {
        let mut read = Hocr { words: vec![word("doubtful", 0, 0.0, 50.0)], ..Hocr::default() };
        let before = read.clone();
        let found = regions(&read);
        mend(&mut read, &found, &Hocr { words: vec![word("doubtless", 0, 0.0, 55.0)], ..Hocr::default() });
        mend(&mut read, &found, &Hocr { words: vec![word("do", 0, 0.0, 96.0)], ..Hocr::default() });
        assert_eq!(read, before);
    }
}
