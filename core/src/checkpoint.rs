use crate::TimedOut;

/// Checks every alarm of the calling thread.
///
/// While no alarm has expired, it costs one load and one branch. Otherwise it may block briefly. A signal handler must not
/// call it.
///
/// The error contains the call's location. Pass `|| checkpoint()`: a function pointer has a location outside your code.
///
/// # Errors
///
/// Returns the [`TimedOut`] of the thread's outermost expired alarm.
///
/// ```
/// use sigalarm_core::{TimedOut, checkpoint};
///
/// fn sum(numbers: &[u64]) -> Result<u64, TimedOut> {
///     let mut sum = 0;
///     for n in numbers {
///         checkpoint()?;
///         sum += n;
///     }
///     Ok(sum)
/// }
/// assert_eq!(sum(&[1, 2]), Ok(3)); // no limit
///
/// let _alarm = sigalarm::testing::expired();
/// assert!(sum(&[1, 2]).is_err());
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
