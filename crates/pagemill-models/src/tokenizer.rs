//! BERT's tokenizer: lower case without accents, split at spaces, punctuation
//! and ideographs, then WordPiece (the longest known piece first).
//!
//! Written for one pass over the text with nothing allocated for each word;
//! equality with the `tokenizers` crate is a test.

use unicode_normalization::char::decompose_canonical;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::vocabulary::{PieceHash, Vocabulary};

/// Longer words are unknown as a whole.
const LONGEST_WORD: usize = 100;

/// Tells each token of a text, in order, without `[CLS]` and `[SEP]`: its identifier and the
/// byte offset after its end in the text. Accents that follow a letter belong to it.
/// Ends early when `token` says so by returning `false`.
pub(crate) fn tokenize(vocabulary: &Vocabulary, text: &str, token: impl FnMut(u32, u32) -> bool) {
    let (word, pieces, hashes) = Default::default();
    Tokenizer { vocabulary, token, word, pieces, hashes, stopped: false }.run(text);
}

/// A word being collected, normalised.
#[derive(Default)]
struct Word {
    text: String,
    /// For each byte of `text`, the offset in the source after the character it is from.
    ends: Vec<u32>,
    characters: usize,
}

struct Tokenizer<'a, F> {
    vocabulary: &'a Vocabulary,
    token: F,
    word: Word,
    /// The tokens of the word so far, and where they end.
    pieces: Vec<(u32, u32)>,
    /// The hashes of the beginnings of the rest of the word.
    hashes: Vec<PieceHash>,
    stopped: bool,
}

impl<F: FnMut(u32, u32) -> bool> Tokenizer<'_, F> {
    fn run(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() && !self.stopped {
            let byte = bytes[at];
            if byte >= 0x80 {
                let Some(character) = text[at..].chars().next() else { break };
                at += character.len_utf8();
                self.character(character, at as u32);
                continue;
            }
            if byte == b'['
                && let Some((id, length)) = self.vocabulary.special_at(&text[at..])
            {
                self.end_word();
                at += length;
                self.emit(id, at as u32);
                continue;
            }
            at += 1;
            match byte {
                b'a'..=b'z' | b'0'..=b'9' => self.word.push(char::from(byte), at as u32),
                b'A'..=b'Z' => self.word.push(char::from(byte.to_ascii_lowercase()), at as u32),
                b' ' | b'\t' | b'\n' | b'\r' => self.end_word(),
                0..0x20 | 0x7f => {}
                _ => self.alone(char::from(byte), at as u32),
            }
        }
        self.end_word();
    }

    /// A character outside ASCII, which ends at `end`.
    fn character(&mut self, character: char, end: u32) {
        if is_removed(character) {
            // Neither a letter nor a gap.
        } else if character.is_whitespace() {
            self.end_word();
        } else if is_ideograph(character) {
            self.end_word();
            self.normalised(character, end);
            self.end_word();
        } else {
            self.normalised(character, end);
        }
    }

    /// Decomposes, drops accents, lowers.
    fn normalised(&mut self, character: char, end: u32) {
        decompose_canonical(character, |part| {
            if part.general_category() == GeneralCategory::NonspacingMark {
                self.word.extend_last(end);
                return;
            }
            for lower in part.to_lowercase() {
                if lower.is_ascii_punctuation() || lower.general_category_group() == GeneralCategoryGroup::Punctuation {
                    self.alone(lower, end);
                } else {
                    self.word.push(lower, end);
                }
            }
        });
    }

    /// A character that is a word of its own.
    fn alone(&mut self, character: char, end: u32) {
        self.end_word();
        self.word.push(character, end);
        self.end_word();
    }

    fn emit(&mut self, id: u32, end: u32) {
        if !self.stopped {
            self.stopped = !(self.token)(id, end);
        }
    }

    /// Cuts the collected word into pieces.
    fn end_word(&mut self) {
        let Some(&last) = self.word.ends.last() else { return };
        if self.word.characters > LONGEST_WORD || !self.known_pieces() {
            self.emit(self.vocabulary.unknown, last);
        }
        self.word.clear();
    }

    /// Emits the pieces of the word, or nothing and `false` when a part of it is unknown.
    fn known_pieces(&mut self) -> bool {
        self.pieces.clear();
        let mut start = 0;
        while start < self.word.text.len() {
            let Some((id, end)) = self.longest_piece(start) else { return false };
            self.pieces.push((id, self.word.ends[end - 1]));
            start = end;
        }
        for index in 0..self.pieces.len() {
            let (id, end) = self.pieces[index];
            self.emit(id, end);
        }
        true
    }

    /// The longest token that the rest of the word begins with, and where it ends.
    fn longest_piece(&mut self, start: usize) -> Option<(u32, usize)> {
        let (text, continues) = (self.word.text.as_str(), start > 0);
        let rest = &text.as_bytes()[start..];
        let mut hash = PieceHash::new(continues);
        self.hashes.clear();
        for &byte in rest.iter().take(self.vocabulary.longest()) {
            hash = hash.push(byte);
            self.hashes.push(hash);
        }
        let ends = (start + 1..=start + self.hashes.len()).rev().filter(|&end| text.is_char_boundary(end));
        ends.into_iter().find_map(|end| {
            let hash = self.hashes[end - start - 1];
            self.vocabulary.find(&text[start..end], continues, hash).map(|id| (id, end))
        })
    }
}

impl Word {
    fn push(&mut self, character: char, end: u32) {
        self.text.push(character);
        self.ends.resize(self.text.len(), end);
        self.characters += 1;
    }

    /// An accent: what it stands on now ends after it.
    fn extend_last(&mut self, end: u32) {
        if let Some(last) = self.ends.last_mut() {
            *last = end;
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.characters = 0;
    }
}

/// Control, formatting and private characters, and what stands for the undecodable.
fn is_removed(character: char) -> bool {
    character == '\u{fffd}'
        || matches!(
            character.general_category(),
            GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::PrivateUse
        )
}

/// The blocks of CJK ideographs, each a word of its own, as BERT lists them.
fn is_ideograph(character: char) -> bool {
    matches!(
        u32::from(character),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}
