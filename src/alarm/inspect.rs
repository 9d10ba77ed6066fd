//! Inspecting an alarm.

use std::time::{Duration, Instant};

use super::Alarm;
use crate::error::AlarmId;
use crate::gap::Gap;
use crate::os::clock;
use crate::runtime;
use crate::schedule::Entry;
use crate::time::Time;

impl Alarm {
    /// Returns the time until the deadline: zero after the deadline, `None` without one. Takes a lock.
    ///
    /// ```
    /// assert_eq!(sigalarm::Alarm::never()?.remaining(), None);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        self.inspect(None, Entry::remaining)
    }

    /// Returns the time since arming or the last restart, without [`paused`](Alarm::paused) time. Takes a lock.
    ///
    /// ```
    /// assert!(sigalarm::Alarm::never()?.elapsed().as_secs() < 60);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.inspect(Duration::ZERO, Entry::elapsed)
    }

    /// Returns the limit, which [`extend`](Alarm::extend) lengthens, or `None` without a deadline.
    ///
    /// ```
    /// assert_eq!(sigalarm::Alarm::never()?.limit(), None);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn limit(&self) -> Option<Duration> {
        self.inspect(None, |entry, _| entry.limit)
    }

    /// Returns the deadline, if the alarm has one and is not [`paused`](Alarm::paused).
    ///
    /// ```
    /// assert_eq!(sigalarm::Alarm::never()?.deadline(), None);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.inspect(None, |entry, _| clock::to_instant(entry.due()))
    }

    /// Returns the label from the [builder](crate::AlarmBuilder::label).
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::builder().label("solve").arm()?;
    /// assert_eq!(alarm.label(), Some("solve"));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Returns the id, which [`TimedOut::alarm`](crate::TimedOut::alarm) returns too.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// assert_eq!(alarm.check().unwrap_err().alarm(), alarm.id());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn id(&self) -> AlarmId {
        self.key.id()
    }

    /// Returns the longest stretch without a check, if an [`audit`](crate::AlarmBuilder::audit) found one.
    ///
    /// ```
    /// assert!(sigalarm::Alarm::never()?.longest_gap().is_none()); // no audit
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn longest_gap(&self) -> Option<Gap> {
        runtime::longest_gap(self.key)
    }

    /// Returns what `read` returns, or `inert` in a forked child, where the alarm has no entry.
    fn inspect<T>(&self, inert: T, read: impl FnOnce(&Entry, Time) -> T) -> T {
        runtime::inspect(self.key, read).unwrap_or(inert)
    }
}
