use nix::libc;

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
use super::single_threaded::Variable;

/// Writes out all stream buffers. A forked child would write them a second time, and `_exit` discards them.
///
/// [fflush(3)](https://man7.org/linux/man-pages/man3/fflush.3.html) locks every stream, which copies pages after a fork.
/// [`Streams`] omits the call if all buffers are empty.
pub(crate) fn flush() {
    // SAFETY: null selects all streams, and the C library locks each.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
#[derive(Clone, Copy)]
pub(crate) struct Streams {
    list: *const *const Stream,
    single_threaded: Variable,
}

/// glibc's `struct _IO_FILE`. Its layout is part of the ABI.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
#[repr(C)]
struct Stream {
    _before: [usize; 4],
    write_base: usize,
    write_end: usize,
    _between: [usize; 7],
    next: *const Stream,
    _after: [usize; 10],
    /// Positive for a wide-character stream, which has a separate buffer.
    mode: libc::c_int,
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
impl Streams {
    pub(crate) fn find() -> Streams {
        use crate::os::atomic::{AtomicPtr, Ordering};

        static LIST: AtomicPtr<*const Stream> = AtomicPtr::new(std::ptr::null_mut());

        let mut list = LIST.load(Ordering::Relaxed);
        if list.is_null() {
            // SAFETY: a C string.
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
        // Asks glibc, not the kernel: the function may have forbidden system calls.
        if self.list.is_null() || !self.single_threaded.is_set() {
            return false;
        }
        // SAFETY:
        // - The symbol points to the first stream, and each stream to the next or to null.
        // - No other thread exists that could open or close a stream.
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
