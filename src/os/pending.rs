//! Signals that are pending, and those that the library sends to its own process.

use std::mem::MaybeUninit;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Sends SIGALRM to this process.
pub(crate) fn send_alarm() {
    // Fails for a process that does not exist, and for one that may not be signalled.
    let _ = kill(Pid::this(), Signal::SIGALRM);
}

/// Sends SIGALRM to the calling thread.
pub(crate) fn raise_alarm() {
    // Fails for an unknown signal only.
    let _ = nix::sys::signal::raise(Signal::SIGALRM);
}

/// Sends a signal again that no alarm listens to.
pub(crate) fn send_again(number: usize) {
    if let Ok(signal) = Signal::try_from(number as i32) {
        let _ = kill(Pid::this(), signal);
    }
}

/// Whether a SIGALRM is pending for the calling thread or for the process. Async-signal-safe.
///
/// See [sigpending(2)](https://man7.org/linux/man-pages/man2/sigpending.2.html).
pub(crate) fn is_alarm_pending() -> bool {
    let mut pending = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the pointer is valid for the length of the call, and zeroes are a value of it, the empty set.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        libc::sigismember(pending.as_ptr(), libc::SIGALRM) == 1
    }
}
