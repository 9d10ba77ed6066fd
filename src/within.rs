//! Arm, run, reset in one call.

use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::ArmError;

/// Runs `f` under a limit and returns its answer.
///
/// `f` gets the alarm to check; what it does with a [`TimedOut`](crate::TimedOut) is up to `f`, so a
/// `Result` comes back inside the `Result` of the arming: `within(limit, f)?` is the answer of `f`,
/// `within(limit, f)??` returns its time-out as well.
///
/// The alarm is reset when `f` returns or unwinds. Blocks as long as `f` does.
///
/// # Errors
///
/// [`ArmError`] if the alarm could not be armed; then `f` has not run.
///
/// # Examples
///
/// ```
/// use sigalarm::{TimedOut, checkpoint, within};
/// use std::time::Duration;
///
/// fn long_function() -> Result<u32, TimedOut> {
///     for _ in 0..1_000 {
///         checkpoint()?;
///     }
///     Ok(42)
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// match within(Duration::from_secs(10), |_| long_function())? {
///     Ok(answer) => assert_eq!(answer, 42),
///     Err(timed_out) => eprintln!("{timed_out}"),
/// }
///
/// let answer = within(Duration::from_secs(10), |_| long_function())??;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn within<T>(limit: Duration, f: impl FnOnce(&Alarm) -> T) -> Result<T, ArmError> {
    let alarm = Alarm::after(limit)?;
    Ok(f(&alarm))
}
