#[cfg(not(sigalarm_shuttle))]
pub use sigalarm_core::checkpoint;

/// Reads the flag of the simulated kernel on which `src/interleavings` tests the library.
#[cfg(sigalarm_shuttle)]
pub fn checkpoint() -> Result<(), crate::error::TimedOut> {
    if crate::runtime::is_flag_set() {
        return crate::runtime::answer(crate::runtime::check_thread(std::panic::Location::caller()));
    }
    Ok(())
}
