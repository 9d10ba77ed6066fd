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

/// An alarm that expires at a check; see [the module](super).
///
/// A drop during a panic prints where the alarm stopped the function.
/// ```
/// let alarm: sigalarm::testing::TestAlarm = sigalarm::testing::at_check(4);
/// assert_eq!((0..9).take_while(|_| alarm.check().is_ok()).count(), 3);
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard disarms it: write `let _alarm = …;` (`let _ = …;` drops it at once)"]
pub struct TestAlarm {
    alarm: Alarm,
    terms: Terms,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The check that stops, counted from 1; 0 for an alarm that has expired when armed.
    pub(super) stop_at: Option<u64>,
    pub(super) cause: Cause,
    pub(super) patience: u64,
}

impl Terms {
    pub(super) const DEFAULT: Terms = Terms { stop_at: None, cause: Cause::Deadline, patience: 100_000 };
}

/// Arms an alarm that expires at the `n`-th check, counted from 1.
///
/// Panics if `n` is zero. This, [`expired`] and [`never`](fn@never) panic without memory for `pthread_atfork`.
/// ```
/// let alarm = sigalarm::testing::at_check(2);
/// assert!(alarm.check().is_ok() && alarm.check().is_err());
/// ```
#[track_caller]
pub fn at_check(n: u64) -> TestAlarm {
    assert!(n != 0, "checks are counted from 1");
    TestAlarm::arm(Terms { stop_at: Some(n), ..Terms::DEFAULT })
}

/// Arms an alarm with a limit of zero.
/// ```
/// assert!(sigalarm::testing::expired().check().is_err());
/// ```
#[track_caller]
pub fn expired() -> TestAlarm {
    TestAlarm::arm(Terms { stop_at: Some(0), ..Terms::DEFAULT })
}

/// Arms an alarm without a limit, to record checks.
/// ```
/// let alarm = sigalarm::testing::never();
/// assert!(alarm.check().is_ok() && alarm.checks() == 1);
/// ```
#[track_caller]
pub fn never() -> TestAlarm {
    TestAlarm::arm(Terms::DEFAULT)
}

/// The process has armed a test alarm.
static IN_USE: AtomicBool = AtomicBool::new(false);

/// Panics if the test alarm of this error has returned more errors than its patience allows.
pub(crate) fn note_error(timed_out: &TimedOut) {
    // A panic in a destructor during a panic would abort the process.
    if !IN_USE.load(Ordering::Relaxed) || thread::panicking() {
        return;
    }
    let alarm = timed_out.alarm();
    let overrun = |budget: &Budget| budget.is_overrun().then(|| Stop::of(alarm, budget)).flatten();
    if let Some(stop) = runtime::find(alarm, |entry| entry.budget().and_then(overrun)).flatten() {
        let (later, here) = (stop.later, timed_out.location());
        panic!(
            "{stop}: the function is still checking {later} checks later, at {here}; it ignores `TimedOut` and may never end"
        );
    }
}

#[track_caller]
pub(super) fn arm(terms: Terms) -> Alarm {
    IN_USE.store(true, Ordering::Relaxed);
    let (due, checks) = match terms {
        Terms { stop_at: Some(0), cause: Cause::Deadline, .. } => (Due::After(Duration::ZERO), u64::MAX),
        Terms { stop_at, .. } => (Due::Never, stop_at.map_or(u64::MAX, |n| n.saturating_sub(1))),
    };
    let mut budget = Budget::new(checks);
    budget.cause = terms.cause;
    budget.renews = false;
    budget.errors_allowed = terms.patience.saturating_add(1);
    budget.locations = Some(Vec::new());
    let wishes = Wishes { budget: Some(budget), ..Wishes::default() };
    match runtime::arm(Plan { wishes: Some(&wishes), ..Plan::new(due, Location::caller()) }) {
        Ok(key) => Alarm::of(key, None),
        Err(e) => panic!("no test alarm: {e}"),
    }
}

/// Returns the stop and the location of each check; empty in a forked child, where the guard is inert.
pub(super) fn record_of(alarm: &Alarm) -> (Option<Stop>, Vec<&'static Location<'static>>) {
    let read = |budget: &Budget| (Stop::of(alarm.id(), budget), budget.locations.clone().unwrap_or_default());
    runtime::inspect(alarm.key(), |entry, _| entry.budget().map(read)).flatten().unwrap_or_default()
}

impl TestAlarm {
    #[track_caller]
    fn arm(terms: Terms) -> TestAlarm {
        TestAlarm { alarm: arm(terms), terms }
    }

    /// Arms the alarm anew with this cause (default: [`Cause::Deadline`]).
    /// ```
    /// let alarm = sigalarm::testing::at_check(1).cause(sigalarm::Cause::Rung);
    /// assert_eq!(alarm.check().unwrap_err().cause(), sigalarm::Cause::Rung);
    /// ```
    pub fn cause(self, cause: Cause) -> TestAlarm {
        TestAlarm::arm(Terms { cause, ..self.terms })
    }

    /// Arms the alarm anew, and allows this many checks that err (default: 100,000). The next one panics.
    /// ```should_panic
    /// let alarm = sigalarm::testing::at_check(1).patience(100);
    /// while alarm.check().is_err() {}
    /// ```
    pub fn patience(self, checks: u64) -> TestAlarm {
        TestAlarm::arm(Terms { patience: checks, ..self.terms })
    }

    /// Returns the number of checks so far, with those after the stop.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.checks() == 1);
    /// ```
    pub fn checks(&self) -> u64 {
        let read = |budget: &Budget| budget.counted;
        runtime::inspect(self.key(), |entry, _| entry.budget().map_or(0, read)).unwrap_or(0)
    }

    /// Returns the location of each check so far, in order.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.locations().len() == 1);
    /// ```
    pub fn locations(&self) -> Vec<SourceLocation> {
        record_of(self).1.into_iter().map(SourceLocation::from).collect()
    }

    /// Returns the check that stopped the function.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.stop().is_some());
    /// ```
    pub fn stop(&self) -> Option<Stop> {
        record_of(self).0
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
        if thread::panicking() {
            print("", self.stop().as_ref(), self.checks());
        }
    }
}

/// Prints where the function was stopped. Uses `eprintln!`, whose output the test harness captures.
pub(super) fn print(attempt: &str, stop: Option<&Stop>, checks: u64) {
    match stop {
        Some(stop) => eprintln!("sigalarm: {attempt}{stop}"),
        None => eprintln!("sigalarm: {attempt}not stopped, after {checks} checks"),
    }
}

/// The check that stopped a function: the first that erred.
/// ```
/// let alarm = sigalarm::testing::expired();
/// alarm.check().unwrap_err();
/// let stop: sigalarm::testing::Stop = alarm.stop().unwrap();
/// assert!(stop.to_string().starts_with("stopped at check 1, "));
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

    /// Returns the number of the check, counted from 1.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.stop().unwrap().check() == 1);
    /// ```
    pub fn check(&self) -> u64 {
        self.check
    }

    /// Returns the location of the check.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.stop().unwrap().location().line() == line!());
    /// ```
    pub fn location(&self) -> &SourceLocation {
        &self.location
    }

    /// Returns how many later checks erred.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.stop().unwrap().later() == 0);
    /// ```
    pub fn later(&self) -> u64 {
        self.later
    }

    /// Returns whether an error is the test alarm's, as [`Alarm::owns`](crate::Alarm::owns) does.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// let timed_out = alarm.check().unwrap_err();
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
