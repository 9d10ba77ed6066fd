use nix::libc;

use super::atomic::{AtomicPtr, Ordering};
use super::single_threaded::{is_single_threaded, symbol};

/// glibc's `struct _IO_FILE`. Compiled programs contain the offsets of its fields, so glibc does not change them.
#[repr(C)]
struct Stream {
    _before: [usize; 4],
    write_base: usize,
    write_end: usize,
    _between: [usize; 7],
    next: *const Stream,
    _after: [usize; 10],
    /// Positive for a stream of wide characters, whose output is not between `write_base` and `write_end`.
    mode: libc::c_int,
}

/// The address of glibc's list of streams, or null if it is unknown.
static LIST: AtomicPtr<*const Stream> = AtomicPtr::new(std::ptr::null_mut());

/// Finds the list in the parent, because the dynamic linker's lock may be held in a child.
pub(crate) fn prepare() {
    const IS_KNOWN: bool =
        cfg!(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)));

    if IS_KNOWN && LIST.load(Ordering::Relaxed).is_null() {
        LIST.store(symbol(c"_IO_list_all").cast(), Ordering::Relaxed);
    }
}

/// Must run before a fork, because otherwise the child also writes the buffered output. Must run before `_exit`,
/// because `_exit` discards the output.
///
/// The kernel copies each page that is written after a fork, and
/// [fflush(3)](https://man7.org/linux/man-pages/man3/fflush.3.html) writes to the lock of every stream. So this
/// function skips the call if the buffers of all streams of glibc are empty.
#[inline]
pub(crate) fn flush() {
    if !all_are_empty() {
        // SAFETY: null means every stream.
        unsafe { libc::fflush(std::ptr::null_mut()) };
    }
}

#[inline]
fn all_are_empty() -> bool {
    let list = LIST.load(Ordering::Relaxed);
    // A seccomp filter that the job's function installed could forbid a system call, so this only reads memory.
    if list.is_null() || !is_single_threaded() {
        return false;
    }
    // SAFETY: the list ends with null. The process has one thread, so no other thread opens or closes a stream.
    unsafe {
        let mut stream = *list;
        while !stream.is_null() {
            if (*stream).mode > 0 || (*stream).write_end > (*stream).write_base {
                return false;
            }
            stream = (*stream).next;
        }
    }
    true
}
