use crate::TimedOut;

/// Checks every alarm of the calling thread.
///
/// Costs one load and one branch until an alarm expires. After an expiry, `checkpoint` may wait for a lock, so do not
/// call it in a signal handler.
///
/// # Errors
///
/// Returns the [`TimedOut`] of the outermost expired alarm, with the location of the call. To pass the check as a
/// function, write `|| checkpoint()`: a call through a function pointer reports a location outside your code.
/// ```
/// let count = || (0..1_000).try_for_each(|_| sigalarm_core::checkpoint());
/// assert!(count().is_ok()); // no limit
/// let _alarm = sigalarm::testing::expired();
/// assert!(count().is_err());
/// ```
#[inline]
#[track_caller]
pub fn checkpoint() -> Result<(), TimedOut> {
    #[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
    {
        use crate::hook;

        if hook::flag().is_set() {
            return hook::answer(hook::check_thread(core::panic::Location::caller()));
        }
    }
    Ok(())
}
