//! Arm, run, reset in one call.

use std::io;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::ArmError;

/// Runs `f` under a limit and returns its answer.
///
/// `f` gets the alarm to check; what it does with a [`TimedOut`](crate::TimedOut) is up to `f`, so a
/// `Result` comes back inside the `Result` of the arming: `within(limit, f)?` is the answer of `f`,
/// `within(limit, f)??` returns its time-out as well. [`try_within`] does that with one `?`.
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

/// Runs `f` under a limit and returns its answer, its error or that of the arming: one `?` for all.
///
/// `f` gets the alarm to check and fails with a [`TimedOut`], an [`io::Error`] or an error that converts to one. The result
/// is an [`io::Error`], which `?` turns into `Box<dyn Error>`, `anyhow::Error` and most error types. If the limit expired,
/// its kind is [`TimedOut`](io::ErrorKind::TimedOut), and [`TimedOut::find_in`] has the details. A function with another error
/// type goes with [`within`].
///
/// The alarm is reset when `f` returns or unwinds. Blocks as long as `f` does.
///
/// # Errors
///
/// That of `f`, or an [`ArmError`] if the alarm could not be armed; then `f` has not run.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, TimedOut, try_within};
/// use std::io::ErrorKind;
/// use std::time::Duration;
///
/// fn long_function(alarm: &Alarm) -> Result<u32, TimedOut> {
///     for _ in 0..1_000 {
///         alarm.check()?;
///     }
///     Ok(42)
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let answer = try_within(Duration::from_secs(10), long_function)?;
/// assert_eq!(answer, 42);
///
/// let e = try_within(Duration::ZERO, long_function).unwrap_err();
/// assert_eq!(e.kind(), ErrorKind::TimedOut);
/// assert_eq!(TimedOut::find_in(&e).unwrap().limit(), Some(Duration::ZERO));
/// # Ok(())
/// # }
/// ```
///
/// [`TimedOut`]: crate::TimedOut
/// [`TimedOut::find_in`]: crate::TimedOut::find_in
pub fn try_within<T, E: Into<io::Error>>(
    limit: Duration,
    f: impl FnOnce(&Alarm) -> Result<T, E>,
) -> io::Result<T> {
    within(limit, f)?.map_err(E::into)
}
