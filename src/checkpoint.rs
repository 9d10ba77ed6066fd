//! The check without the guard.

use std::panic::Location;

use crate::bell;
use crate::error::TimedOut;

/// The check for code that carries no guard: it asks every alarm of the calling thread.
///
/// As cheap as [`Alarm::check`](crate::Alarm::check), and `Ok` at once where no alarm is armed, so that a
/// library can call it in its loops and leave limits to its users. It blocks no longer than `check` does, and is not for
/// signal handlers either.
///
/// # Errors
///
/// [`TimedOut`], of the outermost of this thread's alarms that have expired.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, TimedOut, checkpoint};
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
/// assert_eq!(collatz(27).unwrap(), 111); // no limit
///
/// let _alarm = Alarm::after(Duration::ZERO)?;
/// assert!(collatz(27).is_err());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[inline]
#[track_caller]
pub fn checkpoint() -> Result<(), TimedOut> {
    if bell::is_rung() {
        return bell::ask(&bell::HAS_ANY_EXPIRED, &(), Location::caller());
    }
    Ok(())
}
