//! A function under test, stopped at each of its checks in turn.

use std::panic::Location;
use std::{mem, thread};

use super::report::Report;
use super::test_alarm::{Stop, Terms, arm, print, record_of};
use crate::alarm::Alarm;
use crate::checkpoint::checkpoint;
use crate::error::Cause;

/// Stops a function at its first check, then at its second, until the function completes. Each stop is a new run of the test.
///
/// A function with n checks makes n²/2 checks in all. [`EachCheck`] has options for a large n.
///
/// # Panics
///
/// - If the test panics. Then it prints the attempt and the check.
/// - After 100,000 checks that err ([`EachCheck::patience`]), and after 2,000 attempts ([`EachCheck::at_most`]).
/// - If the test does not call [`Attempt::run`], or if an alarm around the test expires.
/// ```
/// let report = sigalarm::testing::each_check(|attempt| {
///     let outcome = attempt.run(|alarm| (0..3).try_for_each(|_| alarm.check()));
///     assert_eq!(outcome.is_err(), attempt.was_stopped());
/// });
/// assert_eq!((report.attempts(), report.checks()), (4, 3));
/// ```
#[track_caller]
pub fn each_check(test: impl FnMut(&mut Attempt)) -> Report {
    EachCheck::new().run(test)
}

/// The options of [`each_check`].
/// ```
/// let each: sigalarm::testing::EachCheck = sigalarm::testing::EachCheck::new().every(10).at_most(500);
/// each.run(|a| drop(a.run(|alarm| alarm.check())));
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is tested before `run`"]
pub struct EachCheck {
    every: u64,
    at_most: Option<u64>,
    terms: Terms,
}

const DEFAULT_AT_MOST: u64 = 2_000;

impl EachCheck {
    /// Returns the default options: each check, [`Cause::Deadline`], at most 2,000 attempts.
    /// ```
    /// sigalarm::testing::EachCheck::new().run(|a| drop(a.run(|alarm| alarm.check())));
    /// ```
    pub fn new() -> EachCheck {
        EachCheck { every: 1, at_most: None, terms: Terms::DEFAULT }
    }

    /// Stops at check 1, n + 1, 2n + 1 … only. Panics if `n` is zero.
    /// ```
    /// let report = sigalarm::testing::EachCheck::new().every(9).run(|a| drop(a.run(|alarm| alarm.check())));
    /// assert!(report.is_complete());
    /// ```
    #[track_caller]
    pub fn every(self, n: u64) -> EachCheck {
        assert!(n != 0, "the step of `every` is zero");
        EachCheck { every: n, ..self }
    }

    /// Makes at most `n` attempts, then returns a report that is not [complete](Report::is_complete).
    /// ```
    /// sigalarm::testing::EachCheck::new().at_most(5).run(|a| a.run(|alarm| while alarm.check().is_ok() {}));
    /// ```
    pub fn at_most(self, n: u64) -> EachCheck {
        EachCheck { at_most: Some(n), ..self }
    }

    /// Sets the cause of the stops.
    /// ```
    /// sigalarm::testing::EachCheck::new().cause(sigalarm::Cause::Rung).run(|a| drop(a.run(|alarm| alarm.check())));
    /// ```
    pub fn cause(self, cause: Cause) -> EachCheck {
        EachCheck { terms: Terms { cause, ..self.terms }, ..self }
    }

    /// Allows this many checks that err (default: 100,000); the next one panics.
    /// ```should_panic
    /// sigalarm::testing::EachCheck::new().patience(9).run(|a| a.run(|alarm| while alarm.check().is_err() {}));
    /// ```
    pub fn patience(self, checks: u64) -> EachCheck {
        EachCheck { terms: Terms { patience: checks, ..self.terms }, ..self }
    }

    /// Runs the test until the function completes. Panics as [`each_check`] does.
    /// ```
    /// sigalarm::testing::EachCheck::new().run(|a| drop(a.run(|alarm| alarm.check())));
    /// ```
    #[track_caller]
    pub fn run(&self, mut test: impl FnMut(&mut Attempt)) -> Report {
        let (mut report, mut stop_at) = (Report::default(), 1_u64);
        while report.attempts() < self.at_most.unwrap_or(DEFAULT_AT_MOST) {
            let (terms, number) = (Terms { stop_at: Some(stop_at), ..self.terms }, report.attempts() + 1);
            let mut attempt = Attempt { terms, number, has_run: false, stop: None, locations: Vec::new() };
            test(&mut attempt);
            assert!(attempt.has_run, "the test ran no function: call `run` on the attempt");
            report.add(stop_at, mem::take(&mut attempt.locations));
            if report.is_complete() {
                return report;
            }
            stop_at = stop_at.saturating_add(self.every);
        }
        assert!(
            self.at_most.is_some(),
            "stopped {DEFAULT_AT_MOST} times, the last time at check {}, and not complete: set `EachCheck::every` or \
             `EachCheck::at_most`",
            stop_at - self.every
        );
        report
    }
}

impl Default for EachCheck {
    fn default() -> EachCheck {
        EachCheck::new()
    }
}

/// One run of the function under test, stopped at one of its checks.
///
/// A test that panics prints the stop: "sigalarm: in attempt 17, stopped at check 17, src/solver.rs:42:15".
/// ```
/// use sigalarm::testing::{Attempt, each_check};
/// each_check(|a: &mut Attempt| assert_eq!(a.run(|alarm| alarm.check()).is_err(), a.was_stopped()));
/// ```
#[derive(Debug)]
pub struct Attempt {
    terms: Terms,
    number: u64,
    has_run: bool,
    stop: Option<Stop>,
    locations: Vec<&'static Location<'static>>,
}

impl Attempt {
    /// Runs the function under test and returns its value. Only checks within it count.
    /// Panics on a second call, if `f` ignores the stop ([`EachCheck::patience`]), and if an alarm around the test expires.
    /// ```
    /// sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check())));
    /// ```
    #[track_caller]
    pub fn run<T>(&mut self, f: impl FnOnce(&Alarm) -> T) -> T {
        /// Copies the record to the attempt, also in a panic.
        struct Record<'a>(Alarm, &'a mut Attempt);
        impl Drop for Record<'_> {
            fn drop(&mut self) {
                (self.1.stop, self.1.locations) = record_of(&self.0);
            }
        }
        assert!(!mem::replace(&mut self.has_run, true), "an attempt runs its function once");
        let record = Record(arm(self.terms), self);
        let value = f(&record.0);
        drop(record);
        if let Err(timed_out) = checkpoint() {
            panic!("an alarm around the test has expired: {timed_out}");
        }
        value
    }

    /// Returns the check that stopped the function; `None` if the function completed, and before [`run`](Attempt::run).
    /// ```
    /// sigalarm::testing::each_check(|a| assert_eq!(a.run(|alarm| alarm.check()).is_err(), a.stop().is_some()));
    /// ```
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Returns whether a check stopped the function.
    /// ```
    /// sigalarm::testing::each_check(|a| assert_eq!(a.run(|alarm| alarm.check()).is_err(), a.was_stopped()));
    /// ```
    pub fn was_stopped(&self) -> bool {
        self.stop().is_some()
    }

    /// Returns how many checks the function made.
    /// ```
    /// sigalarm::testing::each_check(|a| assert!(!a.run(|alarm| alarm.is_expired()) || a.checks() == 1));
    /// ```
    pub fn checks(&self) -> u64 {
        self.locations.len() as u64
    }

    /// Returns the number of this attempt, counted from 1.
    /// ```
    /// sigalarm::testing::each_check(|a| assert_eq!(a.run(|alarm| alarm.check()).is_ok(), a.number() == 2));
    /// ```
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if thread::panicking() && self.has_run {
            print(&format!("in attempt {}, ", self.number), self.stop(), self.checks());
        }
    }
}
