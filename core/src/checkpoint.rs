use crate::TimedOut;

/// Checks every alarm of the calling thread.
///
/// Costs one load and one branch until an alarm expires; then it may block briefly. Do not call it in a signal handler.
///
/// # Errors
///
/// The [`TimedOut`] of the outermost expired alarm, with the call's location. Pass `|| checkpoint()`: a function
/// pointer has a location outside your code.
///
/// ```
/// use sigalarm_core::{TimedOut, checkpoint};
/// fn sum(numbers: &[u64]) -> Result<u64, TimedOut> {
///     let mut sum = 0;
///     for n in numbers {
///         checkpoint()?;
///         sum += n;
///     }
///     Ok(sum)
/// }
/// assert_eq!(sum(&[1, 2]), Ok(3)); // no limit
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
