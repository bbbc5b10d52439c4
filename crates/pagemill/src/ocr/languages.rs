//! Which languages to recognise.

/// Languages as Tesseract calls them, in order of weight: `eng`, `deu+eng`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Languages(Vec<String>);

/// No picture is read in more languages at once: each costs time and doubt.
const MOST: usize = 4;

impl Languages {
    /// Languages from `eng+deu` or `eng,deu`; `None` when a name is none.
    pub fn parse(text: &str) -> Option<Self> {
        let names: Vec<String> =
            text.split(['+', ',']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let sound = |name: &String| {
            name.len() <= 32
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'/')
                && !name.starts_with('/')
        };
        (!names.is_empty() && names.len() <= MOST && names.iter().all(sound)).then_some(Self(names))
    }

    /// The language a document is known to be in (ISO 639-3, as detection says), before `usual`.
    pub fn of_document(detected: Option<&str>, usual: &Self) -> Self {
        let Some(name) = detected.map(tesseract_name) else { return usual.clone() };
        let mut names = vec![name.to_owned()];
        names.extend(usual.0.iter().filter(|other| *other != name).cloned());
        names.truncate(MOST);
        Self(names)
    }

    /// Those that are installed, and those that are not.
    pub fn among(&self, installed: &[String]) -> (Vec<&str>, Vec<&str>) {
        self.0.iter().map(String::as_str).partition(|name| installed.iter().any(|have| have == name))
    }

    /// The names, joined as Tesseract takes them.
    pub fn joined(&self) -> String {
        self.0.join("+")
    }
}

/// Tesseract's name for a language; most are the same.
fn tesseract_name(iso: &str) -> &str {
    match iso {
        "cmn" => "chi_sim",
        "pes" => "fas",
        "nob" | "nno" => "nor",
        "arb" => "ara",
        "ekk" => "est",
        "lvs" => "lav",
        "als" => "sqi",
        "khk" => "mon",
        "ydd" => "yid",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn languages_are_names_and_never_paths_or_flags() {
        assert_eq!(Languages::parse("eng+deu").unwrap().joined(), "eng+deu");
        assert_eq!(Languages::parse("script/Latin").unwrap().joined(), "script/Latin");
        for wrong in ["", "../etc", "-c", "/etc/passwd", "eng deu", "a+b+c+d+e"] {
            assert_eq!(Languages::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_language_of_the_document_comes_first() {
        let usual = Languages::parse("eng").unwrap();
        assert_eq!(Languages::of_document(Some("deu"), &usual).joined(), "deu+eng");
        assert_eq!(Languages::of_document(Some("eng"), &usual).joined(), "eng");
        assert_eq!(Languages::of_document(Some("cmn"), &usual).joined(), "chi_sim+eng");
        assert_eq!(Languages::of_document(None, &usual), usual);
    }
}
