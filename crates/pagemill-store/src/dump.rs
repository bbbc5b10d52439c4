//! The library as canonical text: two libraries that hold the same give the same text.
//!
//! Rows are sorted; times and random identifiers are left out, a document is called by its project
//! and the hash of its bytes, a chunk by its place. Chaos tests compare it before and after.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::{
    Answer, Store,
    failure::Failure,
    sql::{Conn, args},
};

impl Store {
    /// The library as canonical text. Text and vectors are shown by a hash.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn dump<'a>(&'a self) -> Answer<'a, String> {
        self.answer(async move {
            let mut snapshot = self.snapshot().await?;
            canonical(&mut snapshot.conn()).await
        })
    }
}

/// The library as canonical text.
pub(crate) async fn canonical(conn: &mut Conn<'_>) -> Result<String, Failure> {
    let mut out = String::new();
    let documents = conn
        .rows(
            "SELECT d.id, d.project, d.sha256, d.file, d.bytes, d.info, d.outline, COALESCE(d.live_version, 0), \
             (SELECT t.status FROM tasks t WHERE t.document = d.id ORDER BY t.id DESC LIMIT 1), \
             (SELECT t.error FROM tasks t WHERE t.document = d.id ORDER BY t.id DESC LIMIT 1), \
             (SELECT COUNT(*) FROM jobs j WHERE j.document = d.id) \
             FROM documents d ORDER BY d.project, d.sha256",
            &[],
        )
        .await?;
    for row in &documents {
        let mut fields = row.fields();
        let id = fields.text()?;
        line(
            &mut out,
            "document",
            &[
                fields.text()?,
                fields.text()?,
                fields.text()?,
                fields.int()?.to_string(),
                hashed(fields.text()?.as_bytes()),
                hashed(fields.text()?.as_bytes()),
                format!("live {}", fields.int()?),
                fields.text_or_null()?.unwrap_or_default(),
                fields.text_or_null()?.unwrap_or_default(),
                format!("jobs {}", fields.int()?),
            ],
        );
        let rows = conn
            .rows(
                "SELECT version, number, label, width, height, source, reason FROM pages \
                 WHERE document = $1 ORDER BY version, number",
                args![&id],
            )
            .await?;
        for row in &rows {
            let mut fields = row.fields();
            line(
                &mut out,
                "  page",
                &[
                    fields.int()?.to_string(),
                    fields.int()?.to_string(),
                    fields.text_or_null()?.unwrap_or_default(),
                    fields.real()?.to_string(),
                    fields.real()?.to_string(),
                    fields.text()?,
                    fields.text_or_null()?.unwrap_or_default(),
                ],
            );
        }
        let rows = conn
            .rows(
                "SELECT version, page, ordinal, kind, level, text, x0, y0, x1, y1, cells, words FROM blocks \
                 WHERE document = $1 ORDER BY version, page, ordinal",
                args![&id],
            )
            .await?;
        for row in &rows {
            let mut fields = row.fields();
            line(
                &mut out,
                "  block",
                &[
                    fields.int()?.to_string(),
                    fields.int()?.to_string(),
                    fields.int()?.to_string(),
                    fields.text()?,
                    fields.int_or_null()?.map_or_else(String::new, |level| level.to_string()),
                    hashed(fields.text()?.as_bytes()),
                    format!("{} {} {} {}", fields.real()?, fields.real()?, fields.real()?, fields.real()?),
                    hashed(fields.text_or_null()?.unwrap_or_default().as_bytes()),
                    hashed(&fields.bytes()?),
                ],
            );
        }
        let rows = conn
            .rows(
                "SELECT c.version, c.ordinal, c.kind, c.text, c.heading_path, c.pieces, c.tokens, e.model, v.vector \
                 FROM chunks c LEFT JOIN embeddings e ON e.document = c.document AND e.version = c.version \
                 AND e.chunk = c.id LEFT JOIN vectors v ON v.model = e.model AND v.hash = e.hash \
                 WHERE c.document = $1 ORDER BY c.version, c.ordinal, e.model",
                args![&id],
            )
            .await?;
        for row in &rows {
            let mut fields = row.fields();
            let mut values = vec![
                fields.int()?.to_string(),
                fields.int()?.to_string(),
                fields.text()?,
                hashed(fields.text()?.as_bytes()),
                hashed(fields.text()?.as_bytes()),
                hashed(fields.text()?.as_bytes()),
                fields.int()?.to_string(),
            ];
            if let Some(model) = fields.text_or_null()? {
                values.push(model);
                values.push(hashed(&fields.bytes()?));
            }
            line(&mut out, "  chunk", &values);
        }
        let rows = conn
            .rows(
                "SELECT version, stage, unit FROM checkpoints WHERE document = $1 ORDER BY version, stage, unit",
                args![&id],
            )
            .await?;
        for row in &rows {
            let mut fields = row.fields();
            line(&mut out, "  checkpoint", &[fields.int()?.to_string(), fields.text()?, fields.int()?.to_string()]);
        }
    }
    for (name, sql) in [
        ("vectors", "SELECT COUNT(*) FROM vectors"),
        (
            "unused vectors",
            "SELECT COUNT(*) FROM vectors v WHERE NOT EXISTS \
             (SELECT 1 FROM embeddings e WHERE e.model = v.model AND e.hash = v.hash)",
        ),
        ("versions", "SELECT COUNT(*) FROM versions"),
        ("jobs", "SELECT COUNT(*) FROM jobs"),
    ] {
        line(&mut out, name, &[conn.number(sql, &[]).await?.to_string()]);
    }
    Ok(out)
}

fn line(out: &mut String, name: &str, values: &[String]) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{name} | {}", values.join(" | "));
}

/// The beginning of the hash of something too long to show.
fn hashed(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}
