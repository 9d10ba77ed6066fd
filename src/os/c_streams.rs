use nix::libc;

use super::atomic::{AtomicPtr, Ordering};
use super::single_threaded::{Variable, symbol};

/// The C library's output streams.
///
/// [fflush(3)](https://man7.org/linux/man-pages/man3/fflush.3.html) locks every stream, which writes to pages that a fork
/// then copies. So `flush` does not call it if all streams of glibc are empty.
#[derive(Clone, Copy)]
pub(crate) struct Streams {
    /// Null if unknown.
    list: *const *const Stream,
    single_threaded: Variable,
}

/// glibc's `struct _IO_FILE`. Its offsets are compiled into old programs, so they do not change.
#[repr(C)]
struct Stream {
    _before: [usize; 4],
    write_base: usize,
    write_end: usize,
    _between: [usize; 7],
    next: *const Stream,
    _after: [usize; 10],
    /// Positive for wide characters, which have another buffer.
    mode: libc::c_int,
}

impl Streams {
    pub(crate) fn find() -> Streams {
        static LIST: AtomicPtr<*const Stream> = AtomicPtr::new(std::ptr::null_mut());
        const IS_KNOWN: bool =
            cfg!(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)));

        let mut list = LIST.load(Ordering::Relaxed);
        if IS_KNOWN && list.is_null() {
            list = symbol(c"_IO_list_all").cast();
            LIST.store(list, Ordering::Relaxed);
        }
        Streams { list, single_threaded: Variable::find() }
    }

    /// Must run before a fork, so that the child does not write the same output again, and before `_exit`.
    #[inline]
    pub(crate) fn flush(self) {
        if !self.all_are_empty() {
            // SAFETY: null means every stream.
            unsafe { libc::fflush(std::ptr::null_mut()) };
        }
    }

    #[inline]
    fn all_are_empty(self) -> bool {
        // `is_set` makes no system call, which the job's function may have forbidden.
        if self.list.is_null() || !self.single_threaded.is_set() {
            return false;
        }
        // SAFETY: the list ends with null, and no other thread exists that could open or close a stream.
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
