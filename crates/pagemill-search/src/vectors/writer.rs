//! Putting vectors in and taking them out.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use pagemill_core::{ChunkId, DocumentId, ProjectId};

use super::{
    codes::{BLOCK, encode, place},
    documents::Documents,
    files::{Generation, Manifest, sweep, sync_dir, write_synced},
    halves,
    rotation::Rotation,
    rows::{GONE, Place, RECORD, Record, Snapshot, hash},
};
use crate::SearchError;

/// Rows that wait in memory before they go to the files.
const MOST_WAITING: u64 = 2048;
/// Deleted rows that are worth a rewrite, if they are also this part of all: one in…
const FEWEST_DELETED: u64 = 4096;
const DELETED_PART: u64 = 4;

/// The one writer of the vector index. Kept behind a lock by its owner.
pub(crate) struct VectorWriter {
    dir: PathBuf,
    dims: usize,
    rotation: Arc<Rotation>,
    manifest: Manifest,
    state: State,
}

/// What is applied, committed or not.
struct State {
    files: Generation,
    documents: Arc<Documents>,
    /// The number of each row's document, or [`GONE`].
    document_of: Vec<u32>,
    /// The version each row was made for.
    versions: Vec<u32>,
    /// A hash of the chunk of each row; compared within one document only.
    chunks: Vec<u64>,
    /// The first live row of each document and the one after its last; rows of others may lie between.
    spans: Vec<(u32, u32)>,
    live: u64,
    has_deletions: bool,
    changed: bool,
    waiting: Waiting,
}

/// Bytes on their way to the files.
struct Waiting {
    /// The first row that is not in the files.
    from: u64,
    /// Whole and partial blocks of codes, from the block of row `from` on.
    codes: Vec<u64>,
    halves: Vec<u8>,
    rows: Vec<u8>,
    ids: Vec<u8>,
    /// Where `ids` goes.
    ids_from: u64,
    /// Identifiers written last, so that a document's are stored once.
    last_document: Option<(DocumentId, Place)>,
    last_project: Option<(ProjectId, Place)>,
}

impl VectorWriter {
    /// Opens the index of a folder, or makes an empty one.
    ///
    /// # Errors
    /// When what is there is damaged, or the folder cannot be used.
    pub(crate) fn open(dir: &Path, dims: usize) -> Result<Self, SearchError> {
        fs::create_dir_all(dir).map_err(SearchError::io("create", dir))?;
        let manifest = match Manifest::read(dir)? {
            Some(manifest) => manifest,
            None => {
                let manifest = Manifest { generation: 1, ..Manifest::default() };
                sweep(dir, &Manifest::default());
                Generation::open(dir, 1)?;
                manifest.write(dir)?;
                manifest
            }
        };
        sweep(dir, &manifest);
        let rotation = Arc::new(Rotation::new(dims));
        let state = State::load(dir, &manifest, dims, &rotation)?;
        Ok(Self { dir: dir.to_owned(), dims, rotation, manifest, state })
    }

    /// The number of the last commit.
    pub(crate) fn built_to(&self) -> i64 {
        self.manifest.built_to
    }

    /// Up to which change the text is complete, when its own index says `committed`.
    pub(crate) fn text_built_to(&self, committed: i64) -> i64 {
        match self.manifest.text_unchanged {
            Some((from, to)) if from == committed => to.max(committed),
            _ => committed,
        }
    }

    /// A document has these chunks now: vectors of other versions, other projects or other chunks go.
    pub(crate) fn keep_only(
        &mut self,
        project: &ProjectId,
        document: &DocumentId,
        version: u32,
        chunks: &mut dyn Iterator<Item = &ChunkId>,
    ) {
        let state = &mut self.state;
        let Some(number) = state.documents.find(document) else { return };
        let moved = !state.documents.is_in(number, project);
        let wanted: HashSet<u64> = chunks.map(hash).collect();
        state.delete_rows(number, |row, state| {
            moved || state.versions[row] != version || !wanted.contains(&state.chunks[row])
        });
    }

    /// Takes the vectors of a document out.
    pub(crate) fn remove(&mut self, document: &DocumentId) {
        if let Some(number) = self.state.documents.find(document) {
            self.state.delete_rows(number, |_, _| true);
        }
    }

    /// Puts vectors in; a chunk that has one gets the new one.
    pub(crate) fn add(
        &mut self,
        project: &ProjectId,
        document: &DocumentId,
        version: u32,
        vectors: &[(ChunkId, Vec<f32>)],
        last: bool,
    ) -> Result<(), SearchError> {
        if let Some((_, vector)) = vectors.iter().find(|(_, vector)| vector.len() != self.dims) {
            return Err(SearchError::Dimensions { expected: self.dims, got: vector.len() });
        }
        let state = &mut self.state;
        if let Some(number) = state.documents.find(document) {
            let moved = !state.documents.is_in(number, project);
            let replaced: HashSet<u64> = vectors.iter().map(|(chunk, _)| hash(chunk)).collect();
            state.delete_rows(number, |row, state| {
                moved || (last && state.versions[row] != version) || replaced.contains(&state.chunks[row])
            });
        }
        // Of a chunk given twice, the later vector counts.
        let mut seen = HashSet::new();
        let mut fresh: Vec<&(ChunkId, Vec<f32>)> =
            vectors.iter().rev().filter(|(chunk, _)| seen.insert(chunk)).collect();
        fresh.reverse();
        for (chunk, vector) in fresh {
            let code = encode(&self.rotation.rotate(vector));
            self.state.push(project, document, chunk, version, &code, &halves::encode(vector));
            if self.state.waiting_rows() >= MOST_WAITING {
                self.state.flush(self.dims, self.rotation.padded() / 64)?;
            }
        }
        Ok(())
    }

    /// Makes everything durable under a change number. `text` is what the text index has
    /// committed itself. Returns whether searches would see a difference.
    pub(crate) fn commit(&mut self, up_to: i64, text: i64) -> Result<bool, SearchError> {
        let changed = self.state.changed;
        let mut next = self.manifest.clone();
        next.built_to = up_to;
        next.text_unchanged = Some((text, up_to));
        if changed {
            self.state.flush(self.dims, self.rotation.padded() / 64)?;
            self.state.files.sync()?;
            next.rows = self.state.document_of.len() as u64;
            next.id_bytes = self.state.waiting.ids_from;
            if self.state.has_deletions {
                next.deletions += 1;
                write_synced(&self.state.files.deletions(next.deletions), &self.state.bitmap())?;
                sync_dir(&self.state.files.dir)?;
            }
        }
        next.write(&self.dir)?;
        let deletions_replaced = next.deletions != self.manifest.deletions;
        self.manifest = next;
        self.state.changed = false;
        if self.state.deleted() >= FEWEST_DELETED.max(self.manifest.rows / DELETED_PART) {
            self.compact()?;
        } else if deletions_replaced {
            sweep(&self.dir, &self.manifest);
        }
        Ok(changed)
    }

    /// Forgets everything since the last commit.
    pub(crate) fn forget(&mut self) -> Result<(), SearchError> {
        self.state = State::load(&self.dir, &self.manifest, self.dims, &self.rotation)?;
        Ok(())
    }

    /// The committed state for searches.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, SearchError> {
        let (state, rows) = (&self.state, self.manifest.rows);
        let block_bytes = (self.rotation.padded() / 64 * BLOCK * 8) as u64;
        Ok(Snapshot {
            dims: self.dims,
            rotation: Arc::clone(&self.rotation),
            document_of: state.document_of.clone(),
            chunk_hashes: state.chunks.clone(),
            spans: state.spans.clone(),
            live: state.live,
            documents: Arc::clone(&state.documents),
            codes: state.files.codes.map(rows.div_ceil(BLOCK as u64) * block_bytes)?,
            halves: state.files.halves.map(rows * self.dims as u64 * 2)?,
            rows: state.files.rows.map(rows * RECORD as u64)?,
            ids: state.files.ids.map(self.manifest.id_bytes)?,
        })
    }

    /// Writes the live rows into a new generation and drops the old one.
    fn compact(&mut self) -> Result<(), SearchError> {
        let old = self.snapshot()?;
        let words = self.rotation.padded() / 64;
        let mut next = self.manifest.clone();
        next.generation += 1;
        next.deletions = 0;
        // What a crash in an earlier try left behind must not be taken for content.
        let _ = fs::remove_dir_all(Generation::dir(&self.dir, next.generation));
        let mut state = State::empty(Generation::open(&self.dir, next.generation)?);
        for (row, number) in old.document_of.iter().enumerate() {
            let Some((id, project)) = old.documents.id(*number).zip(old.documents.project(*number)) else { continue };
            let damaged = || SearchError::damaged(&self.dir, format!("row {row} cannot be read"));
            let version = Record::at(&old.rows, row as u32).ok_or_else(damaged)?.version;
            let chunk = old.chunk(row as u32).ok_or_else(damaged)?;
            let bytes = self.dims * 2;
            let stored = old.halves.get(row * bytes..(row + 1) * bytes).ok_or_else(damaged)?;
            let code = stored_code(&old.codes, row, words).ok_or_else(damaged)?;
            state.push(project, &id, &chunk, version, &code, stored);
            if state.waiting_rows() >= MOST_WAITING {
                state.flush(self.dims, words)?;
            }
        }
        state.flush(self.dims, words)?;
        state.files.sync()?;
        next.rows = state.document_of.len() as u64;
        next.id_bytes = state.waiting.ids_from;
        next.write(&self.dir)?;
        state.changed = false;
        (self.manifest, self.state) = (next, state);
        sweep(&self.dir, &self.manifest);
        Ok(())
    }
}

/// The code of a row, out of its block.
fn stored_code(codes: &[u8], row: usize, words: usize) -> Option<Vec<u64>> {
    let block = row / BLOCK * words * BLOCK;
    (0..words)
        .map(|word| {
            let at = (block + word * BLOCK + row % BLOCK) * 8;
            Some(u64::from_le_bytes(codes.get(at..at + 8)?.try_into().ok()?))
        })
        .collect()
}

impl State {
    fn empty(files: Generation) -> Self {
        Self {
            files,
            documents: Arc::default(),
            document_of: Vec::new(),
            versions: Vec::new(),
            chunks: Vec::new(),
            spans: Vec::new(),
            live: 0,
            has_deletions: false,
            changed: false,
            waiting: Waiting {
                from: 0,
                codes: Vec::new(),
                halves: Vec::new(),
                rows: Vec::new(),
                ids: Vec::new(),
                ids_from: 0,
                last_document: None,
                last_project: None,
            },
        }
    }

    /// The committed state of a folder, checked as far as it is used without looking again.
    fn load(dir: &Path, manifest: &Manifest, dims: usize, rotation: &Rotation) -> Result<Self, SearchError> {
        let mut state = Self::empty(Generation::open(dir, manifest.generation)?);
        let rows = u32::try_from(manifest.rows).map_err(|error| SearchError::damaged(dir, error))?;
        let block_words = rotation.padded() / 64 * BLOCK;
        let block_bytes = block_words as u64 * 8;
        let map = state.files.rows.map(manifest.rows * RECORD as u64)?;
        let ids = state.files.ids.map(manifest.id_bytes)?;
        state.files.halves.map(manifest.rows * dims as u64 * 2)?;
        state.files.codes.map(manifest.rows.div_ceil(BLOCK as u64) * block_bytes)?;
        let deleted = match manifest.deletions {
            0 => Vec::new(),
            number => {
                let path = state.files.deletions(number);
                fs::read(&path).map_err(SearchError::io("read", &path))?
            }
        };
        let mut last: Option<(Place, Place, u32)> = None;
        for row in 0..rows {
            let damaged = || SearchError::damaged(&state.files.dir, format!("row {row} cannot be read"));
            let record = Record::at(&map, row).ok_or_else(damaged)?;
            let chunk: ChunkId = record.chunk.read(&ids).ok_or_else(damaged)?;
            let number = match last {
                Some((document, project, number)) if (document, project) == (record.document, record.project) => number,
                _ => {
                    let document: DocumentId = record.document.read(&ids).ok_or_else(damaged)?;
                    let project: ProjectId = record.project.read(&ids).ok_or_else(damaged)?;
                    let number = Arc::make_mut(&mut state.documents).number(&document, &project);
                    last = Some((record.document, record.project, number));
                    number
                }
            };
            let is_deleted = deleted.get(row as usize / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1);
            state.versions.push(record.version);
            state.chunks.push(hash(&chunk));
            state.document_of.push(if is_deleted { GONE } else { number });
            if !is_deleted {
                state.count(number, row);
            }
        }
        state.has_deletions = manifest.deletions > 0;
        state.waiting.from = manifest.rows;
        state.waiting.ids_from = manifest.id_bytes;
        let partial = manifest.rows % BLOCK as u64;
        if partial > 0 {
            let bytes = state.files.codes.read_at(manifest.rows / BLOCK as u64 * block_bytes, block_words * 8)?;
            let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            state.waiting.codes = bytes.chunks_exact(8).map(word).collect();
        }
        Ok(state)
    }

    /// A document has this live row, which is behind all others.
    fn count(&mut self, document: u32, row: u32) {
        let document = document as usize;
        if document >= self.spans.len() {
            self.spans.resize(document + 1, (0, 0));
        }
        let (first, last) = &mut self.spans[document];
        if first == last {
            *first = row;
        }
        *last = row + 1;
        self.live += 1;
    }

    fn waiting_rows(&self) -> u64 {
        self.document_of.len() as u64 - self.waiting.from
    }

    fn deleted(&self) -> u64 {
        self.document_of.len() as u64 - self.live
    }

    fn delete_rows(&mut self, document: u32, condemned: impl Fn(usize, &Self) -> bool) {
        let (first, last) = self.spans.get(document as usize).copied().unwrap_or_default();
        let (gone, kept): (Vec<u32>, Vec<u32>) = (first..last)
            .filter(|row| self.document_of[*row as usize] == document)
            .partition(|row| condemned(*row as usize, self));
        if gone.is_empty() {
            return;
        }
        for row in &gone {
            self.document_of[*row as usize] = GONE;
        }
        let span = kept.first().zip(kept.last()).map(|(first, last)| (*first, last + 1));
        self.spans[document as usize] = span.unwrap_or_default();
        self.live -= gone.len() as u64;
        self.has_deletions = true;
        self.changed = true;
    }

    fn push(
        &mut self,
        project: &ProjectId,
        document: &DocumentId,
        chunk: &ChunkId,
        version: u32,
        code: &[u64],
        halves: &[u8],
    ) {
        let number = match self.documents.find(document) {
            Some(number) if self.documents.is_in(number, project) => number,
            _ => Arc::make_mut(&mut self.documents).number(document, project),
        };
        let row = self.document_of.len();
        self.document_of.push(number);
        self.versions.push(version);
        self.chunks.push(hash(chunk));
        self.count(number, row as u32);
        self.changed = true;

        let waiting = &mut self.waiting;
        let lane = row % BLOCK;
        if lane == 0 {
            waiting.codes.resize(waiting.codes.len() + code.len() * BLOCK, 0);
        }
        let block = waiting.codes.len() - code.len() * BLOCK;
        place(&mut waiting.codes[block..], lane, code);
        waiting.halves.extend_from_slice(halves);
        let document = waiting.document(document);
        let project = waiting.project(project);
        let chunk = waiting.id(chunk.as_str());
        waiting.rows.extend(Record { chunk, document, project, version }.to_bytes());
    }

    /// Writes what waits to the files, beyond what is committed.
    fn flush(&mut self, dims: usize, words: usize) -> Result<(), SearchError> {
        let rows = self.document_of.len();
        let block_words = words * BLOCK;
        let waiting = &mut self.waiting;
        let bytes: Vec<u8> = waiting.codes.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.files.codes.write_at(waiting.from / BLOCK as u64 * block_words as u64 * 8, &bytes)?;
        self.files.halves.write_at(waiting.from * dims as u64 * 2, &waiting.halves)?;
        self.files.rows.write_at(waiting.from * RECORD as u64, &waiting.rows)?;
        self.files.ids.write_at(waiting.ids_from, &waiting.ids)?;
        waiting.from = rows as u64;
        waiting.ids_from += waiting.ids.len() as u64;
        // The block that is not full is written again when it gets more codes.
        let partial = if rows.is_multiple_of(BLOCK) { 0 } else { block_words };
        waiting.codes.drain(..waiting.codes.len() - partial);
        waiting.halves.clear();
        waiting.rows.clear();
        waiting.ids.clear();
        Ok(())
    }

    /// A bit for each deleted row.
    fn bitmap(&self) -> Vec<u8> {
        let mut bits = vec![0_u8; self.document_of.len().div_ceil(8)];
        for (row, _) in self.document_of.iter().enumerate().filter(|(_, document)| **document == GONE) {
            bits[row / 8] |= 1 << (row % 8);
        }
        bits
    }
}

impl Waiting {
    /// Adds an identifier. All of them are shorter than 256 bytes by their type.
    fn id(&mut self, text: &str) -> Place {
        let at = self.ids_from + self.ids.len() as u64;
        self.ids.extend_from_slice(text.as_bytes());
        Place { at, length: text.len() as u8 }
    }

    fn document(&mut self, id: &DocumentId) -> Place {
        match &self.last_document {
            Some((last, place)) if last == id => *place,
            _ => {
                let place = self.id(id.as_str());
                self.last_document = Some((id.clone(), place));
                // A document that moved has its project told anew.
                self.last_project = None;
                place
            }
        }
    }

    fn project(&mut self, id: &ProjectId) -> Place {
        match &self.last_project {
            Some((last, place)) if last == id => *place,
            _ => {
                let place = self.id(id.as_str());
                self.last_project = Some((id.clone(), place));
                place
            }
        }
    }
}
