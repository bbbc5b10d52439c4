//! What kind of document a file looks like, from its first pages.

use pagemill_core::{BlockKind, DocumentKind};

use crate::layout::Draft;

/// Signs of each kind of document, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Looks {
    pages: u32,
    wide_pages: u32,
    chars: usize,
    figures: u32,
    steps: u32,
    blanks: u32,
    amounts: u32,
    article: u32,
    catalog: u32,
    statement: u32,
    form: u32,
    manual: u32,
}

/// Words of headings and short lines that an article has.
const ARTICLE: [&str; 16] = [
    "abstract",
    "introduction",
    "references",
    "bibliography",
    "methods",
    "results",
    "discussion",
    "conclusion",
    "conclusions",
    "keywords",
    "acknowledgements",
    "zusammenfassung",
    "einleitung",
    "literatur",
    "résumé",
    "resumo",
];
const CATALOG: [&str; 12] = [
    "art. no",
    "article no",
    "item no",
    "order no",
    "product code",
    "sku",
    "part number",
    "catalog",
    "catalogue",
    "bestell-nr",
    "artikel-nr",
    "in stock",
];
const STATEMENT: [&str; 16] = [
    "invoice",
    "account number",
    "balance",
    "amount due",
    "total due",
    "statement",
    "payment",
    "iban",
    "rechnung",
    "kontonummer",
    "facture",
    "vat",
    "subtotal",
    "loan number",
    "opening balance",
    "due date",
];
const FORM: [&str; 10] = [
    "signature",
    "please print",
    "date of birth",
    "check one",
    "check all that apply",
    "applicant",
    "unterschrift",
    "first name",
    "last name",
    "for office use",
];
const MANUAL: [&str; 16] = [
    "warning",
    "caution",
    "user manual",
    "user's manual",
    "user’s manual",
    "instructions",
    "step 1",
    "operating procedure",
    "installation",
    "troubleshooting",
    "safety",
    "maintenance",
    "bedienungsanleitung",
    "achtung",
    "procedure",
    "attention",
];

impl Looks {
    /// Takes a page into account.
    pub(crate) fn add(&mut self, (width, height): (f32, f32), drafts: &[Draft]) {
        self.pages += 1;
        self.wide_pages += u32::from(width > 1.15 * height);
        for draft in drafts.iter().filter(|draft| !draft.kind.is_furniture()) {
            self.chars += draft.text.len();
            self.figures += u32::from(draft.kind == BlockKind::Figure && !draft.decorative);
            if draft.kind == BlockKind::ListItem {
                // Numbers beyond these are those of references.
                let number = draft.text.split(['.', ')', ' ']).next().unwrap_or("").parse::<u32>();
                self.steps += u32::from(number.is_ok_and(|number| number < 25));
            }
            let lower = draft.text.to_lowercase();
            self.blanks += lower.matches("____").count().min(20) as u32 + lower.matches('☐').count() as u32;
            self.amounts += amounts(&lower);
            let short = draft.text.len() < 200;
            let count = |words: &[&str]| words.iter().filter(|word| lower.contains(**word)).count() as u32;
            let bare = lower.trim_matches(|c: char| !c.is_alphabetic());
            if draft.kind == BlockKind::Heading || short {
                self.article += u32::from(
                    ARTICLE.contains(&bare)
                        || ARTICLE.iter().any(|word| {
                            lower.starts_with(word) && draft.kind == BlockKind::Paragraph && word.len() > 7
                        }),
                );
                self.statement += count(&STATEMENT);
                self.form += count(&FORM);
                self.manual += count(&MANUAL);
            }
            self.catalog += count(&CATALOG);
        }
    }

    /// The kind that has enough signs, where one has.
    pub(crate) fn kind(&self, pages: u32) -> Option<DocumentKind> {
        let read = self.pages.max(1);
        let per_page = self.chars / read as usize;
        if self.wide_pages * 10 >= read * 9 && per_page < 900 && pages > 2 {
            return Some(DocumentKind::Slides);
        }
        if self.article >= 3 {
            return Some(DocumentKind::Article);
        }
        let most = |count: u32| f64::from(count) / f64::from(read);
        let scores = [
            (DocumentKind::Article, if self.article >= 2 { 1.0 + most(self.article) } else { 0.0 }),
            (DocumentKind::Form, most(self.form) + 0.25 * most(self.blanks)),
            (DocumentKind::Statement, 0.5 * most(self.statement) + 0.1 * most(self.amounts.min(20 * read))),
            (
                DocumentKind::Catalog,
                0.6 * most(self.catalog) + 0.1 * most(self.amounts.min(10 * read)).min(most(self.figures)),
            ),
            (DocumentKind::Manual, 0.5 * most(self.manual) + 0.15 * most(self.steps)),
        ];
        let (kind, score) = scores.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (score >= 1.0).then_some(kind)
    }
}

/// How many amounts of money a text names.
fn amounts(text: &str) -> u32 {
    text.matches(['$', '€', '£', '¥']).count().min(50) as u32
}
