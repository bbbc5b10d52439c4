//! What a library holds, in numbers.

use pagemill_core::{ProjectId, Queue, TaskStatus};

use crate::{Answer, Counts, JobState, Store, sql::args};

impl Store {
    /// Counts documents, pages, chunks and vectors of live versions, jobs and tasks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn library_counts<'a>(&'a self) -> Answer<'a, Counts> {
        self.answer(async move {
            let mut snapshot = self.snapshot().await?;
            let mut conn = snapshot.conn();
            let mut counts = Counts {
                documents: unsigned(conn.number("SELECT COUNT(*) FROM documents", &[]).await?),
                pages: unsigned(
                    conn.number(
                        "SELECT COUNT(*) FROM documents d JOIN pages p \
                         ON p.document = d.id AND p.version = d.live_version",
                        &[],
                    )
                    .await?,
                ),
                chunks: unsigned(
                    conn.number(
                        "SELECT COUNT(*) FROM documents d JOIN chunks c \
                         ON c.document = d.id AND c.version = d.live_version",
                        &[],
                    )
                    .await?,
                ),
                vectors: unsigned(
                    conn.number(
                        "SELECT COUNT(*) FROM documents d JOIN embeddings e \
                         ON e.document = d.id AND e.version = d.live_version",
                        &[],
                    )
                    .await?,
                ),
                ..Counts::default()
            };
            let sql = "SELECT queue, state, COUNT(*) FROM jobs GROUP BY queue, state ORDER BY queue, state";
            for row in conn.rows(sql, &[]).await? {
                let mut fields = row.fields();
                counts.jobs.push((fields.word(Queue::parse)?, fields.word(JobState::parse)?, fields.count()?));
            }
            let sql = "SELECT status, COUNT(*) FROM tasks GROUP BY status ORDER BY status";
            for row in conn.rows(sql, &[]).await? {
                let mut fields = row.fields();
                counts.tasks.push((fields.word(TaskStatus::parse)?, fields.count()?));
            }
            Ok(counts)
        })
    }

    /// How many jobs of a project are not done, counted up to a thousand: cheap enough for every search.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn open_jobs<'a>(&'a self, project: &'a ProjectId) -> Answer<'a, u64> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let sql = "SELECT COUNT(*) FROM \
                       (SELECT 1 FROM jobs WHERE project = $1 AND state <> 'dead' LIMIT 1000) AS open_jobs";
            Ok(unsigned(reader.conn().number(sql, args![project]).await?))
        })
    }
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
