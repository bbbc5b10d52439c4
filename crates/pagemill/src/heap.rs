//! How the allocator of the C library keeps memory that was given back.
//!
//! By default it makes up to eight arenas a core, and takes blocks of up to 32 MiB from them once one of
//! that size was freed: of ten megabytes in use, a server that took in thousands of documents held 150. Two arenas, with
//! large blocks always asked of the kernel, hold 25, and are no slower. A reading process is another matter: it ends soon,
//! and page after page takes what the page before gave back; where it keeps that, a file takes 4 % less.

/// Blocks of at least this size go back to the kernel when they are freed, and so does free memory at an arena's end.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 1 << 20;
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 2;

/// So much a reading process asks the kernel for at once.
#[cfg(target_env = "gnu")]
const STEP: i32 = 1 << 20;
/// So much of what is free at the end of its heap it keeps.
#[cfg(target_env = "gnu")]
const KEPT: i32 = 256 << 20;

/// Has this process give back what it no longer uses. To be called before it has threads.
#[cfg(target_env = "gnu")]
pub(crate) fn keep_little() {
    set(&[(libc::M_ARENA_MAX, ARENAS), (libc::M_MMAP_THRESHOLD, LARGE), (libc::M_TRIM_THRESHOLD, LARGE)]);
}

/// Has this process keep what it frees, since page after page needs it again. To be called before it has threads.
#[cfg(target_env = "gnu")]
pub(crate) fn keep_much() {
    set(&[(libc::M_TOP_PAD, STEP), (libc::M_TRIM_THRESHOLD, KEPT)]);
}

#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
fn set(settings: &[(i32, i32)]) {
    for &(name, value) in settings {
        // SAFETY: `mallopt` takes two numbers and touches nothing but the allocator's own settings; no other thread
        // runs yet. What it refuses stays as it was, which is correct too.
        unsafe { libc::mallopt(name, value) };
    }
}

/// Gives free memory between blocks in use back to the kernel. Takes milliseconds.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub(crate) fn give_back() {
    // SAFETY: `malloc_trim` may be called at any time from any thread; it touches free memory alone.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators are taken as they are.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn keep_little() {}

/// Other allocators are taken as they are.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn keep_much() {}

/// Other allocators are taken as they are.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn give_back() {}
