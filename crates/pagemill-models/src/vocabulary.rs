//! The vocabulary: which pieces of words are tokens.

use crate::format::Shape;

/// The mark of a token that continues a word.
const CONTINUES: &str = "##";
/// Start values of the hash, so that beginnings and continuations of words are kept apart.
const SEEDS: [u64; 2] = [0xcbf2_9ce4_8422_2325, 0x9ae1_6a3b_2f90_404f];

/// All tokens in one table with open addressing.
///
/// A slot is 0 when free, else the upper 16 bits are some of the hash and the
/// lower 16 the identifier plus one, so that nearly every miss is seen without
/// comparing text.
pub(crate) struct Vocabulary {
    text: Box<str>,
    /// Where each token ends in `text`; the next begins there.
    ends: Box<[u32]>,
    slots: Box<[u32]>,
    longest: usize,
    pub(crate) unknown: u32,
    pub(crate) first: u32,
    pub(crate) last: u32,
    specials: Vec<(String, u32)>,
}

/// The hash of a piece while bytes are added to it (FNV-1a, mixed at the end).
#[derive(Clone, Copy)]
pub(crate) struct PieceHash(u64);

impl PieceHash {
    /// The hash of nothing, for the beginning of a word or for a continuation.
    pub(crate) fn new(continues: bool) -> Self {
        Self(SEEDS[usize::from(continues)])
    }

    /// The hash with one more byte.
    #[must_use]
    pub(crate) fn push(self, byte: u8) -> Self {
        Self((self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    fn mixed(self) -> u64 {
        (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }
}

impl Vocabulary {
    /// Builds the table from the vocabulary section of a model file.
    ///
    /// # Errors
    /// When there are fewer or more tokens than the header says.
    pub(crate) fn new(lines: &str, shape: &Shape) -> Result<Self, &'static str> {
        let mut text = String::with_capacity(lines.len());
        let mut ends = Vec::with_capacity(shape.vocabulary);
        let mut slots = vec![0_u32; (shape.vocabulary * 2).next_power_of_two()].into_boxed_slice();
        let mut longest = 0;
        for (id, token) in lines.split_terminator('\n').enumerate() {
            if id >= shape.vocabulary {
                return Err("its vocabulary is longer than its header says");
            }
            let (continues, piece) = match token.strip_prefix(CONTINUES) {
                Some(piece) if !piece.is_empty() => (true, piece),
                _ => (false, token),
            };
            longest = longest.max(piece.len());
            text.push_str(piece);
            ends.push(text.len() as u32);
            let hash = piece.bytes().fold(PieceHash::new(continues), PieceHash::push).mixed();
            let mut at = hash as usize & (slots.len() - 1);
            while slots[at] != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = tag(hash, continues) | (id as u32 + 1);
        }
        if ends.len() != shape.vocabulary {
            return Err("its vocabulary is shorter than its header says");
        }
        let mut vocabulary = Self {
            text: text.into(),
            ends: ends.into(),
            slots,
            longest,
            unknown: shape.unknown,
            first: shape.first,
            last: shape.last,
            specials: Vec::new(),
        };
        let named = shape.specials.iter().filter(|&&id| id != u32::MAX);
        let named = named.map(|&id| (vocabulary.piece(id).to_owned(), id));
        vocabulary.specials = named.filter(|(word, _)| !word.is_empty()).collect();
        Ok(vocabulary)
    }

    /// Length in bytes of the longest piece.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The special token written at the start of `text`, and its length in bytes.
    pub(crate) fn special_at(&self, text: &str) -> Option<(u32, usize)> {
        self.specials.iter().find(|(word, _)| text.starts_with(word.as_str())).map(|(word, id)| (*id, word.len()))
    }

    /// The identifier of a piece, whose hash the caller has at hand.
    pub(crate) fn find(&self, piece: &str, continues: bool, hash: PieceHash) -> Option<u32> {
        let hash = hash.mixed();
        let wanted = tag(hash, continues);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != 0 {
            let slot = self.slots[at];
            if slot & TAG == wanted {
                let id = (slot & !TAG) - 1;
                if self.piece(id) == piece {
                    return Some(id);
                }
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// The tokens as they are published, in the order of their identifiers.
    #[cfg(test)]
    pub(crate) fn tokens(&self) -> Vec<String> {
        let mut tokens: Vec<String> = (0..self.ends.len() as u32).map(|id| self.piece(id).to_owned()).collect();
        for slot in self.slots.iter().filter(|slot| *slot & CONTINUATION != 0) {
            tokens[(slot & !TAG) as usize - 1].insert_str(0, CONTINUES);
        }
        tokens
    }

    fn piece(&self, id: u32) -> &str {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.text[start as usize..self.ends[id] as usize]
    }
}

/// The part of a slot that is not the identifier.
const TAG: u32 = 0xffff_0000;
/// The part of the tag that says that the piece continues a word.
const CONTINUATION: u32 = 1 << 16;

/// 15 bits of the hash, and whether the piece continues a word.
fn tag(hash: u64, continues: bool) -> u32 {
    ((hash >> 32) as u32 & TAG & !CONTINUATION) | if continues { CONTINUATION } else { 0 }
}
