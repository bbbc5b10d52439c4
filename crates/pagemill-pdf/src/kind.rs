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
    sheet: u32,
    statement: u32,
    form: u32,
    manual: u32,
}

/// Words of headings and short lines that an article has.
const ARTICLE: [&str; 20] = [
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
    "summary",
    "related work",
    "statement of need",
    "background",
];
const CATALOG: [&str; 18] = [
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
    "datasheet",
    "data sheet",
    "datenblatt",
    "model number",
    "ordering information",
    "product range",
];
/// A sheet that describes one product has so many pages at most.
const SHEET_PAGES: u32 = 12;
/// Its headings.
const SHEET: [&str; 10] = [
    "features",
    "specifications",
    "technical data",
    "applications",
    "overview",
    "ordering information",
    "quick spec",
    "technische daten",
    "merkmale",
    "caractéristiques",
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
const FORM: [&str; 16] = [
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
    "fill out",
    "omb no",
    "if checked",
    "marital status",
    "emergency contact",
    "questionnaire",
];
const MANUAL: [&str; 21] = [
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
    "handbuch",
    "user guide",
    "technical manual",
    "getting started",
    "inbetriebnahme",
];

impl Looks {
    /// Takes a page into account.
    pub(crate) fn add(&mut self, (width, height): (f32, f32), drafts: &[Draft]) {
        self.pages += 1;
        self.wide_pages += u32::from(width > 1.15 * height);
        for draft in drafts.iter().filter(|draft| !draft.kind.is_furniture()) {
            self.figures += u32::from(draft.kind == BlockKind::Figure && !draft.decorative);
            self.see(draft.kind, &draft.text);
        }
    }

    /// Takes the words of a block into account.
    fn see(&mut self, kind: BlockKind, text: &str) {
        self.chars += text.len();
        if kind == BlockKind::ListItem {
            // Numbers beyond these are those of references.
            let number = text.split(['.', ')', ' ']).next().unwrap_or("").parse::<u32>();
            self.steps += u32::from(number.is_ok_and(|number| number < 25));
        }
        let lower = text.to_lowercase();
        self.blanks += lower.matches("____").count().min(20) as u32 + lower.matches('☐').count() as u32;
        self.amounts += amounts(&lower);
        let count = |words: &[&str]| words.iter().filter(|word| lower.contains(**word)).count() as u32;
        self.catalog += count(&CATALOG);
        if kind != BlockKind::Heading && text.len() >= 200 {
            return;
        }
        let bare = lower.trim_matches(|c: char| !c.is_alphabetic());
        let begins = |word: &&str| lower.starts_with(*word) && kind == BlockKind::Paragraph && word.len() > 7;
        self.article += u32::from(ARTICLE.contains(&bare) || ARTICLE.iter().any(begins));
        self.statement += count(&STATEMENT);
        self.manual += count(&MANUAL);
        self.form += count(&FORM) + u32::from(bare.ends_with(" form") && bare.len() < 60);
        self.sheet += u32::from(bare.len() < 60 && SHEET.iter().any(|word| bare.ends_with(word)));
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
        let sheet = if pages <= SHEET_PAGES { f64::from(self.sheet / 2) } else { 0.0 };
        let scores = [
            (DocumentKind::Article, if self.article >= 2 { 1.0 + most(self.article) } else { 0.0 }),
            (DocumentKind::Form, most(self.form) + 0.25 * most(self.blanks)),
            (DocumentKind::Statement, 0.5 * most(self.statement) + 0.1 * most(self.amounts.min(20 * read))),
            (
                DocumentKind::Catalog,
                sheet + 0.6 * most(self.catalog) + 0.1 * most(self.amounts.min(10 * read)).min(most(self.figures)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(texts: &[(BlockKind, &str)]) -> Looks {
        let mut looks = Looks { pages: 1, ..Looks::default() };
        texts.iter().for_each(|(kind, text)| looks.see(*kind, text));
        looks
    }

    #[test]
    fn a_product_sheet_is_a_catalogue_and_a_report_with_such_headings_is_not() {
        use BlockKind::{Heading, Paragraph};
        let sheet = looks(&[
            (Heading, "AX-40 Features"),
            (Paragraph, "Ten ports, each with its own lamp."),
            (Heading, "Technical data"),
        ]);
        assert_eq!(sheet.kind(2), Some(DocumentKind::Catalog));
        assert_eq!(sheet.kind(110), None);
    }

    #[test]
    fn a_form_says_so() {
        use BlockKind::{Heading, Paragraph};
        let form =
            looks(&[(Heading, "HEALTH INTAKE FORM"), (Paragraph, "Marital status: ____ Emergency contact: ____")]);
        assert_eq!(form.kind(1), Some(DocumentKind::Form));
    }
}
