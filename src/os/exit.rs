//! Functions that end the process from a signal handler. All are async-signal-safe.

use nix::libc;
use nix::sys::signal::{SigSet, Signal};

use super::mask;

/// Writes nothing if a full pipe or a stopped terminal would block the write.
pub(crate) fn write_line(line: &[u8]) {
    let mut stderr = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the pointers are valid for the lengths, and the calls are async-signal-safe.
    unsafe {
        if libc::poll(&mut stderr, 1, 0) != 0 {
            libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
        }
    }
}

pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: async-signal-safe.
    unsafe { libc::_exit(code) }
}

/// Ends the process by SIGABRT, without the program's handler of SIGABRT, which may never return.
pub(crate) fn abort() -> ! {
    // SAFETY: async-signal-safe, and the default action runs no code.
    unsafe {
        libc::signal(libc::SIGABRT, libc::SIG_DFL);
        libc::abort()
    }
}

/// Raises SIGABRT, which stays blocked until the calling handler returns. So a core dump shows the interrupted function
/// on top, not the handler. Limit: has no effect on a thread that blocked SIGABRT before the
/// handler ran.
pub(crate) fn abort_on_return() {
    let _ = mask::change(libc::SIG_BLOCK, Some(SigSet::from(Signal::SIGABRT).as_ref()));
    // SAFETY: async-signal-safe. The kernel restores the mask when the handler returns.
    unsafe { libc::raise(libc::SIGABRT) };
}
