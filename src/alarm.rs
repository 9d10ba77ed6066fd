//! The guard.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::builder::AlarmBuilder;
use crate::error::{AlarmId, ArmError, Cause, TimedOut};
use crate::gap::Gap;
use crate::os::clock;
use crate::runtime::{self, Due, Plan};
use crate::schedule::{Entry, Key};
use crate::stays::StaysOnItsThread;
use crate::time::Time;

/// A time limit, in force from the moment it is armed until it is dropped. (`let _ = Alarm::after(…)?;` drops it at once: `_`
/// is not a variable.)
///
/// It arms SIGALRM through [setitimer(2)] or [timer_create(2)]. When the limit has passed, [`check`](Alarm::check), which the
/// long computation calls as often as it likes, returns a [`TimedOut`]. Nothing is interrupted and nothing
/// jumps: a computation that never checks never stops.
///
/// Limits nest, on any number of threads, in any order of dropping. An inner alarm never hides an outer one:
/// once an enclosing alarm of the same thread has expired, the inner `check` errs as well, with a `TimedOut`
/// that belongs to the outer ([`owns`](Alarm::owns) tells).
///
/// Dropping it resets everything: the last guard of a thread disarms the thread's timer and restores its signal mask, and the
/// last guard of the process restores the handler. A timer of the program's is left alone. Dropping never panics. A guard that is leaked
/// ([`std::mem::forget`]) stays armed for the life of the process, and encloses every later alarm of its
/// thread.
///
/// It stays on the thread that armed it (it is not `Send`), because it restores that thread's signal mask; any
/// other thread may check it through `&Alarm` (it is `Sync`).
///
/// Time is the monotonic clock: steps of the wall clock change nothing, and on Linux the time during which the
/// machine is suspended does not count.
///
/// In a forked child an inherited guard is inert: its checks are `Ok` and its drop does nothing.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, TimedOut};
/// use std::time::Duration;
///
/// fn count(alarm: &Alarm) -> Result<u64, TimedOut> {
///     let mut n = 0;
///     loop {
///         alarm.check()?;
///         n += 1;
/// #       let _ = n;
///     }
/// }
///
/// let alarm = Alarm::after(Duration::from_millis(5))?;
/// let timed_out = count(&alarm).unwrap_err();
/// assert!(timed_out.elapsed() >= Duration::from_millis(5));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// [setitimer(2)]: https://man7.org/linux/man-pages/man2/setitimer.2.html
/// [timer_create(2)]: https://man7.org/linux/man-pages/man2/timer_create.2.html
#[must_use = "dropping the guard disarms it: write `let _alarm = …;` (`let _ = …;` drops it at once)"]
pub struct Alarm {
    key: Key,
    label: Option<Arc<str>>,
    stays: StaysOnItsThread,
}

impl Alarm {
    /// The guard of an alarm that is armed already.
    pub(crate) fn of(key: Key, label: Option<Arc<str>>) -> Alarm {
        Alarm { key, label, stays: PhantomData }
    }

    /// Made where it is wanted, out of what comes back in two registers. One that came back in memory, written there word by
    /// word and then moved in larger pieces, would wait for itself: a seventh of a nested guard's time.
    #[inline(always)]
    fn plain(key: Option<Key>, why_not: Option<ArmError>) -> Result<Alarm, ArmError> {
        match (key, why_not) {
            (Some(key), _) => Ok(Alarm::of(key, None)),
            (None, Some(e)) => Err(e),
            (None, None) => unreachable!("no alarm, and no reason"),
        }
    }

    /// Arms an alarm that expires when `limit` has passed.
    ///
    /// The limit counts in nanoseconds and is never cut short. Zero is a limit like any other: the alarm has
    /// expired when it is armed, and the first check errs. [`Duration::MAX`], and whatever else runs past the
    /// range of the clock (584 years), means *never*.
    ///
    /// Does not block. The outermost alarm of a thread costs a handful of system calls, one that is nested inside
    /// an earlier deadline none.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if a system call fails; then nothing is armed. A timer that the kernel refuses is no error: the alarm's checks
    /// read the clock.
    ///
    /// There is no conversion to [`TimedOut`], on purpose: the one is a fault, the other an answer. In a function that fails
    /// with `TimedOut` arm outside, or return `Box<dyn Error>` or [`io::Error`](std::io::Error), which take both.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// assert!(alarm.check().is_ok());
    /// drop(alarm); // everything is as it was before
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    ///
    /// Armed inside of the function that is limited:
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::{io, time::Duration};
    ///
    /// fn count(limit: Duration) -> io::Result<u32> {
    ///     let alarm = Alarm::after(limit)?; // an `ArmError`
    ///     for _ in 0..1_000 {
    ///         alarm.check()?; // a `TimedOut`
    ///     }
    ///     Ok(1_000)
    /// }
    ///
    /// assert_eq!(count(Duration::from_secs(10))?, 1_000);
    /// assert_eq!(count(Duration::ZERO).unwrap_err().kind(), io::ErrorKind::TimedOut);
    /// # Ok::<(), io::Error>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn after(limit: Duration) -> Result<Alarm, ArmError> {
        let mut why_not = None;
        Alarm::plain(arm_after(limit, Location::caller(), &mut why_not), why_not)
    }

    /// Arms an alarm that expires at `deadline`.
    ///
    /// A deadline in the past is a limit of zero: the first check errs. Otherwise as
    /// [`after`](Alarm::after).
    ///
    /// # Errors
    ///
    /// [`ArmError`] if a system call fails; then nothing is armed.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::{Duration, Instant};
    ///
    /// let noon = Instant::now() + Duration::from_secs(3600);
    /// let alarm = Alarm::at(noon)?;
    /// assert_eq!(alarm.deadline(), Some(noon));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn at(deadline: Instant) -> Result<Alarm, ArmError> {
        let mut why_not = None;
        Alarm::plain(arm_at(deadline, Location::caller(), &mut why_not), why_not)
    }

    /// Arms an alarm without a deadline: it expires by a [`ring`](Alarm::ring).
    ///
    /// It installs no handler and sets no timer.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if a system call fails; then nothing is armed.
    ///
    /// # Examples
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::never()?;
    /// assert_eq!(alarm.limit(), None);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn never() -> Result<Alarm, ArmError> {
        let mut why_not = None;
        Alarm::plain(arm_never(Location::caller(), &mut why_not), why_not)
    }

    /// An alarm with a label, and whatever else it may need.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::builder().after(Duration::from_secs(10)).label("solve").arm()?;
    /// assert_eq!(alarm.label(), Some("solve"));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn builder() -> AlarmBuilder {
        AlarmBuilder::new()
    }

    /// The check: `Ok` until this alarm, or one that encloses it, has expired, then the [`TimedOut`].
    ///
    /// Costs one load and one branch that is not taken; call it in the innermost loop. Does not block, except
    /// for the moment that another thread is on the slow path. Once it has erred it errs each
    /// time, until the alarm is [`restart`](Alarm::restart)ed, [`extend`](Alarm::extend)ed or
    /// [`disarm`](Alarm::disarm)ed. The error carries the place of this call.
    ///
    /// Not for use in signal handlers: when the flag is set it takes a lock.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], of the outermost of the alarms that have expired. Never early: the limit has passed by
    /// the clock, not by a signal.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, TimedOut};
    ///
    /// fn sum(numbers: &[u64], alarm: &Alarm) -> Result<u64, TimedOut> {
    ///     let mut sum = 0;
    ///     for n in numbers {
    ///         alarm.check()?;
    ///         sum += n;
    ///     }
    ///     Ok(sum)
    /// }
    /// # let alarm = Alarm::never()?;
    /// # assert_eq!(sum(&[1, 2, 3], &alarm).unwrap(), 6);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn check(&self) -> Result<(), TimedOut> {
        self.check_at(Location::caller())
    }

    /// The check, in the name of the code at `location`: for adapters, whose own lines say nothing to a user.
    #[inline(always)]
    pub(crate) fn check_at(&self, location: &'static Location<'static>) -> Result<(), TimedOut> {
        if runtime::is_flag_set() {
            return runtime::answer(runtime::check_alarm(&self.key, location));
        }
        Ok(())
    }

    /// The check for code that can only unwind; `Ok` while it does.
    #[inline(always)]
    pub(crate) fn check_to_unwind(&self, location: &'static Location<'static>) -> Result<(), TimedOut> {
        if runtime::is_flag_set() {
            return runtime::answer(runtime::unwind_alarm(&self.key, location));
        }
        Ok(())
    }

    /// Whether [`check`](Alarm::check) would err. As cheap.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// assert!(Alarm::after(Duration::ZERO)?.is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_expired(&self) -> bool {
        self.check().is_err()
    }

    /// How long until the deadline: zero once it has passed, `None` without one.
    ///
    /// Reads the clock and takes a lock: some tens of nanoseconds.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// assert!(alarm.remaining().unwrap() <= Duration::from_secs(10));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        self.ask(None, Entry::remaining)
    }

    /// How long since it was armed, or last restarted.
    ///
    /// Reads the clock and takes a lock: some tens of nanoseconds.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::never()?;
    /// assert!(alarm.elapsed() < Duration::from_secs(60));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.ask(Duration::ZERO, Entry::elapsed)
    }

    /// The limit it was armed with, and what [`extend`](Alarm::extend) has added to it; `None` without a
    /// deadline. For [`Alarm::at`], the time there was until the deadline.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// assert_eq!(alarm.limit(), Some(Duration::from_secs(10)));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn limit(&self) -> Option<Duration> {
        self.ask(None, |entry, _| entry.limit)
    }

    /// The moment at which it expires, or has expired; `None` without a deadline, and while it is [`paused`](Alarm::paused).
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::{Duration, Instant};
    ///
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// assert!(alarm.deadline().unwrap() > Instant::now());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.ask(None, |entry, _| clock::to_instant(entry.due()))
    }

    /// The label that the builder gave to it.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::builder().label("solve").arm()?;
    /// assert_eq!(alarm.label(), Some("solve"));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Its id, as [`TimedOut::alarm`] names it.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::ZERO)?;
    /// assert_eq!(alarm.check().unwrap_err().alarm(), alarm.id());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn id(&self) -> AlarmId {
        self.key.id()
    }

    /// Whether it was this alarm that expired, and not one that encloses it.
    ///
    /// Code that handles a time-out asks this: it handles its own alarm's, and returns the others.
    ///
    /// ```
    /// use sigalarm::{Alarm, TimedOut};
    /// use std::io;
    /// use std::time::Duration;
    ///
    /// fn try_for_a_second(job: impl Fn(&Alarm) -> Result<u32, TimedOut>) -> io::Result<Option<u32>> {
    ///     let alarm = Alarm::after(Duration::from_secs(1))?;
    ///     match job(&alarm) {
    ///         Ok(n) => Ok(Some(n)),
    ///         Err(e) if alarm.owns(&e) => Ok(None), // the second is over: do without
    ///         Err(e) => Err(e.into()),              // an enclosing limit: returned
    ///     }
    /// }
    ///
    /// let outer = Alarm::after(Duration::ZERO)?;
    /// let e = try_for_a_second(|alarm| alarm.check().map(|()| 1)).unwrap_err();
    /// assert!(outer.owns(TimedOut::find_in(&e).unwrap()));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn owns(&self, timed_out: &TimedOut) -> bool {
        timed_out.alarm() == self.id()
    }

    /// Starts the limit again from now, whatever has happened before: expired, rung or disarmed.
    ///
    /// One guard can so serve any number of short computations. No system call, as long as the thread's timer
    /// is set to an earlier moment: one or two a limit's length, however often it is restarted.
    ///
    /// An alarm armed with [`Alarm::at`] gets the time again that it had when it was armed. Any thread may
    /// call it.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_secs(1))?;
    /// for _job in 0..1_000 {
    ///     alarm.restart(); // each job has its own second
    ///     assert!(alarm.check().is_ok());
    /// }
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn restart(&self) {
        runtime::restart(self.key);
    }

    /// Moves the deadline `more` time into the future, from where it is.
    ///
    /// An alarm whose deadline had passed is pending again if the new one is still to come. One that was rung
    /// stays so, and one without a deadline has still none. Any thread may call it.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::ZERO)?;
    /// assert!(alarm.check().is_err());
    /// alarm.extend(Duration::from_secs(10));
    /// assert!(alarm.check().is_ok());
    /// assert_eq!(alarm.limit(), Some(Duration::from_secs(10)));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn extend(&self, more: Duration) {
        runtime::extend(self.key, more);
    }

    /// Expires the alarm at once, with [`Cause::Rung`](crate::Cause::Rung). Any thread may call it.
    ///
    /// Not for use in signal handlers: it takes a lock.
    ///
    /// ```
    /// use sigalarm::{Alarm, Cause};
    ///
    /// let alarm = Alarm::never()?;
    /// std::thread::scope(|s| {
    ///     s.spawn(|| alarm.ring()); // say, from a button
    ///     let timed_out = loop {
    ///         if let Err(e) = alarm.check() {
    ///             break e;
    ///         }
    ///     };
    ///     assert_eq!(timed_out.cause(), Cause::Rung);
    /// });
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[doc(alias = "cancel")]
    pub fn ring(&self) {
        let _ = runtime::ring(self.key, Cause::Rung);
    }

    /// Takes the limits off, of time, processor time and checks, and keeps the guard: checks are `Ok` (unless an
    /// enclosing alarm expires) until it is [`restart`](Alarm::restart)ed. To restore the process, drop the guard.
    ///
    /// A later [`ring`](Alarm::ring) expires it all the same, and so does a signal that it
    /// [`ring`s on](AlarmBuilder::ring_on). Any thread may call it.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::ZERO)?;
    /// alarm.disarm();
    /// assert!(alarm.check().is_ok());
    /// assert_eq!(alarm.remaining(), None);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn disarm(&self) {
        runtime::disarm(self.key);
    }

    /// The longest stretch without a check that an [`audit`](AlarmBuilder::audit) has seen; `None` if there was none as
    /// long as the threshold, or no audit.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::builder().audit(Duration::from_secs(60)).arm()?;
    /// alarm.check().unwrap();
    /// assert!(alarm.longest_gap().is_none()); // no minute without a check
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn longest_gap(&self) -> Option<Gap> {
        runtime::longest_gap(self.key)
    }

    pub(crate) fn key(&self) -> Key {
        self.key
    }

    /// What the schedule says; `inert` in a forked child, where the guard stands for nothing.
    fn ask<T>(&self, inert: T, question: impl FnOnce(&Entry, Time) -> T) -> T {
        runtime::inspect(self.key, question).unwrap_or(inert)
    }
}

/// Where an alarm is armed.
type Site = &'static Location<'static>;

/// The key of an alarm that was armed, or nothing and the reason; see [`Alarm::plain`].
#[inline(never)]
fn arm_after(limit: Duration, site: Site, why_not: &mut Option<ArmError>) -> Option<Key> {
    arm(Due::After(limit), site, why_not)
}

#[inline(never)]
fn arm_at(deadline: Instant, site: Site, why_not: &mut Option<ArmError>) -> Option<Key> {
    arm(Due::At(clock::from_instant(deadline)), site, why_not)
}

#[inline(never)]
fn arm_never(site: Site, why_not: &mut Option<ArmError>) -> Option<Key> {
    arm(Due::Never, site, why_not)
}

#[inline(always)] // As `runtime::arm`.
fn arm(due: Due, site: Site, why_not: &mut Option<ArmError>) -> Option<Key> {
    match runtime::arm(Plan::new(due, site)) {
        Ok(key) => Some(key),
        Err(e) => {
            *why_not = Some(e);
            None
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let _ = runtime::release(self.key); // In a forked child there is nothing to release.
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
