//! Links, notes and form fields of a page: what its annotations tell.

use hayro_interpret::kurbo;
use hayro_interpret::util::TransformExt as _;
use hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream, String as PdfString};
use hayro_syntax::page::Page as EnginePage;
use pagemill_core::{FieldKind, FormField, Link, Note, PageExtras, Rect};

use crate::open::Pdf;
use crate::outline::Targets;
use crate::text_string::text_string;

/// More annotations of a page than this are not looked at.
const MOST: usize = 5_000;
/// Longer texts are cut, in bytes.
const LONGEST: usize = 8_000;
/// Fields are nested this deep at most.
const DEEPEST: usize = 16;

/// Flags of a field (ISO 32000-2, tables 227, 229 and 231).
const PASSWORD: i64 = 1 << 13;
const RADIO: i64 = 1 << 15;
const PUSH_BUTTON: i64 = 1 << 16;

/// What the annotations of a page tell.
pub(crate) fn extras<'a>(page: &'a EnginePage<'a>, targets: &Targets<'a>) -> PageExtras {
    let mut extras = PageExtras::default();
    let Some(annotations) = page.raw().get::<Array<'_>>(b"Annots") else { return extras };
    for annotation in annotations.iter::<Dict<'_>>().take(MOST) {
        let Some(kind) = annotation.get::<Name<'_>>(b"Subtype") else { continue };
        let Some(bbox) = place(page, &annotation) else { continue };
        match kind.as_ref() {
            b"Link" => extras.links.extend(link(&annotation, bbox, targets)),
            b"Widget" => extras.fields.extend(field(&annotation, bbox)),
            b"Popup" => {}
            kind => extras.notes.extend(note(kind, &annotation, bbox)),
        }
    }
    extras
}

/// The names of the files embedded in a document.
pub(crate) fn attachments(pdf: &Pdf) -> Vec<String> {
    let names = pdf.catalog().and_then(|catalog| catalog.get::<Dict<'_>>(b"Names"));
    let Some(tree) = names.and_then(|names| names.get::<Dict<'_>>(b"EmbeddedFiles")) else { return Vec::new() };
    let mut found = Vec::new();
    let mut nodes = vec![(tree, 0_usize)];
    let mut looked_at = 0;
    while let Some((node, depth)) = nodes.pop() {
        looked_at += 1;
        if looked_at > MOST || found.len() > MOST {
            break;
        }
        if let Some(pairs) = node.get::<Array<'_>>(b"Names") {
            let mut items = pairs.iter::<Object<'_>>();
            while let (Some(name), Some(file)) = (items.next(), items.next()) {
                let file = file.into_dict();
                let told = |key: &[u8]| file.as_ref().and_then(|file| text_of(file, key));
                let key = name.into_string().map(|name| text_string(name.as_bytes()));
                found.extend(told(b"UF").or_else(|| told(b"F")).or(key).filter(|name| !name.is_empty()));
            }
        }
        if let (Some(kids), true) = (node.get::<Array<'_>>(b"Kids"), depth < DEEPEST) {
            nodes.extend(kids.iter::<Dict<'_>>().take(MOST).map(|kid| (kid, depth + 1)));
        }
    }
    found
}

/// The box of an annotation on the page as shown.
fn place(page: &EnginePage<'_>, annotation: &Dict<'_>) -> Option<Rect> {
    let rect = annotation.get::<Array<'_>>(b"Rect")?;
    let numbers: Vec<f64> = rect.iter::<Number>().take(4).map(|number| number.as_f64()).collect();
    let [x0, y0, x1, y1] = numbers.try_into().ok()?;
    let shown = page.initial_transform(true).to_kurbo().transform_rect_bbox(kurbo::Rect::new(x0, y0, x1, y1).abs());
    let [x0, y0, x1, y1] = [shown.x0, shown.y0, shown.x1, shown.y1].map(|value| value as f32);
    [x0, y0, x1, y1].iter().all(|value| value.is_finite() && value.abs() < 1e6).then(|| Rect::new(x0, y0, x1, y1))
}

fn link<'a>(annotation: &Dict<'a>, bbox: Rect, targets: &Targets<'a>) -> Option<Link> {
    let action = annotation.get::<Dict<'_>>(b"A");
    let uri = action.and_then(|action| text_of(&action, b"URI"));
    let page = if uri.is_none() { targets.page_of(annotation) } else { None };
    (uri.is_some() || page.is_some()).then_some(Link { bbox, uri, page })
}

fn note(kind: &[u8], annotation: &Dict<'_>, bbox: Rect) -> Option<Note> {
    let text = text_of(annotation, b"Contents")?;
    let kind = String::from_utf8_lossy(kind).to_lowercase();
    Some(Note { kind, bbox, text, author: text_of(annotation, b"T") })
}

fn field(widget: &Dict<'_>, bbox: Rect) -> Option<FormField> {
    // The widget, the fields around it, innermost first.
    let mut chain = vec![widget.clone()];
    while let Some(parent) = chain.last().and_then(|field| field.get::<Dict<'_>>(b"Parent"))
        && chain.len() < DEEPEST
    {
        chain.push(parent);
    }
    let mut names: Vec<String> = chain.iter().filter_map(|field| text_of(field, b"T")).collect();
    names.reverse();
    let inherited = |key: &[u8]| chain.iter().find_map(|field| field.get::<Object<'_>>(key));
    let flags = inherited(b"Ff").and_then(Object::into_number).map_or(0, |flags| flags.as_i64());
    let kind = match inherited(b"FT")?.into_name()?.as_ref() {
        b"Tx" => FieldKind::Text,
        b"Btn" if flags & PUSH_BUTTON != 0 => FieldKind::Button,
        b"Btn" if flags & RADIO != 0 => FieldKind::Radio,
        b"Btn" => FieldKind::Checkbox,
        b"Ch" => FieldKind::Choice,
        b"Sig" => FieldKind::Signature,
        _ => return None,
    };
    let value = match kind {
        FieldKind::Text if flags & PASSWORD != 0 => None,
        FieldKind::Checkbox | FieldKind::Radio => {
            let state = widget.get::<Name<'_>>(b"AS").map(|state| state.as_str().to_owned());
            state.or_else(|| inherited(b"V").and_then(value_of))
        }
        FieldKind::Button | FieldKind::Signature => None,
        FieldKind::Text | FieldKind::Choice => inherited(b"V").and_then(value_of),
    };
    let label = chain.iter().find_map(|field| text_of(field, b"TU"));
    Some(FormField { name: names.join("."), kind, value, label, bbox })
}

fn value_of(value: Object<'_>) -> Option<String> {
    match value {
        Object::String(text) => Some(cut(text_string(text.as_bytes()))),
        Object::Name(name) => Some(name.as_str().to_owned()),
        Object::Stream(stream) => stream.decoded_data().ok().map(|data| cut(text_string(&data))),
        Object::Array(several) => {
            let texts = several.iter::<PdfString<'_>>().take(100).map(|text| text_string(text.as_bytes()));
            Some(cut(texts.collect::<Vec<_>>().join(", ")))
        }
        _ => None,
    }
}

/// The text under a key, where there is any.
fn text_of(dict: &Dict<'_>, key: &[u8]) -> Option<String> {
    let text = match dict.get::<PdfString<'_>>(key) {
        Some(text) => text_string(text.as_bytes()),
        None => text_string(&dict.get::<Stream<'_>>(key)?.decoded_data().ok()?),
    };
    Some(cut(text)).filter(|text| !text.is_empty())
}

fn cut(mut text: String) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::open::{OpenOptions, open};
    use crate::test_pdf::pages_pdf;

    fn told(annotations: &str, more: &[&str]) -> PageExtras {
        let pdf = pages_pdf("", &[(&format!("/Annots [{annotations}]"), ""), ("", "")], more);
        let pdf = open(pdf, &OpenOptions::default()).unwrap();
        let targets = Targets::of(&pdf).unwrap();
        extras(pdf.engine_page(1).unwrap(), &targets)
    }

    #[test]
    fn links_lead_to_addresses_and_pages() {
        let found = told(
            "<</Subtype /Link /Rect [72 700 172 712] /A <</S /URI /URI (https://example.org/a)>>>> \
             <</Subtype /Link /Rect [72 680 172 692] /Dest [6 0 R /Fit]>> \
             <</Subtype /Link /Rect [72 660 172 672]>>",
            &[],
        );
        assert_eq!(found.links.len(), 2);
        assert_eq!(found.links[0].uri.as_deref(), Some("https://example.org/a"));
        assert_eq!(found.links[0].bbox, Rect::new(72.0, 80.0, 172.0, 92.0));
        assert_eq!((found.links[1].uri.as_deref(), found.links[1].page), (None, Some(2)));
    }

    #[test]
    fn notes_say_who_wrote_what() {
        let found = told(
            "<</Subtype /Highlight /Rect [0 0 9 9] /Contents (check this) /T (Ada)>> <</Subtype /Popup /Rect [0 0 9 9]>>",
            &[],
        );
        let note = &found.notes[0];
        assert_eq!(
            (note.kind.as_str(), note.text.as_str(), note.author.as_deref()),
            ("highlight", "check this", Some("Ada"))
        );
        assert_eq!(found.notes.len(), 1);
    }

    #[test]
    fn fields_have_full_names_kinds_and_values() {
        let found = told(
            "<</Subtype /Widget /Rect [0 0 9 9] /T (city) /Parent 8 0 R>> \
             <</Subtype /Widget /Rect [0 0 9 9] /T (agree) /FT /Btn /AS /Yes>> \
             <</Subtype /Widget /Rect [0 0 9 9] /T (pin) /FT /Tx /Ff 8192 /V (1234)>>",
            &["<</T (address) /FT /Tx /V (Bergen) /TU (Where you live)>>"],
        );
        let told: Vec<(&str, FieldKind, Option<&str>)> =
            found.fields.iter().map(|field| (field.name.as_str(), field.kind, field.value.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("address.city", FieldKind::Text, Some("Bergen")),
                ("agree", FieldKind::Checkbox, Some("Yes")),
                ("pin", FieldKind::Text, None),
            ]
        );
        assert_eq!(found.fields[0].label.as_deref(), Some("Where you live"));
    }

    #[test]
    fn attached_files_are_named() {
        let catalog = "/Names <</EmbeddedFiles <</Names [(a) <</F (data.csv) /UF (Daten.csv)>> (b.txt) null]>>>>";
        let pdf = open(pages_pdf(catalog, &[("", "")], &[]), &OpenOptions::default()).unwrap();
        assert_eq!(attachments(&pdf), ["Daten.csv", "b.txt"]);
    }
}
