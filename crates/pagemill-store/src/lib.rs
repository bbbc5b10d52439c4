//! What Pagemill keeps: every SQL statement, for SQLite and PostgreSQL, and the
//! files themselves, addressed by their content.
//!
//! [`Store`] is the only door to the database, [`Blobs`] the only one to the files.
//! Nothing here waits for parsing, a network or a model while a transaction is open.

mod backup;
mod bell;
mod blobs;
mod chunks;
mod counts;
mod deliveries;
mod dialect;
mod documents;
mod dump;
mod events;
mod facts;
mod failure;
mod finish;
mod floats;
mod ledger;
mod news;
mod options;
mod pages;
mod passages;
mod queue;
mod recognitions;
mod records;
mod removal;
mod schedules;
mod schema;
mod sql;
mod stages;
mod store;
mod task_lists;
mod tasks;
mod vectors;
mod versions;
mod webhooks;

pub use backup::{Exported, export, import};
pub use blobs::{BlobEntry, BlobWriter, Blobs};
pub use deliveries::{Delivery, DeliveryAttempt, DeliveryState, LogEntry, Then};
pub use events::{EVENT_KINDS, Topic};
pub use floats::{FloatBlock, FloatPlace};
pub use ledger::{ReusableUnit, Unit, UnitTimes};
pub use news::News;
pub use options::{ClockShift, StoreOptions};
pub use pagemill_core::queue::{JobState, MAX_ATTEMPTS, MAX_CRASHES, retry_delay};
pub use recognitions::Recognition;
pub use records::{
    Added, Ahead, Attempt, BlockPlace, ChangeKind, ChangeRow, ChunkVector, Claim, Counts, DeadLetter, DeadLetterKind,
    DeletionReceipt, FinishedTask, JobStanding, NewDocument, OpenJob, Outcome, PageOutcome, Passages, QueueState,
    Standing, TaskFilter, WorkerJob, WorkerReport, WorkerState,
};
pub use schedules::{ScheduleRun, ScheduleState};
pub use store::{Answer, Store};
pub use versions::{ReadBefore, Replacement, Reprocess, Source};
pub use webhooks::{NewWebhook, Secret, Webhook};
