//! Checking an alarm.

use std::panic::Location;

use super::Alarm;
use crate::error::TimedOut;
use crate::runtime;

impl Alarm {
    /// Returns an error once this alarm, or an alarm that encloses it, has expired.
    ///
    /// Costs one load and one branch. When the flag is set, a check takes a lock, so do not check in a signal handler.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] of the outermost expired alarm, with the location of this call. Later checks return it again, until
    /// [`restart`](Alarm::restart), [`extend`](Alarm::extend) or [`disarm`](Alarm::disarm).
    ///
    /// ```
    /// use sigalarm::{Alarm, TimedOut};
    /// fn count(alarm: &Alarm) -> Result<u64, TimedOut> {
    ///     for _ in 0..1_000 {
    ///         alarm.check()?;
    ///     }
    ///     Ok(1_000)
    /// }
    /// assert!(count(&Alarm::never()?).is_ok());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn check(&self) -> Result<(), TimedOut> {
        self.check_at(Location::caller())
    }

    /// Checks for an adapter, which passes the user's `location`.
    #[inline(always)]
    pub(crate) fn check_at(&self, location: &'static Location<'static>) -> Result<(), TimedOut> {
        if runtime::is_flag_set() {
            return runtime::answer(runtime::check_alarm(&self.key, location));
        }
        Ok(())
    }

    /// Checks, and returns `Ok` while the thread unwinds.
    #[inline(always)]
    pub(crate) fn check_to_unwind(&self, location: &'static Location<'static>) -> Result<(), TimedOut> {
        if runtime::is_flag_set() {
            return runtime::answer(runtime::unwind_alarm(&self.key, location));
        }
        Ok(())
    }

    /// Returns whether [`check`](Alarm::check) returns an error.
    ///
    /// ```
    /// assert!(sigalarm::Alarm::after(std::time::Duration::ZERO)?.is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_expired(&self) -> bool {
        self.check().is_err()
    }

    /// Returns whether `timed_out` is an error of this alarm, and not of one that encloses it.
    ///
    /// ```
    /// let outer = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// let inner = sigalarm::Alarm::never()?;
    /// assert!(outer.owns(&inner.check().unwrap_err()));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn owns(&self, timed_out: &TimedOut) -> bool {
        timed_out.alarm() == self.id()
    }
}
