//! Facts that hold for the whole library: the embedding model, the form of its vectors.

use crate::{
    Answer, Store,
    failure::Failure,
    sql::{Tx, Write, args},
};

impl Store {
    /// What holds under a key.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn fact<'a>(&'a self, key: &'a str) -> Answer<'a, Option<String>> {
        self.answer(async move {
            let mut reader = self.reader().await?;
            let row = reader.conn().row("SELECT value FROM facts WHERE key = $1", args![key]).await?;
            row.map(|row| row.text()).transpose()
        })
    }

    /// Sets a fact unless it is set already, and returns what holds now: two processes that
    /// both try agree on one value.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn fix_fact<'a>(&'a self, key: &'a str, value: &'a str) -> Answer<'a, String> {
        self.write(FixFact { key: key.to_owned(), value: value.to_owned(), replace: false })
    }

    /// Sets a fact, whatever held before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn set_fact<'a>(&'a self, key: &'a str, value: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            self.write(FixFact { key: key.to_owned(), value: value.to_owned(), replace: true }).await.map(drop)
        })
    }
}

struct FixFact {
    key: String,
    value: String,
    replace: bool,
}

impl Write for FixFact {
    type Output = String;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<String, Failure> {
        let sql = if self.replace {
            "INSERT INTO facts (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value"
        } else {
            "INSERT INTO facts (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING"
        };
        tx.execute(sql, args![&self.key, &self.value]).await?;
        let row = tx.row("SELECT value FROM facts WHERE key = $1", args![&self.key]).await?;
        row.map_or_else(|| Ok(self.value.clone()), |row| row.text())
    }
}
