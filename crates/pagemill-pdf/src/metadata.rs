//! What a file says about itself: title, authors, dates, the programs that made it.

use std::collections::BTreeMap;

use hayro_syntax::PdfVersion;
use hayro_syntax::object::DateTime;

use crate::open::Pdf;
use crate::text_string::text_string;

/// The document information of a file, as found: titles are often wrong and need a second look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// The title, when there is one.
    pub(crate) title: Option<String>,
    /// The authors, one by one.
    pub(crate) authors: Vec<String>,
    /// `producer`, `creator`, `subject`, `keywords`, `created`, `modified` (RFC 3339), `version`.
    pub(crate) fields: BTreeMap<String, String>,
}

impl Pdf {
    /// Reads the document information dictionary.
    pub(crate) fn metadata(&self) -> Metadata {
        let raw = self.engine().metadata();
        let text = |bytes: &Option<Box<[u8]>>| bytes.as_deref().map(text_string).filter(|text| !text.is_empty());
        let fields = [
            ("producer", text(&raw.producer)),
            ("creator", text(&raw.creator)),
            ("subject", text(&raw.subject)),
            ("keywords", text(&raw.keywords)),
            ("created", raw.creation_date.as_ref().and_then(rfc3339)),
            ("modified", raw.modification_date.as_ref().and_then(rfc3339)),
            ("version", Some(version(self.engine().version()).to_owned())),
        ];
        Metadata {
            title: text(&raw.title),
            authors: text(&raw.author).map(|authors| split_authors(&authors)).unwrap_or_default(),
            fields: fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
        }
    }
}

fn version(version: PdfVersion) -> &'static str {
    match version {
        PdfVersion::Pdf10 => "1.0",
        PdfVersion::Pdf11 => "1.1",
        PdfVersion::Pdf12 => "1.2",
        PdfVersion::Pdf13 => "1.3",
        PdfVersion::Pdf14 => "1.4",
        PdfVersion::Pdf15 => "1.5",
        PdfVersion::Pdf16 => "1.6",
        PdfVersion::Pdf17 => "1.7",
        PdfVersion::Pdf20 => "2.0",
    }
}

/// The date in RFC 3339, or `None` for a day that no calendar has.
fn rfc3339(date: &DateTime) -> Option<String> {
    let DateTime { year, month, day, hour, minute, second, utc_offset_hour, utc_offset_minute } = *date;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if year == 0 || day > days {
        return None;
    }
    let zone = if utc_offset_hour == 0 && utc_offset_minute == 0 {
        "Z".to_owned()
    } else {
        let sign = if utc_offset_hour < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{utc_offset_minute:02}", utc_offset_hour.unsigned_abs())
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}"))
}

/// One name each. A comma separates people only where each part has a first and a last name:
/// `Curie, Marie` is one person.
fn split_authors(text: &str) -> Vec<String> {
    let by_word = text.replace(" and ", ";").replace(" & ", ";");
    let mut names = Vec::new();
    for part in by_word.split(';') {
        let parts: Vec<&str> = part.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if parts.len() > 1 && parts.iter().all(|name| name.contains(' ')) {
            names.extend(parts.into_iter().map(str::to_owned));
        } else {
            names.push(part.trim().trim_end_matches(',').to_owned());
        }
    }
    names.retain(|name| name.chars().any(char::is_alphabetic));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::open;
    use crate::test_pdf::pdf_of;

    #[test]
    fn the_information_dictionary_is_read() {
        let objects = [
            "<</Type /Catalog /Pages 2 0 R>>".to_owned(),
            "<</Type /Pages /Kids [3 0 R] /Count 1>>".to_owned(),
            "<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>>".to_owned(),
            "<</Title <feff004b00f6006c006e> /Author (A. Turing; A. Church) /Producer () \
             /CreationDate (D:20240229080500+01'00')>>"
                .to_owned(),
        ];
        let metadata = open(pdf_of(&objects, "4 0 R"), &Default::default()).unwrap().metadata();
        assert_eq!(metadata.title.as_deref(), Some("Köln"));
        assert_eq!(metadata.authors, ["A. Turing", "A. Church"]);
        assert_eq!(metadata.fields["created"], "2024-02-29T08:05:00+01:00");
        assert_eq!(metadata.fields["version"], "1.7");
        assert!(!metadata.fields.contains_key("producer"));
    }

    #[test]
    fn authors_are_told_apart() {
        assert_eq!(split_authors("Marie Curie, Pierre Curie"), ["Marie Curie", "Pierre Curie"]);
        assert_eq!(split_authors("Curie, Marie; Curie, Pierre"), ["Curie, Marie", "Curie, Pierre"]);
        assert_eq!(split_authors("A. Turing and A. Church"), ["A. Turing", "A. Church"]);
        assert_eq!(split_authors("Curie, Marie"), ["Curie, Marie"]);
        assert!(split_authors(" ; ").is_empty());
    }

    #[test]
    fn dates_are_checked() {
        let date = DateTime {
            year: 2024,
            month: 2,
            day: 29,
            hour: 8,
            minute: 5,
            second: 0,
            utc_offset_hour: -5,
            utc_offset_minute: 30,
        };
        assert_eq!(rfc3339(&date).unwrap(), "2024-02-29T08:05:00-05:30");
        let utc = DateTime { utc_offset_hour: 0, utc_offset_minute: 0, ..date };
        assert_eq!(rfc3339(&utc).unwrap(), "2024-02-29T08:05:00Z");
        assert_eq!(rfc3339(&DateTime { year: 2023, ..date }), None);
    }
}
