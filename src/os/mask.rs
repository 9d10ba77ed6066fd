//! Signal masks: [pthread_sigmask(3)](https://man7.org/linux/man-pages/man3/pthread_sigmask.3.html), called through
//! `libc`, because `nix` 0.31 ignores errors.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use nix::libc::{self, c_int, sigset_t};
use nix::sys::signal::{SigSet, Signal::SIGALRM};

/// Returns the previous mask. Async-signal-safe.
pub(super) fn change(how: c_int, set: Option<&sigset_t>) -> io::Result<sigset_t> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: the pointers are null or valid. A call that returns 0 has initialised `before`.
    unsafe {
        match libc::pthread_sigmask(how, set.map_or(ptr::null(), ptr::from_ref), before.as_mut_ptr()) {
            0 => Ok(before.assume_init()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

pub(super) fn contains(set: &sigset_t, signal: c_int) -> bool {
    // SAFETY: the pointer is valid.
    unsafe { libc::sigismember(set, signal) == 1 }
}

pub(crate) fn unblock_alarm() -> io::Result<()> {
    change(libc::SIG_UNBLOCK, Some(SigSet::from(SIGALRM).as_ref())).map(drop)
}

pub(crate) fn block_alarm() -> io::Result<()> {
    change(libc::SIG_BLOCK, Some(SigSet::from(SIGALRM).as_ref())).map(drop)
}

pub(crate) fn is_alarm_blocked() -> io::Result<bool> {
    Ok(contains(&change(libc::SIG_BLOCK, None)?, libc::SIGALRM))
}
