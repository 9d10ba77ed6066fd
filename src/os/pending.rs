use std::mem::MaybeUninit;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) fn send_alarm() {
    let _ = kill(Pid::this(), Signal::SIGALRM);
}

pub(crate) fn raise_alarm() {
    let _ = nix::sys::signal::raise(Signal::SIGALRM);
}

pub(crate) fn send_again(number: usize) {
    if let Ok(signal) = Signal::try_from(number as i32) {
        let _ = kill(Pid::this(), signal);
    }
}

/// Returns whether SIGALRM is pending for the thread or the process. Async-signal-safe.
pub(crate) fn is_alarm_pending() -> bool {
    let mut pending = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the pointer is valid for the call, and zeroes are the empty set.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        libc::sigismember(pending.as_ptr(), libc::SIGALRM) == 1
    }
}
