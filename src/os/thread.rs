//! Which thread this is.

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
}
