use std::ffi::CStr;
use std::ptr;

use nix::libc;

use super::atomic::{AtomicPtr, Ordering};

static ADDRESS: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

pub(crate) fn prepare() {
    if cfg!(all(target_os = "linux", not(miri))) {
        ADDRESS.store(symbol(c"__libc_single_threaded").cast(), Ordering::Relaxed);
    }
}

pub(super) fn symbol(name: &CStr) -> *mut libc::c_void {
    // SAFETY: the name is a C string.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

/// Returns `false` if the number of threads is unknown.
pub(crate) fn is_single_threaded() -> bool {
    Variable::find().is_set()
}

#[derive(Clone, Copy)]
pub(crate) struct Variable(*const u8);

impl Variable {
    pub(crate) fn find() -> Variable {
        Variable(ADDRESS.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn is_set(self) -> bool {
        // SAFETY: the variable is static. glibc sets it to zero before another thread exists that could write to it.
        !self.0.is_null() && unsafe { self.0.read_volatile() } != 0
    }
}
