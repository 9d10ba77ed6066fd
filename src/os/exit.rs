//! The end of the process, from inside a signal handler.

use nix::libc;

/// Writes a line to standard error and ends the process: with exit code 124, as timeout(1) does, or by SIGABRT, for a
/// core dump. Runs nothing else: no destructor, no exit function. Async-signal-safe.
///
/// Leaves the line out where there is no room for it, in a pipe that is not read or on a terminal that was stopped: the wait
/// could last for ever, with the other signals blocked.
pub(crate) fn write_and_exit(line: &[u8], core: bool) -> ! {
    let mut stderr = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the pointers are valid for the lengths that are given; the calls are on the list of async-signal-safe
    // functions. What could not be written cannot be helped.
    unsafe {
        if libc::poll(&mut stderr, 1, 0) != 0 {
            libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
        }
        if core { libc::abort() } else { libc::_exit(124) }
    }
}
