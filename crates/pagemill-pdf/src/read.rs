//! Reading a file page after page with a bounded window of pages in memory.

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use hayro_interpret::util::TransformExt as _;
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, RenderContent, interpret, interpret_page};
use hayro_syntax::content::TypedIter;
use hayro_syntax::page::Page as EnginePage;
use pagemill_core::{
    Block, BlockKind, DocumentInfo, ErrorCode, HiddenText, Outline, Page, PageExtras, PageSource, Problem,
};

use crate::annotations;
use crate::contents::content_of;
use crate::continuations;
use crate::floats;
use crate::fonts::{Faces, Fonts, PageFonts};
use crate::glyphs::{GlyphMemo, Painter};
use crate::joins::{Habits, join_over, join_within};
use crate::kind::Looks;
use crate::language::Sample;
use crate::layout::{Draft, Prepared};
use crate::levels::Levels;
use crate::open::{Pdf, Warning, guarded};
use crate::outline::Targets;
use crate::profile::Profile;
use crate::recognised::{Recognised, Recognition};
use crate::structure::Structure;
use crate::{title, unreliable};

/// So many pages at the beginning tell what is usual in the document.
const SAMPLE_PAGES: usize = 32;
/// Furniture is looked for on so many pages before and after.
const NEIGHBOURS: usize = 2;
/// Of the sample, so many pages have all their neighbours in it.
const COMPOSED_SAMPLE: usize = SAMPLE_PAGES - NEIGHBOURS;
/// A paragraph is looked for on so many pages when it goes on past pages of tables and figures.
const JOIN_PAGES: usize = 6;
/// The engine's caches live for so many pages.
const CACHE_PAGES: u32 = 128;

/// An image over this share of a page sets the resolution of the page's picture.
const MAIN_IMAGE: f32 = 0.3;

/// What reading told about the file as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Title, authors, language and other facts.
    pub info: DocumentInfo,
    /// The table of contents the file carries.
    pub outline: Outline,
    /// What went wrong without stopping the reading.
    pub warnings: Vec<Warning>,
}

/// What a reading leaves out, and whom it tells where it is.
#[derive(Default)]
pub struct ReadOptions<'o> {
    /// What OCR read on some pages: it stands for what is painted there.
    pub recognition: Option<&'o Recognition>,
    /// Pages that are not looked at, since they cannot be read without harm, each with the code it fails with.
    pub left_out: BTreeMap<u32, String>,
    /// A paragraph that began before this page is in this page as far as it stands there. Below 2, where no page is
    /// before, every paragraph is in the page it begins on.
    pub excerpt_from: u32,
    /// Called with the number of a page before each piece of work on it.
    pub on_page: Option<&'o dyn Fn(u32)>,
}

impl<'o> ReadOptions<'o> {
    /// What OCR read on a page.
    fn seen(&self, page: u32) -> Option<(&'o Recognition, &'o Recognised)> {
        self.recognition.and_then(|recognition| Some((recognition, recognition.page(page)?)))
    }

    fn at(&self, page: u32) {
        if let Some(tell) = self.on_page {
            tell(page);
        }
    }
}

impl Pdf {
    /// Reads the pages of `range` (1-based) in order and hands each to `sink`, until it breaks.
    ///
    /// Every page of the range that exists is delivered once; one that cannot be read comes as
    /// [`Page::failed`]. A paragraph that goes on over a page break is in the page it begins on.
    /// Memory does not grow with the number of pages.
    /// What is usual in the document is learnt from its first pages whatever the range, so that a
    /// page comes out the same in every reading.
    pub fn read(&self, range: RangeInclusive<u32>, sink: &mut dyn FnMut(Page) -> ControlFlow<()>) -> Summary {
        self.read_with(range, &ReadOptions::default(), sink)
    }

    /// As [`Self::read`], leaving pages out and telling where it is.
    pub fn read_with(
        &self,
        range: RangeInclusive<u32>,
        options: &ReadOptions<'_>,
        sink: &mut dyn FnMut(Page) -> ControlFlow<()>,
    ) -> Summary {
        let first = (*range.start()).max(1);
        let last = (*range.end()).min(self.page_count());
        let mut reading = Reading::new(self, options);
        if first <= last {
            let rules = (first > 1).then(|| reading.learn());
            // Pages before tell whether the first paragraph began there, those after where the last one ends.
            let reach = (JOIN_PAGES + NEIGHBOURS) as u32;
            let from = first.saturating_sub(reach).max(1);
            let to = last.saturating_add(reach).min(self.page_count());
            reading.run(from..=to, &range, rules, sink);
        } else {
            // Every page was read before; what is known of the document does not depend on that.
            reading.learn();
        }
        reading.summary()
    }
}

impl Pdf {
    /// Pixels per inch of the image that covers most of a page, where one covers a good part of it.
    pub(crate) fn picture_dpi(&self, number: u32) -> Option<f32> {
        let page = self.engine_page(number).ok()?;
        let options = ReadOptions::default();
        let painted = guarded(|| Reading::new(self, &options).paint(page)).ok()?.ok()?;
        let (dpi, share) = painted.main_image;
        (share > MAIN_IMAGE).then_some(dpi)
    }
}

/// What is usual in a document.
struct Rules {
    profile: Profile,
    habits: Habits,
    levels: Levels,
}

/// A page between being painted and being delivered.
enum Slot {
    Prepared(Box<Prepared>),
    Failed(u32, String),
}

/// A page whose blocks are known but for their joins.
struct Composed {
    number: u32,
    size: (f32, f32),
    source: PageSource,
    reason: Option<String>,
    drafts: Vec<Draft>,
    confidence: Option<f32>,
    /// Why its text is not to be trusted.
    doubt: Option<&'static str>,
    hidden: Vec<HiddenText>,
}

struct Reading<'a> {
    pdf: &'a Pdf,
    options: &'a ReadOptions<'a>,
    settings: InterpreterSettings,
    cache: InterpreterCache<'a>,
    fonts: Fonts<'a>,
    cached_pages: u32,
    faces: Faces,
    memo: GlyphMemo,
    outline: Outline,
    warnings: Vec<Warning>,
    sample: Sample,
    looks: Looks,
    title: Option<String>,
    first_page: String,
    /// Where links lead; found when the first link is seen.
    targets: OnceCell<Option<Targets<'a>>>,
    /// What the tags of the file say of its text; found when the first page is painted.
    structure: OnceCell<Option<Structure<'a>>>,
}

impl<'a> Reading<'a> {
    fn new(pdf: &'a Pdf, options: &'a ReadOptions<'a>) -> Self {
        Self {
            pdf,
            options,
            settings: InterpreterSettings {
                render_content: RenderContent::ANNOTATIONS,
                ..InterpreterSettings::default()
            },
            cache: InterpreterCache::new(),
            fonts: Fonts::default(),
            cached_pages: 0,
            faces: Faces::default(),
            memo: GlyphMemo::default(),
            outline: pdf.outline(),
            warnings: Vec::new(),
            sample: Sample::default(),
            looks: Looks::default(),
            title: None,
            first_page: String::new(),
            targets: OnceCell::new(),
            structure: OnceCell::new(),
        }
    }

    /// Learns what is usual from the first pages, as a reading from page 1 does on its way.
    fn learn(&mut self) -> Rules {
        let warnings = self.warnings.len();
        let last = (SAMPLE_PAGES as u32).min(self.pdf.page_count());
        let mut ahead: VecDeque<Slot> = (1..=last).map(|number| self.prepare(number)).collect();
        let profile = Profile::of(ahead.iter().filter_map(Slot::page));
        let mut behind = VecDeque::new();
        let mut composed = VecDeque::new();
        while composed.len() < COMPOSED_SAMPLE
            && let Some(slot) = ahead.pop_front()
        {
            composed.push_back(self.compose(slot, &mut behind, &ahead, &profile));
        }
        let rules = self.rules(profile, &composed);
        // Those pages were told of when they were read.
        self.warnings.truncate(warnings);
        rules
    }

    /// The rules that composed pages show; notes title and language on the way.
    fn rules(&mut self, profile: Profile, composed: &VecDeque<Composed>) -> Rules {
        let pages = || composed.iter().map(|page| page.drafts.as_slice());
        let (habits, levels) = (Habits::of(pages()), Levels::of(pages(), &self.outline));
        let paragraphs = pages().flatten().filter(|draft| draft.kind == BlockKind::Paragraph);
        paragraphs.for_each(|draft| self.sample.add(&draft.text));
        composed.iter().for_each(|page| self.looks.add(page.size, &page.drafts));
        if let Some(first) = composed.front().filter(|page| page.number == 1) {
            let mut drafts: Vec<Draft> = first.drafts.clone();
            levels.set(&mut drafts, true);
            if levels.titled() {
                let title = drafts.iter().find(|draft| draft.kind == BlockKind::Heading && draft.level == Some(1));
                self.title = title.map(|draft| draft.text.clone());
            }
            self.first_page = drafts.into_iter().flat_map(|draft| [draft.text, " ".to_owned()]).collect();
        }
        Rules { profile, habits, levels }
    }

    fn run(
        &mut self,
        wide: RangeInclusive<u32>,
        range: &RangeInclusive<u32>,
        mut rules: Option<Rules>,
        sink: &mut dyn FnMut(Page) -> ControlFlow<()>,
    ) {
        let mut numbers = wide;
        let mut ahead: VecDeque<Slot> = VecDeque::new();
        let sample = if rules.is_some() { NEIGHBOURS + 1 } else { SAMPLE_PAGES };
        while ahead.len() < sample
            && let Some(number) = numbers.next()
        {
            ahead.push_back(self.prepare(number));
        }
        let profile = match &rules {
            Some(rules) => rules.profile.clone(),
            None => Profile::of(ahead.iter().filter_map(Slot::page)),
        };
        let mut behind: VecDeque<(u32, crate::layout::Edges)> = VecDeque::new();
        let mut composed: VecDeque<Composed> = VecDeque::new();
        loop {
            // Compose until the sample is whole, then one page at a time.
            let wanted = if rules.is_none() { COMPOSED_SAMPLE } else { JOIN_PAGES + 1 };
            while composed.len() < wanted {
                if ahead.len() <= NEIGHBOURS
                    && let Some(number) = numbers.next()
                {
                    ahead.push_back(self.prepare(number));
                    continue;
                }
                let Some(slot) = ahead.pop_front() else { break };
                composed.push_back(self.compose(slot, &mut behind, &ahead, &profile));
            }
            if rules.is_none() {
                rules = Some(self.rules(profile.clone(), &composed));
            }
            let Some(Rules { habits, levels, .. }) = &rules else { return };
            let Some(mut page) = composed.pop_front() else { return };
            levels.set(&mut page.drafts, page.number == 1);
            join_within(&mut page.drafts, *habits, &profile.compounds);
            if let Some(next) = composed.front_mut().filter(|next| next.number == page.number + 1) {
                continuations::mark(&page.drafts, &mut next.drafts, page.size, next.size);
            }
            if page.number >= self.options.excerpt_from {
                let later = composed.iter_mut().map(|page| &mut page.drafts);
                join_over(&mut page.drafts, later, *habits, &profile.compounds);
            }
            if let Some(why) = page.doubt.filter(|_| range.contains(&page.number)) {
                self.warnings.push(Warning {
                    page: Some(page.number),
                    code: ErrorCode::TextUnreliable.to_string(),
                    message: format!("the text of page {} may not be what it shows: {why}", page.number),
                });
            }
            if range.contains(&page.number) && sink(self.finish(page)).is_break() {
                return;
            }
        }
    }

    fn prepare(&mut self, number: u32) -> Slot {
        if let Some(code) = self.options.left_out.get(&number) {
            return Slot::Failed(number, code.clone());
        }
        self.options.at(number);
        self.cached_pages += 1;
        if self.cached_pages > CACHE_PAGES {
            self.cached_pages = 1;
            (self.cache, self.fonts) = (InterpreterCache::new(), Fonts::default());
        }
        let pdf = self.pdf;
        if let Some((recognition, seen)) = self.options.seen(number) {
            match guarded(|| Prepared::new(number, recognition.content(seen), &self.faces)) {
                Ok(prepared) => return Slot::Prepared(Box::new(prepared)),
                Err(problem) => return self.fail(number, &problem),
            }
        }
        let painted = match pdf.engine_page(number) {
            Ok(page) => guarded(|| Ok(Prepared::new(number, self.paint(page)?, &self.faces))).flatten(),
            Err(problem) => Err(problem),
        };
        match painted {
            Ok(prepared) => Slot::Prepared(Box::new(prepared)),
            Err(problem) => self.fail(number, &problem),
        }
    }

    fn fail(&mut self, number: u32, problem: &Problem) -> Slot {
        self.warnings.push(Warning {
            page: Some(number),
            code: problem.code.to_string(),
            message: format!("page {number} could not be read: {}", problem.message),
        });
        Slot::Failed(number, problem.code.to_string())
    }

    /// Has the engine paint a page. Its content is decoded here, since the engine would keep it.
    fn paint(&mut self, page: &'a EnginePage<'a>) -> Result<crate::content::Content, Problem> {
        let (width, height) = page.render_dimensions();
        let data = content_of(page, self.pdf)?;
        let fonts = PageFonts::new(page.resources(), &self.settings, &self.fonts);
        let mut painter = Painter::new((width, height), &mut self.faces, &mut self.memo, fonts);
        let mut context = Context::new(
            page.initial_transform(true).to_kurbo(),
            hayro_interpret::kurbo::Rect::new(0.0, 0.0, f64::from(width), f64::from(height)),
            &self.cache,
            page.xref(),
            self.settings.clone(),
        );
        interpret(TypedIter::new(&data), page.resources(), &mut context, &mut painter);
        // What is filled into a form is painted by its annotations, the only content the settings ask for.
        interpret_page(page, &mut context, &mut painter);
        let mut content = painter.finish();
        if let Some(structure) = self.structure.get_or_init(|| Structure::of(self.pdf)) {
            structure.tag(page, &mut content);
        }
        Ok(content)
    }

    fn compose(
        &mut self,
        slot: Slot,
        behind: &mut VecDeque<(u32, crate::layout::Edges)>,
        ahead: &VecDeque<Slot>,
        profile: &Profile,
    ) -> Composed {
        let mut page = match slot {
            Slot::Prepared(page) => page,
            Slot::Failed(number, code) => {
                return Composed {
                    number,
                    size: (0.0, 0.0),
                    source: PageSource::Failed,
                    reason: Some(code),
                    drafts: Vec::new(),
                    confidence: None,
                    doubt: None,
                    hidden: Vec::new(),
                };
            }
        };
        let distance = |other: u32| i64::from(other) - i64::from(page.number);
        self.options.at(page.number);
        let mut neighbours: Vec<_> = behind.iter().map(|(number, edges)| (distance(*number), edges)).collect();
        neighbours.extend(ahead.iter().take(NEIGHBOURS).filter_map(Slot::page).map(|p| (distance(p.number), &p.edges)));
        let furniture = page.edges.furniture(&neighbours);
        page.content.compounds = Arc::clone(&profile.compounds);
        let drafts = guarded(|| page.compose(&furniture, profile, &self.faces));
        let seen = self.options.seen(page.number).map(|(_, seen)| seen);
        let from = if seen.is_some() { PageSource::Ocr } else { PageSource::Text };
        let (mut drafts, mut source, mut reason) = match drafts {
            Ok(drafts) => (drafts, from, None),
            Err(problem) => (Vec::new(), PageSource::Failed, Some(problem.code.to_string())),
        };
        if source == PageSource::Text && !drafts.iter().any(|draft| !draft.text.is_empty()) {
            if page.content.images.is_empty() && page.content.glyphs == 0 && page.content.shapes.is_empty() {
                source = PageSource::Blank;
            } else {
                source = PageSource::Skipped;
                reason = Some(ErrorCode::OcrUnavailable.to_string());
            }
        }
        if page.is_blank() && source == PageSource::Skipped {
            (source, reason) = (PageSource::Blank, None);
        }
        let mut doubt = None;
        if source == PageSource::Text
            && let Some(why) = unreliable::reason(&page.content, page.has_only_edges())
        {
            reason = Some(ErrorCode::TextUnreliable.to_string());
            doubt = Some(why);
        }
        let mut size = page.content.size;
        if let Some(seen) = seen {
            drafts.iter_mut().for_each(|draft| draft.place(&seen.upright));
            size = self.pdf.engine_page(page.number).map_or(size, |engine| engine.render_dimensions());
        }
        let hidden = page.hidden();
        let Prepared { number, edges, .. } = *page;
        behind.push_back((number, edges));
        if behind.len() > NEIGHBOURS {
            behind.pop_front();
        }
        let confidence = seen.map(Recognised::confidence);
        Composed { number, size, source, reason, drafts, confidence, doubt, hidden }
    }

    fn finish(&self, page: Composed) -> Page {
        let extras = self.extras(page.number, page.hidden);
        let floats = floats::of(&page.drafts);
        let blocks = page.drafts.into_iter().zip(floats).map(|(draft, float)| Block {
            float,
            kind: draft.kind,
            level: draft.level,
            text: draft.text,
            bbox: draft.bbox,
            cells: draft.cells,
            words: draft.words,
        });
        Page {
            number: page.number,
            label: self.pdf.label(page.number),
            width: page.size.0,
            height: page.size.1,
            source: page.source,
            reason: page.reason,
            confidence: page.confidence,
            blocks: blocks.collect(),
            extras,
        }
    }

    /// Links, notes, fields and hidden text of a page.
    fn extras(&self, number: u32, hidden: Vec<HiddenText>) -> PageExtras {
        let annotated = self.pdf.engine_page(number).ok().filter(|page| page.raw().contains_key(b"Annots"));
        let told = annotated.and_then(|page| {
            guarded(|| {
                let targets = self.targets.get_or_init(|| Targets::of(self.pdf));
                targets.as_ref().map(|targets| annotations::extras(page, targets))
            })
            .ok()
            .flatten()
        });
        PageExtras { hidden, ..told.unwrap_or_default() }
    }

    fn summary(self) -> Summary {
        let metadata = self.pdf.metadata();
        Summary {
            info: DocumentInfo {
                title: title::choose(metadata.title, self.title, &self.first_page),
                authors: metadata.authors,
                pages: self.pdf.page_count(),
                encrypted: self.pdf.encrypted(),
                language: self.sample.language(),
                metadata: metadata.fields,
                kind: self.looks.kind(self.pdf.page_count()),
                attachments: guarded(|| annotations::attachments(self.pdf)).unwrap_or_default(),
            },
            outline: self.outline,
            warnings: self.warnings,
        }
    }
}

impl Slot {
    fn page(&self) -> Option<&Prepared> {
        match self {
            Self::Prepared(page) => Some(page),
            Self::Failed(..) => None,
        }
    }
}
