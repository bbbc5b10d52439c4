//! The content of a page as bytes: unfolded within bounds, and not nested without end.

use std::borrow::Cow;
use std::io::Read;

use hayro_syntax::object::{Array, Name, ObjRef, Stream};
use hayro_syntax::page::Page as EnginePage;
use pagemill_core::{ErrorCode, Problem};

use crate::limits::Limits;
use crate::open::Pdf;
use crate::salvage;

/// Deflate unfolds a byte to so many at most.
const DEFLATE_RATIO: u64 = 1032;

/// The decoded content of a page: one stream or several, one after the other.
///
/// # Errors
/// `damaged` when the page has content but none of it is left (a page of which nothing can be said is not
/// a blank one), `stream_too_large`, `nesting_too_deep`.
pub(crate) fn content_of<'p>(page: &'p EnginePage<'_>, pdf: &Pdf) -> Result<Cow<'p, [u8]>, Problem> {
    let limits = &pdf.limits;
    let missing = || Problem::new(ErrorCode::Damaged, "its content is missing from the file");
    let contents = b"Contents".as_slice();
    if let Some(stream) = page.raw().get::<Stream<'_>>(contents) {
        let data = unfolded(&stream, limits.stream_bytes, limits)?.ok_or_else(missing)?;
        return Ok(Cow::Owned(data));
    }
    // A reference may lead nowhere, or to what the engine does not take for a stream.
    let salvaged = |reference: ObjRef, left: u64| {
        let file = pdf.engine().data();
        if pdf.encrypted() { None } else { salvage::content(file.as_ref(), reference.obj_number, left) }
    };
    let Some(array) = page.raw().get::<Array<'_>>(contents) else {
        let Some(reference) = page.raw().get_ref(contents) else { return Ok(Cow::Owned(Vec::new())) };
        let data = salvaged(reference, limits.stream_bytes).ok_or_else(missing)?;
        return bounded(data, limits).map(Cow::Owned);
    };
    let (mut data, mut found) = (Vec::new(), false);
    for stream in array.iter::<Stream<'_>>() {
        let left = limits.stream_bytes.saturating_sub(data.len() as u64);
        if let Some(part) = unfolded(&stream, left, limits)? {
            found = true;
            data.extend(part);
            data.push(b' ');
        }
    }
    if !found && array.raw_iter().next().is_some() {
        for reference in array.raw_iter().filter_map(|part| part.as_obj_ref()) {
            let left = limits.stream_bytes.saturating_sub(data.len() as u64);
            data.extend(salvaged(reference, left).unwrap_or_default());
        }
        return if data.is_empty() { Err(missing()) } else { bounded(data, limits).map(Cow::Owned) };
    }
    Ok(Cow::Owned(data))
}

/// A stream, unfolded; `None` when it cannot be.
fn unfolded(stream: &Stream<'_>, allowed: u64, limits: &Limits) -> Result<Option<Vec<u8>>, Problem> {
    if least_size(stream, allowed) > allowed {
        return Err(too_large(limits));
    }
    let Ok(data) = stream.decoded_data() else { return Ok(None) };
    if data.len() as u64 > allowed {
        return Err(too_large(limits));
    }
    bounded(data.into_owned(), limits).map(Some)
}

fn bounded(data: Vec<u8>, limits: &Limits) -> Result<Vec<u8>, Problem> {
    if nests_deeper(&data, limits.nesting) {
        let message = format!("its content nests more than {} levels deep, which no honest file does", limits.nesting);
        return Err(Problem::new(ErrorCode::NestingTooDeep, message));
    }
    Ok(data)
}

fn too_large(limits: &Limits) -> Problem {
    let message = format!(
        "its content unfolds to more than the {} bytes allowed; raise limits.stream_bytes if you trust the file",
        limits.stream_bytes
    );
    Problem::new(ErrorCode::StreamTooLarge, message)
}

/// At least so many bytes a deflated stream unfolds to, counted without keeping them and no further than
/// beyond `allowed`. Short streams, which cannot exceed it, are not looked at, nor are other filters:
/// what those unfold to is bounded by the memory of the process.
fn least_size(stream: &Stream<'_>, allowed: u64) -> u64 {
    let is_deflate = |name: &Name<'_>| matches!(&**name, b"FlateDecode" | b"Fl");
    let named =
        [b"Filter".as_slice(), b"F"].into_iter().find(|key| stream.dict().contains_key(key)).unwrap_or(b"Filter");
    let filters: Vec<bool> = match stream.dict().get::<Array<'_>>(named) {
        Some(names) => names.iter::<Name<'_>>().map(|name| is_deflate(&name)).collect(),
        None => stream.dict().get::<Name<'_>>(named).iter().map(is_deflate).collect(),
    };
    let deflated = filters.iter().filter(|deflates| **deflates).count() as u32;
    let raw = stream.raw_data();
    let reach = (raw.len() as u64).saturating_mul(DEFLATE_RATIO.saturating_pow(deflated));
    if deflated == 0 || reach <= allowed || filters.first() != Some(&true) {
        return 0;
    }
    let mut data = raw.into_owned();
    let mut size = 0;
    for stage in 1..=deflated {
        // Folded twice, something has to be kept; what counts is what the last stage gives.
        let mut kept = Vec::new();
        size = inflate(&data, allowed, (stage < deflated).then_some(&mut kept));
        if size > allowed {
            break;
        }
        data = kept;
    }
    size
}

fn inflate(data: &[u8], allowed: u64, mut keep: Option<&mut Vec<u8>>) -> u64 {
    let mut decoder = flate2::read::ZlibDecoder::new(data);
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0_u64;
    while let Ok(count @ 1..) = decoder.read(&mut buffer) {
        size += count as u64;
        if size > allowed {
            break;
        }
        if let Some(kept) = &mut keep {
            kept.extend(&buffer[..count]);
        }
    }
    size
}

/// Whether arrays and dictionaries lie more than `allowed` levels within each other. Brackets in strings
/// count, too: no honest text has so many that stay open.
fn nests_deeper(data: &[u8], allowed: u32) -> bool {
    let allowed = allowed.saturating_mul(2);
    let mut depth = 0_u32;
    let mut in_string = 0_u32;
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        at += 1;
        // Most bytes are letters and digits.
        if !BRACKETS[usize::from(*byte)] {
            continue;
        }
        let doubled = || data.get(at) == Some(byte);
        match byte {
            b'\\' if in_string > 0 => at += 1,
            b'(' => in_string += 1,
            b')' => in_string = in_string.saturating_sub(1),
            _ if in_string > 0 => {}
            b'[' => depth += 1,
            b'<' if doubled() => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b'>' if doubled() => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > allowed {
            return true;
        }
    }
    false
}

/// The bytes that open and close strings, arrays and dictionaries, and the one that says that another does not.
const BRACKETS: [bool; 256] = {
    let mut table = [false; 256];
    let (mut at, bytes) = (0, b"\\()[]<>");
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::ops::ControlFlow;

    use super::*;
    use crate::open::{OpenOptions, open};
    use crate::test_pdf::pdf_of;

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// The reason a page fails with whose content is this, folded so many times.
    fn reason(content: &[u8], folds: usize, limits: Limits) -> Option<String> {
        let mut data = content.to_vec();
        for _ in 0..folds {
            data = deflated(&data);
        }
        let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        let stream = |bytes: &str, filters: &str| {
            format!("<</Length {} /Filter [{filters}]>>\nstream\n{bytes}\nendstream", bytes.len())
        };
        let filters = format!("/ASCIIHexDecode {}", "/FlateDecode ".repeat(folds));
        let objects = [
            "<</Type /Catalog /Pages 2 0 R>>".to_owned(),
            "<</Type /Pages /Kids [3 0 R] /Count 1>>".to_owned(),
            "<</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R>>".to_owned(),
            stream(&hex, &filters),
        ];
        let pdf = open(pdf_of(&objects, ""), &OpenOptions { limits, ..OpenOptions::default() }).unwrap();
        let mut reason = None;
        pdf.read(1..=1, &mut |page| {
            reason = page.reason;
            ControlFlow::Continue(())
        });
        reason
    }

    #[test]
    fn content_is_bounded() {
        let limits = || Limits { stream_bytes: 10_000, ..Limits::default() };
        assert_eq!(reason(&vec![b' '; 10_001], 1, limits()).as_deref(), Some("stream_too_large"));
        assert_eq!(reason(&vec![b' '; 10_001], 2, limits()).as_deref(), Some("stream_too_large"));
        assert_eq!(reason(&vec![b' '; 9_000], 1, limits()), None);
    }

    #[test]
    fn bombs_are_counted_without_being_kept() {
        let bomb = deflated(&vec![0; 50 << 20]);
        assert_eq!(inflate(&bomb, u64::MAX, None), 50 << 20);
        assert!(inflate(&bomb, 1 << 20, None) <= (1 << 20) + (1 << 16));
        let mut kept = Vec::new();
        assert_eq!(inflate(&deflated(b"text"), 100, Some(&mut kept)), 4);
        assert_eq!(kept, b"text");
    }

    #[test]
    fn nesting_is_bounded_but_text_is_free() {
        let deep = [b"[".repeat(600), b"]".repeat(600)].concat();
        assert_eq!(reason(&deep, 0, Limits::default()).as_deref(), Some("nesting_too_deep"));
        let text = [b"BT (".as_slice(), &b"[".repeat(600), b") Tj ET"].concat();
        assert_ne!(reason(&text, 0, Limits::default()).as_deref(), Some("nesting_too_deep"));
        assert!(!nests_deeper(&b"[1] ".repeat(5000), 256));
    }
}
