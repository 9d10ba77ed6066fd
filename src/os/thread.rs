//! Reaching a thread from outside.

use std::thread;

use nix::libc;

/// A thread, as `pthread_kill` names it. Never zero on any Unix: it is a pointer or an index from 1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle(pub(crate) usize);

impl Handle {
    /// The calling thread. Async-signal-safe.
    pub(crate) fn current() -> Handle {
        // SAFETY: takes nothing and cannot fail.
        Handle(unsafe { libc::pthread_self() } as usize)
    }

    /// Sends SIGALRM to the thread, so that a system call that it waits in returns; says whether it was sent.
    /// Async-signal-safe.
    ///
    /// The caller sees to it that the thread has not ended: a thread that can be reached does not leave before
    /// everybody who might reach for it is done.
    ///
    /// See [pthread_kill(3)](https://man7.org/linux/man-pages/man3/pthread_kill.3.html).
    pub(crate) fn interrupt(self) -> bool {
        // SAFETY: the thread lives, as the caller has seen to, so the handle is valid.
        unsafe { libc::pthread_kill(self.0 as libc::pthread_t, libc::SIGALRM) == 0 }
    }
}

/// Lets others run, and goes through the kernel, where a signal that waits for this thread is delivered.
pub(crate) fn step_aside() {
    thread::yield_now();
}
