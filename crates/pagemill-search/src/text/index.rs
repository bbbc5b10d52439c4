//! The tantivy index: one document for each chunk, its terms made by us.
//!
//! Title and headings are indexed in the same field as the text, with their words
//! repeated: the weighting of BM25F with one list of postings for each term.

use std::{
    fs,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use pagemill_core::{DocumentId, ProjectId};
use tantivy::{
    Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term,
    directory::MmapDirectory,
    index::SegmentReader,
    indexer::{IndexWriterOptions, LogMergePolicy},
    schema::{Field, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{PreTokenizedString, Token},
};

use super::{Language, words::terms};
use crate::{IndexedChunk, SearchError};

/// Memory for terms that are not yet written, bytes. Fuller, they become a segment of their own.
const WRITER_MEMORY: usize = 40 << 20;
/// Segments with more chunks than this are never merged again.
const LARGEST_MERGE: usize = 400_000;
/// How often the words of the title count.
const TITLE_WEIGHT: usize = 2;
/// How often the words of the headings count.
const HEADING_WEIGHT: usize = 1;
/// No phrase reaches over the borders of title, headings and text.
const PART_GAP: usize = 64;

/// The fields of a chunk.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) project: Field,
    pub(crate) document: Field,
    pub(crate) chunk: Field,
    pub(crate) language: Field,
    pub(crate) words: Field,
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let chunk_only = TextOptions::default().set_fast("raw");
    let word_options = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqsAndPositions).set_fieldnorms(true),
    );
    let fields = Fields {
        project: schema.add_text_field("project", STRING),
        document: schema.add_text_field("document", STRING | tantivy::schema::FAST),
        chunk: schema.add_text_field("chunk", chunk_only),
        language: schema.add_text_field("language", STRING),
        words: schema.add_text_field("words", word_options),
    };
    (schema.build(), fields)
}

/// Opens the index of a folder, or makes an empty one.
///
/// # Errors
/// When what is there cannot be opened: damaged, or made by another format.
pub(crate) fn open(dir: &Path) -> Result<(TextReader, TextWriter), SearchError> {
    fs::create_dir_all(dir).map_err(SearchError::io("create", dir))?;
    let (schema, fields) = schema();
    let directory = MmapDirectory::open(dir).map_err(TantivyError::from)?;
    let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
    let index = if Index::exists(&directory).map_err(TantivyError::from)? {
        Index::open(directory)?
    } else {
        Index::create(directory, schema.clone(), settings)?
    };
    if index.schema() != schema {
        return Err(TantivyError::SchemaError("the schema is another one".to_owned()).into());
    }
    let built_to = payload(&index)?;
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let reader = TextReader::new(reader, fields)?;
    let writer = TextWriter { writer: Some(new_writer(&index)?), index, fields, built_to, changed: false };
    Ok((reader, writer))
}

fn new_writer(index: &Index) -> Result<IndexWriter, SearchError> {
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(WRITER_MEMORY)
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    let writer = index.writer_with_options(options)?;
    let mut merging = LogMergePolicy::default();
    merging.set_max_docs_before_merge(LARGEST_MERGE);
    merging.set_del_docs_ratio_before_merge(0.3);
    writer.set_merge_policy(Box::new(merging));
    // A program killed in a commit leaves files that no commit names. The next one would take the same
    // names for its lists of deleted chunks, and fail on them for good.
    writer.garbage_collect_files().wait()?;
    Ok(writer)
}

/// The change number in the last commit; 0 when there is none.
fn payload(index: &Index) -> Result<i64, SearchError> {
    match index.load_metas()?.payload {
        None => Ok(0),
        Some(text) => text.parse().map_err(|error: std::num::ParseIntError| {
            TantivyError::SystemError(format!("the commit payload `{text}` is no number: {error}")).into()
        }),
    }
}

/// Puts text in. Kept behind a lock by its owner.
pub(crate) struct TextWriter {
    index: Index,
    /// None after a failure: made anew at the next use, from the last commit.
    writer: Option<IndexWriter>,
    fields: Fields,
    built_to: i64,
    changed: bool,
}

impl TextWriter {
    /// The number of the last commit.
    pub(crate) fn built_to(&self) -> i64 {
        self.built_to
    }

    /// Whether something was applied since the last commit.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Ends the writer with what it has not committed. Its merges are waited for: one that
    /// ended later would write over the state that the next writer begins with.
    fn end_writer(&mut self) {
        if let Some(writer) = self.writer.take()
            && let Err(error) = writer.wait_merging_threads()
        {
            tracing::warn!(%error, "a merge of the text index failed; the segments stay as they were");
        }
    }

    fn writer(&mut self) -> Result<&mut IndexWriter, SearchError> {
        if self.writer.is_none() {
            self.writer = Some(new_writer(&self.index)?);
        }
        self.writer.as_mut().ok_or_else(|| TantivyError::SystemError("the writer is gone".to_owned()).into())
    }

    /// Replaces the text of a document.
    pub(crate) fn upsert(
        &mut self,
        project: &ProjectId,
        document: &DocumentId,
        chunks: &[IndexedChunk],
    ) -> Result<(), SearchError> {
        self.remove(document)?;
        let language = Language::detect(&sample(chunks));
        let fields = self.fields;
        let writer = self.writer()?;
        for chunk in chunks {
            let mut entry = TantivyDocument::new();
            entry.add_text(fields.project, project.as_str());
            entry.add_text(fields.document, document.as_str());
            entry.add_text(fields.chunk, chunk.id.as_str());
            entry.add_text(fields.language, language.code());
            entry.add_pre_tokenized_text(fields.words, weighted_words(chunk, language));
            writer.add_document(entry)?;
        }
        Ok(())
    }

    /// Takes the text of a document out.
    pub(crate) fn remove(&mut self, document: &DocumentId) -> Result<(), SearchError> {
        let term = Term::from_field_text(self.fields.document, document.as_str());
        self.writer()?.delete_term(term);
        self.changed = true;
        Ok(())
    }

    /// Makes everything durable under a change number.
    pub(crate) fn commit(&mut self, up_to: i64) -> Result<(), SearchError> {
        let mut prepared = self.writer()?.prepare_commit()?;
        prepared.set_payload(&up_to.to_string());
        prepared.commit()?;
        self.built_to = up_to;
        self.changed = false;
        Ok(())
    }

    /// Forgets everything since the last commit.
    pub(crate) fn forget(&mut self) {
        self.end_writer();
        self.changed = false;
    }
}

impl Drop for TextWriter {
    fn drop(&mut self) {
        self.end_writer();
    }
}

/// Text of a document for telling its language: from its middle, where it is prose.
fn sample(chunks: &[IndexedChunk]) -> String {
    let mut sample = String::new();
    let step = (chunks.len() / 8).max(1);
    for chunk in chunks.iter().skip(chunks.len() / 8).step_by(step) {
        sample.extend(chunk.text.chars().take(600));
        sample.push('\n');
        if sample.len() > 4000 {
            break;
        }
    }
    sample
}

/// The terms of a chunk, title and headings repeated by their weight.
fn weighted_words(chunk: &IndexedChunk, language: Language) -> PreTokenizedString {
    let mut tokens = Vec::with_capacity(chunk.text.len() / 5);
    let mut position = 0;
    let mut add = |text: &str, times: usize| {
        let terms = terms(text, language);
        for _ in 0..times {
            for term in &terms {
                tokens.push(Token { position, text: term.clone(), ..Token::default() });
                position += 1;
            }
            position += PART_GAP;
        }
    };
    add(&chunk.text, 1);
    add(&chunk.title, TITLE_WEIGHT);
    add(&chunk.heading_path.join("\n"), HEADING_WEIGHT);
    PreTokenizedString { text: String::new(), tokens }
}

/// Reads; any number of threads at a time.
pub(crate) struct TextReader {
    reader: IndexReader,
    fields: Fields,
    snapshot: RwLock<Arc<TextSnapshot>>,
}

/// One committed state, with what scoring needs to know about all of it.
pub(crate) struct TextSnapshot {
    pub(crate) searcher: Searcher,
    pub(crate) fields: Fields,
    /// Languages that texts are in.
    pub(crate) languages: Vec<Language>,
    /// Chunks, deleted ones included: what document frequencies refer to.
    pub(crate) chunks: u64,
    /// Mean number of words of a chunk.
    pub(crate) mean_length: f32,
}

impl TextReader {
    fn new(reader: IndexReader, fields: Fields) -> Result<Self, SearchError> {
        let snapshot = RwLock::new(Arc::new(TextSnapshot::of(reader.searcher(), fields)?));
        Ok(Self { reader, fields, snapshot })
    }

    /// Lets searches see the last commit.
    pub(crate) fn reload(&self) -> Result<(), SearchError> {
        self.reader.reload()?;
        let snapshot = Arc::new(TextSnapshot::of(self.reader.searcher(), self.fields)?);
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }

    /// The state as of the last commit.
    pub(crate) fn snapshot(&self) -> Arc<TextSnapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TextSnapshot {
    fn of(searcher: Searcher, fields: Fields) -> Result<Self, SearchError> {
        let mut words = 0;
        let mut chunks = 0;
        let mut languages = Vec::new();
        for segment in searcher.segment_readers() {
            words += segment.inverted_index(fields.words)?.total_num_tokens();
            chunks += u64::from(segment.max_doc());
            add_languages(segment, fields, &mut languages)?;
        }
        languages.sort_unstable();
        let mean_length = if chunks == 0 { 1.0 } else { (words as f32 / chunks as f32).max(1.0) };
        Ok(Self { searcher, fields, languages, chunks, mean_length })
    }

    /// Chunks that can be found, and deleted ones that still take up space.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let readers = self.searcher.segment_readers();
        let alive = readers.iter().map(|segment| u64::from(segment.num_docs())).sum();
        let deleted = readers.iter().map(|segment| u64::from(segment.num_deleted_docs())).sum();
        (alive, deleted)
    }
}

fn add_languages(segment: &SegmentReader, fields: Fields, languages: &mut Vec<Language>) -> Result<(), SearchError> {
    let index = segment.inverted_index(fields.language)?;
    for language in Language::ALL {
        let term = Term::from_field_text(fields.language, language.code());
        if !languages.contains(&language) && index.get_term_info(&term).map_err(TantivyError::from)?.is_some() {
            languages.push(language);
        }
    }
    Ok(())
}
