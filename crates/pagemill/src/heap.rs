//! How the allocator of the C library keeps memory that was given back.
//!
//! By default it makes up to eight arenas a core, and takes blocks of up to 32 MiB from them once one of
//! that size was freed: of ten megabytes in use, a server that took in thousands of documents held 150. Two arenas, with
//! large blocks always asked of the kernel, hold 25, and are no slower.

/// Blocks of at least this size go back to the kernel when they are freed, and so does free memory at an arena's end.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 1 << 20;
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 2;

/// Has this process give back what it no longer uses. To be called before it has threads.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub(crate) fn keep_little() {
    let settings = [(libc::M_ARENA_MAX, ARENAS), (libc::M_MMAP_THRESHOLD, LARGE), (libc::M_TRIM_THRESHOLD, LARGE)];
    for (name, value) in settings {
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
pub(crate) fn give_back() {}
