use nix::libc;

/// A `pthread_t`, which is never zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle(pub(crate) usize);

impl Handle {
    pub(crate) fn current() -> Handle {
        // SAFETY: the call takes no arguments.
        Handle(unsafe { libc::pthread_self() } as usize)
    }
}
