use std::mem::MaybeUninit;

use nix::libc::{self, c_int};
use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::Pid;

pub(crate) fn send(signal: c_int) {
    let _ = Signal::try_from(signal).and_then(|signal| kill(Pid::this(), signal));
}

pub(crate) fn raise_alarm() {
    let _ = raise(Signal::SIGALRM);
}

/// Returns whether SIGALRM is pending for the thread or the process. Async-signal-safe.
pub(crate) fn is_alarm_pending() -> bool {
    let mut pending = MaybeUninit::zeroed();
    // SAFETY: the pointer is valid, and zeroes are the empty set.
    let pending = unsafe {
        libc::sigpending(pending.as_mut_ptr());
        pending.assume_init()
    };
    super::mask::contains(&pending, libc::SIGALRM)
}
