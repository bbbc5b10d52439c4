//! Vectors: kept under the model and the hash of the embedded text, so that each text of a library is embedded
//! once; chunks refer to them.

use std::collections::{BTreeMap, HashMap};

use pagemill_core::{ChunkId, DocumentId, ErrorCode, Problem, ProjectId};
use serde_json::json;

use crate::{
    Answer, ChangeKind, ChunkVector, Claim, Store, Unit,
    failure::Failure,
    ledger::{Items, check_unit},
    queue, removal,
    sql::{LIST, Tx, Value, Write, args, list_values, with_list},
    stages,
};

impl Store {
    /// The vectors a model has already made for texts, by the hash of the text.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn embeddings_for<'a>(&'a self, model: &'a str, hashes: &'a [String]) -> Answer<'a, HashMap<String, Vec<u8>>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut found = HashMap::with_capacity(hashes.len());
            for some in hashes.chunks(LIST) {
                let sql = with_list("SELECT hash, vector FROM vectors WHERE model = $1 AND hash IN ({list})", 2);
                for row in reader.conn().rows(sql, &list_values(args![model], some)).await? {
                    let mut fields = row.fields();
                    found.insert(fields.text()?, fields.bytes()?);
                }
            }
            Ok(found)
        })
    }

    /// The vectors of a version's chunks; none when it is no longer the live one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn index_vectors<'a>(
        &'a self,
        document: &'a DocumentId,
        version: u32,
        model: &'a str,
    ) -> Answer<'a, Vec<(ChunkId, Vec<u8>)>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader
                .conn()
                .rows(
                    "SELECT c.id, v.vector FROM documents d \
                     JOIN chunks c ON c.document = d.id AND c.version = d.live_version \
                     JOIN embeddings e ON e.document = d.id AND e.version = d.live_version AND e.chunk = c.id \
                     JOIN vectors v ON v.model = e.model AND v.hash = e.hash \
                     WHERE d.id = $1 AND d.live_version = $2 AND e.model = $3 ORDER BY c.ordinal",
                    args![document, version, model],
                )
                .await?;
            rows.iter()
                .map(|row| {
                    let mut fields = row.fields();
                    Ok((fields.id()?, fields.bytes()?))
                })
                .collect::<Result<Vec<_>, Failure>>()
        })
    }

    /// Stores the vectors of a unit of `embed`; `reused` of them were not made again.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held.
    pub fn save_embeddings<'a>(
        &'a self,
        claim: &'a Claim,
        unit: impl Into<Unit>,
        model: &'a str,
        vectors: &'a [ChunkVector],
        reused: u32,
    ) -> Answer<'a, ()> {
        let mut links = Vec::with_capacity(vectors.len() * 5);
        // Each text once, in one order for everyone.
        let mut texts = BTreeMap::new();
        for vector in vectors {
            links.extend_from_slice(args![&claim.document, claim.version, &vector.chunk, model, &vector.hash]);
            texts.insert(&vector.hash, &vector.vector);
        }
        let mut values = Vec::with_capacity(texts.len() * 3);
        for (hash, vector) in texts {
            values.extend_from_slice(args![model, hash, vector.clone()]);
        }
        let reused = reused.min(vectors.len() as u32);
        let items = Items { done: vectors.len() as u32 - reused, reused, failed: 0 };
        self.write(SaveEmbeddings { claim: claim.clone(), unit: unit.into(), links, vectors: values, items })
    }

    /// Ends `embed`: every chunk has its vector, and the vector index hears of it.
    ///
    /// # Errors
    /// `lease_lost` when the job is no longer held; `internal` when a chunk has no vector.
    pub fn finish_embed<'a>(&'a self, claim: &'a Claim, model: &'a str) -> Answer<'a, ()> {
        self.write(FinishEmbed { claim: claim.clone(), model: model.to_owned() })
    }
}

struct SaveEmbeddings {
    claim: Claim,
    unit: Unit,
    links: Vec<Value>,
    vectors: Vec<Value>,
    items: Items,
}

impl Write for SaveEmbeddings {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let claim = &self.claim;
        queue::hold(tx, claim).await?;
        let known = tx.dialect().keep_vector();
        tx.conn().insert_many("INSERT INTO vectors (model, hash, vector) VALUES", 3, known, &self.vectors).await?;
        let head = "INSERT INTO embeddings (document, version, chunk, model, hash) VALUES";
        let tail = "ON CONFLICT (document, version, model, chunk) DO UPDATE SET hash = EXCLUDED.hash";
        tx.conn().insert_many(head, 5, tail, &self.links).await?;
        check_unit(tx, claim, &self.unit, self.items).await
    }
}

struct FinishEmbed {
    claim: Claim,
    model: String,
}

impl Write for FinishEmbed {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        let Self { claim, model } = self;
        let held = queue::hold(tx, claim).await?;
        let missing = tx
            .number(
                "SELECT COUNT(*) FROM chunks c WHERE c.document = $1 AND c.version = $2 AND NOT EXISTS \
                 (SELECT 1 FROM embeddings e WHERE e.document = $1 AND e.version = $2 AND e.model = $3 AND e.chunk = c.id)",
                args![&claim.document, claim.version, model],
            )
            .await?;
        if missing > 0 {
            let message = format!("{missing} chunks of document {} have no vector", claim.document);
            return Err(Problem::new(ErrorCode::Internal, message).into());
        }
        have_changed(tx, &claim.project, &claim.document, claim.version).await?;
        stages::advance(tx, claim, &held, "").await?;
        let data = json!({ "model": model });
        tx.event("document.embeddings_generated", &claim.project, Some(&claim.task), Some(&claim.document), &data)
    }
}

/// The vectors of a version are such as they will be: the index takes them, and those of earlier versions go.
pub(crate) async fn have_changed(
    tx: &mut Tx<'_>,
    project: &ProjectId,
    document: &DocumentId,
    version: u32,
) -> Result<(), Failure> {
    removal::remove_older_embeddings(tx, document, version).await?;
    tx.change(ChangeKind::Vectors, project, document, version);
    Ok(())
}
