//! Rows: which chunk of which document each vector belongs to.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use pagemill_core::ChunkId;

use super::{documents::Documents, files::Map};

/// Bytes of a row record.
pub(super) const RECORD: usize = 32;
/// The document of a row that is deleted.
pub(super) const GONE: u32 = u32::MAX;

/// A row as it is stored: places in the file of identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) chunk: Place,
    pub(super) document: Place,
    pub(super) project: Place,
    pub(super) version: u32,
}

/// Where an identifier stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) length: u8,
}

impl Place {
    /// The identifier there, if it is one.
    pub(super) fn read<T: std::str::FromStr>(self, ids: &[u8]) -> Option<T> {
        self.text(ids)?.parse().ok()
    }

    pub(super) fn text(self, ids: &[u8]) -> Option<&str> {
        let start = usize::try_from(self.at).ok()?;
        std::str::from_utf8(ids.get(start..start.checked_add(usize::from(self.length))?)?).ok()
    }
}

impl Record {
    pub(super) fn to_bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[0..8].copy_from_slice(&self.chunk.at.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.document.at.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.project.at.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.version.to_le_bytes());
        bytes[28..31].copy_from_slice(&[self.chunk.length, self.document.length, self.project.length]);
        bytes
    }

    /// The record at a row; `None` beyond the end.
    pub(super) fn at(rows: &[u8], row: u32) -> Option<Self> {
        let start = row as usize * RECORD;
        let bytes = rows.get(start..start + RECORD)?;
        let long = |from: usize| -> u64 { (0..8).fold(0, |value, i| value | u64::from(bytes[from + i]) << (8 * i)) };
        Some(Self {
            chunk: Place { at: long(0), length: bytes[28] },
            document: Place { at: long(8), length: bytes[29] },
            project: Place { at: long(16), length: bytes[30] },
            version: long(24) as u32,
        })
    }
}

/// One committed state, as searches see it.
pub(crate) struct Snapshot {
    pub(super) dims: usize,
    pub(super) rotation: Arc<super::rotation::Rotation>,
    /// The number of each row's document, or [`GONE`].
    pub(super) document_of: Vec<u32>,
    /// A hash of each row's chunk; compared within one document only.
    pub(super) chunk_hashes: Vec<u64>,
    /// The first row of each document and the one after its last; rows of others may lie between.
    pub(super) spans: Vec<(u32, u32)>,
    pub(super) live: u64,
    pub(super) documents: Arc<Documents>,
    pub(super) codes: Map,
    pub(super) halves: Map,
    pub(super) rows: Map,
    pub(super) ids: Map,
}

/// A hash of a chunk's identifier, for finding it among those of one document.
pub(super) fn hash(chunk: &ChunkId) -> u64 {
    let mut hasher = DefaultHasher::new();
    chunk.as_str().hash(&mut hasher);
    hasher.finish()
}

impl Snapshot {
    /// The chunk of a row.
    pub(super) fn chunk(&self, row: u32) -> Option<ChunkId> {
        Record::at(&self.rows, row)?.chunk.read(&self.ids)
    }

    /// Vectors that can be found, and deleted ones that still take up space.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.live, self.document_of.len() as u64 - self.live)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn records_come_back() {
        let record = Record {
            chunk: Place { at: 1 << 40, length: 30 },
            document: Place { at: 7, length: 29 },
            project: Place { at: 300, length: 11 },
            version: 4_000_000_000,
        };
        let mut bytes = vec![0; RECORD];
        bytes.extend(record.to_bytes());
        assert_eq!(Record::at(&bytes, 1).unwrap(), record);
        assert!(Record::at(&bytes, 2).is_none());
    }

    #[test]
    fn a_place_outside_is_nothing() {
        assert!(Place { at: u64::MAX, length: 255 }.text(b"abc").is_none());
        assert_eq!(Place { at: 1, length: 2 }.text(b"abc"), Some("bc"));
    }
}
