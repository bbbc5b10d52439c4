//! Opening a file: the only place that decides whether bytes are a PDF we can read.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use hayro_syntax::object::Dict;
use hayro_syntax::{DecryptionError, LoadPdfError, PdfData};
use memchr::memmem;
use pagemill_core::{ErrorCode, Problem, panic_text};

use crate::labels::LabelRun;
use crate::limits::Limits;
use crate::salvage::with_new_tree;

/// How to open a file.
#[derive(Clone, Default)]
pub struct OpenOptions {
    /// The password, for a file that needs one.
    pub password: Option<String>,
    /// What the file may cost.
    pub limits: Limits,
}

/// Tells whether there is a password, never which.
impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("limits", &self.limits)
            .finish()
    }
}

/// Something about a file that is worth telling, though it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The 1-based page it concerns, or `None` for the whole file.
    pub page: Option<u32>,
    /// A stable code.
    pub code: String,
    /// One line for the user.
    pub message: String,
}

/// An open PDF. It owns its bytes and reads from them as pages are asked for.
pub struct Pdf {
    inner: hayro_syntax::Pdf,
    encrypted: bool,
    pub(crate) limits: Limits,
    pub(crate) labels: OnceLock<Vec<LabelRun>>,
}

impl fmt::Debug for Pdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pdf").field("pages", &self.page_count()).field("encrypted", &self.encrypted).finish()
    }
}

/// Opens a PDF.
///
/// # Errors
/// `empty_file`, `not_pdf`, `encrypted`, `damaged` or `too_many_pages`; the message says what to do.
pub fn open(bytes: Vec<u8>, options: &OpenOptions) -> Result<Pdf, Problem> {
    if bytes.is_empty() {
        return Err(Problem::new(ErrorCode::EmptyFile, "the file is empty; check that it was copied whole"));
    }
    let has_header = has_header(&bytes);
    let encrypted = names_encryption(&bytes);
    let data = PdfData::from(bytes);
    let inner =
        guarded(|| load_or_salvage(&data, encrypted, options.password.as_deref()))?.map_err(|error| match error {
            LoadPdfError::Decryption(error) => locked(error, options.password.is_some()),
            // A damaged file whose strings cannot be decrypted shows no pages: a password may help.
            LoadPdfError::Invalid if encrypted && options.password.is_none() => {
                locked(DecryptionError::PasswordProtected, false)
            }
            LoadPdfError::Invalid if has_header => damaged(),
            LoadPdfError::Invalid => {
                Problem::new(ErrorCode::NotPdf, "the file is not a PDF; convert it to PDF first, or check its name")
            }
        })?;
    let pages = inner.pages().len();
    if pages == 0 {
        return Err(damaged());
    }
    if pages > options.limits.pages as usize {
        let message = format!("the file has {pages} pages, {} are allowed; split it", options.limits.pages);
        return Err(Problem::new(ErrorCode::TooManyPages, message));
    }
    Ok(Pdf { inner, encrypted, limits: options.limits.clone(), labels: OnceLock::new() })
}

impl Pdf {
    /// Number of pages, at least 1.
    pub fn page_count(&self) -> u32 {
        u32::try_from(self.inner.pages().len()).unwrap_or(u32::MAX)
    }

    /// Whether the file is encrypted, be it with an empty password.
    pub fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// The file as the engine sees it.
    pub(crate) fn engine(&self) -> &hayro_syntax::Pdf {
        &self.inner
    }

    /// The root of the document: outline, names and labels hang from it.
    pub(crate) fn catalog(&self) -> Option<Dict<'_>> {
        let xref = self.inner.xref();
        xref.get::<Dict<'_>>(xref.root_id())
    }

    /// A page as the engine sees it, by its 1-based number.
    ///
    /// # Errors
    /// `not_found` when there is no such page.
    pub(crate) fn engine_page(&self, page: u32) -> Result<&hayro_syntax::page::Page<'_>, Problem> {
        let index = (page as usize).checked_sub(1);
        index.and_then(|index| self.inner.pages().get(index)).ok_or_else(|| {
            let message = format!("there is no page {page}; the file has pages 1 to {}", self.page_count());
            Problem::new(ErrorCode::NotFound, message)
        })
    }
}

/// Runs work of the engine on bytes from outside: a defect there costs this file or page, not the process.
///
/// # Errors
/// `reader_crashed` when the work panicked.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        Problem::new(ErrorCode::ReaderCrashed, "the reader failed on this file; please report it")
            .caused_by(panic_text(panic.as_ref()))
    })
}

/// Files without a single page, or with no catalog, get a new one over the pages that lie open in them.
fn load_or_salvage(data: &PdfData, encrypted: bool, password: Option<&str>) -> Result<hayro_syntax::Pdf, LoadPdfError> {
    let loaded = load(data.clone(), password);
    let whole = match &loaded {
        Ok(pdf) => !pdf.pages().is_empty(),
        Err(LoadPdfError::Invalid) => false,
        Err(LoadPdfError::Decryption(_)) => true,
    };
    if whole || encrypted {
        return loaded;
    }
    match with_new_tree(data.as_ref()) {
        Some(mended) => hayro_syntax::Pdf::new(mended).or(loaded),
        None => loaded,
    }
}

/// Tries the given password, then the empty one, which opens files that only restrict printing and the like.
fn load(data: PdfData, password: Option<&str>) -> Result<hayro_syntax::Pdf, LoadPdfError> {
    let Some(password) = password else {
        return hayro_syntax::Pdf::new(data);
    };
    match hayro_syntax::Pdf::new_with_password(data.clone(), password) {
        Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => hayro_syntax::Pdf::new(data),
        result => result,
    }
}

fn damaged() -> Problem {
    Problem::new(ErrorCode::Damaged, "the file is damaged and no page can be read; get another copy of it")
}

fn locked(error: DecryptionError, password_given: bool) -> Problem {
    let message = match error {
        DecryptionError::PasswordProtected if password_given => {
            "the password does not open the file; give the right one"
        }
        DecryptionError::PasswordProtected => "the file is encrypted; give its password",
        DecryptionError::MissingIDEntry | DecryptionError::InvalidEncryption => {
            "the file is encrypted and its encryption is damaged; get another copy of it"
        }
        DecryptionError::UnsupportedAlgorithm => {
            "the file is encrypted in a way that is not supported; save it without encryption"
        }
    };
    Problem::new(ErrorCode::Encrypted, message)
}

/// Whether `%PDF` stands near the start. Some files have a mail header or blanks before it.
fn has_header(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(4096)];
    memmem::find(start, b"%PDF").is_some()
}

/// Whether a trailer names an encryption dictionary. Trailers are never encrypted themselves.
fn names_encryption(bytes: &[u8]) -> bool {
    const KEY: &[u8] = b"/Encrypt";
    memmem::find_iter(bytes, KEY).any(|at| {
        let rest = &bytes[at + KEY.len()..];
        let value = rest.trim_ascii_start();
        value.starts_with(b"<<") || (value.len() < rest.len() && value.first().is_some_and(u8::is_ascii_digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_pdf::pages_pdf;

    fn code(bytes: &[u8]) -> ErrorCode {
        open(bytes.to_vec(), &OpenOptions::default()).unwrap_err().code
    }

    #[test]
    fn a_file_can_be_handed_to_another_thread() {
        fn is_send<T: Send>() {}
        is_send::<Pdf>();
    }

    #[test]
    fn each_refusal_has_its_code() {
        assert_eq!(code(b""), ErrorCode::EmptyFile);
        assert_eq!(code(b"Dear Sir or Madam,"), ErrorCode::NotPdf);
        assert_eq!(code(b"%PDF-1.7\nand nothing more"), ErrorCode::Damaged);
        let two_pages = pages_pdf("", &[("", ""), ("", "")], &[]);
        let one_allowed = OpenOptions { limits: Limits { pages: 1, ..Limits::default() }, ..OpenOptions::default() };
        assert_eq!(open(two_pages, &one_allowed).unwrap_err().code, ErrorCode::TooManyPages);
    }

    #[test]
    fn a_lost_cross_reference_table_is_made_anew() {
        let whole = pages_pdf("", &[("", "BT /F1 12 Tf (Hello) Tj ET"), ("", "")], &[]);
        let end = whole.windows(4).position(|window| window == b"xref").unwrap();
        let mut cut = whole[..end].to_vec();
        cut.extend(b"trailer <</Root 1 0 R>>");
        assert_eq!(open(cut, &OpenOptions::default()).unwrap().page_count(), 2);
    }

    #[test]
    fn the_password_is_not_shown() {
        let options = OpenOptions { password: Some("hunter2".to_owned()), ..OpenOptions::default() };
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn encryption_is_seen_in_the_trailer() {
        assert!(names_encryption(b"trailer <</Encrypt 5 0 R>>"));
        assert!(names_encryption(b"<</Encrypt<</Filter /Standard>>>>"));
        assert!(!names_encryption(b"<</EncryptMetadata false /Encryption 5>> /Encrypt"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 1..400)) {
            prop_assert_ne!(code(&bytes), ErrorCode::ReaderCrashed);
        }

        #[test]
        fn mutated_files_never_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
            length in any::<prop::sample::Index>(),
        ) {
            let catalog = "/Outlines <</First 8 0 R>> /PageLabels <</Nums [0 <</S /r>>]>>";
            let pages = [("/Rotate 90", "BT /F1 12 Tf 72 700 Td (Hello) Tj ET"), ("", "0 0 m 9 9 l S")];
            let mut bytes = pages_pdf(catalog, &pages, &["<</Title (A) /Dest [4 0 R /Fit] /Next 8 0 R>>"]);
            for (index, byte) in changes {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(length.index(bytes.len()) + 1);
            match open(bytes, &OpenOptions::default()) {
                Ok(pdf) => {
                    let _everything = (pdf.metadata(), pdf.outline(), pdf.label(1));
                }
                Err(problem) => prop_assert_ne!(problem.code, ErrorCode::ReaderCrashed),
            }
        }
    }
}
