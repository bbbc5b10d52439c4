//! What each paragraph of a page is: heading, list item, caption, footnote, formula or text.

use pagemill_core::{BlockKind, Rect};

use super::draft::{Draft, append};
use super::formulas;
use super::marks::{self, CaptionStart};
use crate::profile::Profile;

/// Larger than text by this factor is a heading's size.
const LARGER: f32 = 1.12;
/// So much larger than text is a title.
pub(super) const TITLE: f32 = 1.3;
/// Smaller than text by this factor is a note's size.
const SMALLER: f32 = 0.93;
/// Headings are not longer than this.
const HEADING_CHARS: usize = 200;
/// Notes stand below this share of the page height.
const FOOT: f32 = 0.55;

/// Sets the kinds of paragraphs in reading order.
pub(crate) fn classify(body: &mut [Draft], profile: &Profile, page: u32, page_height: f32) {
    for at in 0..body.len() {
        if body[at].kind == BlockKind::Heading {
            // A heading set into its paragraph.
            continue;
        }
        let kind = kind_of(body, at, profile, page_height);
        body[at].kind = kind;
    }
    nest(body);
    if page == 1 {
        front_matter(body);
    }
}

/// Gives the items of lists their nesting: an item that begins further in than the one before is within it.
fn nest(body: &mut [Draft]) {
    let mut starts: Vec<f32> = Vec::new();
    let mut flow = usize::MAX;
    for draft in body {
        let (start, em) = (draft.frame.x0, draft.size.max(1.0));
        if draft.kind != BlockKind::ListItem {
            // Text set in like an item belongs to it.
            if starts.last().is_none_or(|last| start < last + 0.5 * em) {
                starts.clear();
            }
            continue;
        }
        if draft.flow != flow {
            starts.clear();
            flow = draft.flow;
        }
        while starts.last().is_some_and(|last| start < last - 0.5 * em) {
            starts.pop();
        }
        if starts.last().is_none_or(|last| start > last + em) {
            starts.push(start);
        }
        draft.level = Some(starts.len().min(6) as u8);
    }
}

fn kind_of(body: &[Draft], at: usize, profile: &Profile, page_height: f32) -> BlockKind {
    let draft = &body[at];
    let text = draft.text.as_str();
    let first = text.split(' ').next().unwrap_or("");
    match marks::caption_start(text) {
        CaptionStart::Marked => return BlockKind::Caption,
        CaptionStart::Perhaps if draft.size < 0.97 * profile.size || draft.bold > 0.1 => return BlockKind::Caption,
        _ => {}
    }
    if is_heading(body, at, profile) {
        return BlockKind::Heading;
    }
    if marks::is_bullet(first) || (marks::is_label(first) && text.len() > first.len() + 2) {
        return BlockKind::ListItem;
    }
    let noted = first.starts_with(['*', '∗', '†', '‡', '§', '¶', '¹', '²', '³'])
        || first.bytes().take_while(u8::is_ascii_digit).count().clamp(0, 3) > 0;
    if draft.size < SMALLER * profile.size && noted && draft.frame.y0 > FOOT * page_height {
        return BlockKind::Footnote;
    }
    if draft.math > 0.35 && draft.lines <= 4 && text.len() < 250 && formulas::has_sign(text) {
        return BlockKind::Formula;
    }
    BlockKind::Paragraph
}

/// Finds what stands beside the running text once tables and figures are in place:
/// further lines of captions, notes under tables, notes at the foot of a column.
pub(crate) fn asides(body: &mut Vec<Draft>, profile: &Profile, page_height: f32) {
    let mut at = 0;
    while at + 1 < body.len() {
        let (draft, next) = (&body[at], &body[at + 1]);
        let em = next.size.max(1.0);
        let gap = next.frame.y0 - draft.frame.y1;
        let below = gap < 0.8 * em && gap > -0.8 * em && (next.frame.x0 - draft.frame.x0).abs() < 3.0 * em;
        let same = (draft.size - next.size).abs() < 0.04 * em;
        let open =
            draft.kind == BlockKind::Caption && next.kind == BlockKind::Paragraph && !marks::ends_sentence(&draft.text);
        if open && below && same {
            let rest = body.remove(at + 1);
            body[at].bbox = body[at].bbox.union(&rest.bbox);
            body[at].frame = body[at].frame.union(&rest.frame);
            append(&mut body[at], rest, &profile.compounds);
            continue;
        }
        at += 1;
    }
    for at in 1..body.len() {
        let (draft, before) = (&body[at], &body[at - 1]);
        if !matches!(draft.kind, BlockKind::Paragraph | BlockKind::ListItem) || draft.size > SMALLER * profile.size {
            continue;
        }
        let under = draft.frame.y0 - before.frame.y1;
        let noted = before.kind == BlockKind::Footnote && before.size < SMALLER * profile.size;
        let table = before.kind == BlockKind::Table || noted;
        let close = (-2.0..2.5 * draft.size).contains(&under)
            && draft.frame.horizontal_overlap(&before.frame) > 0.5 * draft.frame.width();
        let foot = before.size > SMALLER * profile.size
            && matches!(before.kind, BlockKind::Paragraph | BlockKind::ListItem)
            && before.flow == draft.flow
            && draft.frame.y0 > FOOT * page_height
            && under > 0.3 * draft.size
            && draft.text.len() < 1200;
        if (table && close) || foot {
            body[at].kind = BlockKind::Footnote;
            body[at].level = None;
        }
    }
}

/// Drops figures that are parts of larger ones.
pub(crate) fn whole_figures(body: &mut Vec<Draft>) {
    let figures: Vec<Rect> =
        body.iter().filter(|draft| draft.kind == BlockKind::Figure).map(|draft| draft.frame).collect();
    let is_part = |frame: &Rect| {
        figures.iter().any(|whole| {
            let shared = whole.intersection(frame).map_or(0.0, |both| both.area());
            whole.area() > 1.01 * frame.area() && shared > 0.9 * frame.area()
        })
    };
    body.retain(|draft| draft.kind != BlockKind::Figure || !is_part(&draft.frame));
}

/// A table right above the caption of a figure is a drawing with boxes.
pub(crate) fn drawn_tables(body: &mut [Draft]) {
    for at in 0..body.len() {
        if body[at].kind != BlockKind::Table {
            continue;
        }
        let frame = body[at].frame;
        let captions = |above: bool| {
            body.iter().any(|draft| {
                let gap = if above { frame.y0 - draft.frame.y1 } else { draft.frame.y0 - frame.y1 };
                let lower = draft.text.get(..3).map(str::to_lowercase);
                draft.kind == BlockKind::Caption
                    && (lower.as_deref() == Some("fig")) != above
                    && draft.frame.horizontal_overlap(&frame) > 0.0
                    && (-4.0..30.0).contains(&gap)
            })
        };
        let titled = body[at].text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("tab"));
        if captions(false) && !captions(true) && !titled {
            let draft = &mut body[at];
            draft.kind = BlockKind::Figure;
            draft.text.clear();
            draft.words.clear();
            draft.cells.clear();
        }
    }
}

fn is_heading(body: &[Draft], at: usize, profile: &Profile) -> bool {
    let draft = &body[at];
    let text = draft.text.as_str();
    if text.len() > HEADING_CHARS || draft.lines > 4 || draft.math > 0.3 {
        return false;
    }
    // Side by side over a text stand its heading and, at the right, what kind of text it is.
    let is_text = |next: &Draft| {
        let sentence = next.text.len() > 30 && next.gaps == 0 && marks::ends_sentence(&next.text);
        sentence || (next.lines > 1 && next.text.len() > 80)
    };
    let heads = |next: &Draft| next.flow == draft.flow && is_text(next);
    if draft.gaps > 1 || (draft.gaps == 1 && !(draft.lines == 1 && body.get(at + 1).is_some_and(heads))) {
        return false;
    }
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let signs = text.chars().filter(|c| !c.is_whitespace()).count();
    // The number of an invoice may be longer than the word before it.
    let named = draft.size > TITLE * profile.size && letters * 3 >= signs && (letters + digits) * 5 >= signs * 4;
    if letters < 3 || (letters * 2 < signs && !named) {
        return false;
    }
    let numbered = marks::numbering(text).is_some();
    let begins = text.chars().find(|c| c.is_alphanumeric()).is_some_and(|c| !c.is_lowercase());
    if !begins || text.ends_with([',', ';', '-']) {
        return false;
    }
    if draft.tagged.is_some() {
        return true;
    }
    // Several sentences are text, though of larger type than most of the document.
    if draft.lines >= 2 && text.len() > 100 && !numbered && text.contains(". ") && draft.size < 1.3 * profile.size {
        return false;
    }
    if draft.size > LARGER * profile.size {
        return !text.ends_with('.') || numbered || draft.size > 1.3 * profile.size;
    }
    if opens_other_face(body, at) {
        return true;
    }
    if draft.size < 0.9 * profile.size {
        return false;
    }
    let closes = text.ends_with(['.', '。']) && !numbered;
    if draft.bold > 0.85 && !profile.bold {
        return !closes && (draft.lines <= 2 || numbered);
    }
    let apart = draft.space_above > 0.25;
    let capitals = !text.chars().any(char::is_lowercase) && text.chars().any(char::is_uppercase);
    if capitals && letters >= 4 && text.len() < 90 && !closes && apart {
        return true;
    }
    let alone = draft.lines == 1 && text.len() < 90 && apart && !text.ends_with(['.', ':', '。', '：']);
    if draft.italic > 0.85 && !profile.italic && alone {
        return true;
    }
    false
}

/// A line in a face of its own right above a paragraph in another.
fn opens_other_face(body: &[Draft], at: usize) -> bool {
    let draft = &body[at];
    let Some(next) = body.get(at + 1) else { return false };
    let (Some(face), Some(other)) = (draft.face, next.face) else { return false };
    let gap = next.frame.y0 - draft.frame.y1;
    let ended = at == 0
        || body[at - 1].flow != draft.flow
        || body[at - 1].kind == BlockKind::Heading
        || marks::ends_sentence(body[at - 1].text.rsplit(' ').next().unwrap_or(""))
        || draft.space_above > 0.25;
    face != other
        && draft.lines <= 2
        && draft.text.len() < 110
        && !draft.text.ends_with(['.', ':', ',', ';'])
        && draft.size > 0.93 * next.size
        && next.math < 0.3
        && (next.lines > 1 || next.text.len() > 100 || next.face == draft.face)
        && next.text.len() > 40
        && next.flow == draft.flow
        && (-0.5 * next.size..2.0 * next.size).contains(&gap)
        && ended
}

/// On the first page, what stands before the first running text is title, authors and addresses:
/// only the title is a heading.
fn front_matter(body: &mut [Draft]) {
    let known = |text: &str| {
        let lower = text.to_lowercase();
        let bare = lower.trim_start_matches(|c: char| !c.is_alphabetic()).trim_end_matches([':', '.']);
        matches!(
            bare,
            "abstract" | "a b s t r a c t" | "summary" | "introduction" | "resumen" | "resumo" | "zusammenfassung"
        )
    };
    let is_text = |draft: &Draft| draft.text.len() > 400 && draft.kind == BlockKind::Paragraph;
    let Some(end) = body.iter().position(|draft| known(&draft.text) || is_text(draft)) else { return };
    let opens =
        |draft: &Draft| draft.kind == BlockKind::Heading && draft.text.len() < 60 && !draft.text.contains([',', '@']);
    let end = if is_text(&body[end]) && end > 1 && opens(&body[end - 1]) { end - 1 } else { end };
    for draft in &mut body[..end] {
        // What kind of article it is stands above the title.
        let lower = draft.text.to_lowercase();
        let words = lower.split_whitespace().count();
        let kicker =
            words <= 3 && ["article", "paper", "report", "access", "review"].iter().any(|end| lower.ends_with(end));
        if kicker && draft.kind == BlockKind::Heading {
            draft.kind = BlockKind::Paragraph;
        }
    }
    let headings = body[..end].iter().filter(|draft| draft.kind == BlockKind::Heading);
    let largest = headings.map(|draft| draft.size).fold(0.0, f32::max);
    let mut title_seen = false;
    for draft in &mut body[..end] {
        if draft.kind == BlockKind::Heading {
            if !title_seen && draft.size > 0.97 * largest {
                title_seen = true;
            } else if draft.tagged.is_none() {
                draft.kind = BlockKind::Paragraph;
            }
        }
    }
}
