//! The table of contents a file carries.

use std::collections::{HashMap, HashSet};

use hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, String as PdfString};
use pagemill_core::{Outline, OutlineEntry};

use crate::open::Pdf;
use crate::text_string::text_string;

impl Pdf {
    /// The outline, in reading order. Loops, depth and length are bounded.
    pub fn outline(&self) -> Outline {
        let Some(catalog) = self.catalog() else { return Outline::new() };
        let Some(first) = catalog.get::<Dict<'_>>(b"Outlines").and_then(|root| root.get::<Dict<'_>>(b"First")) else {
            return Outline::new();
        };
        let targets = Targets::new(self, catalog);
        let mut entries = Outline::new();
        let mut seen = HashSet::new();
        let mut stack = vec![(first, 1_u8)];
        while let Some((item, level)) = stack.pop() {
            if entries.len() >= self.limits.outline_entries || item.obj_id().is_some_and(|id| !seen.insert(id)) {
                continue;
            }
            if let Some(title) = item.get::<PdfString<'_>>(b"Title") {
                let title = text_string(&title);
                if !title.is_empty() {
                    entries.push(OutlineEntry { title, level, page: targets.page_of(&item) });
                }
            }
            // The next item is pushed first, so that the children come before it.
            if let Some(next) = item.get::<Dict<'_>>(b"Next") {
                stack.push((next, level));
            }
            if level < self.limits.tree_depth
                && let Some(child) = item.get::<Dict<'_>>(b"First")
            {
                stack.push((child, level + 1));
            }
        }
        entries
    }
}

/// Finds the pages that destinations point to.
pub(crate) struct Targets<'a> {
    pages: HashMap<ObjectIdentifier, u32>,
    page_count: u32,
    catalog: Dict<'a>,
    names: HashMap<Vec<u8>, Object<'a>>,
}

impl<'a> Targets<'a> {
    /// The destinations of a document; `None` when it has no catalog.
    pub(crate) fn of(pdf: &'a Pdf) -> Option<Self> {
        pdf.catalog().map(|catalog| Self::new(pdf, catalog))
    }

    fn new(pdf: &'a Pdf, catalog: Dict<'a>) -> Self {
        let numbered = pdf.engine().pages().iter().zip(1_u32..);
        let pages = numbered.filter_map(|(page, number)| Some((page.raw().obj_id()?, number))).collect();
        let mut names = HashMap::new();
        let tree = catalog.get::<Dict<'_>>(b"Names").and_then(|names| names.get::<Dict<'_>>(b"Dests"));
        if let Some(tree) = tree {
            let mut entries_left = pdf.limits.outline_entries * 4;
            collect_names(&tree, pdf.limits.tree_depth, &mut entries_left, &mut names);
        }
        Self { pages, page_count: pdf.page_count(), catalog, names }
    }

    /// The 1-based page an outline item or a link points to, directly or by an action.
    pub(crate) fn page_of(&self, item: &Dict<'a>) -> Option<u32> {
        let target = item.get::<Object<'_>>(b"Dest").or_else(|| {
            let action = item.get::<Dict<'_>>(b"A")?;
            let kind = action.get::<Name<'_>>(b"S")?;
            if kind.as_ref() == b"GoTo" { action.get::<Object<'_>>(b"D") } else { None }
        })?;
        self.resolve(target, 4)
    }

    /// A name may stand for a dictionary that holds an array; `hops` bounds the chain.
    fn resolve(&self, target: Object<'a>, hops: u8) -> Option<u32> {
        let hops = hops.checked_sub(1)?;
        match target {
            Object::Array(array) => self.page_of_array(&array),
            Object::Dict(dict) => self.resolve(dict.get::<Object<'_>>(b"D")?, hops),
            Object::Name(name) => self.resolve(self.named(name.as_ref())?, hops),
            Object::String(name) => self.resolve(self.named(name.as_bytes())?, hops),
            _ => None,
        }
    }

    fn named(&self, name: &[u8]) -> Option<Object<'a>> {
        let in_tree = self.names.get(name).cloned();
        in_tree.or_else(|| self.catalog.get::<Dict<'_>>(b"Dests")?.get::<Object<'_>>(name))
    }

    /// `[page /Fit …]`, where the page is a reference or, against the standard, a 0-based number.
    fn page_of_array(&self, array: &Array<'a>) -> Option<u32> {
        let first = array.raw_iter().next()?;
        if let Some(reference) = first.as_obj_ref() {
            return self.pages.get(&ObjectIdentifier::from(reference)).copied();
        }
        let number = array.iter::<Object<'_>>().next()?.into_number()?;
        let page = u32::try_from(number.as_i64()).ok()?.checked_add(1)?;
        (page <= self.page_count).then_some(page)
    }
}

fn collect_names<'a>(node: &Dict<'a>, depth: u8, entries_left: &mut usize, names: &mut HashMap<Vec<u8>, Object<'a>>) {
    if let Some(pairs) = node.get::<Array<'_>>(b"Names") {
        let mut items = pairs.iter::<Object<'_>>();
        while let (Some(name), Some(target)) = (items.next(), items.next()) {
            let Some(left) = entries_left.checked_sub(1) else { return };
            *entries_left = left;
            if let Object::String(name) = name {
                names.insert(name.as_bytes().to_vec(), target);
            }
        }
    }
    if let (Some(kids), Some(depth)) = (node.get::<Array<'_>>(b"Kids"), depth.checked_sub(1)) {
        for kid in kids.iter::<Dict<'_>>() {
            let Some(left) = entries_left.checked_sub(1) else { return };
            *entries_left = left;
            collect_names(&kid, depth, entries_left, names);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::open::open;
    use crate::test_pdf::pages_pdf;

    fn outline(catalog: &str, more: &[&str]) -> Vec<(String, u8, Option<u32>)> {
        let bytes = pages_pdf(&format!("/Outlines 8 0 R {catalog}"), &[("", ""), ("", "")], more);
        let pdf = open(bytes, &Default::default()).unwrap();
        pdf.outline().into_iter().map(|entry| (entry.title, entry.level, entry.page)).collect()
    }

    #[test]
    fn every_kind_of_target_is_followed() {
        let entries = outline(
            "/Dests <</old [6 0 R /Fit]>> /Names <</Dests <</Kids [14 0 R]>>>>",
            &[
                "<</First 9 0 R>>",
                "<</Title (Direct) /Dest [4 0 R /Fit] /First 10 0 R /Next 11 0 R>>",
                "<</Title <feff004b00f6006c006e> /A <</S /GoTo /D [6 0 R /XYZ 0 0 0]>>>>",
                "<</Title (Old name) /Dest /old /Next 12 0 R>>",
                "<</Title (New name) /Dest (new) /Next 13 0 R>>",
                "<</Title (Web) /A <</S /URI /URI (https://example.org)>>>>",
                "<</Names [(new) <</D [1 /Fit]>>]>>",
            ],
        );
        let expected = [
            ("Direct", 1, Some(1)),
            ("Köln", 2, Some(2)),
            ("Old name", 1, Some(2)),
            ("New name", 1, Some(2)),
            ("Web", 1, None),
        ];
        assert_eq!(entries, expected.map(|(title, level, page)| (title.to_owned(), level, page)));
    }

    #[test]
    fn loops_end() {
        let entries = outline(
            "/Names <</Dests 10 0 R>>",
            &[
                "<</First 9 0 R>>",
                "<</Title (Again) /First 9 0 R /Next 9 0 R /Dest (nowhere)>>",
                "<</Kids [10 0 R 10 0 R]>>",
            ],
        );
        assert_eq!(entries, [("Again".to_owned(), 1, None)]);
    }
}
