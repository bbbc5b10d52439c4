//! The cell: uploads are parsed and drawn in disposable processes, never in this one.
//!
//! A child is the same binary, started afresh with an empty environment, bounded
//! in memory and CPU time by the kernel and in patience by the parent's clock. What
//! it sends back is checked like any other input. One child serves many files and
//! is replaced after some, or when it has been idle for a while.

mod belief;
pub mod child;
mod confine;
mod pool;
pub(crate) mod probes;
mod protocol;
mod reading;
pub(crate) mod tool;

pub use confine::{Confinement, Hold, Level, Mechanism, Profile, confine};
pub use pool::{Cells, Held};
pub use probes::{Outcome, Probed, probe};
pub use protocol::{Drawing, WireSummary as ReadSummary, WireWarning as ReadWarning};
pub use reading::{PageStream, ReadFile, Step};
pub use tool::Tool;
