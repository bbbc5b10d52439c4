//! Documents and what is known about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DocumentId, DocumentKind, ProjectId};

/// What reading a file tells about it as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DocumentInfo {
    /// Its title: from the metadata where that is sound, else from the first page.
    pub title: Option<String>,
    /// Its authors.
    pub authors: Vec<String>,
    /// Number of pages.
    pub pages: u32,
    /// Whether it is encrypted (a password may or may not be needed to read it).
    pub encrypted: bool,
    /// Language of most of the text, ISO 639-3 (`eng`, `deu`).
    pub language: Option<String>,
    /// Other metadata of the file: `producer`, `creator`, `subject`, `keywords`, `created`, `modified`, `version`.
    pub metadata: BTreeMap<String, String>,
    /// What kind of document it looks like, where that is clear.
    #[serde(default)]
    pub kind: Option<DocumentKind>,
    /// Names of the files attached to it.
    #[serde(default)]
    pub attachments: Vec<String>,
}

/// The table of contents a file carries.
pub type Outline = Vec<OutlineEntry>;

/// An entry of the outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlineEntry {
    /// Its text.
    pub title: String,
    /// 1 for the outermost.
    pub level: u8,
    /// 1-based page it points to, where it points to one.
    pub page: Option<u32>,
}

/// One uploaded file, known by the SHA-256 of its bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its identifier.
    pub id: DocumentId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// The name it was uploaded under: data, never a path.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What reading it told; empty before `parse` is done.
    pub info: DocumentInfo,
    /// Its outline; empty before `parse` is done.
    pub outline: Outline,
    /// The version that search and readers see, once there is one.
    pub live_version: Option<u32>,
    /// When it was added, milliseconds since 1970.
    pub created_ms: i64,
}
