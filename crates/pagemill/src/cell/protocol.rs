//! What the parent and a reading process say to each other.
//!
//! Frames over standard input and output: a length as four bytes, little-endian,
//! then that many bytes of `postcard`. The bytes of a file follow its request raw.

use std::io::{self, Read, Write};

use pagemill_core::{ErrorCode, Outline, Page, Rect};
use pagemill_pdf::{Recognised, Scan, Turn};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::confine::Confinement;
use crate::config::Limits;

/// No single frame is larger; a child that says otherwise is not believed.
pub(super) const MAX_FRAME: u32 = 64 << 20;

/// What the parent asks for. The bytes of the file, `bytes` of them, follow.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Request {
    /// What to do with the file.
    pub work: Work,
    /// Length of the file.
    pub bytes: u64,
    /// The password, where one was given.
    pub password: Option<String>,
    /// What the file may ask for.
    pub limits: WireLimits,
}

/// What a file may ask for, see [`crate::config::Limits`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct WireLimits {
    pub pages: u32,
    pub page_side_px: u32,
    pub page_pixels: u64,
    pub stream_bytes: u64,
    pub nesting: u32,
    pub page_seconds: u64,
}

impl WireLimits {
    /// The part of the settings that a child keeps by itself.
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            pages: limits.pages,
            page_side_px: limits.page_side_px,
            page_pixels: limits.page_pixels,
            stream_bytes: limits.stream_bytes,
            nesting: limits.nesting,
            page_seconds: limits.page_seconds,
        }
    }
}

/// What to do with a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Work {
    /// Read these pages.
    Read {
        /// First page, 1-based.
        first: u32,
        /// Last page, 1-based; beyond the end means up to the end.
        last: u32,
        /// From here on a paragraph is in the page it begins on; what began before is in this page.
        excerpt_from: u32,
        /// Whether the place of each word is wanted.
        words: bool,
        /// Pages that have cost children and are not to be touched, with the code each fails with.
        left_out: Vec<(u32, String)>,
        /// What OCR read on pages, which stands for what is painted there.
        recognised: Vec<(u32, Recognised)>,
    },
    /// Draw a page for OCR.
    Scan {
        /// 1-based number.
        page: u32,
        /// How to turn it; where that is not said, so that its lines run across.
        turn: Option<Turn>,
    },
    /// Draw a page.
    Draw {
        /// 1-based number.
        page: u32,
        /// How.
        drawing: Drawing,
    },
}

/// How to draw a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drawing {
    /// Pixels per inch.
    pub dpi: f32,
    /// Boxes to mark, in points.
    pub marks: Vec<Rect>,
    /// The part of the page to draw, in points; all of it unless told.
    pub part: Option<Rect>,
}

/// What a child says: `Hello` at its start; then to each request `Opened`, then `Page`s with `Working` between
/// them, then `Done`; or `Picture`; or `Scan`; or `Refused`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The child is ready, and held by this.
    Hello(Confinement),
    /// The file could be opened.
    Opened {
        /// Its number of pages.
        pages: u32,
    },
    /// Work on a page begins; not before the parent hears of the next may it take its whole time.
    Working {
        /// Its 1-based number, which need not be in the range asked for: neighbours are looked at, too.
        page: u32,
    },
    /// A page, in order.
    Page(Box<Page>),
    /// All pages were sent.
    Done(Box<WireSummary>),
    /// The picture of a page, PNG.
    Picture(Vec<u8>),
    /// A page ready for OCR.
    Scan(Box<Scan>),
    /// The file or page was refused.
    Refused {
        /// The stable code, as text.
        code: String,
        /// One line for the user.
        message: String,
    },
}

/// What reading a whole document told.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct WireSummary {
    /// Facts about the document.
    pub info: pagemill_core::DocumentInfo,
    /// Its table of contents.
    pub outline: Outline,
    /// What could not be read as it should.
    pub warnings: Vec<WireWarning>,
}

/// Something that could not be read as it should.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WireWarning {
    /// 1-based page, or none for the document.
    pub page: Option<u32>,
    /// A stable code.
    pub code: String,
    /// One line for the user.
    pub message: String,
}

impl Reply {
    /// A refusal with a code of the table.
    pub(super) fn refused(code: ErrorCode, message: &str) -> Self {
        Self::Refused { code: code.to_string(), message: message.to_owned() }
    }
}

/// Encodes a message with its length before it.
///
/// # Errors
/// When the message is larger than [`MAX_FRAME`].
pub(super) fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut out = postcard::to_extend(message, vec![0; 4]).map_err(io::Error::other)?;
    let length = u32::try_from(out.len() - 4).ok().filter(|length| *length <= MAX_FRAME);
    let length = length.ok_or_else(|| io::Error::other("the message is too large for a frame"))?;
    out[..4].copy_from_slice(&length.to_le_bytes());
    Ok(out)
}

/// Decodes a message.
///
/// # Errors
/// When the bytes are not such a message.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    postcard::from_bytes(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes a message and flushes it (the child's side).
///
/// # Errors
/// When the parent is gone.
pub(super) fn write_message(out: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    out.write_all(&frame(message)?)?;
    out.flush()
}

/// Reads a message, or `None` at the end of the input (the child's side).
///
/// # Errors
/// When the input ends in the middle of a message.
pub(super) fn read_message<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    if input.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut length[1..])?;
    let mut bytes = vec![0; u32::from_le_bytes(length).min(MAX_FRAME) as usize];
    input.read_exact(&mut bytes)?;
    decode(&bytes).map(Some)
}
