use nix::libc;

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
use super::single_threaded::Variable;

/// Flushes the streams: before a fork, so that the child does not write the same output; before `_exit`, so that no
/// output is lost.
///
/// [fflush(3)](https://man7.org/linux/man-pages/man3/fflush.3.html) locks every stream, which writes to pages that a
/// fork then copies. [`Streams`] avoids that if every stream is empty.
pub(crate) fn flush() {
    // SAFETY: null means every stream.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
#[derive(Clone, Copy)]
pub(crate) struct Streams {
    list: *const *const Stream,
    single_threaded: Variable,
}

/// `struct _IO_FILE`. Old programs have its offsets compiled in, so glibc cannot change them.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
#[repr(C)]
struct Stream {
    _before: [usize; 4],
    write_base: usize,
    write_end: usize,
    _between: [usize; 7],
    next: *const Stream,
    _after: [usize; 10],
    /// Positive for a stream of wide characters, which has another buffer.
    mode: libc::c_int,
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
impl Streams {
    pub(crate) fn find() -> Streams {
        use crate::os::atomic::{AtomicPtr, Ordering};

        static LIST: AtomicPtr<*const Stream> = AtomicPtr::new(std::ptr::null_mut());

        let mut list = LIST.load(Ordering::Relaxed);
        if list.is_null() {
            // SAFETY: the name is a C string.
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
        // Does not count threads by a system call, which the function may have forbidden.
        if self.list.is_null() || !self.single_threaded.is_set() {
            return false;
        }
        // SAFETY: the symbol points to the first stream, each stream to the next, and the last to null. No other thread
        // exists that could open or close one.
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
