//! What a page and a document have beside their running text.

use serde::{Deserialize, Serialize};

use crate::Rect;

/// What a page has beside its blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageExtras {
    /// Places that lead elsewhere.
    pub links: Vec<Link>,
    /// What readers and editors wrote on it: notes, comments, marked passages.
    pub notes: Vec<Note>,
    /// Fields of a form.
    pub fields: Vec<FormField>,
    /// Text that is in the file but not to be seen; it is in no block, so no chunk, search or answer has it.
    pub hidden: Vec<HiddenText>,
}

impl PageExtras {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty() && self.notes.is_empty() && self.fields.is_empty() && self.hidden.is_empty()
    }
}

/// A place on a page that leads to an address or to another page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Its box.
    pub bbox: Rect,
    /// The address it leads to.
    pub uri: Option<String>,
    /// The 1-based page of this document it leads to.
    pub page: Option<u32>,
}

/// An annotation with text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// What the file calls it, in lower case: `text`, `highlight`, `freetext`, `stamp`, …
    pub kind: String,
    /// Its box.
    pub bbox: Rect,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub author: Option<String>,
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormField {
    /// Its full name: the names of the fields around it and its own, parted by full stops.
    pub name: String,
    /// What can be entered.
    pub kind: FieldKind,
    /// What is entered: text, the chosen option, or the state of a button (`Off` where it is not set).
    pub value: Option<String>,
    /// What the file tells people to enter.
    pub label: Option<String>,
    /// Its box.
    pub bbox: Rect,
}

/// What can be entered into a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text.
    Text,
    /// Yes or no.
    Checkbox,
    /// One of several buttons.
    Radio,
    /// A button that does something.
    Button,
    /// Options of a list.
    Choice,
    /// A signature.
    Signature,
}

/// Text that is not to be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HiddenText {
    /// Why.
    pub reason: Hiding,
    /// Its box.
    pub bbox: Rect,
    /// What it says.
    pub text: String,
}

/// Why text is not to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hiding {
    /// It is drawn without ink.
    Inkless,
    /// It is white on white.
    White,
}

/// What is known of a figure or table beside what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Float {
    /// Its name and number as its caption gives them: `Figure 3`, `Tab. A.1`.
    pub label: Option<String>,
    /// The place of its caption among the blocks of the page, 0-based.
    pub caption: Option<u32>,
    /// A logo, an ornament or a background: nothing a reader looks at.
    pub decorative: bool,
    /// A table that goes on from the page before; its header is repeated in `cells`.
    pub continued: bool,
}

/// What kind of document a file is, as far as its looks tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A paper or report with abstract, sections or references.
    Article,
    /// Products with pictures and prices or article numbers.
    Catalog,
    /// Accounts, invoices: amounts and dates.
    Statement,
    /// Something to fill in.
    Form,
    /// Instructions: numbered steps, warnings.
    Manual,
    /// Slides of a talk.
    Slides,
}
