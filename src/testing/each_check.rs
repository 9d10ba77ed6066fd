//! Stops a function at its first check, at its second, at its third.

use std::panic::Location;
use std::{mem, thread};

use super::report::Report;
use super::test_alarm::{Stop, Terms, TestAlarm, print};
use crate::alarm::Alarm;
use crate::checkpoint::checkpoint;
use crate::error::Cause;

/// Runs a test again and again: the function under test is stopped at its first check, then at its second, and so on,
/// until it completes.
///
/// A function with n checks makes n²/2 of them in all; [`EachCheck`] has options for many.
///
/// # Panics
///
/// - If the test does; then it prints at which check the function was stopped.
/// - If the function makes more than 100,000 checks after the stop ([`EachCheck::patience`]).
/// - After 2,000 attempts ([`EachCheck::at_most`]).
/// - If the test does not [run](Attempt::run) anything, or if an alarm around the test expires.
///
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
///
/// ```
/// let each = sigalarm::testing::EachCheck::new().every(10).at_most(500);
/// each.run(|attempt| drop(attempt.run(|alarm| (0..95).try_for_each(|_| alarm.check()))));
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is tested before `run`"]
pub struct EachCheck {
    every: u64,
    at_most: Option<u64>,
    terms: Terms,
}

/// Two million checks in all.
const AT_MOST: u64 = 2_000;

impl EachCheck {
    /// Stops at each check, for [`Cause::Deadline`], in at most 2,000 attempts: as [`each_check`].
    ///
    /// ```
    /// let each = sigalarm::testing::EachCheck::new();
    /// assert_eq!(each.run(|attempt| drop(attempt.run(|alarm| alarm.check()))).attempts(), 2);
    /// ```
    pub fn new() -> EachCheck {
        EachCheck { every: 1, at_most: None, terms: Terms { silent: true, ..Terms::DEFAULT } }
    }

    /// Stops at every `n`-th check only: at check 1, n + 1, 2n + 1 … Panics if `n` is zero.
    ///
    /// ```
    /// let each = sigalarm::testing::EachCheck::new().every(250);
    /// let report = each.run(|attempt| drop(attempt.run(|alarm| (0..1_000).try_for_each(|_| alarm.check()))));
    /// assert_eq!(report.attempts(), 5); // stopped at 1, 251, 501, 751, and not stopped
    /// ```
    #[track_caller]
    pub fn every(self, n: u64) -> EachCheck {
        assert!(n != 0, "`every` with a step of zero");
        EachCheck { every: n, ..self }
    }

    /// Makes at most `n` attempts and then returns ([`Report::is_complete`]): for functions that end only by a limit.
    ///
    /// ```
    /// let each = sigalarm::testing::EachCheck::new().at_most(50);
    /// assert!(!each.run(|attempt| attempt.run(|alarm| while alarm.check().is_ok() {})).is_complete());
    /// ```
    pub fn at_most(self, n: u64) -> EachCheck {
        EachCheck { at_most: Some(n), ..self }
    }

    /// Stops for this cause (default: [`Cause::Deadline`]).
    ///
    /// ```
    /// sigalarm::testing::EachCheck::new().cause(sigalarm::Cause::Rung).run(|attempt| {
    ///     let outcome = attempt.run(|alarm| alarm.check());
    ///     assert!(outcome.err().is_none_or(|e| e.cause() == sigalarm::Cause::Rung));
    /// });
    /// ```
    pub fn cause(self, cause: Cause) -> EachCheck {
        EachCheck { terms: Terms { cause, ..self.terms }, ..self }
    }

    /// Allows this many erring checks after the stop (default: 100,000); the next one panics.
    ///
    /// ```should_panic
    /// let each = sigalarm::testing::EachCheck::new().patience(10);
    /// each.run(|attempt| attempt.run(|alarm| while alarm.check().is_err() {})); // ignores it
    /// ```
    pub fn patience(self, checks: u64) -> EachCheck {
        EachCheck { terms: Terms { patience: checks, ..self.terms }, ..self }
    }

    /// Runs the test until the function completes. It panics as [`each_check`] does.
    ///
    /// ```
    /// sigalarm::testing::EachCheck::new().run(|attempt| drop(attempt.run(|alarm| alarm.check())));
    /// ```
    #[track_caller]
    pub fn run(&self, mut test: impl FnMut(&mut Attempt)) -> Report {
        let (mut report, mut stop_at) = (Report::default(), 1_u64);
        while report.attempts() < self.at_most.unwrap_or(AT_MOST) {
            let (terms, number) = (Terms { stop_at: Some(stop_at), ..self.terms }, report.attempts() + 1);
            let mut attempt = Attempt { terms, number, has_run: false, stop: None, locations: Vec::new() };
            test(&mut attempt);
            assert!(attempt.has_run, "the test has not run anything: call `run` on the attempt");
            report.add(stop_at, mem::take(&mut attempt.locations));
            if report.is_complete() {
                return report;
            }
            stop_at = stop_at.saturating_add(self.every);
        }
        assert!(
            self.at_most.is_some(),
            "stopped {AT_MOST} times, the last time at check {}, and not complete: `EachCheck::every` takes longer \
             steps, `EachCheck::at_most` sets a bound",
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

/// One run of the function under test, stopped at one of its checks; made by [`each_check`].
///
/// If the test panics, it prints where: "sigalarm: in attempt 17, stopped at check 17, src/solver.rs:42:15".
///
/// ```
/// sigalarm::testing::each_check(|attempt| {
///     let outcome = attempt.run(|alarm| alarm.check());
///     assert!(attempt.stop().is_none_or(|stop| stop.owns(&outcome.unwrap_err())));
/// });
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
    /// Runs the function under test and returns what it returns. Checks before and after do not count.
    ///
    /// # Panics
    ///
    /// If it was called before in this attempt, if `f` ignores the stop ([`EachCheck::patience`]), or if an alarm around the
    /// test expires.
    ///
    /// ```
    /// sigalarm::testing::each_check(|attempt| {
    ///     let found = attempt.run(|alarm| (0..10).find(|_| alarm.is_expired()));
    ///     assert_eq!(found, attempt.stop().map(|stop| stop.check() - 1));
    /// });
    /// ```
    #[track_caller]
    pub fn run<T>(&mut self, f: impl FnOnce(&Alarm) -> T) -> T {
        /// Keeps the record, also in a panic.
        struct Record<'a>(TestAlarm, &'a mut Attempt);
        impl Drop for Record<'_> {
            fn drop(&mut self) {
                (self.1.stop, self.1.locations) = (self.0.stop(), self.0.recorded());
            }
        }
        assert!(!mem::replace(&mut self.has_run, true), "an attempt runs its function once");
        let record = Record(TestAlarm::arm(self.terms), self);
        let value = f(&record.0);
        drop(record);
        if let Err(timed_out) = checkpoint() {
            panic!("an alarm around the test has expired: {timed_out}");
        }
        value
    }

    /// Returns the check at which the function was stopped; `None` if it completed, and before it has run.
    ///
    /// ```
    /// sigalarm::testing::each_check(|attempt| {
    ///     let done = attempt.run(|alarm| (0..3).take_while(|_| alarm.check().is_ok()).count() as u64);
    ///     assert_eq!(done, attempt.stop().map_or(3, |stop| stop.check() - 1));
    /// });
    /// ```
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Tells whether the function was stopped.
    ///
    /// ```
    /// sigalarm::testing::each_check(|attempt| {
    ///     assert_eq!(attempt.run(|alarm| alarm.check()).is_err(), attempt.was_stopped());
    /// });
    /// ```
    pub fn was_stopped(&self) -> bool {
        self.stop().is_some()
    }

    /// Returns how many checks the function made.
    ///
    /// ```
    /// sigalarm::testing::each_check(|attempt| {
    ///     let _ = attempt.run(|alarm| (0..10).try_for_each(|_| alarm.check()));
    ///     assert!(attempt.checks() <= attempt.number()); // it returns at the stop
    /// });
    /// ```
    pub fn checks(&self) -> u64 {
        self.locations.len() as u64
    }

    /// Returns which attempt it is, counted from 1.
    ///
    /// ```
    /// sigalarm::testing::each_check(|attempt| {
    ///     let _ = attempt.run(|alarm| (0..3).try_for_each(|_| alarm.check()));
    ///     assert_eq!(attempt.number() == 4, !attempt.was_stopped());
    /// });
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
