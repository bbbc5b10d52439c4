//! Removal: documents with all that was derived from them, versions that were replaced, blobs that no one needs.

use std::collections::{BTreeMap, BTreeSet};

use pagemill_core::{DocumentId, ErrorCode, Problem, ProjectId};
use serde_json::json;

use crate::{
    Answer, Blobs, ChangeKind, DeletionReceipt, Store,
    dialect::wall_ms,
    documents,
    failure::Failure,
    queue,
    sql::{LIST, Tx, Write, args, list_values, with_list},
    webhooks,
};

/// How long a process may take to remove a file before another may believe it dead.
const REMOVAL_TIME_MS: i64 = 60_000;

impl Store {
    /// Removes a document with everything derived from it, also in the middle of its processing: a worker
    /// at it loses its lease. The blob is removed by [`Store::remove_unused_blobs`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn delete_document<'a>(
        &'a self,
        project: &'a ProjectId,
        id: &'a DocumentId,
    ) -> Answer<'a, Option<DeletionReceipt>> {
        self.write(DeleteDocument { project: project.clone(), document: id.clone() })
    }

    /// Removes the blobs that deletions left without a document and returns how many went. Safe against an upload of
    /// the same bytes at the same time, and taken up again after a crash: call it after a deletion, at the
    /// start and now and then.
    ///
    /// # Errors
    /// When the database or the blobs do not answer; what is left is removed by the next call.
    pub fn remove_unused_blobs<'a>(&'a self, blobs: &'a Blobs) -> Answer<'a, u32> {
        Box::pin(async move {
            let mut removed = 0;
            let read = async {
                let mut reader = self.reader().await?;
                let rows =
                    reader.conn().rows("SELECT sha256 FROM blob_removals ORDER BY sha256 LIMIT 1000", &[]).await?;
                rows.iter().map(|row| row.text()).collect::<Result<Vec<_>, _>>()
            };
            let unused = read.await.map_err(|failure: Failure| self.problem(failure))?;
            for sha256 in unused {
                if self.write(BeginBlobRemoval { sha256: sha256.clone() }).await? {
                    blobs.delete(&sha256).await?;
                    self.write(EndBlobRemoval { sha256 }).await?;
                    removed += 1;
                }
            }
            Ok(removed)
        })
    }
}

struct DeleteDocument {
    project: ProjectId,
    document: DocumentId,
}

impl Write for DeleteDocument {
    type Output = Option<DeletionReceipt>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<DeletionReceipt>, Failure> {
        let Some(document) = documents::lock_document(tx, &self.project, &self.document).await? else {
            return Ok(None);
        };
        let id = args![&self.document];
        let mut rows = BTreeMap::new();
        // Jobs first: a worker that is just writing is waited for here, and none can begin after.
        tx.lock_rows("SELECT id FROM jobs WHERE document = $1 ORDER BY id", id).await?;
        rows.insert("jobs".to_owned(), queue::clear(tx, &self.document).await?.len() as u64);
        for (table, sql) in [
            ("attempts", "DELETE FROM attempts WHERE task IN (SELECT id FROM tasks WHERE document = $1)"),
            ("tasks", "DELETE FROM tasks WHERE document = $1"),
            ("checkpoints", "DELETE FROM checkpoints WHERE document = $1"),
            ("blocks", "DELETE FROM blocks WHERE document = $1"),
            ("pages", "DELETE FROM pages WHERE document = $1"),
            ("warnings", "DELETE FROM warnings WHERE document = $1"),
            ("recognitions", "DELETE FROM recognitions WHERE document = $1"),
            ("chunks", "DELETE FROM chunks WHERE document = $1"),
            ("events", "DELETE FROM events WHERE document = $1"),
        ] {
            rows.insert(table.to_owned(), tx.execute(sql, id).await?);
        }
        let sources = remove_versions(tx, &self.document, None, rows.entry("versions".to_owned()).or_default()).await?;
        rows.insert("webhook_deliveries".to_owned(), webhooks::forget_document(tx, &self.document).await?);
        let (embeddings, vectors) = remove_embeddings(tx, &self.document, None).await?;
        rows.insert("embeddings".to_owned(), embeddings);
        rows.insert("vectors".to_owned(), vectors);
        rows.insert("documents".to_owned(), tx.execute("DELETE FROM documents WHERE id = $1", id).await?);
        let mut unused = sources;
        unused.insert(document.sha256.clone());
        let mut blob_unused = false;
        for sha256 in &unused {
            let released = release_blob(tx, sha256).await?;
            blob_unused |= released && *sha256 == document.sha256;
        }
        tx.change(ChangeKind::Removed, &self.project, &self.document, document.live_version.unwrap_or(0));
        tx.event("document.deleted", &self.project, None, Some(&self.document), &json!({}))?;
        Ok(Some(DeletionReceipt { document: self.document.clone(), sha256: document.sha256, blob_unused, rows }))
    }
}

/// Removes all that belongs to versions before the given one, but not the vectors: the new version will find
/// most of them again.
pub(crate) async fn remove_older_versions(tx: &mut Tx<'_>, document: &DocumentId, version: u32) -> Result<(), Failure> {
    for sha256 in remove_versions(tx, document, Some(version), &mut 0).await? {
        release_blob(tx, &sha256).await?;
    }
    for sql in [
        "DELETE FROM checkpoints WHERE document = $1 AND version < $2",
        "DELETE FROM blocks WHERE document = $1 AND version < $2",
        "DELETE FROM pages WHERE document = $1 AND version < $2",
        "DELETE FROM warnings WHERE document = $1 AND version < $2",
        "DELETE FROM recognitions WHERE document = $1 AND version < $2",
        "DELETE FROM chunks WHERE document = $1 AND version < $2",
    ] {
        tx.execute(sql, args![document, version]).await?;
    }
    Ok(())
}

/// Removes what is known of versions before one, or of all, and returns the hashes of their bytes.
async fn remove_versions(
    tx: &mut Tx<'_>,
    document: &DocumentId,
    before: Option<u32>,
    removed: &mut u64,
) -> Result<BTreeSet<String>, Failure> {
    let before = args![document, before.unwrap_or(u32::MAX)];
    let rows = tx.rows("SELECT sha256 FROM versions WHERE document = $1 AND version < $2", before).await?;
    *removed += tx.execute("DELETE FROM versions WHERE document = $1 AND version < $2", before).await?;
    rows.iter().map(|row| row.text()).collect()
}

/// Marks a blob for removal unless some document needs it; whether it does not is returned.
pub(crate) async fn release_blob(tx: &mut Tx<'_>, sha256: &str) -> Result<bool, Failure> {
    if needed(tx, sha256).await? {
        return Ok(false);
    }
    let sql = "INSERT INTO blob_removals (sha256) VALUES ($1) ON CONFLICT (sha256) DO NOTHING";
    tx.execute(sql, args![sha256]).await.map(|_| true)
}

/// Whether a document, or a version of one, is made from these bytes.
async fn needed(tx: &mut Tx<'_>, sha256: &str) -> Result<bool, Failure> {
    let sql = "SELECT (SELECT COUNT(*) FROM documents WHERE sha256 = $1) \
               + (SELECT COUNT(*) FROM versions WHERE sha256 = $1)";
    Ok(tx.number(sql, args![sha256]).await? > 0)
}

/// Removes the vectors that only versions before the given one used.
pub(crate) async fn remove_older_embeddings(
    tx: &mut Tx<'_>,
    document: &DocumentId,
    version: u32,
) -> Result<(), Failure> {
    remove_embeddings(tx, document, Some(version)).await.map(drop)
}

/// Removes a document's embeddings (those of versions before `before`, or all), and the vectors that nobody else uses.
async fn remove_embeddings(tx: &mut Tx<'_>, document: &DocumentId, before: Option<u32>) -> Result<(u64, u64), Failure> {
    let before = before.unwrap_or(u32::MAX);
    let rows = tx
        .rows(
            "SELECT DISTINCT model, hash FROM embeddings WHERE document = $1 AND version < $2 ORDER BY model, hash",
            args![document, before],
        )
        .await?;
    let mut by_model: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &rows {
        let mut fields = row.fields();
        by_model.entry(fields.text()?).or_default().push(fields.text()?);
    }
    let embeddings =
        tx.execute("DELETE FROM embeddings WHERE document = $1 AND version < $2", args![document, before]).await?;
    Ok((embeddings, remove_unused_vectors(tx, &by_model).await?))
}

/// Removes those of the vectors (hashes by model) that no chunk uses; returns how many went.
pub(crate) async fn remove_unused_vectors(
    tx: &mut Tx<'_>,
    by_model: &BTreeMap<String, Vec<String>>,
) -> Result<u64, Failure> {
    let mut vectors = 0;
    for (model, hashes) in by_model {
        for some in hashes.chunks(LIST) {
            let values = list_values(args![model], some);
            // The lock waits for whoever is just linking to one of these vectors; the deletion, a
            // statement of its own, then sees the link.
            if tx.dialect() == crate::dialect::Dialect::Postgres {
                let lock = "SELECT hash FROM vectors WHERE model = $1 AND hash IN ({list}) ORDER BY hash FOR UPDATE";
                tx.rows(with_list(lock, 2), &values).await?;
            }
            let sql = "DELETE FROM vectors WHERE model = $1 AND hash IN ({list}) AND NOT EXISTS \
                       (SELECT 1 FROM embeddings e WHERE e.model = vectors.model AND e.hash = vectors.hash)";
            vectors += tx.execute(with_list(sql, 2), &values).await?;
        }
    }
    Ok(vectors)
}

/// Takes a blob back from removal, because a document needs it.
///
/// # Errors
/// `overloaded` while a process is just removing the file.
pub(crate) async fn keep_blob(tx: &mut Tx<'_>, sha256: &str) -> Result<(), Failure> {
    let row = tx.lock_row("SELECT removing_until_ms FROM blob_removals WHERE sha256 = $1", args![sha256]).await?;
    let Some(row) = row else { return Ok(()) };
    if row.fields().int_or_null()?.is_some() {
        return Err(Problem::new(
            ErrorCode::Overloaded,
            "the same file is just being removed; upload it again in a moment",
        )
        .into());
    }
    tx.execute("DELETE FROM blob_removals WHERE sha256 = $1", args![sha256]).await?;
    Ok(())
}

struct BeginBlobRemoval {
    sha256: String,
}

impl Write for BeginBlobRemoval {
    /// Whether the file is to be removed now, by the caller.
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Failure> {
        let sha256 = args![&self.sha256];
        let row = tx.lock_row("SELECT removing_until_ms FROM blob_removals WHERE sha256 = $1", sha256).await?;
        let Some(row) = row else { return Ok(false) };
        let now = wall_ms();
        if row.fields().int_or_null()?.is_some_and(|until| until > now) {
            return Ok(false);
        }
        if needed(tx, &self.sha256).await? {
            tx.execute("DELETE FROM blob_removals WHERE sha256 = $1", sha256).await?;
            return Ok(false);
        }
        tx.execute(
            "UPDATE blob_removals SET removing_until_ms = $2 WHERE sha256 = $1",
            args![&self.sha256, now + REMOVAL_TIME_MS],
        )
        .await?;
        Ok(true)
    }
}

struct EndBlobRemoval {
    sha256: String,
}

impl Write for EndBlobRemoval {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        tx.execute("DELETE FROM blob_removals WHERE sha256 = $1", args![&self.sha256]).await.map(drop)
    }
}
