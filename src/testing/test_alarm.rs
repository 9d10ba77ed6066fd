//! An alarm that expires at a check.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::{AlarmId, Cause, SourceLocation, TimedOut};
use crate::runtime::{self, Due, Plan, Wishes};
use crate::schedule::Budget;

/// An alarm that expires at a check and not by the clock; see [the module](super).
///
/// It dereferences to [`Alarm`]. If a panic drops it, it prints where it stopped the function.
///
/// ```
/// fn count(alarm: &sigalarm::Alarm) -> usize {
///     (0..).take_while(|_| alarm.check().is_ok()).count()
/// }
/// assert_eq!(count(&sigalarm::testing::at_check(4)), 3);
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard disarms it: write `let _alarm = …;` (`let _ = …;` drops it at once)"]
pub struct TestAlarm {
    alarm: Alarm,
    terms: Terms,
}

/// How a test alarm expires.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// At which check, counted from 1. Zero: it has expired when it is armed.
    pub(super) stop_at: Option<u64>,
    pub(super) cause: Cause,
    pub(super) patience: u64,
    /// Whether an [`Attempt`](super::Attempt) prints where it stopped.
    pub(super) silent: bool,
}

impl Terms {
    pub(super) const DEFAULT: Terms =
        Terms { stop_at: None, cause: Cause::Deadline, patience: 100_000, silent: false };
}

/// Arms an alarm that expires at the `n`-th check, counted from 1. Until then it has no deadline.
///
/// # Panics
///
/// If `n` is zero; or, as [`expired`] and [`never`](fn@never), without memory for `pthread_atfork`.
///
/// ```
/// let alarm = sigalarm::testing::at_check(2);
/// assert!(alarm.check().is_ok());
/// assert!(alarm.check().is_err() && alarm.check().is_err());
/// ```
#[track_caller]
pub fn at_check(n: u64) -> TestAlarm {
    assert!(n != 0, "checks are counted from 1");
    TestAlarm::arm(Terms { stop_at: Some(n), ..Terms::DEFAULT })
}

/// Arms an alarm that has expired already: a limit of zero.
///
/// ```
/// let alarm = sigalarm::testing::expired();
/// assert_eq!(alarm.remaining(), Some(std::time::Duration::ZERO));
/// assert!(alarm.check().is_err());
/// ```
#[track_caller]
pub fn expired() -> TestAlarm {
    TestAlarm::arm(Terms { stop_at: Some(0), ..Terms::DEFAULT })
}

/// Arms an alarm that expires only by a [`ring`](Alarm::ring): to record checks.
///
/// ```
/// let alarm = sigalarm::testing::never();
/// (0..1_000).for_each(|_| alarm.check().unwrap());
/// assert_eq!(alarm.checks(), 1_000);
/// ```
#[track_caller]
pub fn never() -> TestAlarm {
    TestAlarm::arm(Terms::DEFAULT)
}

/// Whether the process has ever armed a test alarm.
static IN_USE: AtomicBool = AtomicBool::new(false);

/// Panics if this is an error of a test alarm whose patience is over.
pub(crate) fn note_error(timed_out: &TimedOut) {
    // A second panic, in a destructor, would abort the process.
    if !IN_USE.load(Ordering::Relaxed) || thread::panicking() {
        return;
    }
    let alarm = timed_out.alarm();
    let budget_of = |budget: &Budget| budget.is_overrun().then(|| Stop::of(alarm, budget)).flatten();
    if let Some(stop) = runtime::find(alarm, |entry| entry.budget().and_then(budget_of)).flatten() {
        let (later, here) = (stop.later, timed_out.location());
        panic!(
            "{stop}, and still checking {later} checks later, at {here}: it ignores `TimedOut` and may never end"
        );
    }
}

impl TestAlarm {
    #[track_caller]
    pub(super) fn arm(terms: Terms) -> TestAlarm {
        IN_USE.store(true, Ordering::Relaxed);
        let has_expired = terms.stop_at == Some(0) && terms.cause == Cause::Deadline;
        let due = if has_expired { Due::After(Duration::ZERO) } else { Due::Never };
        let stop_at = terms.stop_at.filter(|_| !has_expired);
        let mut budget = Budget::new(stop_at.map_or(u64::MAX, |n| n.saturating_sub(1)));
        budget.cause = terms.cause;
        budget.renews = false;
        budget.errors_allowed = terms.patience.saturating_add(1);
        budget.locations = Some(Vec::new());
        let wishes = Wishes { budget: Some(budget), ..Wishes::default() };
        match runtime::arm(Plan { wishes: Some(&wishes), ..Plan::new(due, Location::caller()) }) {
            Ok(key) => TestAlarm { alarm: Alarm::of(key, None), terms },
            Err(e) => panic!("no test alarm: {e}"),
        }
    }

    /// Arms the alarm anew, to expire for this cause (default: [`Cause::Deadline`]).
    ///
    /// ```
    /// let sigint = sigalarm::Cause::Signal(2); // as if by Ctrl-C
    /// let alarm = sigalarm::testing::at_check(1).cause(sigint);
    /// assert_eq!(alarm.check().unwrap_err().cause(), sigint);
    /// ```
    pub fn cause(self, cause: Cause) -> TestAlarm {
        TestAlarm::arm(Terms { cause, ..self.terms })
    }

    /// Arms the alarm anew, and allows this many erring checks after the stop (default: 100,000). The next one panics,
    /// because a function that ignores `TimedOut` may never end.
    ///
    /// ```should_panic
    /// let alarm = sigalarm::testing::at_check(1).patience(100);
    /// while alarm.check().is_err() {} // ignores it
    /// ```
    pub fn patience(self, checks: u64) -> TestAlarm {
        TestAlarm::arm(Terms { patience: checks, ..self.terms })
    }

    /// Returns the number of checks so far, those after the stop included.
    ///
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.check().is_err());
    /// assert_eq!(alarm.checks(), 2);
    /// ```
    pub fn checks(&self) -> u64 {
        self.ask(|budget| budget.counted).unwrap_or(0)
    }

    /// Returns the location of each check so far, in order.
    ///
    /// ```
    /// let alarm = sigalarm::testing::never();
    /// alarm.check().unwrap();
    /// assert_eq!(alarm.locations()[0].line(), line!() - 1);
    /// ```
    pub fn locations(&self) -> Vec<SourceLocation> {
        self.recorded().into_iter().map(SourceLocation::from).collect()
    }

    /// Returns the check at which the alarm stopped the function: the first that erred.
    ///
    /// ```
    /// let alarm = sigalarm::testing::at_check(3);
    /// while alarm.check().is_ok() {}
    /// assert_eq!(alarm.stop().unwrap().check(), 3);
    /// ```
    pub fn stop(&self) -> Option<Stop> {
        self.ask(|budget| Stop::of(self.alarm.id(), budget)).flatten()
    }

    pub(super) fn recorded(&self) -> Vec<&'static Location<'static>> {
        self.ask(|budget| budget.locations.clone()).flatten().unwrap_or_default()
    }

    /// `None` in a forked child, where the guard is inert.
    fn ask<T>(&self, question: impl FnOnce(&Budget) -> T) -> Option<T> {
        runtime::inspect(self.alarm.key(), |entry, _| entry.budget().map(question)).flatten()
    }
}

impl Deref for TestAlarm {
    type Target = Alarm;

    fn deref(&self) -> &Alarm {
        &self.alarm
    }
}

impl Drop for TestAlarm {
    fn drop(&mut self) {
        if thread::panicking() && !self.terms.silent {
            print("", self.stop().as_ref(), self.checks());
        }
    }
}

/// Says where a test that panics was stopped. By the macro, whose output the test harness captures.
pub(super) fn print(attempt: &str, stop: Option<&Stop>, checks: u64) {
    match stop {
        Some(stop) => eprintln!("sigalarm: {attempt}{stop}"),
        None => eprintln!("sigalarm: {attempt}not stopped, after {checks} checks"),
    }
}

/// The check at which a [`TestAlarm`] stopped its function: the first that erred.
///
/// ```
/// let alarm = sigalarm::testing::expired();
/// alarm.check().unwrap_err();
/// println!("{}", alarm.stop().unwrap()); // stopped at check 1, src/main.rs:4:7
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    alarm: AlarmId,
    check: u64,
    location: SourceLocation,
    later: u64,
}

impl Stop {
    fn of(alarm: AlarmId, budget: &Budget) -> Option<Stop> {
        let check = budget.first_error?;
        let location = *budget.locations.as_ref()?.get(usize::try_from(check).ok()? - 1)?;
        Some(Stop { alarm, check, location: location.into(), later: budget.errors - 1 })
    }

    /// Returns which check it was, counted from 1.
    ///
    /// ```
    /// let alarm = sigalarm::testing::at_check(2);
    /// while alarm.check().is_ok() {}
    /// assert_eq!(alarm.stop().unwrap().check(), 2);
    /// ```
    pub fn check(&self) -> u64 {
        self.check
    }

    /// Returns where that check stands.
    ///
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// alarm.check().unwrap_err();
    /// assert_eq!(alarm.stop().unwrap().location().line(), line!() - 1);
    /// ```
    pub fn location(&self) -> &SourceLocation {
        &self.location
    }

    /// Returns how many more checks erred after it.
    ///
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!((0..4).all(|_| alarm.check().is_err()));
    /// assert_eq!(alarm.stop().unwrap().later(), 3);
    /// ```
    pub fn later(&self) -> u64 {
        self.later
    }

    /// Tells whether an error is the test alarm's, as [`Alarm::owns`](crate::Alarm::owns) does.
    ///
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// let timed_out = sigalarm::checkpoint().unwrap_err();
    /// assert!(alarm.stop().unwrap().owns(&timed_out));
    /// ```
    pub fn owns(&self, timed_out: &TimedOut) -> bool {
        timed_out.alarm() == self.alarm
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped at check {}, {}", self.check, self.location)
    }
}
