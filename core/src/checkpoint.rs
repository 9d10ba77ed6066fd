//! The check of all alarms of a thread.

use crate::TimedOut;

/// Checks every alarm of the calling thread.
///
/// `sigalarm::checkpoint` is the same function. The cost is one relaxed load and one branch while no alarm of the
/// process has expired. After an expiry, a check may block briefly on a lock. A signal handler must not call it.
///
/// The error carries the source location of the call. Pass the check as `|| checkpoint()`: a function pointer gives a
/// location outside your code.
///
/// # Errors
///
/// Returns the [`TimedOut`] of the outermost expired alarm of this thread.
///
/// # Examples
///
/// ```
/// use sigalarm::Alarm;
/// use sigalarm_core::{TimedOut, checkpoint};
/// use std::time::Duration;
///
/// fn collatz(mut n: u64) -> Result<u32, TimedOut> {
///     let mut steps = 0;
///     while n != 1 {
///         checkpoint()?;
///         n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
///         steps += 1;
///     }
///     Ok(steps)
/// }
///
/// assert_eq!(collatz(27), Ok(111)); // no limit
///
/// let _alarm = Alarm::after(Duration::ZERO)?;
/// assert!(collatz(27).is_err());
/// # Ok::<(), sigalarm::ArmError>(())
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
