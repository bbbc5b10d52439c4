//! A thin layer under which SQLite and PostgreSQL look alike: values, rows,
//! connections, transactions. What differs is in [`crate::dialect`].

mod conn;
mod row;
mod tx;
mod value;
mod writer;

pub(crate) use conn::{Conn, LIST, list_values, many, short_list, with_list};
pub(crate) use row::{Fields, Row, from_json, to_json};
pub(crate) use tx::{Tx, Write};
pub(crate) use value::{Value, args};
pub(crate) use writer::Writer;
