//! Which face a glyph is drawn in: the engine says it for TrueType and composite
//! fonts; for the others the font dictionaries of the page are matched by widths.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use hayro_font::{Font, FontCache, FontGlyph};
use hayro_interpret::InterpreterSettings;
use hayro_interpret::font::{Glyph, GlyphRun, OutlineGlyph};
use hayro_syntax::object::{Array, Dict, Name, ObjRef, Stream};
use hayro_syntax::page::Resources;
use rustc_hash::FxHashMap;

/// Forms inside forms are followed this deep when fonts are looked for.
const FORM_DEPTH: u32 = 4;
/// More forms and images than this on one page are not looked into.
const MAX_FORMS: u32 = 300;
/// More font dictionaries than this on one page are not looked at.
const MAX_DICTIONARIES: usize = 400;
/// Glyphs of a run that are asked which font they are of.
const WITNESSES: usize = 12;
/// Weights from here on count as bold.
const BOLD_WEIGHT: u32 = 600;

/// A face: what tells headings and emphasis from text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Face {
    /// PostScript name without the subset prefix.
    pub(crate) name: String,
    /// Whether it is heavier than text.
    pub(crate) bold: bool,
    /// Whether it is slanted.
    pub(crate) italic: bool,
    /// Whether it holds symbols of mathematics rather than letters.
    pub(crate) math: bool,
}

impl Face {
    fn new(name: &str, weight: Option<u32>, flags: u32, slanted: bool) -> Self {
        let name = match name.split_once('+') {
            Some((prefix, rest)) if prefix.len() == 6 => rest,
            _ => name,
        };
        let lower = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        // `AdvPTimesB` and the like: some typesetting systems mark the style by a last capital.
        let mut ending = name.chars().rev();
        let marked = |last: Option<char>, before: Option<char>, mark: char| {
            last == Some(mark) && before.is_some_and(char::is_lowercase)
        };
        let (last, before) = (ending.next(), ending.next());
        let bold = has(&["bold", "black", "heavy", "semibold", "demi", "-medi", "cmbx", "cmssbx", "sfbx", ".b"])
            || lower.ends_with("-b")
            || lower.ends_with("-bi")
            || marked(last, before, 'B')
            || weight.is_some_and(|weight| weight >= BOLD_WEIGHT)
            || flags & (1 << 18) != 0;
        let italic = slanted
            || has(&["italic", "oblique", "slant", "cmti", "cmsl", "sfti", "-ital", "cmbxti"])
            || lower.ends_with("-it")
            || lower.ends_with("-i")
            || marked(last, before, 'I')
            || lower.ends_with(".i")
            || flags & (1 << 6) != 0;
        let math = has(&["cmsy", "cmex", "cmmi", "msam", "msbm", "math", "symbol", "mtsy", "mtmi", "eufm", "rsfs"]);
        Self { name: name.to_owned(), bold, italic: italic && !math, math }
    }

    fn of_dictionary(dictionary: &Dict<'_>) -> Self {
        let descriptor = descriptor(dictionary);
        let name = dictionary.get::<Name<'_>>(b"BaseFont".as_slice());
        let weight = descriptor.as_ref().and_then(|found| found.get::<u32>(b"FontWeight".as_slice()));
        let flags = descriptor.as_ref().and_then(|found| found.get::<u32>(b"Flags".as_slice())).unwrap_or(0);
        Self::new(name.as_ref().map_or("", |name| name.as_str()), weight, flags, false)
    }
}

fn descriptor<'a>(dictionary: &Dict<'a>) -> Option<Dict<'a>> {
    dictionary.get::<Dict<'a>>(b"FontDescriptor".as_slice()).or_else(|| {
        let descendants = dictionary.get::<Array<'a>>(b"DescendantFonts".as_slice())?;
        let first = descendants.iter::<Dict<'a>>().next()?;
        first.get::<Dict<'a>>(b"FontDescriptor".as_slice())
    })
}

/// The faces of a document, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faces {
    list: Vec<Face>,
    numbers: FxHashMap<Face, u16>,
    /// Faces of fonts the engine describes: by name, then weight and slant.
    told: FxHashMap<String, Vec<(Option<u32>, bool, u16)>>,
}

impl Faces {
    /// The face of a number; an unknown number is a plain face.
    pub(crate) fn get(&self, number: u16) -> Option<&Face> {
        self.list.get(usize::from(number))
    }

    /// Whether the face of a number is bold.
    pub(crate) fn bold(&self, number: u16) -> bool {
        self.get(number).is_some_and(|face| face.bold)
    }

    /// Whether the face of a number is italic.
    pub(crate) fn italic(&self, number: u16) -> bool {
        self.get(number).is_some_and(|face| face.italic)
    }

    /// Whether the face of a number holds mathematical symbols.
    pub(crate) fn math(&self, number: u16) -> bool {
        self.get(number).is_some_and(|face| face.math)
    }

    fn number(&mut self, face: Face) -> u16 {
        if let Some(number) = self.numbers.get(&face) {
            return *number;
        }
        let number = u16::try_from(self.list.len()).unwrap_or(u16::MAX);
        if number < u16::MAX {
            self.list.push(face.clone());
            self.numbers.insert(face, number);
        }
        number
    }

    /// The number of the face that a description tells; each is looked into once.
    fn told(&mut self, name: &str, weight: Option<u32>, italic: bool) -> u16 {
        let known = self.told.get(name).into_iter().flatten().find(|told| (told.0, told.1) == (weight, italic));
        if let Some((.., number)) = known {
            return *number;
        }
        let number = self.number(Face::new(name, weight, 0, italic));
        self.told.entry(name.to_owned()).or_default().push((weight, italic, number));
        number
    }

    /// The face of a glyph, or `None` when nothing names it. `run` holds the glyphs shown with it, all of one font.
    pub(crate) fn of_glyph<'a>(
        &mut self,
        glyph: &OutlineGlyph,
        run: &GlyphRun<'_, 'a>,
        page: &mut PageFonts<'a>,
    ) -> Option<u16> {
        if let Some(data) = glyph.font_data() {
            return Some(self.told(data.postscript_name.as_deref().unwrap_or(""), data.weight, data.is_italic));
        }
        let face = page.face_of(glyph, run)?;
        Some(self.number(face))
    }
}

/// The fonts of a document: what pages share is looked at once.
#[derive(Clone, Default)]
pub(crate) struct Fonts<'a> {
    cache: FontCache<'a>,
    simple: Rc<RefCell<FxHashMap<ObjRef, Option<Rc<Candidate<'a>>>>>>,
}

impl<'a> Fonts<'a> {
    /// The font of a name, when it is a simple one (one byte a code) other than Type 3.
    fn simple(&self, resources: &Resources<'a>, name: &Name<'a>) -> Option<Rc<Candidate<'a>>> {
        let looked_at = || resources.get_font(name).and_then(Candidate::new).map(Rc::new);
        match resources.fonts.get_ref(name) {
            Some(reference) => self.simple.borrow_mut().entry(reference).or_insert_with(looked_at).clone(),
            None => looked_at(),
        }
    }
}

/// The font dictionaries of a page, gathered when first asked for.
pub(crate) struct PageFonts<'a> {
    resources: Resources<'a>,
    settings: InterpreterSettings,
    fonts: Fonts<'a>,
    candidates: Option<Vec<Rc<Candidate<'a>>>>,
}

struct Candidate<'a> {
    dictionary: Dict<'a>,
    face: Face,
    first: i64,
    widths: Vec<f32>,
    font: OnceCell<Option<Font<'a>>>,
}

impl<'a> Candidate<'a> {
    fn new(dictionary: Dict<'a>) -> Option<Self> {
        let subtype = dictionary.get::<Name<'_>>(b"Subtype".as_slice());
        if !subtype.is_some_and(|name| matches!(name.as_ref(), b"Type1" | b"MMType1" | b"TrueType")) {
            return None;
        }
        let widths = dictionary.get::<Array<'_>>(b"Widths".as_slice());
        Some(Self {
            face: Face::of_dictionary(&dictionary),
            first: i64::from(dictionary.get::<i32>(b"FirstChar".as_slice()).unwrap_or(0)),
            widths: widths.map(|array| array.iter::<f32>().take(256).collect()).unwrap_or_default(),
            font: OnceCell::new(),
            dictionary,
        })
    }

    /// Whether a glyph is as wide as this font says of its code.
    fn fits(&self, glyph: &OutlineGlyph) -> bool {
        match (self.width(glyph.char_code()), glyph.advance_width()) {
            (Some(known), Some(seen)) => (known - seen).abs() < 0.01,
            (None, _) => self.widths.is_empty(),
            (Some(_), None) => false,
        }
    }

    /// `None` when the dictionary gives no width for the code.
    fn width(&self, code: u32) -> Option<f32> {
        let index = usize::try_from(i64::from(code) - self.first).ok()?;
        self.widths.get(index).copied()
    }
}

impl<'a> PageFonts<'a> {
    /// Fonts reachable from these resources.
    pub(crate) fn new(resources: &Resources<'a>, settings: &InterpreterSettings, fonts: &Fonts<'a>) -> Self {
        Self { resources: resources.clone(), settings: settings.clone(), fonts: fonts.clone(), candidates: None }
    }

    fn face_of(&mut self, glyph: &OutlineGlyph, run: &GlyphRun<'_, 'a>) -> Option<Face> {
        let candidates = self.candidates.get_or_insert_with(|| {
            let mut found = Vec::new();
            gather(&self.fonts, &self.resources, 0, &mut { MAX_FORMS }, &mut found);
            found
        });
        let code = glyph.char_code();
        if code > 255 {
            return None;
        }
        // One width fits many fonts; those of a run together seldom fit more than one.
        let alone = |candidate: &Candidate<'_>| candidate.fits(glyph);
        let shown = || {
            run.glyphs().iter().take(WITNESSES).filter_map(|shown| match &**shown {
                Glyph::Outline(outline) => Some(outline),
                Glyph::Type3(_) => None,
            })
        };
        let together = |candidate: &Rc<Candidate<'_>>| alone(candidate) && shown().all(|glyph| candidate.fits(glyph));
        let agreed = candidates.iter().any(together);
        let fits = |candidate: &&Rc<Candidate<'_>>| if agreed { together(candidate) } else { alone(candidate) };
        let mut fitting = candidates.iter().filter(fits);
        let first = fitting.next()?;
        if fitting.all(|other| other.face == first.face) {
            return Some(first.face.clone());
        }
        // Several fit: only the glyph programs tell them apart.
        let identifier = glyph.identifier();
        candidates.iter().filter(fits).find_map(|candidate| {
            let font = candidate.font.get_or_init(|| {
                self.fonts.cache.font(&candidate.dictionary, &self.settings.font_resolver, &self.settings.cmap_resolver)
            });
            let font = font.as_ref()?;
            let FontGlyph::Outline(other) = font.glyph(font.map_code(code), code) else { return None };
            (other.identifier() == identifier).then(|| candidate.face.clone())
        })
    }
}

/// The simple fonts of resources and of the forms they name.
fn gather<'a>(
    fonts: &Fonts<'a>,
    resources: &Resources<'a>,
    depth: u32,
    forms_left: &mut u32,
    found: &mut Vec<Rc<Candidate<'a>>>,
) {
    for key in resources.fonts.keys() {
        if found.len() >= MAX_DICTIONARIES {
            return;
        }
        found.extend(fonts.simple(resources, &key));
    }
    if depth >= FORM_DEPTH {
        return;
    }
    for key in resources.x_objects.keys() {
        if *forms_left == 0 {
            return;
        }
        *forms_left -= 1;
        let Some(form) = resources.x_objects.get::<Stream<'a>>(&*key) else { continue };
        if let Some(inner) = form.dict().get::<Dict<'a>>(b"Resources".as_slice()) {
            gather(fonts, &Resources::new(inner), depth + 1, forms_left, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_weight_and_slant() {
        let face = |name| Face::new(name, None, 0, false);
        assert!(face("ABCDEF+NimbusRomNo9L-Medi").bold);
        assert!(face("CMBX12").bold);
        assert!(face("TimesNewRomanPS-BoldItalicMT").italic);
        assert!(!face("ABCDEF+CMR10").bold);
        assert!(face("CMMI10").math && !face("CMMI10").italic);
        assert_eq!(face("ABCDEF+Times-Roman").name, "Times-Roman");
    }

    #[test]
    fn equal_faces_have_one_number() {
        let mut faces = Faces::default();
        let first = faces.number(Face::new("A-Bold", None, 0, false));
        assert_eq!(first, faces.number(Face::new("A-Bold", None, 0, false)));
        assert_ne!(first, faces.number(Face::new("A", None, 0, false)));
        assert!(faces.bold(first) && !faces.bold(99));
    }
}
