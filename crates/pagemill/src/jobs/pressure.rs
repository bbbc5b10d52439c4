//! Whether this machine has room for more work: memory, and the disk of the library.

use std::{fs, path::Path};

use crate::config::WorkerSettings;

/// A disk with less room than this, or than a twentieth of its size where that is less, is nearly full.
const DISK_RESERVE: u64 = 200 << 20;

/// Why no more jobs should be taken now, in words for the person who waits; `None` when there is room.
pub(super) fn pressure(settings: &WorkerSettings, library: &Path) -> Option<String> {
    memory_pressure(settings, memory()).or_else(|| disk_pressure(library, disk(library)))
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    total: u64,
    used: u64,
}

fn memory_pressure(settings: &WorkerSettings, memory: Option<Memory>) -> Option<String> {
    let Memory { total, used } = memory.filter(|memory| memory.total > 0)?;
    let percent = used.saturating_mul(100) / total;
    (percent > u64::from(settings.memory_percent)).then(|| {
        format!("the machine is short of memory ({percent} % used, work stops above {} %)", settings.memory_percent)
    })
}

fn disk_pressure(library: &Path, disk: Option<Disk>) -> Option<String> {
    let Disk { total, free } = disk?;
    (free < DISK_RESERVE.min(total / 20))
        .then(|| format!("the disk of `{}` is nearly full ({} MB are left); make room", library.display(), free >> 20))
}

/// What the machine, or the group of processes this one belongs to, has and uses; the tighter of both.
fn memory() -> Option<Memory> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| parse_meminfo(&text));
    let group = group_memory();
    let share = |memory: &Memory| memory.used.saturating_mul(1000) / memory.total.max(1);
    machine.into_iter().chain(group).max_by_key(share)
}

fn parse_meminfo(text: &str) -> Option<Memory> {
    let kilobytes = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let (total, available) = (kilobytes("MemTotal:")?, kilobytes("MemAvailable:")?);
    Some(Memory { total: total << 10, used: total.saturating_sub(available) << 10 })
}

/// The limit of the control group (version 2), where there is one. What is cached of files can be given up
/// and does not count.
fn group_memory() -> Option<Memory> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?.trim();
    let folder = Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let (total, used) = (number("memory.max")?, number("memory.current")?);
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse::<u64>().ok());
    Some(Memory { total, used: used.saturating_sub(cached.unwrap_or(0)) })
}

/// Room on a disk in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Disk {
    total: u64,
    free: u64,
}

fn disk(folder: &Path) -> Option<Disk> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(Disk { total: disk.f_blocks * disk.f_frsize, free: disk.f_bavail * disk.f_frsize })
}

/// Memory that this process and the ones it has started hold now, in bytes.
pub(super) fn memory_in_use() -> u64 {
    let own = resident("self");
    let children = fs::read_dir("/proc/self/task").into_iter().flatten().flatten().flat_map(|thread| {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    });
    own + children.map(|child| resident(&child)).sum::<u64>()
}

fn resident(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    kilobytes.unwrap_or(0_u64) << 10
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn memory_is_short_above_the_share_that_is_set() {
        let text = "MemTotal:       1000 kB\nMemFree: 10 kB\nMemAvailable:    150 kB\n";
        let memory = parse_meminfo(text).unwrap();
        assert_eq!(memory, Memory { total: 1000 << 10, used: 850 << 10 });
        let settings = WorkerSettings::default();
        assert!(memory_pressure(&settings, Some(memory)).unwrap().contains("85 % used"));
        assert_eq!(memory_pressure(&settings, Some(Memory { used: 800 << 10, ..memory })), None);
        assert_eq!(memory_pressure(&settings, None), None, "what cannot be known stops nothing");
    }

    #[test]
    fn a_disk_is_full_before_its_last_byte_and_a_small_one_later() {
        let library = Path::new("/library");
        let gib = 1 << 30;
        assert!(disk_pressure(library, Some(Disk { total: 100 * gib, free: 100 << 20 })).is_some());
        assert_eq!(disk_pressure(library, Some(Disk { total: 100 * gib, free: gib })), None);
        assert_eq!(disk_pressure(library, Some(Disk { total: 64 << 20, free: 10 << 20 })), None);
        assert!(disk_pressure(library, Some(Disk { total: 64 << 20, free: 1 << 20 })).is_some());
    }

    #[test]
    fn a_running_process_uses_memory() {
        assert!(memory_in_use() > 1 << 20);
    }
}
