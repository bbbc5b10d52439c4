//! Passages: what a search shows of the chunks it found.

use std::collections::{HashMap, HashSet};

use pagemill_core::{Block, Chunk, ChunkId, Document, DocumentId, ProjectId};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::{
    Answer, BlockPlace, Passages, Store,
    chunks::{chunk_columns, chunk_of},
    documents::{document_columns, document_of},
    failure::Failure,
    pages::block_of,
    sql::{Conn, LIST, Value, args, list_values, with_list},
};

/// How many places one statement asks for.
const PLACES: usize = 16;

impl Store {
    /// Chunks by identifier with their documents and blocks: only of live versions, only of this
    /// project. All is read in one transaction, since search is waited for and every turn counts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn passages<'a>(&'a self, project: &'a ProjectId, ids: &'a [ChunkId]) -> Answer<'a, Passages> {
        self.answer(async move {
            if ids.is_empty() {
                return Ok(Passages::default());
            }
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let chunks = chunks_by_id(&mut conn, project, ids).await?;
            let documents = documents_of(&mut conn, &chunks).await?;
            let blocks = blocks_of(&mut conn, &chunks).await?;
            Ok(Passages { chunks, documents, blocks })
        })
    }
}

async fn chunks_by_id(conn: &mut Conn<'_>, project: &ProjectId, ids: &[ChunkId]) -> Result<Vec<Chunk>, Failure> {
    // SQLite takes the tables of a CROSS JOIN in this order: it would walk through the whole project instead.
    const SQL: &str = concat!(
        "SELECT ",
        chunk_columns!(),
        " FROM chunks c CROSS JOIN documents d WHERE c.id IN ({list}) \
         AND d.id = c.document AND d.live_version = c.version AND d.project = $1"
    );
    let mut found = HashMap::with_capacity(ids.len());
    for some in ids.chunks(LIST) {
        for row in conn.rows(with_list(SQL, 2), &list_values(args![project], some)).await? {
            let chunk = chunk_of(&mut row.fields())?;
            found.insert(chunk.id.clone(), chunk);
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

async fn documents_of(conn: &mut Conn<'_>, chunks: &[Chunk]) -> Result<HashMap<DocumentId, Document>, Failure> {
    const SQL: &str = concat!("SELECT ", document_columns!(), " FROM documents d WHERE d.id IN ({list})");
    let ids: HashSet<&DocumentId> = chunks.iter().map(|chunk| &chunk.document).collect();
    let ids: Vec<DocumentId> = ids.into_iter().cloned().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for some in ids.chunks(LIST) {
        for row in conn.rows(with_list(SQL, 1), &list_values(&[], some)).await? {
            let document = document_of(&mut row.fields())?;
            found.insert(document.id.clone(), document);
        }
    }
    Ok(found)
}

async fn blocks_of(conn: &mut Conn<'_>, chunks: &[Chunk]) -> Result<HashMap<BlockPlace, Block>, Failure> {
    let places: HashSet<BlockPlace> =
        chunks.iter().flat_map(|chunk| chunk.pieces.iter().map(|piece| BlockPlace::of(chunk, piece))).collect();
    let places: Vec<BlockPlace> = places.into_iter().collect();
    let mut blocks = HashMap::with_capacity(places.len());
    for some in places.chunks(PLACES) {
        for row in conn.rows(at_places(), &place_values(some)).await? {
            let mut fields = row.fields();
            let (document, version) = (fields.id()?, fields.count()?);
            let ((page, block), found) = block_of(&mut fields, true)?;
            blocks.insert(BlockPlace { document, version, page, block }, found);
        }
    }
    Ok(blocks)
}

/// The statement for [`PLACES`] blocks: one index look-up each.
fn at_places() -> SqlStr {
    let place = |number: usize| {
        let first = number * 4 + 1;
        let [version, page, block] = [first + 1, first + 2, first + 3];
        format!("(document = ${first} AND version = ${version} AND page = ${page} AND ordinal = ${block})")
    };
    let places: Vec<String> = (0..PLACES).map(place).collect();
    let columns = "document, version, page, ordinal, kind, level, text, x0, y0, x1, y1, cells, about, words";
    AssertSqlSafe(format!("SELECT {columns} FROM blocks WHERE {}", places.join(" OR "))).into_sql_str()
}

/// The values of the places, the last one repeated up to [`PLACES`].
fn place_values(places: &[BlockPlace]) -> Vec<Value> {
    let padding = places.last().into_iter().cycle().take(PLACES.saturating_sub(places.len()));
    let values = |place: &BlockPlace| {
        [Value::from(&place.document), place.version.into(), place.page.into(), place.block.into()]
    };
    places.iter().chain(padding).flat_map(values).collect()
}
