//! The few types that go into a statement, the same for both databases.

/// A bound value. `None` is NULL and keeps its type, which PostgreSQL wants to know.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Real(f64),
    Bytes(Vec<u8>),
    /// NULL where a float stands.
    NoReal,
    /// NULL where bytes stand.
    NoBytes,
}

/// Text from files may hold NUL, which PostgreSQL cannot store. A space has the same
/// length, so that byte offsets into the text stay right.
fn storable(mut text: String) -> String {
    if text.contains('\0') {
        text = text.replace('\0', " ");
    }
    text
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(storable(text)))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(storable))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(Some(i64::from(number)))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self::Real(f64::from(number))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

macro_rules! from_ids {
    ($($id:ty),*) => {$(
        impl From<&$id> for Value {
            fn from(id: &$id) -> Self {
                Self::from(id.as_str())
            }
        }
    )*};
}

from_ids!(
    pagemill_core::ProjectId,
    pagemill_core::DocumentId,
    pagemill_core::TaskId,
    pagemill_core::JobId,
    pagemill_core::ChunkId,
    pagemill_core::WorkerId,
    pagemill_core::WebhookId,
    pagemill_core::DeliveryId
);

/// Values in the order of `$1`, `$2`…
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        &[$($crate::sql::Value::from($value)),*]
    };
}
pub(crate) use args;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_becomes_a_space_of_the_same_length() {
        assert_eq!(Value::from("a\0b"), Value::Text(Some("a b".to_owned())));
    }
}
