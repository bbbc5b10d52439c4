//! The web page, carried inside the binary: one page, one style sheet, a few
//! small modules of JavaScript. Nothing is built, nothing is loaded from elsewhere.

use sha2::{Digest, Sha256};

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    /// The last part of its address.
    pub(crate) name: &'static str,
    /// Its media type.
    pub(crate) media: &'static str,
    /// What it holds.
    pub(crate) text: &'static str,
}

impl File {
    /// Names exactly this content, for `ETag`.
    pub(crate) fn tag(&self) -> String {
        format!("\"{}\"", hex::encode(&Sha256::digest(self.text)[..12]))
    }
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! files {
    ($($name:literal $media:ident),* $(,)?) => {
        &[$(File { name: $name, media: $media, text: include_str!($name) }),*]
    };
}

/// The page itself.
pub(crate) const INDEX: File = File { name: "index.html", media: HTML, text: include_str!("index.html") };
/// The readable page of the API.
pub(crate) const DOCS: File = File { name: "docs.html", media: HTML, text: include_str!("docs.html") };
/// The icon of the page.
pub(crate) const ICON: File = File { name: "favicon.svg", media: "image/svg+xml", text: include_str!("favicon.svg") };

/// What the pages load.
pub(crate) const ASSETS: &[File] = files![
    "app.css" STYLE,
    "docs.css" STYLE,
    "main.js" SCRIPT,
    "api.js" SCRIPT,
    "dom.js" SCRIPT,
    "words.js" SCRIPT,
    "live.js" SCRIPT,
    "library.js" SCRIPT,
    "row.js" SCRIPT,
    "work.js" SCRIPT,
    "task.js" SCRIPT,
    "work.css" STYLE,
    "uploads.js" SCRIPT,
    "ask.js" SCRIPT,
    "results.js" SCRIPT,
    "viewer.js" SCRIPT,
    "docs.js" SCRIPT,
];
