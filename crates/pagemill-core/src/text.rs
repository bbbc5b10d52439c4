//! Small things about text that came from outside.

/// The first `limit` characters on one line, control characters made visible as `�`,
/// with `…` when something was left out. For messages and lists.
pub fn excerpt(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        out.push(match character {
            '\n' | '\t' | '\r' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        });
    }
    out
}

/// A file name as it may be shown and stored: the last path component, without
/// control or direction-changing characters, at most 255 characters. It is data and never used as a path.
pub fn normalize_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or("");
    let is_override =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let clean: String = last.chars().filter(|c| !c.is_control() && !is_override(*c)).take(255).collect();
    match clean.trim() {
        "" | "." | ".." => "unnamed.pdf".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_could_harm() {
        assert_eq!(normalize_name("../../etc/passwd"), "passwd");
        assert_eq!(normalize_name("a\u{0}b\u{1b}[31m.pdf"), "ab[31m.pdf");
        assert_eq!(normalize_name("C:\\papers\\x.pdf"), "x.pdf");
        assert_eq!(normalize_name(".."), "unnamed.pdf");
        assert_eq!(normalize_name("evil\u{202e}fdp.exe"), "evilfdp.exe");
    }

    #[test]
    fn an_excerpt_is_one_line() {
        assert_eq!(excerpt("a\nb\u{7}c", 10), "a b\u{fffd}c");
        assert_eq!(excerpt("abcdef", 3), "abc…");
    }
}
