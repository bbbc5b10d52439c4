//! What the tags of a file say of its text: which of it heads a section, and which of it is no content.
//!
//! Pages name pieces of their content by numbers (`/MCID`); the parent tree of the structure tells the element each
//! belongs to (ISO 32000-1, 14.7.4.4). Only what stands on the page at hand is looked up.

use hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier};
use hayro_syntax::page::Page as EnginePage;
use hayro_syntax::xref::XRef;
use rustc_hash::FxHashMap;

use crate::content::{Content, Mark, Tag};
use crate::open::Pdf;

/// Elements are not looked for further up than this.
const CLIMB: u8 = 12;
/// Names that stand for names that stand for names.
const ROLES: u8 = 8;
/// Nodes of the parent tree on the way to a page.
const MOST_NODES: u32 = 1000;
/// Numbers beyond this are no numbers of content.
const MOST_MARKS: usize = 100_000;

/// The tags of a file.
pub(crate) struct Structure<'a> {
    xref: &'a XRef,
    parents: Dict<'a>,
    roles: Option<Dict<'a>>,
    depth: u8,
}

impl<'a> Structure<'a> {
    /// The tags of a file that says it is tagged.
    pub(crate) fn of(pdf: &'a Pdf) -> Option<Self> {
        let catalog = pdf.catalog()?;
        if catalog.get::<Dict<'_>>(b"MarkInfo")?.get::<bool>(b"Marked") != Some(true) {
            return None;
        }
        let root = catalog.get::<Dict<'_>>(b"StructTreeRoot")?;
        let parents = root.get::<Dict<'_>>(b"ParentTree")?;
        Some(Self {
            xref: pdf.engine().xref(),
            parents,
            roles: root.get::<Dict<'_>>(b"RoleMap"),
            depth: pdf.limits.tree_depth,
        })
    }

    /// Says of the words of a page what the tags say, where they are to be trusted.
    pub(crate) fn tag(&self, page: &EnginePage<'a>, content: &mut Content) {
        let marks = std::mem::take(&mut content.marks);
        if !marks.iter().any(|(_, mark)| *mark != Mark::None) {
            return;
        }
        let elements = page
            .raw()
            .get::<u32>(b"StructParents")
            .and_then(|key| self.elements(&self.parents, key, self.depth, &mut { MOST_NODES }));
        let elements: Vec<Object<'a>> = elements.map(|all| all.iter().take(MOST_MARKS).collect()).unwrap_or_default();
        let mut known: FxHashMap<ObjectIdentifier, Tag> = FxHashMap::default();
        let mut tag_of = |mark: Mark| match mark {
            Mark::None => Tag::Unknown,
            Mark::Artifact => Tag::Artifact,
            Mark::Numbered(number) => {
                let Some(Object::Dict(element)) = elements.get(number as usize) else { return Tag::Unknown };
                match element.obj_id() {
                    Some(id) => *known.entry(id).or_insert_with(|| self.tag_of(element)),
                    None => self.tag_of(element),
                }
            }
        };
        content.tags = marks.into_iter().map(|(from, mark)| (from, tag_of(mark))).collect();
        if !is_sound(content) {
            content.tags.clear();
        }
    }

    /// The elements of the content with numbers on a page, by its key in the parent tree. No more than `left` nodes of
    /// the tree are looked at, and no array but the one that is wanted.
    fn elements(&self, node: &Dict<'a>, key: u32, depth: u8, left: &mut u32) -> Option<Array<'a>> {
        *left = left.checked_sub(1)?;
        if let Some(numbers) = node.get::<Array<'_>>(b"Nums") {
            let mut items = numbers.raw_iter();
            while let (Some(MaybeRef::NotRef(at)), Some(value)) = (items.next(), items.next()) {
                if at.into_number().is_some_and(|at| at.as_i64() == i64::from(key)) {
                    return match value {
                        MaybeRef::Ref(reference) => self.xref.get::<Array<'_>>(reference.into()),
                        MaybeRef::NotRef(value) => value.into_array(),
                    };
                }
            }
        }
        let depth = depth.checked_sub(1)?;
        let holds = |kid: &Dict<'_>| {
            let limits = kid.get::<Array<'_>>(b"Limits")?;
            let mut limits = limits.iter::<u32>();
            Some((limits.next()?..=limits.next()?).contains(&key))
        };
        let kids = node.get::<Array<'_>>(b"Kids")?;
        let mut holding = kids.iter::<Dict<'_>>().filter(|kid| holds(kid) == Some(true));
        holding.find_map(|kid| self.elements(&kid, key, depth, left))
    }

    /// What an element makes of its text; what stands within a line is as what it stands in.
    fn tag_of(&self, element: &Dict<'a>) -> Tag {
        let mut element = element.clone();
        for _ in 0..CLIMB {
            let Some(role) = element.get::<Name<'_>>(b"S").map(|name| self.standard(name)) else { break };
            match role.as_ref() {
                b"H" | b"Title" => return Tag::Heading(0),
                [b'H', level @ b'1'..=b'9'] => return Tag::Heading((level - b'0').min(6)),
                b"Artifact" => return Tag::Artifact,
                b"Span" | b"Link" | b"Reference" | b"Em" | b"Strong" | b"Sub" | b"NonStruct" | b"Quote" => {}
                _ => return Tag::Text,
            }
            let Some(parent) = element.get::<Dict<'_>>(b"P") else { break };
            element = parent;
        }
        Tag::Text
    }

    /// The standard name a name of the file's own stands for.
    fn standard(&self, mut name: Name<'a>) -> Name<'a> {
        let Some(roles) = &self.roles else { return name };
        for _ in 0..ROLES {
            match roles.get::<Name<'_>>(name.as_ref()) {
                Some(meant) if meant.as_ref() != name.as_ref() => name = meant,
                _ => break,
            }
        }
        name
    }
}

/// Whether tags may be trusted: they name most of the text, and neither headings nor what is no content are much of it.
fn is_sound(content: &Content) -> bool {
    let (mut text, mut headings, mut artifacts) = (0_usize, 0_usize, 0_usize);
    for at in 0..content.words.len() as u32 {
        match content.tag(at) {
            Tag::Unknown => {}
            Tag::Artifact => artifacts += 1,
            Tag::Text => text += 1,
            Tag::Heading(_) => headings += 1,
        }
    }
    let all = content.words.len();
    (text + headings) * 2 > all && headings * 10 <= all * 4 && artifacts * 10 <= all * 3
}

#[cfg(test)]
mod tests {
    use pagemill_core::BlockKind;

    use crate::test_pdf::{line, lines, pages_pdf, read};

    const TEXT: [&str; 3] = [
        "The bridge was closed in spring, since the ice had",
        "moved one of its piers by the breadth of a hand, and",
        "opened again when the pier was set on new ground.",
    ];

    /// A page whose first line is in an element with this role; it looks like the text below it.
    fn kinds(catalog: &str, role: &str) -> Vec<(BlockKind, Option<u8>, String)> {
        let page = format!(
            "/Artifact BMC\n{}EMC\n/P <</MCID 0>> BDC\n{}EMC\n/P <</MCID 1>> BDC\n{}EMC\n",
            line(60.0, 730.0, 10.0, "The River Board"),
            line(60.0, 640.0, 10.0, "Repairs of the bridge"),
            lines(60.0, 628.0, &TEXT),
        );
        let element = format!("<</S /{role} /P 6 0 R /K 0>>");
        let more = [
            "<</Type /StructTreeRoot /ParentTree <</Nums [0 [7 0 R 8 0 R]]>> /RoleMap <</Rubrik /H2 /Gros /Rubrik>>>>",
            &element,
            "<</S /P /P 6 0 R /K 1>>",
        ];
        let bytes = pages_pdf(&format!("/StructTreeRoot 6 0 R {catalog}"), &[("/StructParents 0", &page)], &more);
        let pages = read(bytes, 1..=1);
        pages[0].blocks.iter().map(|block| (block.kind, block.level, block.text.clone())).collect()
    }

    #[test]
    fn a_tagged_heading_is_one_though_it_looks_like_text() {
        for role in ["H2", "Gros", "H"] {
            let kinds = kinds("/MarkInfo <</Marked true>>", role);
            assert!(
                kinds.iter().any(|(kind, _, text)| *kind == BlockKind::Heading && text == "Repairs of the bridge"),
                "{kinds:?}"
            );
        }
        let plain = kinds("/MarkInfo <</Marked true>>", "P");
        assert!(plain.iter().all(|(kind, ..)| *kind != BlockKind::Heading), "{plain:?}");
        let untagged = kinds("", "H2");
        assert!(untagged.iter().all(|(kind, ..)| *kind != BlockKind::Heading), "{untagged:?}");
    }

    #[test]
    fn a_parent_tree_that_holds_itself_ends() {
        let page = format!("/H1 <</MCID 0>> BDC\n{}EMC\n", lines(60.0, 628.0, &TEXT));
        let tree = format!("<</Limits [0 9] /Kids [{}]>>", "7 0 R ".repeat(60));
        let root = ["<</Type /StructTreeRoot /ParentTree 7 0 R>>", &tree];
        let catalog = "/StructTreeRoot 6 0 R /MarkInfo <</Marked true>>";
        let pages = read(pages_pdf(catalog, &[("/StructParents 0", &page)], &root), 1..=1);
        assert_eq!(pages[0].blocks.iter().map(|block| block.kind).collect::<Vec<_>>(), [BlockKind::Paragraph]);
    }

    #[test]
    fn what_is_no_content_at_the_edge_is_furniture() {
        let kinds = kinds("/MarkInfo <</Marked true>>", "H2");
        assert_eq!(kinds[0].0, BlockKind::Header);
        assert_eq!(kinds[0].2, "The River Board");
    }
}
