//! What words at the ends of lines tell: bullets, labels, ends of sentences, captions.

/// Whether a word is a bullet.
pub(crate) fn is_bullet(word: &str) -> bool {
    let mut characters = word.chars();
    let bullet = matches!(
        characters.next(),
        Some(
            '•' | '‣'
                | '◦'
                | '▪'
                | '■'
                | '□'
                | '●'
                | '○'
                | '⁃'
                | '∙'
                | '◆'
                | '◇'
                | '➢'
                | '✓'
                | '➔'
                | '►'
                | '▶'
                | '·'
                // Symbol fonts without a map: their private codes, or nothing known at all.
                | '\u{f020}'..='\u{f0ff}' | '\u{fffd}'
        )
    );
    bullet && characters.next().is_none() || matches!(word, "–" | "—" | "*" | "-")
}

/// Whether a word numbers an entry: `1.`, `(a)`, `[12]`, `iv)`.
pub(crate) fn is_label(word: &str) -> bool {
    if !word.is_ascii() || word.len() > 7 {
        return false;
    }
    let inner = if let Some(inner) = word.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        inner
    } else if let Some(inner) = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        inner
    } else if let Some(inner) = word.strip_suffix(['.', ')']) {
        // A capital with a full stop is an initial.
        if word.ends_with('.') && inner.bytes().all(|b| b.is_ascii_uppercase()) {
            return false;
        }
        inner
    } else {
        return false;
    };
    is_count(inner)
}

/// The number that is set to the first word of a note, as in `7See` or `12http://…`.
pub(crate) fn note_number(word: &str) -> Option<u32> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_word = rest.chars().take_while(|c| c.is_alphabetic()).count() > 2;
    word[..word.len() - rest.len()].parse().ok().filter(|number| is_word && *number < 1000)
}

fn is_count(text: &str) -> bool {
    let digits = !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
    let letter = text.len() == 1 && text.bytes().all(|b| b.is_ascii_alphabetic());
    let roman = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| matches!(b, b'i' | b'v' | b'x'));
    digits || letter || roman
}

/// Whether a sentence ends with this word.
pub(crate) fn ends_sentence(word: &str) -> bool {
    let trimmed = word.trim_end_matches([')', ']', '"', '”', '’', '\'', '»', '*']);
    let trimmed = trimmed.trim_end_matches(|c: char| matches!(c, '¹' | '²' | '³' | '⁰' | '⁴'..='⁹'));
    trimmed.ends_with(['.', '!', '?', ':', '…', ';', '。', '！', '？', '؟', '۔', '।'])
}

/// Whether a word is broken at the end of its line: a hyphen after a letter.
pub(crate) fn is_broken(word: &str) -> bool {
    let Some(rest) = word.strip_suffix(['-', '\u{2010}', '\u{ad}']) else { return false };
    rest.chars().next_back().is_some_and(char::is_alphabetic)
}

/// The depth of a heading's number (`2.1` is 2) and where the words after it begin.
pub(crate) fn numbering(text: &str) -> Option<(u8, usize)> {
    let end = text.find(' ')?;
    let token = &text[..end];
    let rest = text[end..].trim_start();
    if !rest.chars().next().is_some_and(char::is_alphabetic) {
        return None;
    }
    let core = token.trim_end_matches(['.', ')', ':']);
    let parts: Vec<&str> = core.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    let begin = text.len() - rest.len();
    if parts.iter().all(number) && parts.len() <= 6 {
        return Some((parts.len() as u8, begin));
    }
    let appendix = parts[0].len() == 1 && parts[0].bytes().all(|b| b.is_ascii_uppercase());
    if appendix && parts.len() > 1 && parts[1..].iter().all(number) {
        return Some((parts.len() as u8, begin));
    }
    let dotted = token.ends_with(['.', ')']);
    let roman = !core.is_empty() && core.bytes().all(|b| matches!(b, b'I' | b'V' | b'X'));
    (dotted && (roman || appendix) && parts.len() == 1).then_some((1, begin))
}

const CAPTION_WORDS: [&str; 26] = [
    "figure",
    "fig.",
    "fig",
    "table",
    "scheme",
    "plate",
    "chart",
    "box",
    "algorithm",
    "listing",
    "abbildung",
    "abb.",
    "tabelle",
    "tab.",
    "figura",
    "tabla",
    "tabela",
    "gráfico",
    "quadro",
    "cuadro",
    "tableau",
    "map",
    "graph",
    "illustration",
    "supplementary",
    "exhibit",
];

/// What a paragraph that begins with the name of a figure or table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CaptionStart {
    /// `Figure 3. …`: a caption.
    Marked,
    /// `Figure 3 …`: a caption or a sentence.
    Perhaps,
    /// Neither.
    No,
}

/// `Continued Table 1` is a caption as `Table 1` is.
fn first_part(text: &str) -> &str {
    let rest = text.split_once(' ').filter(|(first, _)| matches!(*first, "Continued" | "(Continued)" | "Cont."));
    rest.map_or(text, |(_, rest)| rest)
}

/// Looks at the first words of a paragraph.
pub(crate) fn caption_start(text: &str) -> CaptionStart {
    let mut words = first_part(text).split(' ');
    let Some(first) = words.next() else { return CaptionStart::No };
    let lower = first.to_lowercase();
    let glued = lower.find(|c: char| c.is_ascii_digit()).unwrap_or(lower.len());
    let (name, glued_number) = lower.split_at(glued);
    if !first.chars().next().is_some_and(char::is_uppercase) || !CAPTION_WORDS.contains(&name) {
        return CaptionStart::No;
    }
    let number = if glued_number.is_empty() { words.next().unwrap_or("") } else { glued_number };
    let core = number.trim_end_matches(['.', ':', '|', ')', '—', '–']);
    let digits = core.strip_prefix(['S', 's', 'A', 'B', 'C']).unwrap_or(core);
    let numbered = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'a'..=b'h'))
        && digits.bytes().any(|b| b.is_ascii_digit());
    let roman = !core.is_empty() && core.bytes().all(|b| matches!(b, b'I' | b'V' | b'X'));
    if !numbered && !roman {
        return CaptionStart::No;
    }
    let next = words.next().unwrap_or("");
    let marked = number.len() > core.len() || matches!(next, "." | ":" | "|" | "–" | "—" | "-");
    if marked || next.is_empty() { CaptionStart::Marked } else { CaptionStart::Perhaps }
}

/// The name and number a caption begins with: `Figure 3`, `Tab. A.1`. The flag is whether it names a table.
pub(crate) fn caption_label(text: &str) -> Option<(String, bool)> {
    let mut words = first_part(text).split(' ').filter(|word| !word.is_empty());
    let first = words.next()?;
    let digits = first.find(|c: char| c.is_ascii_digit());
    let (name, number) = match digits {
        Some(at) if at > 0 => first.split_at(at),
        _ => (first, words.next()?),
    };
    let number = number.trim_end_matches(['.', ':', '|', ')', '—', '–', ',']);
    let lower = name.to_lowercase();
    let is_table = ["tab", "cuadro", "quadro"].iter().any(|start| lower.starts_with(start));
    let known = CAPTION_WORDS.contains(&lower.as_str());
    let numbered =
        number.chars().any(|c| c.is_ascii_digit()) || number.bytes().all(|b| matches!(b, b'I' | b'V' | b'X'));
    (known && numbered && !number.is_empty() && number.len() < 12).then(|| (format!("{name} {number}"), is_table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_bullets() {
        for word in ["1.", "(a)", "[12]", "iv)", "b."] {
            assert!(is_label(word), "{word}");
        }
        for word in ["the", "1998.", "2.5", "et", "(see)", "al.", "B."] {
            assert!(!is_label(word), "{word}");
        }
        assert!(is_bullet("•") && !is_bullet("•x"));
        assert!(is_bullet("\u{f0b7}") && is_bullet("\u{fffd}") && !is_bullet("\u{fffd}\u{fffd}"));
    }

    #[test]
    fn captions_give_labels() {
        let label = |text: &str| caption_label(text).map(|(label, _)| label);
        assert_eq!(label("Figure 3. A tree").as_deref(), Some("Figure 3"));
        assert_eq!(label("Abb. 2: Ein Baum").as_deref(), Some("Abb. 2"));
        assert_eq!(label("Fig.4 A tree").as_deref(), Some("Fig. 4"));
        assert_eq!(caption_label("Tableau IV – Prix"), Some(("Tableau IV".to_owned(), true)));
        assert_eq!(label("A tree"), None);
    }

    #[test]
    fn numbers_of_headings_have_a_depth() {
        assert_eq!(numbering("2.1 Methods"), Some((2, 4)));
        assert_eq!(numbering("3. Results"), Some((1, 3)));
        assert_eq!(numbering("IV. Results"), Some((1, 4)));
        assert_eq!(numbering("A.1 Proofs"), Some((2, 4)));
        assert_eq!(numbering("Results"), None);
        assert_eq!(numbering("12 %"), None);
    }

    #[test]
    fn captions_begin_with_a_name_and_a_number() {
        assert_eq!(caption_start("Figure 3. A tree"), CaptionStart::Marked);
        assert_eq!(caption_start("Table 2: Costs"), CaptionStart::Marked);
        assert_eq!(caption_start("Figure 3 shows that"), CaptionStart::Perhaps);
        assert_eq!(caption_start("Figures are"), CaptionStart::No);
        assert_eq!(caption_start("Fig.4 A tree"), CaptionStart::Perhaps);
        assert_eq!(caption_start("Continued Table 1"), CaptionStart::Marked);
        assert_eq!(caption_start("Continued growth"), CaptionStart::No);
        assert_eq!(caption_label("Continued Table 1"), Some(("Table 1".to_owned(), true)));
    }
}
