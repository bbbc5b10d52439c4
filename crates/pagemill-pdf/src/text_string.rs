//! Text strings of a PDF: UTF-16, UTF-8 or PDFDocEncoding, told apart by their first bytes.

/// The text of a PDF text string (ISO 32000-2, 7.9.2.2), without control characters
/// and surrounding white space.
pub(crate) fn text_string(bytes: &[u8]) -> String {
    let text = match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        // Some writers store UTF-8 without saying so. Text in PDFDocEncoding that
        // happens to be valid UTF-8 with letters beyond ASCII is next to impossible.
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_not_utf8) => bytes.iter().map(|byte| doc_encoding(*byte)).collect(),
        },
    };
    clean(&text)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// White space to single spaces; language marks (between two escapes) and control characters dropped.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_language_mark = false;
    for c in text.chars() {
        if c == '\u{1b}' {
            in_language_mark = !in_language_mark;
        } else if in_language_mark || (c.is_control() && !c.is_whitespace()) {
            continue;
        } else if c.is_whitespace() {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
    }
    out.trim().to_owned()
}

/// A byte of PDFDocEncoding (ISO 32000-2, annex D.3).
fn doc_encoding(byte: u8) -> char {
    const FROM_0X18: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
    const FROM_0X80: [char; 33] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł',
        'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}', '€',
    ];
    match byte {
        0x18..=0x1f => FROM_0X18[usize::from(byte - 0x18)],
        0x80..=0xa0 => FROM_0X80[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_is_told_by_its_mark() {
        assert_eq!(text_string(b"\xfe\xff\x00K\x00\xf6\x00l\x00n"), "Köln");
        assert_eq!(text_string(b"\xff\xfeK\x00\xf6\x00l\x00n\x00"), "Köln");
        assert_eq!(text_string(b"\xef\xbb\xbfK\xc3\xb6ln"), "Köln");
        assert_eq!(text_string(b"K\xf6ln \x84 \xa0"), "Köln — €");
        assert_eq!(text_string("Köln".as_bytes()), "Köln");
    }

    #[test]
    fn marks_and_control_characters_are_dropped() {
        assert_eq!(text_string(b"\xfe\xff\x00\x1b\x00d\x00e\x00\x1b\x00J\x00a"), "Ja");
        assert_eq!(text_string(b" a\r\n\tb\x00 "), "a b");
        assert_eq!(text_string(b"\xfe\xff\xd8\x00\x00a"), "\u{fffd}a");
    }
}
