#[cfg(not(sigalarm_shuttle))]
pub use sigalarm_core::checkpoint;

/// Checks as `sigalarm_core::checkpoint` does, but reads the flag of the simulated kernel in `src/interleavings`.
#[cfg(sigalarm_shuttle)]
pub fn checkpoint() -> Result<(), crate::error::TimedOut> {
    if crate::runtime::is_flag_set() {
        return crate::runtime::answer(crate::runtime::check_thread(std::panic::Location::caller()));
    }
    Ok(())
}
