//! What Pagemill keeps: every SQL statement, for SQLite and PostgreSQL, and the
//! files themselves, addressed by their content.
//!
//! [`Store`] is the only door to the database, [`Blobs`] the only one to the files.
//! Nothing here waits for parsing, a network or a model while a transaction is open.

mod blobs;
mod options;
mod records;
mod store;

pub use blobs::{BlobEntry, BlobWriter, Blobs};
pub use options::{ClockShift, StoreOptions};
pub use records::{
    Added, ChangeKind, ChangeRow, ChunkVector, Claim, Counts, DeletionReceipt, JobState, NewDocument, PageOutcome,
};
pub use store::Store;
