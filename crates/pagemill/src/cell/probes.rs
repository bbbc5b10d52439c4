//! Trying to get out: what a child could do if a file took it over, tried for real.
//!
//! A fresh child gives up its rights as a reader does and then tries each thing.
//! `pagemill doctor` shows the outcome and the tests demand it. Every attempt is
//! harmless where it succeeds: its arguments lead nowhere, so that a kernel which lets it
//! through complains of them, while one that denies it does not even look.

use std::{
    ffi::CStr,
    io::{self, Write},
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};

use super::confine::{Confinement, Mechanism, Profile, close_inherited, confine_by};

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The kernel denied it.
    Denied,
    /// This kernel has no such thing.
    Absent,
    /// The kernel let it through.
    Escaped,
}

/// What a child that tried to get out reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Probed {
    /// What held it.
    pub confinement: Confinement,
    /// Each attempt by name, and what became of it.
    pub attempts: Vec<(String, Outcome)>,
}

impl Probed {
    /// Names of the attempts that ended so.
    pub fn ended(&self, outcome: Outcome) -> Vec<&str> {
        self.attempts.iter().filter(|(_, ended)| *ended == outcome).map(|(name, _)| name.as_str()).collect()
    }
}

/// Starts a child that tries to get out.
///
/// # Errors
/// When it cannot be started or ends before its report.
pub fn probe(memory_bytes: u64) -> io::Result<Probed> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command
        .arg("cell-probe")
        .arg(memory_bytes.to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    serde_json::from_slice(&output.stdout).map_err(io::Error::other)
}

/// The child's side of [`probe`]: gives up its rights by every mechanism but those named, tries, and prints.
pub(crate) fn run(memory_bytes: u64, without: &[String]) -> io::Result<()> {
    let parent = rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
    close_inherited();
    let wanted = Mechanism::ALL.into_iter().filter(|mechanism| !without.iter().any(|word| word == mechanism.as_str()));
    let confinement = confine_by(&Profile::Reader, memory_bytes, &wanted.collect::<Vec<_>>());
    let attempts = attempts(parent, memory_bytes);
    let attempts = attempts.into_iter().map(|attempt| (attempt.name.to_owned(), attempt.make())).collect();
    let report = serde_json::to_vec(&Probed { confinement, attempts })?;
    io::stdout().lock().write_all(&report)
}

/// A system call that a reader has no business with.
struct Attempt {
    name: &'static str,
    call: i64,
    arguments: [usize; 6],
}

impl Attempt {
    #[allow(unsafe_code)]
    fn make(&self) -> Outcome {
        let [a, b, c, d, e, f] = self.arguments;
        // SAFETY: every pointer among the arguments is null or to a constant that lives as long as
        // the program, and no call changes memory that anything in this process uses. Where `clone`
        // succeeds, the new process has memory of its own and ends at the next line.
        let result = unsafe { libc::syscall(self.call, a, b, c, d, e, f) };
        if result >= 0 {
            if result == 0 && self.call == libc::SYS_clone {
                std::process::exit(0);
            }
            return Outcome::Escaped;
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Outcome::Denied,
            Some(libc::ENOMEM) if self.call == libc::SYS_mmap => Outcome::Denied,
            Some(libc::ENOSYS) => Outcome::Absent,
            _ => Outcome::Escaped,
        }
    }
}

/// No limit at all, current and highest.
static UNLIMITED: [u64; 2] = [u64::MAX; 2];
/// An IPv4 address: family, port 9, 127.0.0.1.
static LOOPBACK: [u8; 16] = [2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
/// A list of no texts.
static NO_TEXTS: [usize; 1] = [0];

fn attempts(parent: i32, memory_bytes: u64) -> Vec<Attempt> {
    use libc as os;

    fn attempt(name: &'static str, call: i64, given: &[usize]) -> Attempt {
        let mut arguments = [0; 6];
        arguments[..given.len()].copy_from_slice(given);
        Attempt { name, call, arguments }
    }
    let text = |text: &'static CStr| text.as_ptr() as usize;
    let flags = |flags: i32| flags.unsigned_abs() as usize;
    let (accounts, folder) = (text(c"/etc/passwd"), text(c"/etc"));
    let here = os::AT_FDCWD as usize;
    let parent = flags(parent);
    let memory = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
    let private = flags(os::MAP_PRIVATE | os::MAP_ANONYMOUS | os::MAP_NORESERVE);
    let (loopback, no_texts, unlimited) =
        (LOOPBACK.as_ptr() as usize, NO_TEXTS.as_ptr() as usize, UNLIMITED.as_ptr() as usize);
    let new_file = flags(os::O_WRONLY | os::O_CREAT | os::O_EXCL);
    vec![
        attempt("read a file", os::SYS_openat, &[here, accounts, 0]),
        attempt("write a file", os::SYS_openat, &[here, accounts, flags(os::O_WRONLY | os::O_APPEND)]),
        attempt("make a file", os::SYS_openat, &[here, accounts, new_file, 0o600]),
        attempt("list a folder", os::SYS_openat, &[here, folder, flags(os::O_DIRECTORY)]),
        attempt("look at its own memory", os::SYS_openat, &[here, text(c"/proc/self/mem"), 0]),
        attempt("delete a file", os::SYS_unlinkat, &[here, folder, 0]),
        attempt("rename a file", os::SYS_renameat2, &[here, accounts, here, accounts, 0]),
        attempt("make a folder", os::SYS_mkdirat, &[here, folder, 0o700]),
        attempt("change the rights of a file", os::SYS_fchmodat, &[here, text(c""), 0o600]),
        attempt("make a file in memory", os::SYS_memfd_create, &[text(c"probe"), 0]),
        attempt("open an internet socket", os::SYS_socket, &[flags(os::AF_INET), flags(os::SOCK_STREAM), 0]),
        attempt("open a datagram socket", os::SYS_socket, &[flags(os::AF_INET), flags(os::SOCK_DGRAM), 0]),
        attempt("open a local socket", os::SYS_socket, &[flags(os::AF_UNIX), flags(os::SOCK_STREAM), 0]),
        attempt("open a raw socket", os::SYS_socket, &[flags(os::AF_INET), flags(os::SOCK_RAW), 1]),
        attempt("connect", os::SYS_connect, &[1, loopback, 16]),
        attempt("send to an address", os::SYS_sendto, &[1, loopback, 16, 0, loopback, 16]),
        attempt("trace its parent", os::SYS_ptrace, &[os::PTRACE_SEIZE as usize, parent, 0, 0]),
        attempt("read its parent's memory", os::SYS_process_vm_readv, &[parent, 0, 0, 0, 0, 0]),
        attempt("signal its parent", os::SYS_kill, &[parent, 0]),
        attempt("hold on to its parent", os::SYS_pidfd_open, &[parent, 0]),
        attempt("map more memory than it may", os::SYS_mmap, &[0, memory, 3, private, usize::MAX, 0]),
        attempt("map memory that can be run", os::SYS_mmap, &[0, 4096, 7, private, usize::MAX, 0]),
        attempt("raise its limit of memory", os::SYS_prlimit64, &[0, os::RLIMIT_AS as usize, unlimited, 0]),
        attempt("enter a namespace of its own", os::SYS_unshare, &[flags(os::CLONE_NEWUSER)]),
        attempt("change its root", os::SYS_chroot, &[text(c"/")]),
        attempt("mount", os::SYS_mount, &[text(c"none"), text(c"/"), text(c"no-such-system"), 0, 0]),
        attempt("load a program into the kernel", os::SYS_bpf, &[0, 0, 0]),
        attempt("have the kernel work aside", os::SYS_io_uring_setup, &[1, 0]),
        attempt("duplicate a descriptor", os::SYS_dup, &[0]),
        attempt("make a pipe", os::SYS_pipe2, &[0, 0]),
        attempt("take another user's name", os::SYS_setuid, &[0]),
        attempt("start a process", os::SYS_clone, &[flags(os::SIGCHLD), 0, 0, 0, 0]),
        attempt("start a thread", os::SYS_clone3, &[0, 0]),
        // Last: where this works nothing is reported any more.
        attempt("become another program", os::SYS_execve, &[text(c"/etc/passwd"), no_texts, no_texts]),
    ]
}
