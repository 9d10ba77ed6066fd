//! A call at the end of a thread.
//!
//! A key of [pthread_key_create(3)] and not a thread-local's destructor: those do not run for a main thread that calls
//! `pthread_exit`.
//!
//! [pthread_key_create(3)]: https://man7.org/linux/man-pages/man3/pthread_key_create.3p.html

use std::io;
use std::ptr;

use nix::libc;
use once_cell::race::OnceBox;

static KEY: OnceBox<libc::pthread_key_t> = OnceBox::new();

/// Has `at_end` called at the end of each thread that asks for it. Two threads may both do so at once; the first counts.
pub(crate) fn prepare(at_end: extern "C" fn(*mut libc::c_void)) -> io::Result<()> {
    let create = || {
        let mut key = 0;
        // SAFETY: the pointer is valid for the length of the call; `at_end` lives as long as the program.
        match unsafe { libc::pthread_key_create(&mut key, Some(at_end_pointer(at_end))) } {
            0 => Ok(Box::new(key)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    };
    KEY.get_or_try_init(create).map(drop)
}

fn at_end_pointer(at_end: extern "C" fn(*mut libc::c_void)) -> unsafe extern "C" fn(*mut libc::c_void) {
    at_end
}

/// Has the function called at the end of the calling thread.
pub(crate) fn call_at_end() -> io::Result<()> {
    let Some(key) = KEY.get() else { return Ok(()) };
    // SAFETY: the key exists and is never deleted. The value only has to differ from null.
    match unsafe { libc::pthread_setspecific(*key, ptr::without_provenance(1)) } {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}
