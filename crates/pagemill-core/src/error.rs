//! The one table of error codes.

use std::{any::Any, fmt};

use serde::{Deserialize, Serialize};

/// Whose fault an error is; it decides about trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request or the file: trying again changes nothing.
    Input,
    /// This machine, for now: wait, and spend no attempt (full disk, memory, shutdown).
    Machine,
    /// What ran it died of it, perhaps by chance: try again, but set it aside after the third time.
    Crash,
    /// Something passing: try again with a growing pause.
    Passing,
    /// Ours: a defect.
    Internal,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal, $http:literal, $fault:ident;)*) => {
        /// A stable code for each way things go wrong. Codes are never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it is written on the wire, in logs and in the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The HTTP status it is answered with.
            pub fn http_status(self) -> u16 {
                match self { $(Self::$name => $http,)* }
            }

            /// Whose fault it is.
            pub fn fault(self) -> Fault {
                match self { $(Self::$name => Fault::$fault,)* }
            }

            /// What the code means, for the generated reference.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

codes! {
    // The request
    /// The request cannot be understood; the message names the part.
    InvalidRequest = "invalid_request", 400, Input;
    /// There is no such thing here.
    NotFound = "not_found", 404, Input;
    /// The method is not known at this address.
    MethodNotAllowed = "method_not_allowed", 405, Input;
    /// The body or field is larger than allowed.
    TooLarge = "too_large", 413, Input;
    /// The content type is not one that is taken here.
    UnsupportedMedia = "unsupported_media", 415, Input;
    /// The query text is empty or longer than allowed.
    InvalidQuery = "invalid_query", 422, Input;
    /// The `Host` or `Origin` of the request is not this server's.
    Forbidden = "forbidden", 403, Input;
    /// The thing is in a state that does not allow this.
    Conflict = "conflict", 409, Input;

    // The file
    /// The file has no bytes.
    EmptyFile = "empty_file", 422, Input;
    /// The file is not a PDF.
    NotPdf = "not_pdf", 422, Input;
    /// The file needs a password, or the one given does not open it.
    Encrypted = "encrypted", 422, Input;
    /// The file is so damaged that no page can be read.
    Damaged = "damaged", 422, Input;
    /// The file has more pages than allowed.
    TooManyPages = "too_many_pages", 422, Input;
    /// The page is larger than can be drawn.
    PageTooLarge = "page_too_large", 422, Input;
    /// Some pages could not be read; the rest can be searched.
    PagesUnread = "pages_unread", 422, Input;
    /// Reading needed more memory than one file may use.
    MemoryLimit = "memory_limit", 422, Input;
    /// Reading took longer than one file may take.
    TimeLimit = "time_limit", 422, Input;
    /// Reading a page took longer than one page may take.
    PageTimeLimit = "page_time_limit", 422, Input;
    /// A part of the file unfolds to more bytes than allowed.
    StreamTooLarge = "stream_too_large", 422, Input;
    /// Parts of the file lie within each other more deeply than allowed.
    NestingTooDeep = "nesting_too_deep", 422, Input;
    /// The reader crashed on this file.
    ReaderCrashed = "reader_crashed", 422, Crash;
    /// A part of the work on this document brought the program down, or panicked: a defect of Pagemill.
    WorkCrashed = "work_crashed", 500, Crash;
    /// The page is a picture, and there is no OCR here to read it.
    OcrUnavailable = "ocr_unavailable", 422, Input;
    /// The page is a picture and waits for OCR.
    OcrPending = "ocr_pending", 422, Input;
    /// The text that the file gives for the page is not what the page shows.
    TextUnreliable = "text_unreliable", 422, Input;

    // The machine
    /// The disk is full.
    DiskFull = "disk_full", 507, Machine;
    /// The folder cannot be written.
    ReadOnly = "read_only", 507, Machine;
    /// The library is in use by another process.
    LibraryInUse = "library_in_use", 409, Machine;
    /// The address is in use by another process.
    AddressInUse = "address_in_use", 409, Machine;
    /// The database does not answer.
    DatabaseUnavailable = "database_unavailable", 503, Machine;
    /// The store of files does not answer.
    BlobsUnavailable = "blobs_unavailable", 503, Machine;
    /// There is no embedding model: the program was built or started without one.
    ModelMissing = "model_missing", 503, Machine;
    /// The model file is damaged or of another kind.
    ModelInvalid = "model_invalid", 503, Machine;
    /// The program is stopping.
    ShuttingDown = "shutting_down", 503, Machine;
    /// Too much is in work; try again later.
    Overloaded = "overloaded", 503, Machine;

    // The library
    /// The library was made with another embedding model.
    ModelMismatch = "model_mismatch", 409, Input;
    /// The library was made by a newer program.
    SchemaTooNew = "schema_too_new", 409, Input;
    /// The worker lost its lease; its result was discarded.
    LeaseLost = "lease_lost", 409, Passing;
    /// The configuration is wrong; the message names the setting.
    InvalidConfig = "invalid_config", 400, Input;
    /// A defect of Pagemill.
    Internal = "internal", 500, Internal;
}

impl ErrorCode {
    /// The code of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }

    /// Whether the same request may succeed later.
    pub fn retryable(self) -> bool {
        matches!(self.fault(), Fault::Machine | Fault::Passing)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(&word).ok_or_else(|| serde::de::Error::custom(format!("unknown error code `{word}`")))
    }
}

/// What a panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// An error as a user meets it: a stable code, and a message that says what
/// happened, to what, and what to do. The cause is in `source` and goes to the log.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The stable code.
    pub code: ErrorCode,
    /// One line for the user.
    pub message: String,
    /// What lies beneath, for the log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// A problem without a deeper cause.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), source: None }
    }

    /// The message and all that lies beneath it, for the log.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}
