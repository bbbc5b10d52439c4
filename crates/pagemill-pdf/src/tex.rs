//! Characters of bitmap fonts that TeX made without saying what they show.
//!
//! pdfTeX embeds bitmap fonts as Type 3 fonts whose glyphs are called after their
//! code (`/a97`) and which have no `ToUnicode`. The codes are those of TeX's text
//! encodings: OT1 ("TeX text", The TeXbook, appendix F) and T1 ("Cork", TUGboat 11/4).
//! Where the two differ, the letter that is common in running text is taken.

/// The text of a code in a font of which nothing else is known.
pub(crate) fn text_of_code(code: u32) -> Option<&'static str> {
    Some(match code {
        11 | 27 => "ff",
        12 | 28 => "fi",
        13 | 29 => "fl",
        14 | 30 => "ffi",
        15 | 31 => "ffl",
        16 | 92 => "“",
        17 => "”",
        21 | 123 => "–",
        22 | 124 => "—",
        25 => "ß",
        39 => "’",
        96 => "‘",
        127 => "-",
        _ => return None,
    })
}

/// The character of a code: as [`text_of_code`], else ASCII, else Latin-1, which T1 follows for letters.
pub(crate) fn character_of_code(code: u32) -> Option<char> {
    let character = char::from_u32(code).filter(|_| code < 256)?;
    (!character.is_control()).then_some(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ligatures_of_both_encodings() {
        assert_eq!((text_of_code(12), text_of_code(28)), (Some("fi"), Some("fi")));
        assert_eq!((text_of_code(97), character_of_code(97)), (None, Some('a')));
        assert_eq!(character_of_code(0xe4), Some('ä'));
        assert_eq!(character_of_code(3), None);
        assert_eq!(character_of_code(0x1_0000), None);
    }
}
