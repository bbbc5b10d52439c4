//! The two indexes as one thing.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::{
    Change, Filter, Hit, IndexStats, SearchError,
    answer::{self, Embed, Judge, Limits, Passage, Quoted},
    fuse,
    text::{self, TextQuery, TextReader, TextWriter},
    vectors::{Snapshot, VectorWriter},
};

/// Raised with every change of the files or of how text becomes terms.
const FORMAT: u32 = 1;
/// How deep each ranking is read before two are fused, at least.
const FUSION_DEPTH: usize = 100;

/// The lexical and the vector index of a library.
///
/// One writer at a time (calls wait for each other), any number of readers that never wait for it.
pub struct SearchIndex {
    dir: PathBuf,
    writers: Mutex<Writers>,
    text: TextReader,
    vectors: RwLock<Arc<Snapshot>>,
    lexical_built_to: AtomicI64,
    vectors_built_to: AtomicI64,
}

struct Writers {
    text: TextWriter,
    vectors: VectorWriter,
}

/// What an index was made by and for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    format: u32,
    model: String,
    dims: usize,
}

impl SearchIndex {
    /// Opens the indexes in a folder, and creates what is missing.
    ///
    /// What is damaged, of another format or of another model is wiped with a warning; the
    /// numbers it was built to are then 0, and the caller replays every change.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn open(dir: &Path, dims: usize, model: &str) -> Result<Self, SearchError> {
        fs::create_dir_all(dir).map_err(SearchError::io("create", dir))?;
        claim(dir, &Identity { format: FORMAT, model: model.to_owned(), dims })?;
        let (reader, text) = open_or_wipe(&dir.join("text"), text::open)?;
        let vectors = open_or_wipe(&dir.join("vectors"), |dir| VectorWriter::open(dir, dims))?;
        let snapshot = vectors.snapshot()?;
        let index = Self {
            dir: dir.to_owned(),
            lexical_built_to: AtomicI64::new(vectors.text_built_to(text.built_to())),
            vectors_built_to: AtomicI64::new(vectors.built_to()),
            text: reader,
            vectors: RwLock::new(Arc::new(snapshot)),
            writers: Mutex::new(Writers { text, vectors }),
        };
        Ok(index)
    }

    /// The number of the change up to which words are durably searchable.
    pub fn lexical_built_to(&self) -> i64 {
        self.lexical_built_to.load(Ordering::Acquire)
    }

    /// The number of the change up to which vectors are durably searchable.
    pub fn vectors_built_to(&self) -> i64 {
        self.vectors_built_to.load(Ordering::Acquire)
    }

    /// Takes changes in, in order. They are neither searchable nor durable before
    /// [`commit`](Self::commit). Changes that are replayed leave the same state.
    ///
    /// # Errors
    /// When a file cannot be written. Everything applied since the last commit is then
    /// forgotten: replay from the numbers built to.
    pub fn apply(&self, changes: &[Change]) -> Result<(), SearchError> {
        let mut writers = self.writers();
        let applied = changes.iter().try_for_each(|change| writers.apply(change));
        writers.forget_on_failure(applied)
    }

    /// Makes what was applied searchable and durable, as the state after change `up_to`.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn commit(&self, up_to: i64) -> Result<(), SearchError> {
        let mut writers = self.writers();
        let committed = self.commit_both(&mut writers, up_to);
        writers.forget_on_failure(committed)
    }

    /// First the text with its number in the payload of its commit, then the vectors with
    /// theirs in the manifest. A crash in between leaves the vectors at the old number, and
    /// they are replayed.
    fn commit_both(&self, writers: &mut Writers, up_to: i64) -> Result<(), SearchError> {
        if writers.text.changed() {
            writers.text.commit(up_to)?;
            self.text.reload()?;
            self.lexical_built_to.store(up_to, Ordering::Release);
        }
        let text = writers.text.built_to();
        if writers.vectors.commit(up_to, text)? {
            let snapshot = Arc::new(writers.vectors.snapshot()?);
            *self.vectors.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        }
        self.lexical_built_to.store(up_to, Ordering::Release);
        self.vectors_built_to.store(up_to, Ordering::Release);
        Ok(())
    }

    /// The best `k` chunks by words. Quotation marks hold words together; nothing else in a
    /// query is syntax.
    ///
    /// # Errors
    /// When the index cannot be read. No query text is an error.
    pub fn lexical(&self, query: &str, k: usize, filter: &Filter) -> Result<Vec<Hit>, SearchError> {
        let snapshot = self.text.snapshot();
        snapshot.search(&TextQuery::parse(query, &snapshot.languages), k, filter)
    }

    /// The best `k` chunks by meaning, nearest first.
    ///
    /// # Errors
    /// When the vector has the wrong dimensions.
    pub fn semantic(&self, vector: &[f32], k: usize, filter: &Filter) -> Result<Vec<Hit>, SearchError> {
        self.vector_snapshot().search(vector, k, filter)
    }

    /// The best `k` chunks by both.
    ///
    /// # Errors
    /// As [`lexical`](Self::lexical) and [`semantic`](Self::semantic).
    pub fn hybrid(&self, query: &str, vector: &[f32], k: usize, filter: &Filter) -> Result<Vec<Hit>, SearchError> {
        let depth = k.max(FUSION_DEPTH);
        let lexical = self.lexical(query, depth, filter)?;
        let nearness = self.vector_snapshot().nearness(vector, depth, filter, &lexical)?;
        Ok(fuse::fuse(lexical, nearness, k))
    }

    /// The sentences of some passages, best first, that answer a question, in readable
    /// order; `None` when the library does not seem to hold an answer. `embed` makes
    /// vectors of sentences, or says that there is no model.
    pub fn answer(
        &self,
        question: &str,
        passages: &[Passage],
        embed: &Embed<'_>,
        query_vector: Option<&[f32]>,
    ) -> Option<Vec<Quoted>> {
        let snapshot = self.text.snapshot();
        let rarity = |stems: &[String]| snapshot.rarity(stems).map_or(1.0, |(rarity, _)| rarity);
        let judge = Judge { query_vector, embed, rarity: &rarity, limits: Limits::default() };
        answer::extract(question, passages, &judge)
    }

    /// How big the indexes are.
    pub fn stats(&self) -> IndexStats {
        let (chunks, deleted_chunks) = self.text.snapshot().counts();
        let (vectors, deleted_vectors) = self.vector_snapshot().counts();
        IndexStats { chunks, vectors, deleted: deleted_chunks + deleted_vectors, bytes: bytes_in(&self.dir) }
    }

    fn vector_snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.vectors.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn writers(&self) -> MutexGuard<'_, Writers> {
        // A panic while writing leaves nothing half-done that a commit would make durable
        // without its number; what was applied is replayed.
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writers {
    fn apply(&mut self, change: &Change) -> Result<(), SearchError> {
        match change {
            Change::Upsert { project, document, version, chunks } => {
                self.text.upsert(project, document, chunks)?;
                self.vectors.keep_only(project, document, *version, &mut chunks.iter().map(|chunk| &chunk.id));
                Ok(())
            }
            Change::Vectors { project, document, version, vectors, last } => {
                self.vectors.add(project, document, *version, vectors, *last)
            }
            Change::Remove { document } => {
                self.text.remove(document)?;
                self.vectors.remove(document);
                Ok(())
            }
        }
    }

    /// After a failure nothing that was applied may slip into a later commit.
    fn forget_on_failure(&mut self, outcome: Result<(), SearchError>) -> Result<(), SearchError> {
        if outcome.is_err() {
            self.text.forget();
            self.vectors.forget()?;
        }
        outcome
    }
}

/// Wipes the folder unless it was made by this format for this model, and signs it.
fn claim(dir: &Path, identity: &Identity) -> Result<(), SearchError> {
    let path = dir.join("index.json");
    let found = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice::<Identity>(&bytes).ok(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(SearchError::io("read", &path)(error)),
    };
    if found.as_ref() == Some(identity) {
        return Ok(());
    }
    let leftovers = [dir.join("text"), dir.join("vectors")];
    if leftovers.iter().any(|part| part.exists()) {
        tracing::warn!(?found, wanted = ?identity, "the search index is of another format or model and is built anew");
        leftovers.iter().try_for_each(|part| wipe(part))?;
    }
    let bytes = serde_json::to_vec(identity).map_err(|error| SearchError::damaged(&path, error))?;
    fs::write(&path, bytes).map_err(SearchError::io("write", &path))
}

/// Opens a part of the index; when that fails, once more after wiping it. A failure of the
/// machine (a full disk, no right to write) fails the second time too and is told.
fn open_or_wipe<T>(dir: &Path, open: impl Fn(&Path) -> Result<T, SearchError>) -> Result<T, SearchError> {
    match open(dir) {
        Ok(part) => Ok(part),
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, cause = ?std::error::Error::source(&error), folder = %dir.display(),
                "a part of the search index is damaged and is built anew");
            wipe(dir)?;
            open(dir)
        }
        Err(error) => Err(error),
    }
}

fn wipe(dir: &Path) -> Result<(), SearchError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SearchError::io("remove", dir)(error)),
        _ => Ok(()),
    }
}

/// Bytes of all files in a folder and its folders.
fn bytes_in(dir: &Path) -> u64 {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => bytes_in(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}
