//! Rows of both databases, read column after column.

use std::str::FromStr;

use sqlx::{Row as _, postgres::PgRow, sqlite::SqliteRow};

use crate::failure::{Failure, damaged};

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// Reads the columns in their order.
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields { row: self, at: 0 }
    }

    /// The only column of a row with one number.
    pub(crate) fn int(&self) -> Result<i64, Failure> {
        self.fields().int()
    }

    /// The only column of a row with one text.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        self.fields().text()
    }
}

/// Reads one column at each call.
pub(crate) struct Fields<'r> {
    row: &'r Row,
    at: usize,
}

macro_rules! next {
    ($self:ident, $kind:ty) => {{
        let at = $self.at;
        $self.at += 1;
        match $self.row {
            Row::Sqlite(row) => row.try_get_unchecked::<$kind, _>(at)?,
            Row::Postgres(row) => row.try_get_unchecked::<$kind, _>(at)?,
        }
    }};
}

impl Fields<'_> {
    pub(crate) fn text(&mut self) -> Result<String, Failure> {
        Ok(next!(self, String))
    }

    pub(crate) fn text_or_null(&mut self) -> Result<Option<String>, Failure> {
        Ok(next!(self, Option<String>))
    }

    pub(crate) fn int(&mut self) -> Result<i64, Failure> {
        Ok(next!(self, i64))
    }

    pub(crate) fn int_or_null(&mut self) -> Result<Option<i64>, Failure> {
        Ok(next!(self, Option<i64>))
    }

    /// A number that is never negative.
    pub(crate) fn count<T: TryFrom<i64>>(&mut self) -> Result<T, Failure> {
        let number = self.int()?;
        T::try_from(number).map_err(|_range| damaged(format!("{number} in column {}", self.at)))
    }

    pub(crate) fn real(&mut self) -> Result<f32, Failure> {
        Ok(next!(self, f64) as f32)
    }

    pub(crate) fn double_or_null(&mut self) -> Result<Option<f64>, Failure> {
        Ok(next!(self, Option<f64>))
    }

    pub(crate) fn bytes_or_null(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        Ok(next!(self, Option<Vec<u8>>))
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Failure> {
        Ok(next!(self, Vec<u8>))
    }

    /// An identifier.
    pub(crate) fn id<T: FromStr>(&mut self) -> Result<T, Failure> {
        let text = self.text()?;
        text.parse().map_err(|_reason| damaged(format!("the identifier `{text}`")))
    }

    /// An identifier that may be missing.
    pub(crate) fn id_or_null<T: FromStr>(&mut self) -> Result<Option<T>, Failure> {
        let Some(text) = self.text_or_null()? else { return Ok(None) };
        text.parse().map(Some).map_err(|_reason| damaged(format!("the identifier `{text}`")))
    }

    /// A word of a closed list.
    pub(crate) fn word<T>(&mut self, parse: fn(&str) -> Option<T>) -> Result<T, Failure> {
        let text = self.text()?;
        parse(&text).ok_or_else(|| damaged(format!("the word `{text}`")))
    }

    /// A value stored as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, Failure> {
        from_json(&self.text()?)
    }
}

/// Reads stored JSON.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| damaged(format!("stored JSON: {error}")))
}

/// Writes JSON to be stored. The types stored have text keys and finite shapes, so that this fails only by a defect.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| damaged(format!("a value that cannot be stored as JSON: {error}")))
}
