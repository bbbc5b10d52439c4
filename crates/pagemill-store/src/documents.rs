//! Documents: adding, finding, listing, and the blobs they need.

use std::collections::HashSet;

use pagemill_core::{Document, DocumentId, DocumentInfo, ProjectId, Stage, Task, TaskStatus};

use crate::{
    Added, Answer, NewDocument, Source, Store,
    dialect::wall_ms,
    failure::Failure,
    removal,
    sql::{Fields, LIST, Tx, Write, args, list_values, to_json, with_list},
    tasks::{self, task_columns, task_of},
    versions,
};

/// The columns [`document_of`] reads, in its order.
macro_rules! document_columns {
    () => {
        "d.id, d.project, d.sha256, d.file, d.bytes, d.info, d.outline, d.live_version, d.created_ms"
    };
}
pub(crate) use document_columns;

pub(crate) fn document_of(fields: &mut Fields<'_>) -> Result<Document, Failure> {
    Ok(Document {
        id: fields.id()?,
        project: fields.id()?,
        sha256: fields.text()?,
        file: fields.text()?,
        bytes: fields.count()?,
        info: fields.json()?,
        outline: fields.json()?,
        live_version: fields.int_or_null()?.and_then(|version| u32::try_from(version).ok()),
        created_ms: fields.int()?,
    })
}

impl Store {
    /// Records a file whose blob is durable: document, task, first job and event in one transaction.
    ///
    /// The same bytes in the same project are the same document. If its newest task failed or was
    /// cancelled, a new task takes up the work; otherwise nothing is started and `reused` says so.
    ///
    /// # Errors
    /// `overloaded` in the rare moment when the blob of these bytes is just being removed: upload again.
    pub fn add_document<'a>(&'a self, new: &'a NewDocument) -> Answer<'a, Added> {
        self.write(AddDocument(new.clone()))
    }

    /// A document of a project.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn document<'a>(&'a self, project: &'a ProjectId, id: &'a DocumentId) -> Answer<'a, Option<Document>> {
        const SQL: &str =
            concat!("SELECT ", document_columns!(), " FROM documents d WHERE d.project = $1 AND d.id = $2");
        self.answer(async move {
            let mut reader = self.reader().await?;
            let row = reader.conn().row(SQL, args![project, id]).await?;
            row.map(|row| document_of(&mut row.fields())).transpose()
        })
    }

    /// Documents of a project with their newest task, in the order they were added, after a given one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn documents<'a>(
        &'a self,
        project: &'a ProjectId,
        after: Option<&'a DocumentId>,
        limit: u32,
    ) -> Answer<'a, Vec<(Document, Option<Task>)>> {
        const SQL: &str = concat!(
            "SELECT ",
            document_columns!(),
            ", ",
            task_columns!(),
            " FROM documents d JOIN tasks t ON t.document = d.id \
             AND t.id = (SELECT MAX(n.id) FROM tasks n WHERE n.document = d.id) \
             WHERE d.project = $1 AND d.id > $2 ORDER BY d.id LIMIT 0 + $3"
        );
        let after = after.map_or("", DocumentId::as_str);
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader.conn().rows(SQL, args![project, after, limit]).await?;
            rows.iter()
                .map(|row| {
                    let mut fields = row.fields();
                    Ok((document_of(&mut fields)?, Some(task_of(&mut fields)?)))
                })
                .collect::<Result<Vec<_>, Failure>>()
        })
    }

    /// Which of these blobs some document of the library needs, for the sweep of orphans.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn blobs_in_use<'a>(&'a self, sha256: &'a [String]) -> Answer<'a, HashSet<String>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut used = HashSet::new();
            for some in sha256.chunks(LIST) {
                // A version that is being built, or was given up, needs its file as well.
                let sql = with_list(
                    "SELECT d.sha256 FROM documents d WHERE d.sha256 IN ({list}) \
                     UNION SELECT v.sha256 FROM versions v WHERE v.sha256 IN ({list})",
                    1,
                );
                for row in reader.conn().rows(sql, &list_values(&[], some)).await? {
                    used.insert(row.text()?);
                }
            }
            Ok(used)
        })
    }
}

/// A document of a project, held until the transaction ends. Whoever holds it may lock its jobs
/// and tasks next, in this order.
pub(crate) async fn lock_document(
    tx: &mut Tx<'_>,
    project: &ProjectId,
    id: &DocumentId,
) -> Result<Option<Document>, Failure> {
    const SQL: &str = concat!("SELECT ", document_columns!(), " FROM documents d WHERE d.project = $1 AND d.id = $2");
    tx.lock_row(SQL, args![project, id]).await?.map(|row| document_of(&mut row.fields())).transpose()
}

struct AddDocument(NewDocument);

impl Write for AddDocument {
    type Output = Added;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Added, Failure> {
        let Self(new) = self;
        removal::keep_blob(tx, &new.sha256).await?;
        let id = DocumentId::new();
        let now = wall_ms();
        let document = Document {
            id,
            project: new.project.clone(),
            sha256: new.sha256.clone(),
            file: new.file.clone(),
            bytes: new.bytes,
            info: DocumentInfo::default(),
            outline: Vec::new(),
            live_version: None,
            created_ms: now,
        };
        let inserted = tx
            .execute(
                "INSERT INTO documents (id, project, sha256, file, bytes, info, outline, created_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, '[]', $7) ON CONFLICT (project, sha256) DO NOTHING",
                args![
                    &document.id,
                    &document.project,
                    &document.sha256,
                    &document.file,
                    i64::try_from(document.bytes).unwrap_or(i64::MAX),
                    to_json(&document.info)?,
                    now,
                ],
            )
            .await?;
        if inserted == 1 {
            let source =
                Source { sha256: new.sha256.clone(), file: new.file.clone(), bytes: new.bytes, redo_from: None };
            versions::begin(tx, &new.project, &document.id, 1, &source).await?;
            let task = tasks::start(tx, &document, &new.recipe, new.priority, 1, Stage::Parse).await?;
            return Ok(Added { document, task, reused: false });
        }
        self.reuse(tx).await
    }
}

impl AddDocument {
    /// The bytes are here already.
    async fn reuse(&self, tx: &mut Tx<'_>) -> Result<Added, Failure> {
        const SQL: &str =
            concat!("SELECT ", document_columns!(), " FROM documents d WHERE d.project = $1 AND d.sha256 = $2");
        let Self(new) = self;
        let row = tx.lock_row(SQL, args![&new.project, &new.sha256]).await?;
        // On PostgreSQL it may have been deleted since the insert met it: the transaction is run again.
        let Some(row) = row else { return Err(Failure::Collision) };
        let document = document_of(&mut row.fields())?;
        let last = tasks::newest_of(tx, &document.id).await?;
        match last {
            Some(last)
                if matches!(last.status, TaskStatus::Failed | TaskStatus::Cancelled)
                    && is_made_from(tx, &last, &new.sha256).await? =>
            {
                let task = tasks::again(tx, &document, &last, &new.recipe, new.priority).await?;
                Ok(Added { document, task, reused: false })
            }
            Some(task) => Ok(Added { document, task, reused: true }),
            None => Err(crate::failure::damaged(format!("document {} has no task", document.id))),
        }
    }
}

/// Whether the version of a task is made from these bytes: it may have been a replacement that came to nothing.
async fn is_made_from(tx: &mut Tx<'_>, task: &Task, sha256: &str) -> Result<bool, Failure> {
    let source = versions::source_of(tx.conn(), &task.document, task.version).await?;
    Ok(source.is_none_or(|source| source.sha256 == sha256))
}
