//! Calls a function at thread end:
//! [pthread_key_create(3)](https://man7.org/linux/man-pages/man3/pthread_key_create.3p.html). The destructors
//! of Rust thread-locals are no substitute, because `pthread_exit` on the main thread skips them.

use std::io;
use std::ptr;

use nix::libc;
use once_cell::race::OnceBox;

static KEY: OnceBox<libc::pthread_key_t> = OnceBox::new();

pub(crate) fn prepare(at_end: extern "C" fn(*mut libc::c_void)) -> io::Result<()> {
    let create = || {
        let mut key = 0;
        // SAFETY: the pointer is valid, and `at_end` is static.
        match unsafe { libc::pthread_key_create(&mut key, Some(at_end)) } {
            0 => Ok(Box::new(key)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    };
    KEY.get_or_try_init(create).map(drop)
}

pub(crate) fn call_at_end() -> io::Result<()> {
    let Some(key) = KEY.get() else { return Ok(()) };
    // SAFETY: the key is never deleted, and the value is not dereferenced.
    match unsafe { libc::pthread_setspecific(*key, ptr::without_provenance(1)) } {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}
