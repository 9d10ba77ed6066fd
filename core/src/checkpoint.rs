use crate::TimedOut;

/// Checks every alarm of the calling thread.
///
/// Costs one load and one branch until an alarm expires; then it may block briefly. Do not call it in a signal handler.
///
/// # Errors
///
/// The [`TimedOut`] of the outermost expired alarm, with the location of the call. Pass `|| checkpoint()` to another
/// function: without the closure the location is in that function.
/// ```
/// fn count() -> Result<(), sigalarm_core::TimedOut> {
///     for _ in 0..1_000 {
///         sigalarm_core::checkpoint()?;
///     }
///     Ok(())
/// }
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
