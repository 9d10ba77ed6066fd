//! The check.

use crate::TimedOut;

/// The check for code that carries no guard: it asks every alarm of the calling thread.
///
/// `sigalarm_core::checkpoint` in a library and `sigalarm::checkpoint` in a program are one function.
///
/// Costs one load and one branch that is not taken, and is `Ok` at once where no alarm is armed, so that a library can call it
/// in its loops and leave limits to its users. When an alarm has expired it may block for the moment that another thread is
/// asking too. It is not for signal handlers.
///
/// The error carries the place of the call. To pass it on, write `|| checkpoint()`, whose place is that line. Passed by its name,
/// the place is one in the standard library or in `sigalarm-core`.
///
/// # Errors
///
/// [`TimedOut`], of the outermost of this thread's alarms that have expired.
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
