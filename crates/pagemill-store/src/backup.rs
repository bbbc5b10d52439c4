//! Backup: the rows of a library as one file that either database can take in again.
//!
//! The file is lines of JSON: for each table a header with its columns and their types, then a line a row. It is
//! written from one snapshot while the library is at work, and read back into an empty database in one transaction.
//! What is secret is never in it.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write as _},
    path::Path,
};

use pagemill_core::{ErrorCode, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};

use crate::{
    StoreOptions,
    blobs::io_problem,
    dialect::{self, Dialect, LeaseClock},
    dump,
    failure::{Failure, damaged},
    options::{Target, without_password},
    queue, schema,
    sql::{Conn, Fields, Row, Tx, Value, args, many},
};

/// Tables of which nothing is kept: who works here now is known only here and now.
const TRANSIENT: [&str; 2] = ["_sqlx_migrations", "workers"];
/// Columns whose values never leave the database.
const SECRET: [&str; 4] = ["secret", "password", "token", "key_hash"];
/// Rows in one statement at most.
const ROWS_AT_ONCE: usize = 64;
/// Values in one statement at most: less than either database takes.
const VALUES_AT_ONCE: usize = 4096;

/// What an export wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The step of the schema the rows are of.
    pub schema: i64,
    /// How many rows there are.
    pub rows: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// SHA-256 of the library's canonical text.
    pub canonical: String,
    /// How many documents there are.
    pub documents: u64,
    /// The hashes of the files that documents are made from.
    pub blobs: Vec<String>,
    /// Tables that are left out, because they hold secrets.
    pub left_out: Vec<String>,
}

/// The type of a column, of the few there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Text,
    Int,
    Real,
    Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Column {
    name: String,
    kind: Kind,
    #[serde(skip)]
    nullable: bool,
}

/// The line before the rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Table {
    table: String,
    columns: Vec<Column>,
}

enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Link {
    /// A connection of its own, beside those of whoever works with the library.
    async fn open(options: &StoreOptions, create: bool) -> Result<Self, Failure> {
        Ok(match Target::parse(&options.url)? {
            Target::Sqlite(path) => {
                if !create && !path.exists() {
                    let message = format!("there is no library at `{}`; check --library", path.display());
                    return Err(Problem::new(ErrorCode::NotFound, message).into());
                }
                Self::Sqlite(dialect::sqlite_options(&path).create_if_missing(create).connect().await?)
            }
            Target::Postgres(url) => Self::Postgres(dialect::patient_postgres_options(&url)?.connect().await?),
        })
    }

    fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(conn) => Conn::Sqlite(conn),
            Self::Postgres(conn) => Conn::Postgres(conn),
        }
    }

    async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(conn) => conn.close().await?,
            Self::Postgres(conn) => conn.close().await?,
        }
        Ok(())
    }
}

/// Writes the rows of a library to a file, as they are at one moment; whoever works with it goes on.
///
/// # Errors
/// `not_found` when there is no library, `schema_too_new` or `conflict` when it is of another step of the schema,
/// `disk_full`, and when the database does not answer.
pub async fn export(options: &StoreOptions, path: &Path) -> Result<Exported, Problem> {
    let exported = async {
        let mut link = Link::open(options, false).await?;
        let mut conn = link.conn();
        conn.batch(match conn.dialect() {
            Dialect::Sqlite => "BEGIN",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        })
        .await?;
        let exported = write_rows(&mut conn, path).await?;
        conn.batch("ROLLBACK").await?;
        link.close().await?;
        Ok(exported)
    };
    exported.await.map_err(|failure: Failure| failure.into_problem(&without_password(&options.url)))
}

async fn write_rows(conn: &mut Conn<'_>, path: &Path) -> Result<Exported, Failure> {
    let schema = schema::applied(conn).await?;
    let file = File::create(path).map_err(|error| io_problem(error, path))?;
    let mut out = Out { file: BufWriter::with_capacity(1 << 18, file), hash: Sha256::new(), path };
    let (mut rows, mut left_out) = (0, Vec::new());
    for table in tables(conn).await? {
        let is_secret = |column: &Column| SECRET.contains(&column.name.as_str());
        if table.columns.iter().any(|column| is_secret(column) && !column.nullable) {
            let sql = format!("SELECT COUNT(*) FROM {}", table.table);
            if conn.number(AssertSqlSafe(sql), &[]).await? > 0 {
                left_out.push(table.table);
            }
            continue;
        }
        out.line(&table)?;
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let sql = format!("SELECT {} FROM {}", names.join(", "), table.table);
        conn.each(AssertSqlSafe(sql), &[], |row| {
            let mut fields = row.fields();
            let mut values = Vec::with_capacity(table.columns.len());
            for column in &table.columns {
                let value = json_of(&mut fields, column.kind)?;
                values.push(if is_secret(column) { Json::Null } else { value });
            }
            rows += 1;
            out.line(&values)
        })
        .await?;
    }
    let documents = conn.number("SELECT COUNT(*) FROM documents", &[]).await?;
    let blobs = conn.rows("SELECT sha256 FROM documents UNION SELECT sha256 FROM versions", &[]).await?;
    let mut blobs = blobs.iter().map(Row::text).collect::<Result<Vec<_>, _>>()?;
    blobs.sort();
    Ok(Exported {
        schema,
        rows,
        sha256: out.end()?,
        canonical: hex::encode(Sha256::digest(dump::canonical(conn).await?)),
        documents: u64::try_from(documents).unwrap_or(0),
        blobs,
        left_out,
    })
}

/// A file that is hashed while it is written.
struct Out<'p> {
    file: BufWriter<File>,
    hash: Sha256,
    path: &'p Path,
}

impl Out<'_> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(value).map_err(|error| damaged(error.to_string()))?;
        line.push(b'\n');
        self.hash.update(&line);
        self.file.write_all(&line).map_err(|error| io_problem(error, self.path).into())
    }

    /// Makes the file durable and tells its hash.
    fn end(self) -> Result<String, Failure> {
        let failed = |error| io_problem(error, self.path);
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        Ok(hex::encode(self.hash.finalize()))
    }
}

/// Takes rows in that [`export`] wrote, into a database that holds no document yet, and then adds what is newer in
/// this program's schema. Returns how many rows there were.
///
/// # Errors
/// `conflict` when there are documents already, `schema_too_new`, `invalid_request` when the file is not what was
/// written, and when the database does not answer.
pub async fn import(options: &StoreOptions, path: &Path, schema: i64) -> Result<u64, Problem> {
    let imported = async {
        let mut link = Link::open(options, true).await?;
        match &mut link {
            Link::Sqlite(conn) => schema::migrate_to(Dialect::Sqlite, conn, schema).await?,
            Link::Postgres(conn) => schema::migrate_to(Dialect::Postgres, conn, schema).await?,
        }
        let mut conn = link.conn();
        conn.batch("BEGIN").await?;
        if conn.number("SELECT COUNT(*) FROM documents", &[]).await? > 0 {
            let message = "there are documents in this library; restore into an empty one";
            return Err(Problem::new(ErrorCode::Conflict, message).into());
        }
        let rows = read_rows(&mut conn, path).await?;
        conn.batch("COMMIT").await?;
        match &mut link {
            Link::Sqlite(conn) => schema::migrate(Dialect::Sqlite, conn).await?,
            Link::Postgres(conn) => schema::migrate(Dialect::Postgres, conn).await?,
        }
        let clock = LeaseClock::new(options.clock.clone());
        free_all(&mut Tx::new(link.conn(), &clock)).await?;
        link.close().await?;
        Ok(rows)
    };
    imported.await.map_err(|failure: Failure| failure.into_problem(&without_password(&options.url)))
}

/// Whoever held something when the copy was made does not hold it here, and times of another clock mean nothing.
async fn free_all(tx: &mut Tx<'_>) -> Result<(), Failure> {
    tx.conn().batch("BEGIN").await?;
    queue::give_all_back(tx).await?;
    tx.execute("UPDATE jobs SET run_at = 0 WHERE run_at > 0", &[]).await?;
    tx.execute("DELETE FROM facts WHERE key = 'lease_boot'", &[]).await?;
    // What cannot be signed is not told, and says so.
    tx.execute(
        "UPDATE webhooks SET disabled = 'its secret is not in a backup; make it anew' WHERE disabled IS NULL \
         AND NOT EXISTS (SELECT 1 FROM webhook_secrets s WHERE s.webhook = webhooks.id)",
        &[],
    )
    .await?;
    tx.flush().await?;
    tx.conn().batch("COMMIT").await
}

async fn read_rows(conn: &mut Conn<'_>, path: &Path) -> Result<u64, Failure> {
    let known = tables(conn).await?;
    let file = File::open(path).map_err(|error| io_problem(error, path))?;
    let mut rows = 0;
    let mut into: Option<Batch> = None;
    for line in BufReader::with_capacity(1 << 18, file).lines() {
        let line = line.map_err(|error| io_problem(error, path))?;
        if line.starts_with('{') {
            if let Some(mut batch) = into.take() {
                batch.flush(conn).await?;
            }
            let table: Table = serde_json::from_str(&line).map_err(|error| not_a_backup(path, &error))?;
            into = Some(Batch::begin(conn, &known, table, path).await?);
            continue;
        }
        let values: Vec<Json> = serde_json::from_str(&line).map_err(|error| not_a_backup(path, &error))?;
        let Some(batch) = &mut into else { return Err(not_a_backup(path, &"a row without a table").into()) };
        batch.add(&values, path)?;
        rows += 1;
        if batch.is_full() {
            batch.flush(conn).await?;
        }
    }
    if let Some(mut batch) = into {
        batch.flush(conn).await?;
    }
    Ok(rows)
}

fn not_a_backup(path: &Path, why: &dyn std::fmt::Display) -> Problem {
    let message = format!("`{}` is not what a backup wrote ({why}); take another backup", path.display());
    Problem::new(ErrorCode::InvalidRequest, message)
}

/// Rows of one table on their way in.
struct Batch {
    table: Table,
    values: Vec<Value>,
}

impl Batch {
    /// A name from a file goes into a statement only when the schema has it.
    async fn begin(conn: &mut Conn<'_>, known: &[Table], table: Table, path: &Path) -> Result<Self, Failure> {
        let there = known.iter().find(|there| there.table == table.table);
        let fits = there.is_some_and(|there| {
            let has = |column: &Column| there.columns.iter().any(|c| (&c.name, c.kind) == (&column.name, column.kind));
            table.columns.iter().all(has)
        });
        if !fits || table.columns.is_empty() {
            return Err(not_a_backup(path, &format!("the table `{}`", table.table)).into());
        }
        // Rows that a fresh schema begins with.
        conn.execute(AssertSqlSafe(format!("DELETE FROM {}", table.table)), &[]).await?;
        Ok(Self { table, values: Vec::new() })
    }

    fn add(&mut self, values: &[Json], path: &Path) -> Result<(), Failure> {
        if values.len() != self.table.columns.len() {
            return Err(not_a_backup(path, &format!("a row of `{}`", self.table.table)).into());
        }
        for (value, column) in values.iter().zip(&self.table.columns) {
            let value = value_of(value, column.kind);
            self.values.push(value.ok_or_else(|| not_a_backup(path, &format!("a value of `{}`", column.name)))?);
        }
        Ok(())
    }

    fn rows_at_once(&self) -> usize {
        ROWS_AT_ONCE.min(VALUES_AT_ONCE / self.table.columns.len()).max(1)
    }

    fn is_full(&self) -> bool {
        self.values.len() >= self.rows_at_once() * self.table.columns.len()
    }

    async fn flush(&mut self, conn: &mut Conn<'_>) -> Result<(), Failure> {
        let width = self.table.columns.len();
        let names: Vec<&str> = self.table.columns.iter().map(|column| column.name.as_str()).collect();
        let head = format!("INSERT INTO {} ({}) VALUES", self.table.table, names.join(", "));
        let full = self.rows_at_once() * width;
        let mut values = self.values.as_slice();
        while !values.is_empty() {
            // Few different lengths, so that prepared statements are found again.
            let take = if values.len() >= full { full } else { width };
            let (now, rest) = values.split_at(take);
            conn.execute(many(conn.dialect(), &head, width, "", take / width), now).await?;
            values = rest;
        }
        self.values.clear();
        Ok(())
    }
}

/// A value as JSON: numbers that are not whole as text, bytes in hexadecimal, so that they come back bit for bit.
fn json_of(fields: &mut Fields<'_>, kind: Kind) -> Result<Json, Failure> {
    Ok(match kind {
        Kind::Text => fields.text_or_null()?.into(),
        Kind::Int => fields.int_or_null()?.into(),
        Kind::Real => fields.double_or_null()?.map(|number| number.to_string()).into(),
        Kind::Bytes => fields.bytes_or_null()?.map(hex::encode).into(),
    })
}

fn value_of(json: &Json, kind: Kind) -> Option<Value> {
    let text = |json: &Json| json.as_str().map(str::to_owned);
    Some(match (kind, json) {
        (Kind::Text, Json::Null) => Value::Text(None),
        (Kind::Int, Json::Null) => Value::Int(None),
        (Kind::Real, Json::Null) => Value::NoReal,
        (Kind::Bytes, Json::Null) => Value::NoBytes,
        (Kind::Text, json) => Value::Text(Some(text(json)?)),
        (Kind::Int, json) => Value::Int(Some(json.as_i64()?)),
        (Kind::Real, json) => Value::Real(text(json)?.parse().ok()?),
        (Kind::Bytes, json) => Value::Bytes(hex::decode(text(json)?).ok()?),
    })
}

/// The tables of a library with their columns, by name.
async fn tables(conn: &mut Conn<'_>) -> Result<Vec<Table>, Failure> {
    let (names, columns) = match conn.dialect() {
        Dialect::Sqlite => (
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
            "SELECT name, type, CASE WHEN \"notnull\" = 0 THEN 1 ELSE 0 END FROM pragma_table_info($1) ORDER BY cid",
        ),
        Dialect::Postgres => (
            "SELECT CAST(table_name AS TEXT) FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1",
            "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT), \
             CAST(CASE WHEN is_nullable = 'YES' THEN 1 ELSE 0 END AS BIGINT) FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position",
        ),
    };
    let mut tables = Vec::new();
    for row in conn.rows(names, &[]).await? {
        let table = row.text()?;
        if TRANSIENT.contains(&table.as_str()) {
            continue;
        }
        let mut found = Vec::new();
        for row in conn.rows(columns, args![&table]).await? {
            let mut fields = row.fields();
            let (name, kind) = (fields.text()?, fields.text()?);
            let kind = match kind.to_ascii_lowercase().as_str() {
                "text" => Kind::Text,
                "integer" | "bigint" => Kind::Int,
                "real" | "double precision" => Kind::Real,
                "blob" | "bytea" => Kind::Bytes,
                _ => return Err(damaged(format!("the column `{name}` of `{table}` has the type {kind}"))),
            };
            found.push(Column { name, kind, nullable: fields.int()? == 1 });
        }
        tables.push(Table { table, columns: found });
    }
    Ok(tables)
}
