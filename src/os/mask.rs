//! The calling thread's signal mask, as far as SIGALRM goes.
//!
//! See [pthread_sigmask(3)](https://man7.org/linux/man-pages/man3/pthread_sigmask.3.html). It answers with an
//! error number, which `nix` 0.31 takes for success, so the call is made bare.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use nix::libc;

fn change(how: libc::c_int) -> io::Result<()> {
    let mut only = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `only` is initialised by `sigemptyset` before it is used; all pointers are valid for the length of their calls.
    unsafe {
        libc::sigemptyset(only.as_mut_ptr());
        libc::sigaddset(only.as_mut_ptr(), libc::SIGALRM);
        match libc::pthread_sigmask(how, only.as_ptr(), ptr::null_mut()) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// Lets SIGALRM in on this thread.
pub(crate) fn unblock_alarm() -> io::Result<()> {
    change(libc::SIG_UNBLOCK)
}

/// Blocks SIGALRM on this thread.
pub(crate) fn block_alarm() -> io::Result<()> {
    change(libc::SIG_BLOCK)
}

/// Whether SIGALRM is blocked on this thread.
pub(crate) fn is_alarm_blocked() -> io::Result<bool> {
    let mut now = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is valid for the length of the call, null means to ask only, and `now` is initialised when the call
    // succeeds.
    unsafe {
        match libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), now.as_mut_ptr()) {
            0 => Ok(libc::sigismember(now.as_ptr(), libc::SIGALRM) == 1),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}
