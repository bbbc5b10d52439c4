//! The numbers printed on pages, as `/PageLabels` tells them.

use hayro_syntax::object::{Array, Dict, Name, Number, Object, String as PdfString};

use crate::open::Pdf;
use crate::text_string::text_string;

/// Labels of a run of pages: from page `first` (0-based) to the next run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabelRun {
    first: u32,
    style: Option<LabelStyle>,
    prefix: String,
    start: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LabelStyle {
    Decimal,
    UpperRoman,
    LowerRoman,
    UpperLetters,
    LowerLetters,
}

impl Pdf {
    /// The number printed on a page (1-based), where the file says so.
    pub(crate) fn label(&self, page: u32) -> Option<String> {
        let runs = self.labels.get_or_init(|| label_runs(self));
        let index = page.checked_sub(1)?;
        let run = runs.iter().rev().find(|run| run.first <= index)?;
        Some(run.label(index)).filter(|label| !label.is_empty())
    }
}

impl LabelRun {
    fn label(&self, index: u32) -> String {
        let number = self.start.saturating_add(index - self.first);
        let number = match self.style {
            None => String::new(),
            Some(LabelStyle::Decimal) => number.to_string(),
            Some(LabelStyle::UpperRoman) => roman(number),
            Some(LabelStyle::LowerRoman) => roman(number).to_lowercase(),
            Some(LabelStyle::UpperLetters) => letters(number),
            Some(LabelStyle::LowerLetters) => letters(number).to_lowercase(),
        };
        format!("{}{number}", self.prefix)
    }
}

fn label_runs(pdf: &Pdf) -> Vec<LabelRun> {
    let Some(tree) = pdf.catalog().and_then(|catalog| catalog.get::<Dict<'_>>(b"PageLabels")) else {
        return Vec::new();
    };
    let mut runs = Vec::new();
    // A tree may hold no more nodes than there are pages to label.
    let mut nodes_left = pdf.page_count() as usize + 64;
    collect(&tree, pdf.limits.tree_depth, &mut nodes_left, &mut runs);
    runs.sort_by_key(|run| run.first);
    runs.dedup_by_key(|run| run.first);
    runs
}

fn collect(node: &Dict<'_>, depth: u8, nodes_left: &mut usize, runs: &mut Vec<LabelRun>) {
    let Some(left) = nodes_left.checked_sub(1) else { return };
    *nodes_left = left;
    if let Some(numbers) = node.get::<Array<'_>>(b"Nums") {
        let mut items = numbers.iter::<Object<'_>>();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            let first = key.into_number().and_then(|number| u32::try_from(number.as_i64()).ok());
            if let (Some(first), Some(run)) = (first, value.into_dict()) {
                runs.push(label_run(first, &run));
            }
        }
    }
    if let (Some(kids), Some(depth)) = (node.get::<Array<'_>>(b"Kids"), depth.checked_sub(1)) {
        for kid in kids.iter::<Dict<'_>>() {
            collect(&kid, depth, nodes_left, runs);
        }
    }
}

fn label_run(first: u32, run: &Dict<'_>) -> LabelRun {
    let style = run.get::<Name<'_>>(b"S").and_then(|style| match style.as_ref() {
        b"D" => Some(LabelStyle::Decimal),
        b"R" => Some(LabelStyle::UpperRoman),
        b"r" => Some(LabelStyle::LowerRoman),
        b"A" => Some(LabelStyle::UpperLetters),
        b"a" => Some(LabelStyle::LowerLetters),
        _ => None,
    });
    let prefix = run.get::<PdfString<'_>>(b"P").map(|prefix| text_string(&prefix)).unwrap_or_default();
    let start = run.get::<Number>(b"St").and_then(|start| u32::try_from(start.as_i64()).ok());
    LabelRun { first, style, prefix: prefix.chars().take(64).collect(), start: start.unwrap_or(1).max(1) }
}

/// Roman numerals; beyond 4,999 nobody writes them, and the decimal number is used.
fn roman(number: u32) -> String {
    const NUMERALS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if number > 4999 {
        return number.to_string();
    }
    let mut rest = number;
    let mut out = String::new();
    for (value, numeral) in NUMERALS {
        while rest >= value {
            out.push_str(numeral);
            rest -= value;
        }
    }
    out
}

/// A to Z, then AA to ZZ, then AAA…; beyond 10 letters the decimal number is used.
fn letters(number: u32) -> String {
    let index = number.saturating_sub(1);
    let repeat = index / 26 + 1;
    if repeat > 10 {
        return number.to_string();
    }
    let letter = char::from(b'A' + (index % 26) as u8);
    std::iter::repeat_n(letter, repeat as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::open;
    use crate::test_pdf::pages_pdf;

    fn labels(catalog: &str, more: &[&str]) -> Vec<Option<String>> {
        let bytes = pages_pdf(catalog, &[("", ""), ("", ""), ("", "")], more);
        let pdf = open(bytes, &Default::default()).unwrap();
        (1..=pdf.page_count()).map(|page| pdf.label(page)).collect()
    }

    #[test]
    fn runs_continue_until_the_next() {
        let some = |label: &str| Some(label.to_owned());
        let runs = "/PageLabels <</Nums [0 <</S /r>> 2 <</S /D /P (A-) /St 7>>]>>";
        assert_eq!(labels(runs, &[]), [some("i"), some("ii"), some("A-7")]);
        assert_eq!(labels("", &[]), [None, None, None]);
        assert_eq!(labels("/PageLabels <</Nums [1 <</S /A>>]>>", &[]), [None, some("A"), some("B")]);
    }

    #[test]
    fn a_tree_that_bites_its_tail_ends() {
        let tree = ["<</Kids [10 0 R 10 0 R] /Nums [0 <</P (x)>>]>>"];
        assert_eq!(labels("/PageLabels 10 0 R", &tree)[0].as_deref(), Some("x"));
    }

    #[test]
    fn numerals_and_letters() {
        assert_eq!(roman(1994), "MCMXCIV");
        assert_eq!(roman(5000), "5000");
        assert_eq!(letters(1), "A");
        assert_eq!(letters(27), "AA");
        assert_eq!(letters(52), "ZZ");
        assert_eq!(letters(u32::MAX), u32::MAX.to_string());
    }
}
