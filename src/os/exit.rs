//! The end of the process, from inside a signal handler.

use std::mem::MaybeUninit;
use std::ptr;

use nix::libc;

/// Writes a line to standard error. Async-signal-safe.
///
/// Where there is no space for the line, in a pipe that is full or on a terminal that was stopped, it is left out: to wait
/// could be to wait for ever, with other signals blocked.
pub(crate) fn write_line(line: &[u8]) {
    let mut stderr = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the pointers are valid for the lengths that are given; both calls are on the list of async-signal-safe functions.
    unsafe {
        if libc::poll(&mut stderr, 1, 0) != 0 {
            libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
        }
    }
}

/// Ends the process with an exit code. Runs nothing else: no destructor, no exit function. Async-signal-safe.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: on the list of async-signal-safe functions.
    unsafe { libc::_exit(code) }
}

/// Ends the process by SIGABRT, for a core dump. Async-signal-safe.
pub(crate) fn abort() -> ! {
    // SAFETY: on the list of async-signal-safe functions.
    unsafe { libc::abort() }
}

/// Raises SIGABRT on this thread, to be delivered when the handler that calls this returns. Async-signal-safe.
///
/// So a core dump shows the interrupted function on top, and a handler of SIGABRT has the whole signal stack. If the thread
/// has SIGABRT blocked, it is not delivered.
pub(crate) fn abort_on_return() {
    let mut only = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is initialised by the first call; all are on the list of async-signal-safe functions. The kernel restores
    // the mask when the handler returns.
    unsafe {
        libc::sigemptyset(only.as_mut_ptr());
        libc::sigaddset(only.as_mut_ptr(), libc::SIGABRT);
        libc::pthread_sigmask(libc::SIG_BLOCK, only.as_ptr(), ptr::null_mut());
        libc::raise(libc::SIGABRT);
    }
}
