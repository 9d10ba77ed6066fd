//! Alarms where a library takes an [`enough::Stop`].

use enough::{Stop, StopReason};

use crate::alarm::Alarm;
use crate::error::{Cause, TimedOut};

/// The alarms of the thread that checks, as an [`enough::Stop`]: for a library that takes one where no guard is at hand, or
/// that wants one that is `'static`.
///
/// `&Alarm` is an [`enough::Stop`] too, from any thread. Its error says no more than *cancelled* or *timed out*: the alarm, or
/// [`checkpoint`](crate::checkpoint()), asked again gives the [`TimedOut`]. A deadline, processor time and a number of checks
/// that are used up are *timed out*; everything else is *cancelled*.
///
/// Needs the feature `enough`.
///
/// ```
/// use enough::{Stop, StopReason};
/// use sigalarm::{Alarm, ThreadAlarms, checkpoint};
/// use std::time::Duration;
///
/// /// A library's function.
/// fn count(stop: impl Stop + 'static) -> Result<u64, StopReason> {
///     for _ in 0..1_000_000 {
///         stop.check()?;
///     }
///     Ok(1_000_000)
/// }
///
/// assert_eq!(count(ThreadAlarms), Ok(1_000_000));
///
/// let alarm = Alarm::after(Duration::ZERO)?;
/// assert_eq!(count(ThreadAlarms), Err(StopReason::TimedOut));
/// assert!(alarm.owns(&checkpoint().unwrap_err())); // which alarm, and why
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ThreadAlarms;

impl Stop for ThreadAlarms {
    #[inline]
    #[track_caller]
    fn check(&self) -> Result<(), StopReason> {
        crate::checkpoint().map_err(|e| reason(&e))
    }
}

/// A `Stop` must be `Send`, which a guard is not; a reference to it is.
///
/// ```
/// use enough::{Stop, StopReason};
/// use sigalarm::Alarm;
/// use std::time::Duration;
///
/// let alarm = Alarm::after(Duration::ZERO)?;
/// let stop: &(dyn Stop + '_) = &&alarm;
/// assert_eq!(stop.check(), Err(StopReason::TimedOut));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
impl Stop for &Alarm {
    #[inline]
    #[track_caller]
    fn check(&self) -> Result<(), StopReason> {
        Alarm::check(self).map_err(|e| reason(&e))
    }
}

#[cold]
fn reason(timed_out: &TimedOut) -> StopReason {
    match timed_out.cause() {
        Cause::Deadline | Cause::Cpu | Cause::Checks => StopReason::TimedOut,
        _ => StopReason::Cancelled,
    }
}
