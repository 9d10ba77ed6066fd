//! A handle on an alarm, which outlives the guard.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::enter::Entered;
use crate::error::{AlarmId, Cause, TimedOut};
use crate::runtime;
use crate::schedule::{Entry, Key};

/// Names an alarm from anywhere: for a Ctrl-C handler, a button, a registry of requests, a thread that is not scoped.
///
/// Made by [`Alarm::handle`]. It keeps nothing alive, and the guard alone decides how long the alarm is armed. Once the
/// guard is dropped the handle is inert: its checks are `Ok`, and [`ring`](AlarmHandle::ring) returns `false`. In a forked
/// child it is inert as well.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, Cause};
/// use std::thread;
///
/// let alarm = Alarm::never()?;
/// let handle = alarm.handle();
/// let button = thread::spawn(move || handle.ring());
/// let timed_out = loop {
///     if let Err(timed_out) = alarm.check() {
///         break timed_out;
///     }
/// };
/// assert_eq!(timed_out.cause(), Cause::Rung);
/// assert!(button.join().unwrap());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone)]
pub struct AlarmHandle {
    key: Key,
}

impl Alarm {
    /// Returns a handle on the alarm, for code that the guard cannot be borrowed by.
    ///
    /// Costs a copy of two words; any number of them can be made. Does not block.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    ///
    /// let alarm = Alarm::never()?;
    /// let handle = alarm.handle();
    /// drop(alarm);
    /// assert!(!handle.ring()); // the alarm is gone
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn handle(&self) -> AlarmHandle {
        AlarmHandle { key: self.key() }
    }
}

impl AlarmHandle {
    /// Expires the alarm now, on request: cancels what it limits. Returns whether the alarm is still armed.
    ///
    /// The alarm's checks return an error with [`Cause::Rung`], on every thread, and a thread in
    /// [`blocking`](Alarm::blocking) is interrupted. An alarm that has expired already keeps its cause. Blocks no longer
    /// than the moment that another thread is on the slow path.
    ///
    /// Not for use in signal handlers: it takes a lock. For a signal there is [`ring_on`](crate::AlarmBuilder::ring_on).
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    ///
    /// let alarm = Alarm::never()?;
    /// assert!(alarm.handle().ring());
    /// assert!(alarm.check().is_err());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[doc(alias = "cancel")]
    pub fn ring(&self) -> bool {
        runtime::ring(self.key, Cause::Rung)
    }

    /// Returns an error once the alarm, or one that encloses it, has expired; `Ok` when the guard is gone.
    ///
    /// Costs what [`Alarm::check`] costs: one load and one branch.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], of the outermost of these alarms that have expired.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::{thread, time::Duration};
    ///
    /// let alarm = Alarm::after(Duration::from_millis(5))?;
    /// let handle = alarm.handle();
    /// let detached = thread::spawn(move || {
    ///     loop {
    ///         if let Err(timed_out) = handle.check() {
    ///             return timed_out;
    ///         }
    ///     }
    /// });
    /// assert!(alarm.owns(&detached.join().unwrap()));
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

    /// Returns whether [`check`](AlarmHandle::check) would return an error. As cheap.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::ZERO)?;
    /// let handle = alarm.handle();
    /// assert!(handle.is_expired());
    /// drop(alarm);
    /// assert!(!handle.is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_expired(&self) -> bool {
        self.check().is_err()
    }

    /// Returns how long until the deadline: zero once it has passed, `None` without one and when the guard is gone.
    ///
    /// Reads the clock and takes a lock: some tens of nanoseconds.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// let handle = alarm.handle();
    /// assert!(handle.remaining().unwrap() <= Duration::from_secs(10));
    /// drop(alarm);
    /// assert_eq!(handle.remaining(), None);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        runtime::inspect(self.key, Entry::remaining).flatten()
    }

    /// Makes the alarm one of the calling thread's, as [`Alarm::enter`] does: its [`checkpoint`](crate::checkpoint)s ask it
    /// as well.
    ///
    /// For threads that are not scoped. Once the guard is gone it means nothing. Does not block.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::{thread, time::Duration};
    ///
    /// let alarm = Alarm::after(Duration::ZERO)?;
    /// let handle = alarm.handle();
    /// let thread = thread::spawn(move || {
    ///     let _entered = handle.enter();
    ///     checkpoint().is_err()
    /// });
    /// assert!(thread.join().unwrap());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn enter(&self) -> Entered<'static> {
        Entered::new(self.key)
    }

    /// Returns the alarm's id, by which its [`TimedOut`]s name it.
    ///
    /// ```
    /// use sigalarm::Alarm;
    ///
    /// let alarm = Alarm::never()?;
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
