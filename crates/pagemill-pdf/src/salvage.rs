//! What can be had of damaged files: pages whose catalog or page tree is lost, as in files that were cut short, and
//! content whose marks of beginning and end are.

use std::io::Read;

use memchr::memmem;

/// More pages than this are not looked for.
const MOST_PAGES: usize = 10_000;
/// A page dictionary is looked at for so many bytes.
const DICTIONARY: usize = 4096;

/// The file with a new catalog and page tree over the page dictionaries that lie open in it;
/// `None` when there is none. What pages inherit from lost ancestors stays lost.
pub(crate) fn with_new_tree(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut pages, mut highest) = (Vec::new(), 0_u32);
    for (number, body) in objects(bytes) {
        highest = highest.max(number);
        if is_page(body) && pages.len() < MOST_PAGES && !pages.contains(&number) {
            pages.push(number);
        }
    }
    if pages.is_empty() {
        return None;
    }
    let (catalog, tree) = (highest.checked_add(1)?, highest.checked_add(2)?);
    let kids: String = pages.iter().map(|page| format!("{page} 0 R ")).collect();
    let count = pages.len();
    let mut out = Vec::with_capacity(bytes.len() + kids.len() + 256);
    // Trailers that name a root are what misled the reader: they are made unreadable, byte for byte.
    out.extend(bytes);
    for at in memmem::find_iter(bytes, b"trailer").chain(memmem::find_iter(bytes, b"startxref")) {
        out[at] = b'%';
    }
    for at in memmem::find_iter(bytes, b"/Root") {
        out[at + 1] = b'r';
    }
    out.extend(
        format!(
            "\n{catalog} 0 obj\n<</Type /Catalog /Pages {tree} 0 R>>\nendobj\n\
             {tree} 0 obj\n<</Type /Pages /Kids [{kids}] /Count {count}>>\nendobj\n\
             trailer\n<</Root {catalog} 0 R /Size {}>>\n%%EOF\n",
            u64::from(tree) + 1
        )
        .bytes(),
    );
    Some(out)
}

/// The content of a page that lies in an object which is no sound stream any more: what follows its dictionary, up to
/// the end of the object. `None` when there is no such object, or its bytes are folded in a way not known here.
pub(crate) fn content(bytes: &[u8], object: u32, most: u64) -> Option<Vec<u8>> {
    let (_, body) = objects(bytes).filter(|(number, _)| *number == object).last()?;
    let begin = end_of_dictionary(body)?;
    let (dictionary, rest) = body.split_at(begin);
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b"stream").unwrap_or(rest).trim_ascii_start();
    let ends = [b"endstream".as_slice(), b"endobj", b"startxref"];
    let end = ends.into_iter().filter_map(|end| memmem::find(rest, end)).min();
    let data = &rest[..end.unwrap_or(rest.len())];
    let mut out = Vec::new();
    if memmem::find_iter(dictionary, b"/Filter").next().is_none() {
        out.extend(data.iter().take(usize::try_from(most).unwrap_or(usize::MAX)));
    } else if memmem::find_iter(dictionary, b"/FlateDecode").count() == 1 {
        // What unfolds before the damage is kept.
        let mut decoder = flate2::read::ZlibDecoder::new(data).take(most);
        let _damaged = decoder.read_to_end(&mut out);
    }
    (!out.is_empty()).then_some(out)
}

/// Where the dictionary that an object begins with ends.
fn end_of_dictionary(body: &[u8]) -> Option<usize> {
    let mut depth = 0_u32;
    let mut at = 0;
    while let Some(pair) = body.get(at..at + 2) {
        match pair {
            b"<<" => depth += 1,
            b">>" if depth <= 1 => return (depth == 1).then_some(at + 2),
            b">>" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    None
}

/// The objects that lie open in a file: their numbers and what follows `obj`.
fn objects(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    memmem::find_iter(bytes, b" obj").filter_map(|at| {
        let before = bytes.get(at.saturating_sub(20)..at)?;
        let mut words = before.rsplit(|byte| !byte.is_ascii_digit());
        let _generation: u32 = number(words.next()?)?;
        Some((number(words.next()?)?, bytes.get(at + 4..)?))
    })
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether an object is a dictionary of the type `Page`.
fn is_page(body: &[u8]) -> bool {
    let body = &body[..body.len().min(DICTIONARY)];
    let end = memmem::find_iter(body, b"endobj").chain(memmem::find_iter(body, b"stream")).min().unwrap_or(body.len());
    memmem::find_iter(&body[..end], b"/Type").any(|at| {
        let value = body[at + 5..end].trim_ascii_start();
        value.strip_prefix(b"/Page").is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric))
    })
}

#[cfg(test)]
mod tests {
    use super::content;
    use crate::open::open;
    use crate::test_pdf::{pages_pdf, read};

    #[test]
    fn content_without_its_marks_is_read() {
        let whole = pages_pdf("", &[("", "BT /F1 12 Tf 72 700 Td (Hello) Tj ET")], &[]);
        let with = |from: &[u8], to: &[u8]| {
            let at = whole.windows(from.len()).position(|window| window == from).unwrap();
            let bytes = [&whole[..at], to, &whole[at + from.len()..]].concat();
            let blocks = read(bytes, 1..=1).into_iter().flat_map(|page| page.blocks);
            blocks.map(|block| block.text).collect::<Vec<_>>()
        };
        assert_eq!(with(b"endstream", b""), ["Hello"]);
        assert_eq!(with(b"endstream", b"enxstream"), ["Hello"]);
        assert_eq!(with(b"stream", b""), ["Hello"]);
    }

    #[test]
    fn lost_content_is_bounded() {
        let file = [b"1 0 obj <</A <</B 1>>>>".as_slice(), &[b'q'; 500]].concat();
        assert_eq!(content(&file, 1, 100).unwrap().len(), 100);
        assert_eq!(content(&file, 2, 100), None);
        assert_eq!(content(b"1 0 obj << /A", 1, 100), None);
        assert_eq!(content(b"1 0 obj <</Filter /LZWDecode>> stream x endstream", 1, 100), None);
    }

    #[test]
    fn a_file_that_lost_its_catalog_keeps_its_pages() {
        let whole = pages_pdf("", &[("", "BT /F1 12 Tf (Hello) Tj ET"), ("", "")], &[]);
        let lost = |from: &[u8], to: &[u8]| {
            let at = whole.windows(from.len()).position(|window| window == from).unwrap();
            let mut bytes = whole.clone();
            bytes[at..at + from.len()].copy_from_slice(to);
            open(bytes, &Default::default()).map(|pdf| pdf.page_count())
        };
        assert_eq!(lost(b"/Catalog", b"/Nothing").unwrap(), 2);
        assert_eq!(lost(b"/Pages 2 0 R", b"/Pages 9 0 R").unwrap(), 2);
        assert_eq!(lost(b"/Kids [4", b"/Kids [2").unwrap(), 1);
        let end = whole.windows(4).position(|window| window == b"xref").unwrap();
        let catalog = whole.windows(6).position(|window| window == b"endobj").unwrap();
        let cut = [b"%PDF-1.7\n".as_slice(), &whole[catalog..end]].concat();
        assert_eq!(open(cut, &Default::default()).unwrap().page_count(), 2);
    }
}
