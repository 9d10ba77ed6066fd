//! The check without the guard.

#[cfg(not(sigalarm_shuttle))]
pub use sigalarm_core::checkpoint;

/// The same over the scripted kernel's flag, which `sigalarm-core` does not know.
#[cfg(sigalarm_shuttle)]
pub fn checkpoint() -> Result<(), crate::error::TimedOut> {
    if crate::runtime::is_flag_set() {
        return crate::runtime::answer(crate::runtime::check_thread(std::panic::Location::caller()));
    }
    Ok(())
}
