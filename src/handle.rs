use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::alarm::{self, Alarm};
use crate::enter::Entered;
use crate::error::{AlarmId, Cause, TimedOut};
use crate::runtime;
use crate::schedule::{Entry, Key};

/// A handle on an alarm, for code that cannot borrow the guard; returned by [`Alarm::handle`].
///
/// After the guard is dropped, and in a forked child, checks return `Ok`, and [`ring`](AlarmHandle::ring) returns
/// `false`.
/// ```
/// let alarm = sigalarm::testing::never();
/// let handle: sigalarm::AlarmHandle = alarm.handle();
/// std::thread::spawn(move || handle.ring());
/// while alarm.check().is_ok() {}
/// ```
#[derive(Clone)]
pub struct AlarmHandle {
    key: Key,
}

impl Alarm {
    /// Returns a handle on the alarm.
    /// ```
    /// let handle = sigalarm::testing::never().handle(); // drops the guard
    /// assert!(!handle.ring());
    /// ```
    pub fn handle(&self) -> AlarmHandle {
        AlarmHandle { key: self.key }
    }
}

impl AlarmHandle {
    /// Expires the alarm, as [`Alarm::ring`] does. Returns whether the guard is alive.
    /// ```
    /// let alarm = sigalarm::testing::never();
    /// assert!(alarm.handle().ring() && alarm.is_expired());
    /// ```
    #[doc(alias = "cancel")]
    pub fn ring(&self) -> bool {
        runtime::ring(self.key, Cause::Rung)
    }

    /// Checks as [`Alarm::check`] does.
    /// ```
    /// assert!(sigalarm::testing::expired().handle().check().is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn check(&self) -> Result<(), TimedOut> {
        alarm::check(&self.key, Location::caller())
    }

    /// Returns whether [`check`](AlarmHandle::check) returns an error.
    /// ```
    /// assert!(sigalarm::testing::expired().handle().is_expired());
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_expired(&self) -> bool {
        self.check().is_err()
    }

    /// Returns the time until the deadline, as [`Alarm::remaining`] does; `None` after the guard's drop.
    /// ```
    /// assert_eq!(sigalarm::testing::never().handle().remaining(), None);
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        runtime::inspect(self.key, Entry::remaining).flatten()
    }

    /// Enters the alarm, as [`Alarm::enter`] does.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// let handle = alarm.handle();
    /// let worker = std::thread::spawn(move || {
    ///     let _entered = handle.enter();
    ///     sigalarm::checkpoint()
    /// });
    /// assert!(worker.join().unwrap().is_err());
    /// ```
    pub fn enter(&self) -> Entered<'static> {
        Entered::new(self.key)
    }

    /// Returns the alarm's id.
    /// ```
    /// let alarm = sigalarm::testing::never();
    /// assert_eq!(alarm.handle().id(), alarm.id());
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
