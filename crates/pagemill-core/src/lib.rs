//! The words of Pagemill.
//!
//! Every other crate speaks in these types, and none of them is defined twice.
//! This crate does no input or output and depends on nothing but `serde`.

mod chunk;
mod document;
mod error;
mod extras;
mod geometry;
mod ids;
mod page;
mod pipeline;
pub mod queue;
mod task;
mod text;
mod words;

pub use chunk::{Chunk, ChunkKind, Piece};
pub use document::{Document, DocumentInfo, Outline, OutlineEntry};
pub use error::{ErrorCode, Fault, Problem, panic_text};
pub use extras::{DocumentKind, FieldKind, Float, FormField, HiddenText, Hiding, Link, Note, PageExtras};
pub use geometry::Rect;
pub use ids::{ChunkId, DeliveryId, DocumentId, EventId, JobId, ProjectId, TaskId, WebhookId, WorkerId};
pub use page::{Block, BlockKind, Cell, Page, PageSource};
pub use pipeline::{Priority, Queue, Stage};
pub use task::{Event, StageLedger, Task, TaskError, TaskStatus};
pub use text::{excerpt, normalize_name};
pub use words::{PackedWordsError, Word, boxes_of_range, pack_words, unpack_words};
