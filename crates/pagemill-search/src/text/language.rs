//! Languages, as far as words have to be cut to their stems.

use frostem::{Algorithm, Stemmer};
use whatlang::Lang;

use super::arabic;

/// A language that has a stemmer, or none that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Language {
    Arabic,
    Danish,
    Dutch,
    English,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    Unknown,
}

/// A writing system, as far as it decides how words are cut and stemmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Latin,
    Cyrillic,
    Greek,
    Arabic,
    Tamil,
    /// Written without spaces between words: indexed as pairs of characters.
    Unspaced,
    Other,
}

impl Script {
    pub(crate) fn of(character: char) -> Self {
        match u32::from(character) {
            0x41..=0x24f | 0x1e00..=0x1eff | 0x2c60..=0x2c7f => Self::Latin,
            0x370..=0x3ff | 0x1f00..=0x1fff => Self::Greek,
            0x400..=0x52f => Self::Cyrillic,
            0x600..=0x6ff | 0x750..=0x77f | 0xfb50..=0xfdff | 0xfe70..=0xfeff => Self::Arabic,
            0xb80..=0xbff => Self::Tamil,
            0xe00..=0xeff | 0x1000..=0x109f | 0x1780..=0x17ff => Self::Unspaced,
            0x3040..=0x30ff | 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff => Self::Unspaced,
            _ => Self::Other,
        }
    }
}

impl Language {
    /// Every language that is stored by name.
    pub(crate) const ALL: [Self; 19] = [
        Self::Arabic,
        Self::Danish,
        Self::Dutch,
        Self::English,
        Self::Finnish,
        Self::French,
        Self::German,
        Self::Greek,
        Self::Hungarian,
        Self::Italian,
        Self::Norwegian,
        Self::Portuguese,
        Self::Romanian,
        Self::Russian,
        Self::Spanish,
        Self::Swedish,
        Self::Tamil,
        Self::Turkish,
        Self::Unknown,
    ];

    /// The language of a longer text, judged by its first few thousand characters.
    pub(crate) fn detect(text: &str) -> Self {
        let mut end = text.len().min(6000);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        match whatlang::detect(&text[..end]) {
            Some(found) if found.is_reliable() => Self::from(found.lang()),
            _ => Self::Unknown,
        }
    }

    /// Its name in the index: ISO 639-3.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Arabic => "ara",
            Self::Danish => "dan",
            Self::Dutch => "nld",
            Self::English => "eng",
            Self::Finnish => "fin",
            Self::French => "fra",
            Self::German => "deu",
            Self::Greek => "ell",
            Self::Hungarian => "hun",
            Self::Italian => "ita",
            Self::Norwegian => "nob",
            Self::Portuguese => "por",
            Self::Romanian => "ron",
            Self::Russian => "rus",
            Self::Spanish => "spa",
            Self::Swedish => "swe",
            Self::Tamil => "tam",
            Self::Turkish => "tur",
            Self::Unknown => "und",
        }
    }

    fn script(self) -> Option<Script> {
        match self {
            Self::Arabic => Some(Script::Arabic),
            Self::Greek => Some(Script::Greek),
            Self::Russian => Some(Script::Cyrillic),
            Self::Tamil => Some(Script::Tamil),
            Self::Unknown => None,
            _ => Some(Script::Latin),
        }
    }

    /// The language a word of this script is stemmed in, within a text of this language:
    /// an English word in an Arabic text is an English word.
    pub(crate) fn for_script(self, script: Script) -> Self {
        if self.script() == Some(script) {
            return self;
        }
        match script {
            Script::Latin => Self::English,
            Script::Cyrillic => Self::Russian,
            Script::Greek => Self::Greek,
            Script::Arabic => Self::Arabic,
            Script::Tamil => Self::Tamil,
            Script::Unspaced | Script::Other => Self::Unknown,
        }
    }

    /// Cuts a lower-cased word to its stem.
    pub(crate) fn stem(self, word: &str) -> String {
        let algorithm = match self {
            Self::Unknown => return word.to_owned(),
            Self::Arabic => return arabic::stem(word),
            Self::Danish => Algorithm::Danish,
            Self::Dutch => Algorithm::Dutch,
            Self::English => Algorithm::English,
            Self::Finnish => Algorithm::Finnish,
            Self::French => Algorithm::French,
            Self::German => Algorithm::German,
            Self::Greek => Algorithm::Greek,
            Self::Hungarian => Algorithm::Hungarian,
            Self::Italian => Algorithm::Italian,
            Self::Norwegian => Algorithm::Norwegian,
            Self::Portuguese => Algorithm::Portuguese,
            Self::Romanian => Algorithm::Romanian,
            Self::Russian => Algorithm::Russian,
            Self::Spanish => Algorithm::Spanish,
            Self::Swedish => Algorithm::Swedish,
            Self::Tamil => Algorithm::Tamil,
            Self::Turkish => Algorithm::Turkish,
        };
        Stemmer::new(algorithm).stem(word).into_owned()
    }
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Ara => Self::Arabic,
            Lang::Dan => Self::Danish,
            Lang::Nld => Self::Dutch,
            Lang::Eng => Self::English,
            Lang::Fin => Self::Finnish,
            Lang::Fra => Self::French,
            Lang::Deu => Self::German,
            Lang::Ell => Self::Greek,
            Lang::Hun => Self::Hungarian,
            Lang::Ita => Self::Italian,
            Lang::Nob => Self::Norwegian,
            Lang::Por => Self::Portuguese,
            Lang::Ron => Self::Romanian,
            Lang::Rus => Self::Russian,
            Lang::Spa => Self::Spanish,
            Lang::Swe => Self::Swedish,
            Lang::Tam => Self::Tamil,
            Lang::Tur => Self::Turkish,
            _ => Self::Unknown,
        }
    }
}
