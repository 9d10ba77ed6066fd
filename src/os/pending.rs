//! Signals that the library sends to its own process.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Sends SIGALRM to this process.
pub(crate) fn send_alarm() {
    // Fails for a process that does not exist, and for one that may not be signalled.
    let _ = kill(Pid::this(), Signal::SIGALRM);
}

/// Sends a signal again that no alarm listens to.
pub(crate) fn send_again(number: usize) {
    if let Ok(signal) = Signal::try_from(number as i32) {
        let _ = kill(Pid::this(), signal);
    }
}
