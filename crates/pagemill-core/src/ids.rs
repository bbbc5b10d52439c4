//! Prefixed, sortable identifiers: `doc_…`, `task_…`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Problem};

/// Crockford's base 32: no letters that look like digits, sorts like the number.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in groups of five.
const DIGITS: usize = 26;

fn encode(value: u128) -> String {
    (0..DIGITS).rev().map(|digit| char::from(ALPHABET[((value >> (digit * 5)) & 31) as usize])).collect()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What every identifier of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new identifier; later ones sort after earlier ones.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(format!("{}_{}", $prefix, encode(uuid::Uuid::now_v7().as_u128())))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Problem;

            fn from_str(text: &str) -> Result<Self, Problem> {
                let rest = text.strip_prefix($prefix).and_then(|rest| rest.strip_prefix('_'));
                match rest {
                    Some(rest)
                        if !rest.is_empty()
                            && rest.len() <= 64
                            && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) =>
                    {
                        Ok(Self(text.to_owned()))
                    }
                    _ => Err(Problem::new(
                        ErrorCode::InvalidRequest,
                        format!(
                            "`{}` is not an identifier of this kind; it begins with `{}_`",
                            crate::excerpt(text, 60),
                            $prefix
                        ),
                    )),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Problem;

            fn try_from(text: String) -> Result<Self, Problem> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id!(
    /// A project, the owner of documents, searches and costs.
    ProjectId, "prj"
);
id!(
    /// A document.
    DocumentId, "doc"
);
id!(
    /// One run of a recipe over a document.
    TaskId, "task"
);
id!(
    /// A job in a queue.
    JobId, "job"
);
id!(
    /// A chunk of a document.
    ChunkId, "chk"
);
id!(
    /// A process that takes jobs.
    WorkerId, "wrk"
);
id!(
    /// An address that is told of events.
    WebhookId, "hook"
);
id!(
    /// One telling of one event to one webhook.
    DeliveryId, "dlv"
);

/// The number of an event: later events have higher numbers.
pub type EventId = i64;

impl ProjectId {
    /// The project that exists from the start.
    pub fn default_project() -> Self {
        Self("prj_default".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_parse_back() {
        let (first, second) = (DocumentId::new(), DocumentId::new());
        assert!(first < second);
        assert_eq!(first.as_str().parse::<DocumentId>().unwrap(), first);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let task = TaskId::new();
        assert!(task.as_str().parse::<DocumentId>().is_err());
        assert!("doc_../x".parse::<DocumentId>().is_err());
    }
}
