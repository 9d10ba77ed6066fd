//! SIGALRM in the thread's mask: [pthread_sigmask(3)](https://man7.org/linux/man-pages/man3/pthread_sigmask.3.html). It
//! returns an error number, which `nix` 0.31 ignores.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use nix::libc;

fn change(how: libc::c_int) -> io::Result<()> {
    let mut only = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` initialises the set; the pointers are valid for the calls.
    unsafe {
        libc::sigemptyset(only.as_mut_ptr());
        libc::sigaddset(only.as_mut_ptr(), libc::SIGALRM);
        match libc::pthread_sigmask(how, only.as_ptr(), ptr::null_mut()) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

pub(crate) fn unblock_alarm() -> io::Result<()> {
    change(libc::SIG_UNBLOCK)
}

pub(crate) fn block_alarm() -> io::Result<()> {
    change(libc::SIG_BLOCK)
}

pub(crate) fn is_alarm_blocked() -> io::Result<bool> {
    let mut now = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: null changes nothing, and `now` is initialised if the call returns 0.
    unsafe {
        match libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), now.as_mut_ptr()) {
            0 => Ok(libc::sigismember(now.as_ptr(), libc::SIGALRM) == 1),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}
