/// Returns the calling thread's `pthread_t`, which is never zero. Async-signal-safe.
pub(crate) fn handle() -> usize {
    // SAFETY: the call takes no arguments.
    unsafe { nix::libc::pthread_self() as usize }
}
