//! Limits around one call.

use std::io;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::ArmError;

/// Runs `f` with an alarm that expires `limit` from now, and returns what `f` returns. Blocks until then.
///
/// If `f` returns a `Result`, `within(limit, f)??` returns both errors; [`try_within`] needs one `?`.
///
/// # Errors
///
/// [`ArmError`] if the alarm cannot be armed; then `f` does not run.
///
/// ```
/// let limit = std::time::Duration::from_secs(10);
/// assert!(sigalarm::within(limit, |alarm| alarm.check())?.is_ok());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[track_caller]
pub fn within<T>(limit: Duration, f: impl FnOnce(&Alarm) -> T) -> Result<T, ArmError> {
    let alarm = Alarm::after(limit)?;
    Ok(f(&alarm))
}

/// Runs `f` as [`within`] does, and returns one error type for arming, expiry and `f`.
///
/// `f` fails with a `TimedOut`, an [`io::Error`], or an error that converts to one. For other errors use [`within`].
///
/// # Errors
///
/// - After an expiry, kind [`TimedOut`](io::ErrorKind::TimedOut); [`find_in`](crate::TimedOut::find_in) returns the
///   [`TimedOut`](crate::TimedOut).
/// - Otherwise the error of `f`, or an [`ArmError`]; then `f` does not run.
///
/// ```
/// let limit = std::time::Duration::from_secs(10);
/// sigalarm::try_within(limit, |alarm| alarm.check())?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn try_within<T, E: Into<io::Error>>(
    limit: Duration,
    f: impl FnOnce(&Alarm) -> Result<T, E>,
) -> io::Result<T> {
    within(limit, f)?.map_err(E::into)
}
