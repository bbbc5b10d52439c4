//! The queue as a pure state machine: no clock, no chance, no database.
//!
//! [`Job`] knows what may happen to a job and what becomes of it then; [`policy`] holds the numbers and the
//! fair order. Whoever keeps jobs (the databases in `pagemill-store`, [`MemoryQueue`] for tests) reads a
//! job, asks it, and stores what it has become: there is no second copy of the rules.
//!
//! ```text
//!              claim                complete
//!   ready ───────────────▶ leased ───────────▶ done (no row)
//!    ▲ ▲                    │ │ │
//!    │ │ wake   release,    │ │ └── refuse, last fail, third crash ──▶ dead
//!    │ waiting ◀─ fail ─────┘ │                                         │
//!    │   │  pause             │ pause                                   │
//!    │   └──────▶ paused ◀────┘                                         │
//!    └── resume ─────┘                                                  │
//!    └── replay ────────────────────────────────────────────────────────┘
//! ```

mod job;
mod memory;
pub mod policy;

pub use job::{AfterFault, Job, JobState, Lease, Refused, horizon};
pub use memory::{MemoryJob, MemoryQueue};
pub use policy::{MAX_ATTEMPTS, MAX_CRASHES, retry_delay};
