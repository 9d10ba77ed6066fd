//! Changing an armed alarm.

use std::time::Duration;

use super::Alarm;
use crate::error::Cause;
use crate::runtime;

impl Alarm {
    /// Starts the limit again from now, also after expiry, [`ring`](Alarm::ring) or [`disarm`](Alarm::disarm).
    ///
    /// An alarm of [`Alarm::at`] gets the time that it had at arming.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::from_secs(1))?;
    /// for _job in 0..1_000 {
    ///     alarm.restart(); // each job has its own second
    /// }
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn restart(&self) {
        runtime::restart(self.key);
    }

    /// Moves the deadline later by `more`.
    ///
    /// Until the new deadline checks return `Ok` again, unless the alarm was rung. Without a deadline nothing changes.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// alarm.extend(std::time::Duration::from_secs(10));
    /// assert!(alarm.check().is_ok());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn extend(&self, more: Duration) {
        runtime::extend(self.key, more);
    }

    /// Expires the alarm now, with [`Cause::Rung`](crate::Cause::Rung), to cancel the computation.
    ///
    /// Takes a lock, so do not call it in a signal handler.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::never()?;
    /// std::thread::scope(|s| drop(s.spawn(|| alarm.ring())));
    /// assert!(alarm.is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[doc(alias = "cancel")]
    pub fn ring(&self) {
        let _ = runtime::ring(self.key, Cause::Rung);
    }

    /// Removes the limits on time, processor time and checks, and keeps the guard.
    ///
    /// A [`restart`](Alarm::restart) sets the limits again. [`ring`](Alarm::ring), or a signal of
    /// [`ring_on`](crate::AlarmBuilder::ring_on), still expires the alarm.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// alarm.disarm();
    /// assert!(alarm.check().is_ok());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn disarm(&self) {
        runtime::disarm(self.key);
    }
}
