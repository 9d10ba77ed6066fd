use enough::{Stop, StopReason};

use crate::alarm::Alarm;
use crate::error::{Cause, TimedOut};
use crate::handle::AlarmHandle;

/// A `'static` [`enough::Stop`] that checks the calling thread's alarms. `&Alarm` and [`AlarmHandle`] implement `Stop`
/// too. The reason is [`StopReason::TimedOut`] after a limit on time, processor time or checks, and otherwise
/// [`StopReason::Cancelled`].
/// ```
/// use enough::{Stop, StopReason};
/// let _alarm = sigalarm::testing::expired();
/// assert_eq!(sigalarm::ThreadAlarms.check(), Err(StopReason::TimedOut));
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

impl Stop for &Alarm {
    #[inline]
    #[track_caller]
    fn check(&self) -> Result<(), StopReason> {
        Alarm::check(self).map_err(|e| reason(&e))
    }
}

impl Stop for AlarmHandle {
    #[inline]
    #[track_caller]
    fn check(&self) -> Result<(), StopReason> {
        AlarmHandle::check(self).map_err(|e| reason(&e))
    }
}

#[cold]
fn reason(timed_out: &TimedOut) -> StopReason {
    match timed_out.cause() {
        Cause::Deadline | Cause::Cpu | Cause::Checks => StopReason::TimedOut,
        _ => StopReason::Cancelled,
    }
}
