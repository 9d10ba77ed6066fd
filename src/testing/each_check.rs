use std::mem;
use std::panic::{self, AssertUnwindSafe};

use super::record::{Record, Report, Stop};
use super::report_if_panicking;
use super::test_alarm::TestAlarm;
use crate::alarm::Alarm;
use crate::checkpoint::checkpoint;
use crate::error::Cause;

/// Runs `test` in attempts, until the function under test completes. In the n-th attempt the function's n-th check
/// returns an error, called the *stop*. A function with 1,000 checks makes about 500,000 in all; [`EachCheck`] has
/// options for such functions.
///
/// # Panics
///
/// - if `test` panics, or does not call [`Attempt::run`]
/// - after 2,000 attempts: see [`EachCheck::at_most`]
/// - after 100,000 failed checks in one attempt: see [`EachCheck::patience`]
/// - if an alarm around the test expires
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

/// Options for [`each_check`].
/// ```
/// let each: sigalarm::testing::EachCheck = sigalarm::testing::EachCheck::new().every(10).at_most(500);
/// each.run(|attempt| drop(attempt.run(|alarm| alarm.check())));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is tested before `run`"]
pub struct EachCheck {
    skip: u64,
    at_most: Option<u64>,
    blank: Record,
}

impl EachCheck {
    /// Returns the default options.
    /// ```
    /// sigalarm::testing::EachCheck::new().run(|a| drop(a.run(|alarm| alarm.check())));
    /// ```
    pub fn new() -> EachCheck {
        EachCheck::default()
    }

    /// Stops the function at check 1, n + 1, 2n + 1 … only. Panics if `n` is zero.
    /// ```
    /// sigalarm::testing::EachCheck::new().every(9).run(|a| drop(a.run(|alarm| alarm.check())));
    /// ```
    #[track_caller]
    pub fn every(self, n: u64) -> EachCheck {
        assert!(n != 0, "the step of `every` is zero");
        EachCheck { skip: n - 1, ..self }
    }

    /// Makes at most `n` attempts. If the function never completes, the report is not [complete](Report::is_complete).
    /// ```
    /// sigalarm::testing::EachCheck::new().at_most(5).run(|a| a.run(|alarm| while alarm.check().is_ok() {}));
    /// ```
    pub fn at_most(self, n: u64) -> EachCheck {
        EachCheck { at_most: Some(n), ..self }
    }

    /// Sets the cause of the stops; the default is [`Cause::Deadline`].
    /// ```
    /// sigalarm::testing::EachCheck::new().cause(sigalarm::Cause::Rung).run(|a| drop(a.run(|alarm| alarm.check())));
    /// ```
    pub fn cause(self, cause: Cause) -> EachCheck {
        EachCheck { blank: Record { cause, ..self.blank }, ..self }
    }

    /// Sets how many checks may fail after the stop, 100,000 by default. The next one that fails panics.
    /// ```should_panic
    /// sigalarm::testing::EachCheck::new().patience(9).run(|a| a.run(|alarm| while alarm.check().is_err() {}));
    /// ```
    pub fn patience(self, checks: u64) -> EachCheck {
        EachCheck { blank: Record { patience: checks, ..self.blank }, ..self }
    }

    /// Runs [`each_check`] with these options.
    /// ```
    /// sigalarm::testing::EachCheck::new().at_most(500).run(|a| drop(a.run(|alarm| alarm.check())));
    /// ```
    #[track_caller]
    pub fn run(&self, mut test: impl FnMut(&mut Attempt)) -> Report {
        let mut report = Report::default();
        for n in 0..self.at_most.unwrap_or(2_000) {
            let stop_at = n.saturating_mul(self.skip.saturating_add(1)).saturating_add(1);
            let record = Record { stop_at, ..self.blank.clone() };
            let mut attempt = Attempt { number: n + 1, has_run: false, record };
            test(&mut attempt);
            assert!(attempt.has_run, "the test ran no function: call `run` on the attempt");
            report.add(mem::take(&mut attempt.record));
            if report.is_complete() {
                return report;
            }
        }
        let last = report.checks();
        assert!(self.at_most.is_some(), "stopped 2000 times, last at check {last}: set `every` or `at_most`");
        report
    }
}

/// One run of the function under test. If the test panics, the attempt prints the check that stopped the function.
/// ```
/// use sigalarm::testing::{Attempt, each_check};
/// each_check(|a: &mut Attempt| assert_eq!(a.run(|alarm| alarm.check()).is_err(), a.was_stopped()));
/// ```
#[derive(Debug)]
pub struct Attempt {
    number: u64,
    has_run: bool,
    record: Record,
}

impl Attempt {
    /// Runs the function under test, and returns its value. Panics on a second call.
    /// ```
    /// sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check())));
    /// ```
    #[track_caller]
    pub fn run<T>(&mut self, f: impl FnOnce(&Alarm) -> T) -> T {
        assert!(!mem::replace(&mut self.has_run, true), "an attempt runs its function once");
        let alarm = TestAlarm::arm(self.record.clone());
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| f(&alarm)));
        self.record = alarm.read(Record::clone);
        drop(alarm);
        let value = outcome.unwrap_or_else(|panic| panic::resume_unwind(panic));
        if let Err(timed_out) = checkpoint() {
            panic!("an alarm around the test has expired: {timed_out}");
        }
        value
    }

    /// Returns the check that stopped the function; `None` if it completed.
    /// ```
    /// sigalarm::testing::each_check(|a| assert_eq!(a.run(|alarm| alarm.check()).is_err(), a.stop().is_some()));
    /// ```
    pub fn stop(&self) -> Option<&Stop> {
        self.record.stop.as_ref()
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
        self.record.checks()
    }

    /// Returns the attempt's number, from 1.
    /// ```
    /// sigalarm::testing::each_check(|a| assert_eq!(a.run(|alarm| alarm.check()).is_ok(), a.number() == 2));
    /// ```
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.has_run {
            report_if_panicking(|| format!("in attempt {}, {}", self.number, self.record));
        }
    }
}
