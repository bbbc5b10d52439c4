//! What is usual in a document: the size and face of its running text.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::compounds::Compounds;
use crate::layout::Prepared;

/// What running text looks like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    /// Font size of most characters, in points.
    pub(crate) size: f32,
    /// Whether most characters are bold.
    pub(crate) bold: bool,
    /// Whether most characters are italic.
    pub(crate) italic: bool,
    /// Words written with a hyphen.
    pub(crate) compounds: Arc<Compounds>,
}

impl Profile {
    /// The profile of these pages.
    pub(crate) fn of<'p>(pages: impl IntoIterator<Item = &'p Prepared>) -> Self {
        let mut counts: FxHashMap<(i32, bool, bool), u64> = FxHashMap::default();
        let mut compounds = Compounds::default();
        let noted = |page: &'p Prepared| {
            for word in &page.content.words {
                compounds.note(page.content.word(word));
            }
            &page.lines
        };
        for line in pages.into_iter().flat_map(noted) {
            let key = ((line.size * 10.0).round() as i32, line.bold > 0.5, line.italic > 0.5);
            // Words of tables and drawings weigh less than lines of text.
            let weight = if line.chars > 25 { 3 } else { 1 };
            *counts.entry(key).or_insert(0) += u64::from(line.chars) * weight;
        }
        let most = counts.into_iter().max_by_key(|((size, ..), count)| (*count, *size));
        let ((size, bold, italic), _) = most.unwrap_or(((100, false, false), 0));
        Self { size: size as f32 / 10.0, bold, italic, compounds: Arc::new(compounds) }
    }
}
