use std::mem::MaybeUninit;

use nix::libc;
use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::Pid;

pub(crate) fn send_alarm() {
    let _ = kill(Pid::this(), Signal::SIGALRM);
}

pub(crate) fn raise_alarm() {
    let _ = raise(Signal::SIGALRM);
}

pub(crate) fn send_again(number: usize) {
    let _ = Signal::try_from(number as i32).and_then(|signal| kill(Pid::this(), signal));
}

/// Returns whether SIGALRM is pending for the thread or the process. Async-signal-safe.
pub(crate) fn is_alarm_pending() -> bool {
    let mut pending = MaybeUninit::zeroed();
    // SAFETY: the pointer is valid for the call, and zeroes are the empty set.
    let pending = unsafe {
        libc::sigpending(pending.as_mut_ptr());
        pending.assume_init()
    };
    super::mask::contains(&pending, libc::SIGALRM)
}
