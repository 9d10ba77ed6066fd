//! The end of the process, from inside a signal handler.

use nix::libc;

/// Writes a line to standard error and ends the process: with exit code 124, as timeout(1) does, or by SIGABRT, for a
/// core dump. Runs nothing else: no destructor, no exit function. Async-signal-safe.
pub(crate) fn with_a_last_word(line: &[u8], core: bool) -> ! {
    // SAFETY: the pointer is valid for the length that is given; the calls are on the list of async-signal-safe
    // functions. What could not be written cannot be helped.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
        if core { libc::abort() } else { libc::_exit(124) }
    }
}
