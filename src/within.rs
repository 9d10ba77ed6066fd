//! Limits around one call.

use std::io;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::ArmError;

/// Runs `f` with an alarm that expires `limit` from now, and returns what `f` returns.
///
/// If `f` returns a `Result`, `within(limit, f)??` returns both errors; [`try_within`] does so with one `?`. Blocks
/// until `f` returns.
///
/// # Errors
///
/// [`ArmError`] if the alarm cannot be armed; then `f` does not run.
///
/// ```
/// use std::time::Duration;
///
/// match sigalarm::within(Duration::from_secs(10), |alarm| alarm.check())? {
///     Ok(()) => println!("done"),
///     Err(timed_out) => eprintln!("{timed_out}"),
/// }
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[track_caller]
pub fn within<T>(limit: Duration, f: impl FnOnce(&Alarm) -> T) -> Result<T, ArmError> {
    let alarm = Alarm::after(limit)?;
    Ok(f(&alarm))
}

/// Runs `f` with an alarm that expires `limit` from now, and returns one error type for arming, expiry and `f`.
///
/// `f` fails with a [`TimedOut`], an [`io::Error`], or an error that converts to one. Use [`within`] for other error
/// types. Blocks until `f` returns.
///
/// # Errors
///
/// - After an expiry, kind [`TimedOut`](io::ErrorKind::TimedOut); [`TimedOut::find_in`] returns the [`TimedOut`].
/// - Otherwise the error of `f`, or an [`ArmError`], in which case `f` does not run.
///
/// ```
/// use sigalarm::{Alarm, TimedOut, try_within};
/// use std::time::Duration;
///
/// fn long_function(alarm: &Alarm) -> Result<u32, TimedOut> {
///     alarm.check()?;
///     Ok(42)
/// }
///
/// assert_eq!(try_within(Duration::from_secs(10), long_function)?, 42);
/// let e = try_within(Duration::ZERO, long_function).unwrap_err();
/// assert!(TimedOut::find_in(&e).is_some());
/// # Ok::<(), std::io::Error>(())
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
