//! A handle that may outlive its guard.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::enter::Entered;
use crate::error::{AlarmId, Cause, TimedOut};
use crate::runtime;
use crate::schedule::{Entry, Key};

/// A handle on an alarm, for a thread or a callback that cannot borrow the guard; returned by [`Alarm::handle`].
///
/// The guard alone keeps the alarm armed. After the guard is dropped, and in a forked child, the handle is inert:
/// its checks return `Ok`, and [`ring`](AlarmHandle::ring) returns `false`.
///
/// ```
/// let alarm = sigalarm::Alarm::never()?;
/// let handle = alarm.handle();
/// let button = std::thread::spawn(move || handle.ring());
/// while alarm.check().is_ok() {}
/// assert!(button.join().unwrap());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone)]
pub struct AlarmHandle {
    key: Key,
}

impl Alarm {
    /// Returns a handle on the alarm. Does not block.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::never()?;
    /// let handle = alarm.handle();
    /// drop(alarm);
    /// assert!(!handle.ring()); // inert
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn handle(&self) -> AlarmHandle {
        AlarmHandle { key: self.key() }
    }
}

impl AlarmHandle {
    /// Expires the alarm now, to cancel the computation. Returns whether the alarm is still armed.
    ///
    /// On every thread the alarm's checks return an error with [`Cause::Rung`], and [`blocking`](Alarm::blocking) calls
    /// end. An alarm that has already expired keeps its cause.
    ///
    /// Takes a lock, so do not call it in a signal handler; use [`ring_on`](crate::AlarmBuilder::ring_on).
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::never()?;
    /// assert!(alarm.handle().ring());
    /// assert!(alarm.is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[doc(alias = "cancel")]
    pub fn ring(&self) -> bool {
        runtime::ring(self.key, Cause::Rung)
    }

    /// Checks as [`Alarm::check`] does; returns `Ok` after the guard is dropped.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] of the outermost expired alarm.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// let timed_out = alarm.handle().check().unwrap_err();
    /// assert!(alarm.owns(&timed_out));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn check(&self) -> Result<(), TimedOut> {
        if runtime::is_flag_set() {
            return runtime::answer(runtime::check_alarm(&self.key, Location::caller()));
        }
        Ok(())
    }

    /// Returns whether [`check`](AlarmHandle::check) returns an error, at the same cost.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// assert!(alarm.handle().is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_expired(&self) -> bool {
        self.check().is_err()
    }

    /// Returns the time until the deadline: zero after it, `None` without a deadline or a guard.
    ///
    /// Takes a lock and reads the clock.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// assert!(alarm.handle().remaining().unwrap().is_zero());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        runtime::inspect(self.key, Entry::remaining).flatten()
    }

    /// Enters the alarm on the calling thread, as [`Alarm::enter`] does. Does not block.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// let handle = alarm.handle();
    /// std::thread::spawn(move || {
    ///     let _entered = handle.enter();
    ///     assert!(sigalarm::checkpoint().is_err());
    /// }).join().unwrap();
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn enter(&self) -> Entered<'static> {
        Entered::new(self.key)
    }

    /// Returns the alarm's id, as [`Alarm::id`] does.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::never()?;
    /// assert_eq!(alarm.handle().id(), alarm.id());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn id(&self) -> AlarmId {
        self.key.id()
    }
}

impl fmt::Debug for AlarmHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlarmHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}
