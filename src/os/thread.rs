use nix::libc;

/// A `pthread_t`, which is never zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle(pub(crate) usize);

impl Handle {
    pub(crate) fn current() -> Handle {
        // SAFETY: no arguments, no failure.
        Handle(unsafe { libc::pthread_self() } as usize)
    }
}
