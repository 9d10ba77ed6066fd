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
#[inline]
pub(crate) fn is_single_threaded() -> bool {
    let variable = ADDRESS.load(Ordering::Relaxed);
    // SAFETY: the variable is static. glibc sets it to zero before another thread exists that could write to it.
    !variable.is_null() && unsafe { variable.read_volatile() } != 0
}
