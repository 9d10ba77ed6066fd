//! Functions that end the process from a signal handler. All are async-signal-safe.

use std::io;
use std::os::fd::AsFd;
use std::process;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{SigSet, Signal, raise};
use nix::unistd;

use super::mask;
use super::poll::{self, Readiness};

/// Writes nothing if the write would block.
pub(crate) fn write_line(line: &[u8]) {
    let stderr = io::stderr(); // not locked
    let is_ready = poll::wait(Some((stderr.as_fd(), Readiness::Writable)), Some(Duration::ZERO));
    if is_ready.unwrap_or(true) {
        let _ = unistd::write(stderr.as_fd(), line);
    }
}

pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: async-signal-safe.
    unsafe { libc::_exit(code) }
}

/// Ends the process by SIGABRT, without the program's handler of SIGABRT, which may never return.
pub(crate) fn abort() -> ! {
    // SAFETY: async-signal-safe, and the default action runs no code.
    unsafe { libc::signal(libc::SIGABRT, libc::SIG_DFL) };
    process::abort()
}

/// Raises SIGABRT, which stays blocked until the calling handler returns and the kernel restores the mask. So a core
/// dump shows the interrupted function on top, not the handler. Limit: has no effect on a thread that blocked SIGABRT
/// before the handler ran.
pub(crate) fn abort_on_return() {
    let _ = mask::change(libc::SIG_BLOCK, Some(SigSet::from(Signal::SIGABRT).as_ref()));
    let _ = raise(Signal::SIGABRT);
}
