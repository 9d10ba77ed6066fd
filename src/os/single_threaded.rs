//! Whether the process has one thread, as the C library knows without a system call.

use super::atomic::{AtomicPtr, Ordering};

/// Where glibc keeps [`__libc_single_threaded`]; null where there is none, as in other C libraries.
///
/// [`__libc_single_threaded`]: https://www.gnu.org/software/libc/manual/html_node/Single_002dThreaded.html
static ADDRESS: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());

/// Looks for the C library's variable.
pub(crate) fn prepare() {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        // SAFETY: the name is a C string; the call has no other demands.
        let address =
            unsafe { nix::libc::dlsym(nix::libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
        ADDRESS.store(address.cast(), Ordering::Relaxed);
    }
}

/// Whether the calling thread is the only one. `false` before [`prepare`], and where that is not known.
pub(crate) fn is_single_threaded() -> bool {
    Variable::find().is_set()
}

/// The C library's variable, for a forked child to read without this module's.
#[derive(Clone, Copy)]
pub(crate) struct Variable(*const u8);

impl Variable {
    pub(crate) fn find() -> Variable {
        Variable(ADDRESS.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn is_set(self) -> bool {
        // SAFETY: it is null or the C library's `char`, which lives as long as the process. The C library writes it before a
        // second thread can start, so while it is not zero nothing writes it at the same time.
        !self.0.is_null() && unsafe { self.0.read_volatile() } != 0
    }
}
