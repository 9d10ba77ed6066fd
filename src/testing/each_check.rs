//! Stopped at the first check, at the second, at the third.

use super::attempt::Attempt;
use super::report::{Report, Trace};
use crate::bell::PATIENCE;
use crate::error::Cause;

/// Runs a test again and again, the function under test being stopped at its first check, then at its second, and so on,
/// until it comes to its end without having been stopped.
///
/// The test sets the scene, has the function [run](Attempt::run), and looks at what has become of things: an error that
/// is a time-out, invariants that hold, a state that is as it was before, a second call that succeeds. It is called once
/// for each check and once more. What is reported is how many checks there were, and where.
///
/// A function with n checks makes n²/2 of them in all. For a function with very many, or without end, [`EachCheck`]
/// chooses.
///
/// # Panics
///
/// - when the test does; and it says at which check the function was stopped.
/// - if the function goes on for more than 100,000 checks after it was stopped ([`EachCheck::patience`]).
/// - after 2,000 attempts ([`EachCheck::at_most`]).
/// - if the test does not [run](Attempt::run) anything, or an alarm that was armed before expires in between.
///
/// # Examples
///
/// ```
/// use sigalarm::{TimedOut, checkpoint, testing};
///
/// fn double_all(numbers: &mut [u32]) -> Result<(), TimedOut> {
///     for n in numbers {
///         checkpoint()?;
///         *n *= 2;
///     }
///     Ok(())
/// }
///
/// let report = testing::each_check(|attempt| {
///     let mut numbers = [1, 2, 3];
///     let outcome = attempt.run(|_| double_all(&mut numbers));
///     match attempt.stop() {
///         // Half the work is done, and the test knows which half.
///         Some(stop) => {
///             assert!(stop.owns(&outcome.unwrap_err()));
///             let done = stop.check() as usize - 1;
///             assert_eq!(numbers[..done], [2, 4, 6][..done]);
///             assert_eq!(numbers[done..], [1, 2, 3][done..]);
///         }
///         None => assert_eq!(numbers, [2, 4, 6]),
///     }
/// });
/// assert_eq!((report.attempts(), report.checks()), (4, 3));
/// println!("{report}");
/// ```
#[track_caller]
pub fn each_check(test: impl FnMut(&mut Attempt<'_>)) -> Report {
    EachCheck::new().run(test)
}

/// How [`each_check`] goes about it.
///
/// ```
/// use sigalarm::{Cause, checkpoint, testing::EachCheck};
///
/// let report = EachCheck::new().every(10).cause(Cause::Rung).run(|attempt| {
///     let outcome = attempt.run(|_| (0..95).try_for_each(|_| checkpoint()));
///     assert_eq!(outcome.is_err(), attempt.was_stopped());
/// });
/// assert_eq!(report.attempts(), 11); // stopped at 1, 11, 21 … 91, and not stopped
/// assert_eq!(report.checks(), 95);
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is tested before `run`"]
pub struct EachCheck {
    every: u64,
    at_most: Option<u64>,
    pub(super) cause: Cause,
    pub(super) patience: u64,
}

/// More attempts than anybody means to make: two million checks.
const AT_MOST: u64 = 2_000;

impl EachCheck {
    /// Stops at each check, for [`Cause::Deadline`], and makes at most 2,000 attempts: as [`each_check`].
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing::EachCheck};
    ///
    /// let report = EachCheck::new().run(|attempt| {
    ///     let _ = attempt.run(|_| (0..7).try_for_each(|_| checkpoint()));
    /// });
    /// assert_eq!(report.attempts(), 8);
    /// ```
    pub fn new() -> EachCheck {
        EachCheck { every: 1, at_most: None, cause: Cause::Deadline, patience: PATIENCE }
    }

    /// Stops at every `n`-th check only: at the first, and then at each `n` further on.
    ///
    /// # Panics
    ///
    /// If `n` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing::EachCheck};
    ///
    /// let mut stops = vec![];
    /// EachCheck::new().every(250).run(|attempt| {
    ///     let _ = attempt.run(|_| (0..1_000).try_for_each(|_| checkpoint()));
    ///     stops.extend(attempt.stop().map(|stop| stop.check()));
    /// });
    /// assert_eq!(stops, [1, 251, 501, 751]);
    /// ```
    #[track_caller]
    pub fn every(self, n: u64) -> EachCheck {
        assert!(n != 0, "`every` with a step of zero");
        EachCheck { every: n, ..self }
    }

    /// Makes no more than `n` attempts, and then leaves it at that ([`Report::is_complete`]): for functions that only a
    /// limit ends. Unless told so it panics after 2,000.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing::EachCheck};
    ///
    /// let report = EachCheck::new().at_most(50).run(|attempt| {
    ///     let timed_out = attempt.run(|_| loop {
    ///         if let Err(e) = checkpoint() {
    ///             break e;
    ///         }
    ///     });
    ///     assert!(attempt.stop().unwrap().owns(&timed_out));
    /// });
    /// assert!(!report.is_complete());
    /// ```
    pub fn at_most(self, n: u64) -> EachCheck {
        EachCheck { at_most: Some(n), ..self }
    }

    /// Stops for this cause, [`Cause::Deadline`] unless told; see [`Rehearsal::cause`](super::Rehearsal::cause).
    ///
    /// ```
    /// use sigalarm::{Cause, checkpoint, testing::EachCheck};
    ///
    /// EachCheck::new().cause(Cause::Stopped).run(|attempt| {
    ///     let outcome = attempt.run(|_| (0..3).try_for_each(|_| checkpoint()));
    ///     assert!(outcome.err().is_none_or(|e| e.cause() == Cause::Stopped));
    /// });
    /// ```
    pub fn cause(self, cause: Cause) -> EachCheck {
        EachCheck { cause, ..self }
    }

    /// How many checks may come after the stop, 100,000 unless told; at the next one the test panics. See
    /// [`Rehearsal::patience`](super::Rehearsal::patience).
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing::EachCheck};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let tries = AtomicU32::new(0);
    /// let stubborn = || while checkpoint().is_err() { tries.fetch_add(1, Ordering::Relaxed); };
    /// let test = || EachCheck::new().patience(10).run(|attempt| attempt.run(|_| stubborn()));
    /// assert!(std::panic::catch_unwind(test).is_err());
    /// assert_eq!(tries.into_inner(), 1 + 10); // the stop, and then ten more
    /// ```
    pub fn patience(self, checks: u64) -> EachCheck {
        EachCheck { patience: checks, ..self }
    }

    /// Runs the test until the function comes to its end; see [`each_check`]. As often as you like: it is lent.
    ///
    /// # Panics
    ///
    /// As [`each_check`].
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing::EachCheck};
    ///
    /// let each_tenth = EachCheck::new().every(10);
    /// for n in [10, 100, 1_000] {
    ///     let report = each_tenth.run(|attempt| {
    ///         let outcome = attempt.run(|_| (0..n).try_for_each(|_| checkpoint()));
    ///         assert_eq!(outcome.is_err(), attempt.was_stopped());
    ///     });
    ///     assert_eq!(report.attempts(), n / 10 + 1);
    /// }
    /// ```
    #[track_caller]
    pub fn run(&self, mut test: impl FnMut(&mut Attempt<'_>)) -> Report {
        let mut trace = Trace::default();
        let (mut number, mut stop_at) = (1, 1_u64);
        loop {
            if number > self.at_most.unwrap_or(AT_MOST) {
                assert!(
                    self.at_most.is_some(),
                    "stopped {AT_MOST} times, the last time at check {}, and has not come to its end yet: \
                     `EachCheck::every` takes longer steps, `EachCheck::at_most` sets a bound",
                    stop_at - self.every
                );
                return trace.report(number - 1, false);
            }
            let mut attempt = Attempt::new(self, number, stop_at);
            test(&mut attempt);
            let Some(ran) = attempt.ran() else {
                panic!("the test has not run anything: call `run` on the attempt");
            };
            if let Some(timed_out) = ran.interruption {
                panic!("an alarm around the test has expired: {timed_out}");
            }
            let ended = (ran.places.len() as u64) < stop_at;
            trace.compare(number, stop_at, ran.places);
            if ended {
                return trace.report(number, true);
            }
            number += 1;
            stop_at = stop_at.saturating_add(self.every);
        }
    }
}

impl Default for EachCheck {
    fn default() -> EachCheck {
        EachCheck::new()
    }
}
