//! The model file: one header, then sections in a fixed order, each at a
//! multiple of 64 bytes, so that the file can be used as it is mapped.
//!
//! ```text
//!   0  magic `PAGEMODL`            8 bytes
//!   8  format number               u32 (all numbers little endian)
//!  12  zero                        u32
//!  16  SHA-256 of all from byte 48 32 bytes
//!  48  the 20 numbers of `Shape`   u32 each
//! 128  name, padded with zeros     64 bytes
//! 192  zeros up to 256
//! 256  sections
//! ```
//!
//! Sections: the vocabulary (one token a line, in the order of the identifiers),
//! word embeddings (i8, a row a token) and their scales (f32), position
//! embeddings (f32; the token type is added in), the norm after them (gain,
//! offset); for each layer the linear maps `qkv`, `output`, norm, `up`, `down`,
//! norm. A linear map is: weights (i8, packed as `gemm` wants them), scale of
//! each output (f32), sum of the weights of each output (i32), bias (f32).

use std::{ops::Range, path::Path};

use sha2::{Digest, Sha256};

use crate::ModelError;

const MAGIC: &[u8; 8] = b"PAGEMODL";
/// Raised whenever a file written before would be read wrongly.
const FORMAT: u32 = 1;
const DIGEST: Range<usize> = 16..48;
const SHAPE_AT: usize = 48;
const NAME: Range<usize> = 128..192;
const HEADER: usize = 256;
const ALIGN: usize = 64;
/// How many special tokens a file can name.
pub(crate) const SPECIALS: usize = 8;

/// Outputs of a linear map are computed in panels of this many.
pub(crate) const PANEL: usize = 64;
/// The size of an attention head the encoder is written for.
pub(crate) const HEAD: usize = 32;

/// The sizes of a model and the tokens it needs to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
    /// Bytes of the vocabulary section.
    pub vocabulary_bytes: usize,
    /// Numbers in a vector.
    pub hidden: usize,
    /// Encoder layers.
    pub layers: usize,
    /// Numbers between the two halves of the feed-forward part.
    pub inner: usize,
    /// Longest input in tokens, `[CLS]` and `[SEP]` included.
    pub max_tokens: usize,
    /// What is added to the variance when normalising.
    pub epsilon: f32,
    /// The token of an unknown word.
    pub unknown: u32,
    /// The token every input begins with.
    pub first: u32,
    /// The token every input ends with.
    pub last: u32,
    /// Tokens recognised literally in the text; `u32::MAX` where there are fewer.
    pub specials: [u32; SPECIALS],
}

impl Shape {
    fn to_words(self) -> [u32; 20] {
        let mut words = [0; 20];
        let sizes = [self.vocabulary, self.vocabulary_bytes, self.hidden, self.layers, self.inner, self.max_tokens];
        for (word, size) in words.iter_mut().zip(sizes) {
            *word = size as u32;
        }
        words[6] = self.epsilon.to_bits();
        words[7..10].copy_from_slice(&[self.unknown, self.first, self.last]);
        words[10..10 + SPECIALS].copy_from_slice(&self.specials);
        words
    }

    fn from_words(words: &[u32; 20]) -> Self {
        let size = |index: usize| words[index] as usize;
        let mut specials = [0; SPECIALS];
        specials.copy_from_slice(&words[10..10 + SPECIALS]);
        Self {
            vocabulary: size(0),
            vocabulary_bytes: size(1),
            hidden: size(2),
            layers: size(3),
            inner: size(4),
            max_tokens: size(5),
            epsilon: f32::from_bits(words[6]),
            unknown: words[7],
            first: words[8],
            last: words[9],
            specials,
        }
    }

    /// Why the encoder cannot run a model of this shape, if it cannot.
    pub(crate) fn refusal(&self) -> Option<&'static str> {
        let known = |token: u32| (token as usize) < self.vocabulary;
        if self.hidden == 0
            || !self.hidden.is_multiple_of(PANEL)
            || self.inner == 0
            || !self.inner.is_multiple_of(PANEL)
        {
            Some("its vectors are not a multiple of 64 long")
        } else if self.hidden > 4096 || self.inner > 16384 || self.layers == 0 || self.layers > 64 {
            Some("it is larger than expected")
        } else if self.vocabulary == 0 || self.vocabulary > usize::from(u16::MAX) {
            Some("its vocabulary is empty or larger than 65,535 tokens")
        } else if !(3..=4096).contains(&self.max_tokens) {
            Some("its longest input is not between 3 and 4096 tokens")
        } else if !(self.epsilon > 0.0 && self.epsilon < 1.0) {
            Some("its normalisation constant is not between 0 and 1")
        } else if ![self.unknown, self.first, self.last].into_iter().all(known) {
            Some("a token it needs is not in its vocabulary")
        } else if !self.specials.iter().all(|&token| token == u32::MAX || known(token)) {
            Some("a special token is not in its vocabulary")
        } else {
            None
        }
    }
}

/// Collects the sections of a file.
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A file with the header of a model; `name` is cut to 64 bytes.
    pub(crate) fn new(shape: Shape, name: &str) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        for (word, at) in shape.to_words().into_iter().zip((SHAPE_AT..).step_by(4)) {
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        let name = &name.as_bytes()[..name.len().min(NAME.len())];
        bytes[NAME.start..NAME.start + name.len()].copy_from_slice(name);
        Self { bytes }
    }

    /// Adds a section.
    pub(crate) fn bytes(&mut self, section: &[u8]) {
        self.bytes.extend_from_slice(section);
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
    }

    /// Adds a section of whole numbers of 8 bits.
    pub(crate) fn int8(&mut self, section: &[i8]) {
        self.bytes(&section.iter().map(|value| value.cast_unsigned()).collect::<Vec<u8>>());
    }

    /// Adds a section of whole numbers.
    pub(crate) fn ints(&mut self, section: &[i32]) {
        self.bytes(&section.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    }

    /// Adds a section of numbers.
    pub(crate) fn floats(&mut self, section: &[f32]) {
        self.bytes(&section.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    }

    /// The whole file, its checksum filled in.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let digest = Sha256::digest(&self.bytes[SHAPE_AT..]);
        self.bytes[DIGEST].copy_from_slice(&digest);
        self.bytes
    }
}

/// Walks through the sections of a file whose header is sound.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    path: &'a Path,
    /// Sizes and tokens.
    pub(crate) shape: Shape,
    /// The name it was given when it was made.
    pub(crate) name: String,
    /// The first eight hexadecimal digits of its checksum.
    pub(crate) digest: String,
}

impl<'a> Reader<'a> {
    /// Reads the header, and compares the checksum when told to.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] with `path` when the bytes are not a model of this format.
    pub(crate) fn new(bytes: &'a [u8], path: &'a Path, verify: bool) -> Result<Self, ModelError> {
        let invalid = |reason: &str| ModelError::invalid(path, reason);
        if bytes.len() < HEADER || &bytes[..8] != MAGIC {
            return Err(invalid("it is not a model file"));
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if word(8) != FORMAT {
            return Err(invalid(&format!("its format is {}, this program reads format {FORMAT}", word(8))));
        }
        if verify && bytes[DIGEST] != Sha256::digest(&bytes[SHAPE_AT..])[..] {
            return Err(invalid("its checksum does not match its content"));
        }
        let mut words = [0; 20];
        for (index, value) in words.iter_mut().enumerate() {
            *value = word(SHAPE_AT + 4 * index);
        }
        let shape = Shape::from_words(&words);
        if let Some(reason) = shape.refusal() {
            return Err(invalid(reason));
        }
        let name = String::from_utf8_lossy(&bytes[NAME]).trim_end_matches('\0').to_owned();
        let digest = bytes[DIGEST][..4].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { bytes, at: HEADER, path, shape, name, digest })
    }

    /// Where the next section of that many bytes is.
    pub(crate) fn range(&mut self, length: usize) -> Result<Range<usize>, ModelError> {
        let range = self.at..self.at.saturating_add(length);
        if range.end > self.bytes.len() {
            return Err(ModelError::invalid(self.path, "it ends early"));
        }
        self.at = range.end.next_multiple_of(ALIGN);
        Ok(range)
    }

    /// The next section, text.
    pub(crate) fn text(&mut self, length: usize) -> Result<&'a str, ModelError> {
        let range = self.range(length)?;
        std::str::from_utf8(&self.bytes[range]).map_err(|error| ModelError::invalid(self.path, error))
    }

    /// The next section, numbers.
    pub(crate) fn floats(&mut self, count: usize) -> Result<Vec<f32>, ModelError> {
        let range = self.range(count * 4)?;
        Ok(self.bytes[range].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// The next section, whole numbers.
    pub(crate) fn ints(&mut self, count: usize) -> Result<Vec<i32>, ModelError> {
        let range = self.range(count * 4)?;
        Ok(self.bytes[range].as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect())
    }

    /// That nothing is left.
    pub(crate) fn finish(self) -> Result<(), ModelError> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(ModelError::invalid(self.path, "it is longer than its header says"))
        }
    }
}
