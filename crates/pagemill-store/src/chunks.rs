//! Chunks: stored as a set for each version, listed in reading order.

use std::collections::HashMap;

use pagemill_core::{Chunk, ChunkKind, DocumentId};
use serde_json::json;

use crate::{
    Answer, ChangeKind, Claim, Store, Unit,
    failure::Failure,
    ledger::{Items, check_unit},
    queue,
    sql::{Conn, Fields, LIST, Row, Tx, Value, Write, args, short_list, to_json},
    stages, versions,
};

/// The columns [`chunk_of`] reads, in its order.
macro_rules! chunk_columns {
    () => {
        "c.id, c.document, c.version, c.ordinal, c.kind, c.text, c.heading_path, c.pieces, c.tokens"
    };
}
pub(crate) use chunk_columns;

pub(crate) fn chunk_of(fields: &mut Fields<'_>) -> Result<Chunk, Failure> {
    Ok(Chunk {
        id: fields.id()?,
        document: fields.id()?,
        version: fields.count()?,
        ordinal: fields.count()?,
        kind: fields.word(ChunkKind::parse)?,
        text: fields.text()?,
        heading_path: fields.json()?,
        pieces: fields.json()?,
        tokens: fields.count()?,
    })
}

fn chunks_of(rows: &[Row]) -> Result<Vec<Chunk>, Failure> {
    rows.iter().map(|row| chunk_of(&mut row.fields())).collect()
}

/// All chunks of a version in reading order.
async fn all_chunks(conn: &mut Conn<'_>, document: &DocumentId, version: u32) -> Result<Vec<Chunk>, Failure> {
    const SQL: &str = concat!(
        "SELECT ",
        chunk_columns!(),
        " FROM chunks c WHERE c.document = $1 AND c.version = $2 ORDER BY c.ordinal"
    );
    chunks_of(&conn.rows(SQL, args![document, version]).await?)
}

impl Store {
    /// Chunks of a version in reading order, after a given place.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn chunks<'a>(
        &'a self,
        document: &'a DocumentId,
        version: u32,
        after_ordinal: Option<u32>,
        limit: u32,
    ) -> Answer<'a, Vec<Chunk>> {
        const SQL: &str = concat!(
            "SELECT ",
            chunk_columns!(),
            " FROM chunks c WHERE c.document = $1 AND c.version = $2 AND c.ordinal > $3 ORDER BY c.ordinal LIMIT 0 + $4"
        );
        let after = after_ordinal.map_or(-1, i64::from);
        self.answer(async move {
            let mut reader = self.reader().await?;
            chunks_of(&reader.conn().rows(SQL, args![document, version, after, limit]).await?)
        })
    }

    /// How many chunks a version has.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn chunk_count<'a>(&'a self, document: &'a DocumentId, version: u32) -> Answer<'a, u32> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let sql = "SELECT COUNT(*) FROM chunks WHERE document = $1 AND version = $2";
            let count = reader.conn().number(sql, args![document, version]).await?;
            Ok(u32::try_from(count).unwrap_or(u32::MAX))
        })
    }

    /// How many chunks the live versions of these documents have; those without any are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn live_chunk_counts<'a>(&'a self, documents: &'a [DocumentId]) -> Answer<'a, HashMap<DocumentId, u32>> {
        const SQL: &str = "SELECT d.id, COUNT(*) FROM documents d \
             JOIN chunks c ON c.document = d.id AND c.version = d.live_version WHERE d.id IN ({list}) GROUP BY d.id";
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut counts = HashMap::with_capacity(documents.len());
            for some in documents.chunks(LIST) {
                let (sql, values) = short_list(SQL, &[], some);
                for row in reader.conn().rows(sql, &values).await? {
                    let mut fields = row.fields();
                    counts.insert(fields.id()?, fields.count()?);
                }
            }
            Ok(counts)
        })
    }

    /// The chunks of a version for the text index, or `None` when it is no longer the live one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn index_texts<'a>(&'a self, document: &'a DocumentId, version: u32) -> Answer<'a, Option<Vec<Chunk>>> {
        self.answer(async move {
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let live = conn
                .number("SELECT COUNT(*) FROM documents WHERE id = $1 AND live_version = $2", args![document, version])
                .await?;
            if live == 0 {
                return Ok(None);
            }
            all_chunks(&mut conn, document, version).await.map(Some)
        })
    }

    /// The chunks that another version or document was cut into under a key, if there is one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn chunks_made<'a>(&'a self, claim: &'a Claim, key: &'a str) -> Answer<'a, Option<Vec<Chunk>>> {
        self.answer(async move {
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let row = conn
                .row(
                    "SELECT document, version FROM checkpoints \
                     WHERE key = $1 AND key <> '' AND stage = 'chunk' AND unit = 0 \
                     AND NOT (document = $2 AND version = $3) ORDER BY at_ms DESC LIMIT 1",
                    args![key, &claim.document, claim.version],
                )
                .await?;
            let Some(row) = row else { return Ok(None) };
            let mut fields = row.fields();
            let (document, version): (DocumentId, u32) = (fields.id()?, fields.count()?);
            all_chunks(&mut conn, &document, version).await.map(Some)
        })
    }

    /// Ends `chunk`: the chunks replace those of the version, the version goes live, older versions go,
    /// and the text index hears of it. `reused` says that they were taken over from earlier work.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held; `conflict` when another document of the project got the same
    /// bytes meanwhile.
    pub fn save_chunks<'a>(
        &'a self,
        claim: &'a Claim,
        unit: impl Into<Unit>,
        chunks: &'a [Chunk],
        reused: bool,
    ) -> Answer<'a, ()> {
        self.write_made(SaveChunks::new(claim, unit.into(), chunks, reused))
    }
}

/// Chunks in the form they are stored in, made before the transaction begins.
struct SaveChunks {
    claim: Claim,
    unit: Unit,
    items: Items,
    count: u32,
    chunks: Vec<Value>,
}

impl SaveChunks {
    fn new(claim: &Claim, unit: Unit, chunks: &[Chunk], reused: bool) -> Result<Self, Failure> {
        let mut values = Vec::with_capacity(chunks.len() * 9);
        for chunk in chunks {
            values.extend_from_slice(args![
                &chunk.id,
                &claim.document,
                claim.version,
                chunk.ordinal,
                chunk.kind.as_str(),
                chunk.text.as_str(),
                to_json(&chunk.heading_path)?,
                to_json(&chunk.pieces)?,
                chunk.tokens,
            ]);
        }
        let count = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        let items = if reused {
            Items { reused: count, ..Items::default() }
        } else {
            Items { done: count, ..Items::default() }
        };
        Ok(Self { claim: claim.clone(), unit, items, count, chunks: values })
    }
}

impl Write for SaveChunks {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        let held = queue::hold(tx, claim).await?;
        let version = args![&claim.document, claim.version];
        tx.execute("DELETE FROM chunks WHERE document = $1 AND version = $2", version).await?;
        tx.execute("DELETE FROM embeddings WHERE document = $1 AND version = $2", version).await?;
        // What this and later stages had done was done with the chunks that are gone.
        tx.execute(
            "DELETE FROM checkpoints WHERE document = $1 AND version = $2 AND stage IN ('chunk', 'embed', 'index', 'finish')",
            version,
        )
        .await?;
        let head =
            "INSERT INTO chunks (id, document, version, ordinal, kind, text, heading_path, pieces, tokens) VALUES";
        tx.conn().insert_many(head, 9, "", &self.chunks).await?;
        versions::go_live(tx, claim).await?;
        check_unit(tx, claim, &self.unit, self.items).await?;
        tx.execute("UPDATE tasks SET chunks = $2 WHERE id = $1", args![&claim.task, self.count]).await?;
        tx.change(ChangeKind::Text, &claim.project, &claim.document, claim.version);
        stages::advance(tx, claim, &held, &self.unit.key).await?;
        let data = json!({ "chunks": self.count });
        tx.event("document.chunks_created", &claim.project, Some(&claim.task), Some(&claim.document), &data)
    }
}
