//! What a child may still do: the kernel takes the rest away, before the first byte from outside is looked at.
//!
//! Each mechanism is asked for by itself, and what a kernel does not have is told, not hidden:
//! [`confine`] returns what is in force, the child reports it in its first message, and
//! `pagemill doctor` and `/health` show it.

mod access;
mod calls;
mod limits;

use std::{fmt, path::PathBuf};

use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use serde::{Deserialize, Serialize};

pub(super) use limits::{allow_cpu, close_inherited};

/// What a child is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// It reads requests from standard input, answers on standard output, and does nothing else:
    /// no file, no network, no other process, no new descriptor.
    Reader,
    /// It becomes another program that works from standard input to standard output.
    Tool {
        /// What it may read and run: the program, its libraries, its data. It writes nothing.
        read: Vec<PathBuf>,
        /// Seconds of CPU it may use.
        cpu_seconds: u64,
    },
}

/// A means by which the kernel holds a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// Address space is bounded.
    MemoryLimit,
    /// CPU time is bounded.
    CpuLimit,
    /// Files cannot grow, nor memory images be left behind; descriptors are bounded.
    FileLimits,
    /// No program gives it rights that it has not.
    NoNewPrivileges,
    /// It has none of the powers of the system's administrator.
    NoCapabilities,
    /// Other processes of the same user cannot look into it.
    NotDumpable,
    /// The kernel ends it when the parent ends.
    DiesWithParent,
    /// Landlock: no file, no TCP, no signal to others.
    Landlock,
    /// seccomp: only system calls of a short list.
    Seccomp,
}

impl Mechanism {
    /// Every one, in the order in which they are taken.
    pub const ALL: [Self; 9] = [
        Self::MemoryLimit,
        Self::CpuLimit,
        Self::FileLimits,
        Self::NoNewPrivileges,
        Self::NoCapabilities,
        Self::NotDumpable,
        Self::DiesWithParent,
        Self::Landlock,
        Self::Seccomp,
    ];

    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MemoryLimit => "memory_limit",
            Self::CpuLimit => "cpu_limit",
            Self::FileLimits => "file_limits",
            Self::NoNewPrivileges => "no_new_privileges",
            Self::NoCapabilities => "no_capabilities",
            Self::NotDumpable => "not_dumpable",
            Self::DiesWithParent => "dies_with_parent",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
        }
    }
}

/// How far a mechanism holds on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// All that was asked for is in force.
    Full,
    /// The kernel knows a part of it.
    Partial,
    /// The kernel does not have it, or refused.
    None,
}

impl Hold {
    fn of<E>(result: Result<(), E>) -> Self {
        if result.is_ok() { Self::Full } else { Self::None }
    }

    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

/// How well a child is held, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Every mechanism is in force.
    Full,
    /// System calls or files are taken away, but something is missing.
    Partial,
    /// Only limits hold: the kernel has neither seccomp nor Landlock.
    Limits,
}

impl Level {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Limits => "limits",
        }
    }
}

/// What holds a child.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Each mechanism that was asked for, and how far it holds.
    pub mechanisms: Vec<(Mechanism, Hold)>,
}

impl Confinement {
    /// How far a mechanism holds.
    pub fn hold(&self, mechanism: Mechanism) -> Hold {
        self.mechanisms.iter().find(|(m, _)| *m == mechanism).map_or(Hold::None, |(_, hold)| *hold)
    }

    /// How well the child is held, in one word.
    pub fn level(&self) -> Level {
        let all = self.mechanisms.iter().all(|(_, hold)| *hold == Hold::Full);
        let walls = [Mechanism::Landlock, Mechanism::Seccomp].map(|wall| self.hold(wall));
        match walls {
            [Hold::None, Hold::None] => Level::Limits,
            [Hold::Full, Hold::Full] if all => Level::Full,
            _ => Level::Partial,
        }
    }
}

impl fmt::Display for Confinement {
    /// `full: memory_limit, cpu_limit, …`, with what is missing named.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.level().as_str())?;
        for (place, (mechanism, hold)) in self.mechanisms.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            match hold {
                Hold::Full => write!(f, "{comma}{}", mechanism.as_str())?,
                Hold::Partial => write!(f, "{comma}{} in part", mechanism.as_str())?,
                Hold::None => write!(f, "{comma}no {}", mechanism.as_str())?,
            }
        }
        Ok(())
    }
}

/// Takes everything away from this process that `profile` does not need, for good.
///
/// It is to be called with one thread running: the kernel holds threads, not processes.
pub fn confine(profile: &Profile, memory_bytes: u64) -> Confinement {
    confine_by(profile, memory_bytes, &Mechanism::ALL)
}

/// As [`confine`], with some mechanisms only: so each can be tested without the others before it.
pub(super) fn confine_by(profile: &Profile, memory_bytes: u64, wanted: &[Mechanism]) -> Confinement {
    let take = |mechanism: Mechanism| match mechanism {
        Mechanism::MemoryLimit => Some(Hold::of(limits::memory(memory_bytes))),
        Mechanism::CpuLimit => Some(match profile {
            // The reader's own is set anew for each piece of work.
            Profile::Reader => Hold::of(allow_cpu(READER_START_SECONDS)),
            Profile::Tool { cpu_seconds, .. } => Hold::of(limits::cpu_for_good(*cpu_seconds)),
        }),
        Mechanism::FileLimits => Some(Hold::of(limits::files(profile))),
        Mechanism::NoNewPrivileges => Some(Hold::of(set_no_new_privs(true))),
        Mechanism::NoCapabilities => Some(Hold::of(drop_capabilities())),
        // Another program would be dumpable again; it has no memory images to leave, see `FileLimits`.
        Mechanism::NotDumpable => {
            matches!(profile, Profile::Reader).then(|| Hold::of(set_dumpable_behavior(DumpableBehavior::NotDumpable)))
        }
        Mechanism::DiesWithParent => Some(Hold::of(set_parent_process_death_signal(Some(Signal::KILL)))),
        Mechanism::Landlock => Some(access::restrict(profile)),
        Mechanism::Seccomp => Some(Hold::of(calls::restrict(profile))),
    };
    let wanted = Mechanism::ALL.into_iter().filter(|mechanism| wanted.contains(mechanism));
    Confinement { mechanisms: wanted.filter_map(|mechanism| Some((mechanism, take(mechanism)?))).collect() }
}

/// CPU seconds a reader may use before its first piece of work.
const READER_START_SECONDS: u64 = 5;

fn drop_capabilities() -> rustix::io::Result<()> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(holds: &[(Mechanism, Hold)]) -> Level {
        Confinement { mechanisms: holds.to_vec() }.level()
    }

    #[test]
    fn the_level_is_named_by_what_is_missing() {
        use Mechanism::{Landlock, MemoryLimit, Seccomp};
        assert_eq!(of(&[(MemoryLimit, Hold::Full), (Landlock, Hold::Full), (Seccomp, Hold::Full)]), Level::Full);
        assert_eq!(of(&[(MemoryLimit, Hold::None), (Landlock, Hold::Full), (Seccomp, Hold::Full)]), Level::Partial);
        assert_eq!(of(&[(MemoryLimit, Hold::Full), (Landlock, Hold::Partial), (Seccomp, Hold::Full)]), Level::Partial);
        assert_eq!(of(&[(MemoryLimit, Hold::Full), (Landlock, Hold::None), (Seccomp, Hold::Full)]), Level::Partial);
        assert_eq!(of(&[(MemoryLimit, Hold::Full), (Landlock, Hold::None), (Seccomp, Hold::None)]), Level::Limits);
        assert_eq!(of(&[]), Level::Limits);
    }
}
