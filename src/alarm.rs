use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::builder::AlarmBuilder;
use crate::error::{AlarmId, ArmError, Cause, TimedOut};
use crate::gap::Gap;
use crate::not_send::NotSend;
use crate::os::clock;
use crate::runtime::{self, Due, Plan};
use crate::schedule::{Entry, Key};

/// A guard that limits a computation until the guard is dropped.
///
/// Arming sets a timer that sends SIGALRM. A [`check`](Alarm::check) after the limit returns a [`TimedOut`].
///
/// - Alarms nest: an alarm encloses the alarms that its thread arms later. After an alarm expires, checks of the alarms
///   that it encloses return its error.
/// - Guards may be dropped in any order. Dropping a thread's last guard restores the thread's signal mask. Dropping the
///   process's last guard restores the previous disposition of SIGALRM.
/// - The guard is not `Send`. Other threads check and change the alarm through `&Alarm`.
/// - In a forked child, the parent's guards have no effect: their checks return `Ok`.
/// ```
/// let alarm = sigalarm::Alarm::after(std::time::Duration::from_millis(5))?;
/// while alarm.check().is_ok() {}
/// assert!(alarm.elapsed().as_millis() >= 5);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[must_use = "dropping the guard disarms it: write `let _alarm = …;` (`let _ = …;` drops it at once)"]
pub struct Alarm {
    pub(crate) key: Key,
    label: Option<Arc<str>>,
    not_send: NotSend,
}

/// Arming.
impl Alarm {
    /// Arms an alarm that expires `limit` from now, never earlier. Does not block.
    ///
    /// A limit of zero has expired at the first check. A limit over 584 years never expires.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if a system call fails; then no alarm is armed. If the kernel only refuses a timer, arming
    /// succeeds, because checks can read the clock instead.
    /// ```
    /// assert!(sigalarm::Alarm::after(std::time::Duration::ZERO).unwrap().is_expired());
    /// ```
    #[inline]
    #[track_caller]
    pub fn after(limit: Duration) -> Result<Alarm, ArmError> {
        Alarm::of_due(Due::After(limit), Location::caller())
    }

    /// Arms an alarm that expires at `deadline`, with the errors of [`after`](Alarm::after).
    /// ```
    /// assert!(sigalarm::Alarm::at(std::time::Instant::now()).unwrap().is_expired());
    /// ```
    #[inline]
    #[track_caller]
    pub fn at(deadline: Instant) -> Result<Alarm, ArmError> {
        Alarm::of_due(Due::At(clock::from_instant(deadline)), Location::caller())
    }

    /// Arms an alarm without a deadline, which expires only when [`ring`](Alarm::ring) is called.
    /// ```
    /// assert_eq!(sigalarm::Alarm::never().unwrap().limit(), None);
    /// ```
    #[inline]
    #[track_caller]
    pub fn never() -> Result<Alarm, ArmError> {
        Alarm::of_due(Due::Never, Location::caller())
    }

    /// Returns a builder for an alarm with several limits, a label or other options.
    /// ```
    /// assert!(sigalarm::Alarm::builder().check_limit(0).arm().unwrap().is_expired());
    /// ```
    pub fn builder() -> AlarmBuilder {
        AlarmBuilder::new()
    }

    #[inline(always)]
    fn of_due(due: Due, location: &'static Location<'static>) -> Result<Alarm, ArmError> {
        let mut error = None;
        let key = arm(due, location, &mut error);
        key.map(|key| Alarm::of(key, None)).ok_or_else(|| error.expect("no key without an error"))
    }

    pub(crate) fn of(key: Key, label: Option<Arc<str>>) -> Alarm {
        Alarm { key, label, not_send: PhantomData }
    }
}

/// Writes an error to `error`, because an `Option<Key>` is returned in registers, but a `Result` would be
/// returned in memory.
#[inline(never)]
fn arm(due: Due, location: &'static Location<'static>, error: &mut Option<ArmError>) -> Option<Key> {
    runtime::arm(Plan::new(due, location)).map_err(|e| *error = Some(e)).ok()
}

/// Checking.
impl Alarm {
    /// Returns an error if this alarm or an enclosing one has expired.
    ///
    /// Costs one load and one branch. While the process has an expired alarm, every check also takes a lock, so a check
    /// in a signal handler can deadlock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] of the outermost expired alarm, with the location of this call. Later checks also fail, until that
    /// alarm is [restarted](Alarm::restart), [extended](Alarm::extend), [disarmed](Alarm::disarm) or dropped.
    /// ```
    /// let alarm = sigalarm::testing::at_check(9);
    /// assert!((0..1_000).try_for_each(|_| alarm.check()).is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn check(&self) -> Result<(), TimedOut> {
        self.check_at(Location::caller())
    }

    #[inline(always)]
    pub(crate) fn check_at(&self, location: &'static Location<'static>) -> Result<(), TimedOut> {
        check(&self.key, location)
    }

    /// Returns whether [`check`](Alarm::check) returns an error.
    /// ```
    /// assert!(sigalarm::testing::expired().is_expired());
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_expired(&self) -> bool {
        self.check().is_err()
    }

    /// Returns whether `timed_out` is an error of this alarm.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.owns(&alarm.check().unwrap_err()));
    /// ```
    pub fn owns(&self, timed_out: &TimedOut) -> bool {
        timed_out.alarm() == self.id()
    }
}

#[inline(always)]
pub(crate) fn check(key: &Key, location: &'static Location<'static>) -> Result<(), TimedOut> {
    if runtime::is_flag_set() {
        return runtime::answer(runtime::check_alarm(key, location));
    }
    Ok(())
}

/// Changing the limit.
impl Alarm {
    /// Starts the limit again from now. For [`Alarm::at`], the limit is the time from arming to the deadline.
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::from_secs(1)).unwrap();
    /// for _job in 0..1_000 {
    ///     alarm.restart(); // each job has its own second
    /// }
    /// ```
    pub fn restart(&self) {
        runtime::restart(self.key);
    }

    /// Moves the deadline, if the alarm has one, later by `more`. An expiry at the earlier deadline is undone.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// alarm.extend(std::time::Duration::from_secs(10));
    /// assert!(alarm.check().is_ok());
    /// ```
    pub fn extend(&self, more: Duration) {
        runtime::extend(self.key, more);
    }

    /// Expires the alarm with [`Cause::Rung`], if it has not expired yet. Takes a lock, so a call in a signal handler
    /// can deadlock.
    /// ```
    /// let alarm = sigalarm::testing::never();
    /// alarm.ring();
    /// assert!(alarm.is_expired());
    /// ```
    #[doc(alias = "cancel")]
    pub fn ring(&self) {
        let _ = runtime::ring(self.key, Cause::Rung);
    }

    /// Removes all limits until [`restart`](Alarm::restart), and undoes an expiry. [`ring`](Alarm::ring) and the
    /// signals of [`ring_on`](AlarmBuilder::ring_on) can still expire the alarm.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// alarm.disarm();
    /// assert!(alarm.check().is_ok());
    /// ```
    pub fn disarm(&self) {
        runtime::disarm(self.key);
    }
}

/// Inspecting. All methods but `id` and `label` take a lock, so a call in a signal handler can deadlock.
impl Alarm {
    /// Returns the time until the deadline, zero after it; `None` without a deadline.
    /// ```
    /// assert_eq!(sigalarm::testing::never().remaining(), None);
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        runtime::inspect(self.key, Entry::remaining).flatten()
    }

    /// Returns the time since arming or the last restart, without the time spent [`paused`](Alarm::paused).
    /// ```
    /// assert!(sigalarm::testing::never().elapsed().as_secs() < 60);
    /// ```
    pub fn elapsed(&self) -> Duration {
        runtime::inspect(self.key, Entry::elapsed).unwrap_or_default()
    }

    /// Returns the time limit, which [`extend`](Alarm::extend) lengthens; `None` without a deadline.
    /// ```
    /// assert_eq!(sigalarm::testing::never().limit(), None);
    /// ```
    pub fn limit(&self) -> Option<Duration> {
        runtime::inspect(self.key, |entry, _| entry.limit).flatten()
    }

    /// Returns the deadline; `None` if the alarm has none or is [`paused`](Alarm::paused).
    /// ```
    /// assert_eq!(sigalarm::testing::never().deadline(), None);
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        runtime::inspect(self.key, |entry, _| clock::to_instant(entry.due())).flatten()
    }

    /// Returns the longest stretch without a check, measured by the alarm's [`audit`](AlarmBuilder::audit).
    /// ```
    /// assert!(sigalarm::testing::never().longest_gap().is_none());
    /// ```
    pub fn longest_gap(&self) -> Option<Gap> {
        runtime::longest_gap(self.key)
    }

    /// Returns the label from the [builder](AlarmBuilder::label).
    /// ```
    /// assert_eq!(sigalarm::Alarm::builder().label("solve").arm().unwrap().label(), Some("solve"));
    /// ```
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Returns the alarm's id; see [`TimedOut::alarm`].
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert_eq!(alarm.check().unwrap_err().alarm(), alarm.id());
    /// ```
    pub fn id(&self) -> AlarmId {
        self.key.id()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let _ = runtime::release(self.key);
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm")
            .field("id", &self.id())
            .field("label", &self.label())
            .field("limit", &self.limit())
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
