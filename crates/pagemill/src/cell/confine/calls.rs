//! seccomp: the system calls that are left.
//!
//! Both lists name what is allowed; everything else is refused, and so is whatever a
//! later kernel brings.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::{Profile, limits};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Leaves the calls of the profile.
///
/// # Errors
/// When the kernel has no seccomp or the machine is of a kind the filter is not written for.
pub(super) fn restrict(profile: &Profile) -> Result<(), seccompiler::Error> {
    let (rules, refusal) = match profile {
        Profile::Reader => {
            // A descriptor more would be of no use; that none can be had is a wall of its own.
            let _ = limits::no_new_descriptors();
            (reader()?, libc::EPERM)
        }
        // A C library tries newer calls first and goes back to older ones when they are not there.
        Profile::Tool { .. } => (tool()?, libc::ENOSYS),
    };
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refuse = SeccompAction::Errno(refusal.unsigned_abs());
    let program: BpfProgram = SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch)?.try_into()?;
    apply_filter(&program)
}

/// What computing needs: memory, time, chance, two pipes, and an end.
fn reader() -> Result<Rules, BackendError> {
    let mut rules = freely(&[
        libc::SYS_brk,
        libc::SYS_clock_getres,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_gettimeofday,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_nanosleep,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
    ]);
    let no_code = || masked(2, libc::PROT_EXEC, 0);
    rules.insert(libc::SYS_mmap, vec![all([no_code()?, masked(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)?])?]);
    rules.insert(libc::SYS_mprotect, vec![all([no_code()?])?]);
    for reading in [libc::SYS_read, libc::SYS_readv] {
        rules.insert(reading, vec![all([equal(0, 0)?])?]);
    }
    for writing in [libc::SYS_write, libc::SYS_writev] {
        rules.insert(writing, vec![all([equal(0, 1)?])?, all([equal(0, 2)?])?]);
    }
    // Its own allowance of CPU, and nobody else's.
    let own_cpu = all([equal(0, 0)?, equal(1, u64::from(libc::RLIMIT_CPU))?])?;
    rules.insert(libc::SYS_prlimit64, vec![own_cpu]);
    // The way a failed allocation or an exhausted stack ends a program.
    rules.insert(libc::SYS_tgkill, vec![all([equal(0, own_process())?, number(2, libc::SIGABRT)?])?]);
    let fatal = [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT];
    let fatal = fatal.into_iter().map(|fatal| all([number(0, fatal)?])).collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_rt_sigaction, fatal);
    Ok(rules)
}

/// What an ordinary program needs that reads files and computes, with threads but without other processes.
/// Landlock says which files.
fn tool() -> Result<Rules, BackendError> {
    let mut rules = freely(&[
        libc::SYS_brk,
        libc::SYS_clock_getres,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_close,
        libc::SYS_dup,
        libc::SYS_dup3,
        libc::SYS_execve,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_faccessat,
        libc::SYS_fadvise64,
        libc::SYS_fcntl,
        libc::SYS_fstat,
        libc::SYS_fstatfs,
        libc::SYS_futex,
        libc::SYS_get_robust_list,
        libc::SYS_getcwd,
        libc::SYS_getdents64,
        libc::SYS_getegid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getpid,
        libc::SYS_getppid,
        libc::SYS_getrandom,
        libc::SYS_getrusage,
        libc::SYS_gettid,
        libc::SYS_gettimeofday,
        libc::SYS_getuid,
        libc::SYS_lseek,
        libc::SYS_madvise,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_nanosleep,
        libc::SYS_newfstatat,
        libc::SYS_openat,
        libc::SYS_ppoll,
        libc::SYS_pread64,
        libc::SYS_preadv,
        libc::SYS_read,
        libc::SYS_readlinkat,
        libc::SYS_readv,
        libc::SYS_restart_syscall,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_getparam,
        libc::SYS_sched_getscheduler,
        libc::SYS_sched_yield,
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_sigaltstack,
        libc::SYS_statfs,
        libc::SYS_statx,
        libc::SYS_sysinfo,
        libc::SYS_times,
        libc::SYS_uname,
        libc::SYS_write,
        libc::SYS_writev,
    ]);
    #[cfg(target_arch = "x86_64")]
    rules.extend(freely(&[
        libc::SYS_access,
        libc::SYS_arch_prctl,
        libc::SYS_dup2,
        libc::SYS_getdents,
        libc::SYS_lstat,
        libc::SYS_open,
        libc::SYS_poll,
        libc::SYS_readlink,
        libc::SYS_stat,
        libc::SYS_time,
    ]));
    // Threads, but no processes and no namespaces. `clone3` hides its flags and is not there.
    let thread = libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND;
    rules.insert(libc::SYS_clone, vec![all([masked(0, thread, thread)?])?]);
    rules.insert(libc::SYS_tgkill, vec![all([equal(0, own_process())?])?]);
    rules.insert(libc::SYS_prlimit64, vec![all([equal(0, 0)?])?]);
    // Whether a descriptor is a terminal.
    rules.insert(libc::SYS_ioctl, vec![all([equal(1, libc::TCGETS)?])?]);
    rules.insert(libc::SYS_prctl, vec![all([number(0, libc::PR_SET_NAME)?])?]);
    Ok(rules)
}

/// Calls that are allowed whatever is asked of them.
fn freely(calls: &[i64]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn all<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.to_vec())
}

fn equal(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn number(argument: u8, value: i32) -> Result<SeccompCondition, BackendError> {
    equal(argument, u64::from(value.unsigned_abs()))
}

fn masked(argument: u8, mask: i32, value: i32) -> Result<SeccompCondition, BackendError> {
    let (mask, value) = (u64::from(mask.unsigned_abs()), u64::from(value.unsigned_abs()));
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}

fn own_process() -> u64 {
    u64::from(std::process::id())
}
