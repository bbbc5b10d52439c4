//! Bounds that every kernel has: memory, CPU time, files.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Profile;

/// Descriptors another program may have open: its libraries and its data, one after the other.
const TOOL_DESCRIPTORS: u64 = 64;

/// Bounds the address space.
pub(super) fn memory(bytes: u64) -> io::Result<()> {
    set_limit(Resource::As, bytes)
}

/// No file can be written, even through a descriptor that was left open; no memory image is left.
pub(super) fn files(_profile: &Profile) -> io::Result<()> {
    set_limit(Resource::Core, 0)?;
    set_limit(Resource::Fsize, 0)?;
    set_limit(Resource::Nofile, TOOL_DESCRIPTORS)
}

/// Once nothing has to be opened any more, not even a pipe can be.
pub(super) fn no_new_descriptors() -> io::Result<()> {
    set_limit(Resource::Nofile, 3)
}

/// Bounds CPU time, without a way back.
pub(super) fn cpu_for_good(seconds: u64) -> io::Result<()> {
    set_limit(Resource::Cpu, seconds)
}

/// Allows `seconds` more CPU than was used up to now; the kernel ends the process after that.
pub(in crate::cell) fn allow_cpu(seconds: u64) -> io::Result<()> {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).tv_sec;
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = u64::try_from(used).unwrap_or(0).saturating_add(seconds).saturating_add(1);
    let current = maximum.map_or(current, |maximum| maximum.min(current));
    setrlimit(Resource::Cpu, Rlimit { current: Some(current), maximum }).map_err(io::Error::from)
}

fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    setrlimit(resource, Rlimit { current: Some(maximum), maximum: Some(maximum) }).map_err(io::Error::from)
}

/// Closes what whoever started the parent left open beside standard input, output and error.
///
/// To be called before anything else is opened in this process.
#[allow(unsafe_code)]
pub(in crate::cell) fn close_inherited() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
        .filter(|descriptor| *descriptor > 2)
        .collect();
    for descriptor in open {
        // SAFETY: nothing in this process has opened a descriptor yet, so none of these has an
        // owner; the one of the folder itself is closed already, and closing it again is an error without effect.
        unsafe { libc::close(descriptor) };
    }
}
