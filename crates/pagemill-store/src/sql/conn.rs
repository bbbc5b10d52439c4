//! One way to run a statement on a connection of either database.

use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Executor, PgConnection, SqlSafeStr, SqlStr, SqliteConnection, postgres::PgArguments, query::Query,
    sqlite::SqliteArguments,
};

use super::{Row, Value};
use crate::{dialect::Dialect, failure::Failure};

/// A borrowed connection.
pub(crate) enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

macro_rules! bound {
    ($sql:expr, $values:expr, $database:ty, $arguments:ty) => {{
        check_limit($sql.as_str());
        let mut query: Query<'_, $database, $arguments> = sqlx::query($sql);
        for value in $values {
            query = match value {
                Value::Text(text) => query.bind(text.as_deref()),
                Value::Int(number) => query.bind(number),
                Value::Real(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes.as_slice()),
                Value::NoReal => query.bind(None::<f64>),
                Value::NoBytes => query.bind(None::<&[u8]>),
            };
        }
        query
    }};
}

/// SQLite plans a statement anew each time the value of a bare `LIMIT $1` is bound, since it looks at the number;
/// at the head of the queue that cost more than the answer. `LIMIT 0 + $1` is planned once.
fn check_limit(sql: &str) {
    debug_assert!(!sql.contains("LIMIT $"), "planned anew each time; write `LIMIT 0 + $1`: {sql}");
}

impl Conn<'_> {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement; returns how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr + Send, values: &[Value]) -> Result<u64, Failure> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(conn) => {
                bound!(sql, values, sqlx::Sqlite, SqliteArguments).execute(&mut **conn).await?.rows_affected()
            }
            Self::Postgres(conn) => {
                bound!(sql, values, sqlx::Postgres, PgArguments).execute(&mut **conn).await?.rows_affected()
            }
        })
    }

    /// Every row of a query.
    pub(crate) async fn rows(&mut self, sql: impl SqlSafeStr + Send, values: &[Value]) -> Result<Vec<Row>, Failure> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(conn) => {
                bound!(sql, values, sqlx::Sqlite, SqliteArguments)
                    .fetch(&mut **conn)
                    .map_ok(Row::Sqlite)
                    .try_collect()
                    .await?
            }
            Self::Postgres(conn) => {
                bound!(sql, values, sqlx::Postgres, PgArguments)
                    .fetch(&mut **conn)
                    .map_ok(Row::Postgres)
                    .try_collect()
                    .await?
            }
        })
    }

    /// Hands every row of a query on as it comes, so that no more than a few are held.
    pub(crate) async fn each(
        &mut self,
        sql: impl SqlSafeStr + Send,
        values: &[Value],
        mut take: impl FnMut(Row) -> Result<(), Failure> + Send,
    ) -> Result<(), Failure> {
        let sql = sql.into_sql_str();
        match self {
            Self::Sqlite(conn) => {
                let mut rows = bound!(sql, values, sqlx::Sqlite, SqliteArguments).fetch(&mut **conn);
                while let Some(row) = rows.try_next().await? {
                    take(Row::Sqlite(row))?;
                }
            }
            Self::Postgres(conn) => {
                let mut rows = bound!(sql, values, sqlx::Postgres, PgArguments).fetch(&mut **conn);
                while let Some(row) = rows.try_next().await? {
                    take(Row::Postgres(row))?;
                }
            }
        }
        Ok(())
    }

    /// The first row of a query, if there is one.
    pub(crate) async fn row(&mut self, sql: impl SqlSafeStr + Send, values: &[Value]) -> Result<Option<Row>, Failure> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// The first number of a query that always has a row.
    pub(crate) async fn number(&mut self, sql: impl SqlSafeStr + Send, values: &[Value]) -> Result<i64, Failure> {
        match self.row(sql, values).await? {
            Some(row) => row.int(),
            None => Ok(0),
        }
    }

    /// Runs statements that take no values and are not worth preparing.
    pub(crate) async fn batch(&mut self, sql: &'static str) -> Result<(), Failure> {
        match self {
            Self::Sqlite(conn) => conn.execute(sqlx::raw_sql(sql)).await.map(drop)?,
            Self::Postgres(conn) => conn.execute(sqlx::raw_sql(sql)).await.map(drop)?,
        }
        Ok(())
    }

    /// Inserts many rows with few statements: `head` is `INSERT INTO t (a, b) VALUES`,
    /// `tail` an `ON CONFLICT` clause or empty, `values` the rows one after the other.
    pub(crate) async fn insert_many(
        &mut self,
        head: &'static str,
        columns: usize,
        tail: &'static str,
        mut values: &[Value],
    ) -> Result<(), Failure> {
        while !values.is_empty() {
            // Few different lengths, so that prepared statements are found again.
            let rows = [128, 32, 8, 1].into_iter().find(|rows| rows * columns <= values.len()).unwrap_or(1);
            let (now, rest) = values.split_at((rows * columns).min(values.len()));
            self.execute(many(self.dialect(), head, columns, tail, rows), now).await?;
            values = rest;
        }
        Ok(())
    }
}

/// `head ($1,$2),($3,$4) tail`. SQLite gets places without a number: those with one are names to it, and finding
/// a name costs as much as there are names, which for a thousand values was a sixth of what writing costs.
pub(crate) fn many(dialect: Dialect, head: &str, columns: usize, tail: &str, rows: usize) -> AssertSqlSafe<String> {
    let mut sql = String::with_capacity(head.len() + tail.len() + rows * (columns * 6 + 4));
    sql.push_str(head);
    for row in 0..rows {
        sql.push_str(if row == 0 { " (" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                sql.push(',');
            }
            match dialect {
                Dialect::Sqlite => sql.push('?'),
                Dialect::Postgres => sql.push_str(&format!("${}", row * columns + column + 1)),
            }
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(tail);
    AssertSqlSafe(sql)
}

/// How many values one `IN (…)` holds.
pub(crate) const LIST: usize = 64;

/// Replaces `{list}` in a statement by `$first, …` with [`LIST`] places. Fill it with [`list_values`].
pub(crate) fn with_list(sql: &str, first: usize) -> SqlStr {
    with_places(sql, first, LIST)
}

fn with_places(sql: &str, first: usize, count: usize) -> SqlStr {
    let places: Vec<String> = (first..first + count).map(|place| format!("${place}")).collect();
    AssertSqlSafe(sql.replace("{list}", &places.join(","))).into_sql_str()
}

/// The same for a list that is often short: as many places as it needs, of a few lengths, and the values for them.
/// `items` has one to [`LIST`] entries.
pub(crate) fn short_list<'v, T>(sql: &str, fixed: &[Value], items: &'v [T]) -> (SqlStr, Vec<Value>)
where
    Value: From<&'v T>,
{
    let count = [1, 8, LIST].into_iter().find(|count| *count >= items.len()).unwrap_or(LIST);
    let mut values = fixed.to_vec();
    values.extend(items.iter().map(Value::from));
    if let Some(last) = values.last().cloned() {
        values.resize(fixed.len() + count, last);
    }
    (with_places(sql, fixed.len() + 1, count), values)
}

/// The values of a list, its last one repeated up to [`LIST`].
pub(crate) fn list_values<'v, T>(fixed: &[Value], items: &'v [T]) -> Vec<Value>
where
    Value: From<&'v T>,
{
    let mut values = fixed.to_vec();
    values.extend(items.iter().map(Value::from));
    if let Some(last) = values.last().cloned() {
        values.resize(fixed.len() + LIST, last);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_for_many_rows() {
        let head = "INSERT INTO t (a, b) VALUES";
        assert_eq!(many(Dialect::Postgres, head, 2, "", 2).0, format!("{head} ($1,$2),($3,$4) "));
        assert_eq!(many(Dialect::Sqlite, head, 2, "", 2).0, format!("{head} (?,?),(?,?) "));
    }

    #[test]
    fn lists_are_filled_up() {
        let items = ["x".to_owned(), "y".to_owned()];
        let values = list_values(super::super::args!["p"], &items);
        assert_eq!(values.len(), LIST + 1);
        assert_eq!(values[2..], vec![Value::from("y"); LIST - 1]);
        assert!(with_list("a IN ({list})", 2).as_str().starts_with("a IN ($2,$3,"));
    }
}
