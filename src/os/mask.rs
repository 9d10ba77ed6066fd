//! The calling thread's signal mask, as far as SIGALRM goes.
//!
//! See [pthread_sigmask(3)](https://man7.org/linux/man-pages/man3/pthread_sigmask.3.html). It answers with an
//! error number, which `nix` 0.31 takes for success, so the call is made bare.

use std::io;
use std::mem::MaybeUninit;

use nix::libc;

fn change(how: libc::c_int) -> io::Result<bool> {
    let mut only = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `only` is initialised by `sigemptyset` before it is used, `before` by `pthread_sigmask` when it
    // succeeds; all pointers are valid for the length of their calls.
    unsafe {
        libc::sigemptyset(only.as_mut_ptr());
        libc::sigaddset(only.as_mut_ptr(), libc::SIGALRM);
        match libc::pthread_sigmask(how, only.as_ptr(), before.as_mut_ptr()) {
            0 => Ok(libc::sigismember(before.as_ptr(), libc::SIGALRM) == 1),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// Lets SIGALRM in on this thread; says whether it was blocked.
pub(crate) fn unblock_alarm() -> io::Result<bool> {
    change(libc::SIG_UNBLOCK)
}

/// Keeps SIGALRM out of this thread; says whether it was blocked already.
pub(crate) fn block_alarm() -> io::Result<bool> {
    change(libc::SIG_BLOCK)
}

/// Whether SIGALRM comes in on this thread.
pub(crate) fn lets_alarm_in() -> bool {
    let mut now = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is valid for the length of the call; `now` is initialised when it succeeds.
    unsafe {
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), now.as_mut_ptr()) == 0
            && libc::sigismember(now.as_ptr(), libc::SIGALRM) == 0
    }
}
