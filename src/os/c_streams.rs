//! The output streams of the C library.

use nix::libc;

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
use super::single_threaded::Variable;

/// Writes out what the streams hold: before a fork, so that the child does not write it again; before `_exit`, so that it
/// is not lost.
///
/// [fflush(3)](https://man7.org/linux/man-pages/man3/fflush.3.html) locks every stream, which copies a page on each side of
/// a fork. [`Streams`] leaves it out where no stream holds anything.
pub(crate) fn flush() {
    // SAFETY: null means every stream, each of which the C library locks while it writes.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Where glibc keeps its list of streams, found before a fork.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
#[derive(Clone, Copy)]
pub(crate) struct Streams {
    list: *const *const Stream,
    single_threaded: Variable,
}

/// `struct _IO_FILE`. Programs have its fields compiled in, since `putc` was a macro, so glibc cannot move them.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
#[repr(C)]
struct Stream {
    _before: [usize; 4],
    write_base: usize,
    write_end: usize,
    _between: [usize; 7],
    next: *const Stream,
    _after: [usize; 10],
    /// Above zero for a stream of wide characters, which has another buffer.
    mode: libc::c_int,
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
impl Streams {
    pub(crate) fn find() -> Streams {
        use crate::os::atomic::{AtomicPtr, Ordering};

        static LIST: AtomicPtr<*const Stream> = AtomicPtr::new(std::ptr::null_mut());

        let mut list = LIST.load(Ordering::Relaxed);
        if list.is_null() {
            // SAFETY: the name is a C string; the call has no other demands.
            list = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_IO_list_all".as_ptr()) }.cast();
            LIST.store(list, Ordering::Relaxed);
        }
        Streams { list, single_threaded: Variable::find() }
    }

    #[inline]
    pub(crate) fn flush(self) {
        if !self.all_are_empty() {
            flush();
        }
    }

    #[inline]
    fn all_are_empty(self) -> bool {
        // Asked of the C library and not of the kernel: the function may have forbidden system calls.
        if self.list.is_null() || !self.single_threaded.is_set() {
            return false;
        }
        // SAFETY: the symbol is a pointer to the first stream, each stream points to the next, and the last to none. No other
        // thread exists that could open or close one.
        unsafe {
            let mut stream = *self.list;
            while !stream.is_null() {
                if (*stream).mode > 0 || (*stream).write_end > (*stream).write_base {
                    return false;
                }
                stream = (*stream).next;
            }
        }
        true
    }
}

/// Not known here.
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri))))]
#[derive(Clone, Copy)]
pub(crate) struct Streams;

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri))))]
impl Streams {
    pub(crate) fn find() -> Streams {
        Streams
    }

    pub(crate) fn flush(self) {
        flush();
    }
}
