//! The handle.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::enter::Entered;
use crate::error::{AlarmId, Cause, TimedOut};
use crate::runtime;
use crate::schedule::{Entry, Key};

/// A handle on an alarm, for code that cannot borrow the guard; returned by [`Alarm::handle`].
///
/// After the guard is dropped, and in a forked child, the handle is inert: its checks return `Ok`, and
/// [`ring`](AlarmHandle::ring) returns `false`.
///
/// ```
/// let alarm = sigalarm::Alarm::never()?;
/// let handle = alarm.handle();
/// std::thread::spawn(move || handle.ring());
/// while alarm.check().is_ok() {}
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
    /// let handle = sigalarm::Alarm::never()?.handle(); // drops the guard
    /// assert!(!handle.ring());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn handle(&self) -> AlarmHandle {
        AlarmHandle { key: self.key() }
    }
}

impl AlarmHandle {
    /// Expires the alarm now, to cancel the computation. Returns whether the alarm is still armed.
    ///
    /// Checks then return an error with [`Cause::Rung`], and [`blocking`](Alarm::blocking) calls end, on every thread. An
    /// expired alarm keeps its cause. Takes a lock, so do not call it in a signal handler.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::never()?;
    /// assert!(alarm.handle().ring() && alarm.is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[doc(alias = "cancel")]
    pub fn ring(&self) -> bool {
        runtime::ring(self.key, Cause::Rung)
    }

    /// Checks as [`Alarm::check`] does, with the same cost and errors. Returns `Ok` after the guard is dropped.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// assert!(alarm.handle().check().is_err());
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

    /// Returns whether [`check`](AlarmHandle::check) returns an error.
    ///
    /// ```
    /// assert!(!sigalarm::Alarm::never()?.handle().is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_expired(&self) -> bool {
        self.check().is_err()
    }

    /// Returns the time until the deadline: zero after it, `None` without a deadline or a guard. Takes a lock.
    ///
    /// ```
    /// assert_eq!(sigalarm::Alarm::never()?.handle().remaining(), None);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        runtime::inspect(self.key, Entry::remaining).flatten()
    }

    /// Enters the alarm on the calling thread, as [`Alarm::enter`] does. Does not block.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// let _entered = alarm.handle().enter();
    /// assert!(sigalarm::checkpoint().is_err());
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
