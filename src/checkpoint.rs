#[cfg(not(sigalarm_shuttle))]
pub use sigalarm_core::checkpoint;

/// Checks by the flag of the simulated kernel.
#[cfg(sigalarm_shuttle)]
pub fn checkpoint() -> Result<(), crate::error::TimedOut> {
    if crate::runtime::is_flag_set() {
        return crate::runtime::answer(crate::runtime::check_thread(std::panic::Location::caller()));
    }
    Ok(())
}
