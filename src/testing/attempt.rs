//! One of the runs of a function that is stopped at each of its checks.

use std::panic::Location;
use std::thread;

use super::rehearsal::{Rehearsal, at_check};
use super::{EachCheck, Stop};
use crate::alarm::Alarm;
use crate::error::TimedOut;

/// One run of the function under test, which is stopped at one of its checks; made by [`each_check`](super::each_check).
///
/// If the test panics, it says where the function was stopped: "sigalarm: in attempt 17, stopped at check 17,
/// src/solver.rs:42:15".
///
/// ```
/// use sigalarm::{TimedOut, checkpoint, testing};
///
/// /// Keeps what it has done, and goes on from there.
/// fn count_up(count: &mut u32) -> Result<(), TimedOut> {
///     while *count < 5 {
///         checkpoint()?;
///         *count += 1;
///     }
///     Ok(())
/// }
///
/// testing::each_check(|attempt| {
///     let mut count = 0;
///     let stopped = attempt.run(|_| count_up(&mut count)).is_err();
///     assert_eq!(stopped, attempt.was_stopped());
///     count_up(&mut count).unwrap(); // wherever it was stopped, it can be called again
///     assert_eq!(count, 5);
/// });
/// ```
#[derive(Debug)]
pub struct Attempt<'a> {
    plan: &'a EachCheck,
    number: u64,
    stop_at: u64,
    ran: Option<Ran>,
    in_panic: bool,
}

/// What has come of it.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) stop: Option<Stop>,
    pub(super) places: Vec<&'static Location<'static>>,
    pub(super) interruption: Option<TimedOut>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(plan: &'a EachCheck, number: u64, stop_at: u64) -> Attempt<'a> {
        Attempt { plan, number, stop_at, ran: None, in_panic: thread::panicking() }
    }

    /// Runs the function under test, and hands back what it returns. It is stopped at the check whose turn it is, if it
    /// comes so far.
    ///
    /// The rehearsal is over when `f` returns: what the test does before and after, also with `checkpoint`s, is not
    /// part of it.
    ///
    /// # Panics
    ///
    /// If it was called before in this attempt; or if `f` goes on for too long after it was stopped
    /// ([`EachCheck::patience`]).
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{IteratorExt, checkpoint, testing};
    ///
    /// let report = testing::each_check(|attempt| {
    ///     let squares: Vec<u32> = attempt.run(|alarm| (0..3).until(alarm).map(|n| n * n).collect());
    ///     assert!([0, 1, 4].starts_with(&squares));
    ///     assert!(checkpoint().is_ok()); // the rehearsal is over
    /// });
    /// assert_eq!(report.checks(), 4); // one before each item, and one before the end
    /// ```
    #[track_caller]
    pub fn run<T>(&mut self, f: impl FnOnce(&Alarm) -> T) -> T {
        assert!(self.ran.is_none(), "an attempt runs its function once");
        let mut rehearsal = at_check(self.stop_at).cause(self.plan.cause).patience(self.plan.patience);
        rehearsal.silent = true;
        /// So that it is noted in a panic, too.
        struct Take<'b>(Rehearsal, &'b mut Option<Ran>);
        impl Drop for Take<'_> {
            fn drop(&mut self) {
                let Take(rehearsal, ran) = self;
                let (stop, interruption) = (rehearsal.stop(), rehearsal.interruption());
                **ran = Some(Ran { stop, places: rehearsal.take_places(), interruption });
            }
        }
        let take = Take(rehearsal, &mut self.ran);
        f(&take.0)
    }

    /// The check at which the function was stopped; `None` if it came to its end before, and before it has run.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// testing::each_check(|attempt| {
    ///     let mut done = 0;
    ///     let _ = attempt.run(|_| (0..3).try_for_each(|_| checkpoint().map(|()| done += 1)));
    ///     match attempt.stop() {
    ///         Some(stop) => assert_eq!(done, stop.check() - 1),
    ///         None => assert_eq!(done, 3),
    ///     }
    /// });
    /// ```
    pub fn stop(&self) -> Option<&Stop> {
        self.ran.as_ref().and_then(|ran| ran.stop.as_ref())
    }

    /// Whether the function was stopped.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// /// Whether there is a seven, as far as it came.
    /// fn find(numbers: &[u32]) -> Option<bool> {
    ///     numbers.iter().try_fold(false, |found, &n| checkpoint().ok().map(|()| found || n == 7))
    /// }
    ///
    /// testing::each_check(|attempt| {
    ///     let found = attempt.run(|_| find(&[2, 7, 1]));
    ///     assert_eq!(found.is_none(), attempt.was_stopped());
    /// });
    /// ```
    pub fn was_stopped(&self) -> bool {
        self.stop().is_some()
    }

    /// How many checks the function made.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// testing::each_check(|attempt| {
    ///     let _ = attempt.run(|_| (0..10).try_for_each(|_| checkpoint()));
    ///     if let Some(stop) = attempt.stop() {
    ///         assert_eq!(attempt.checks(), stop.check()); // it leaves at once
    ///     }
    /// });
    /// ```
    pub fn checks(&self) -> u64 {
        self.ran.as_ref().map_or(0, |ran| ran.places.len() as u64)
    }

    /// Which attempt it is, counted from 1.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let mut numbers = vec![];
    /// testing::each_check(|attempt| {
    ///     let _ = attempt.run(|_| (0..3).try_for_each(|_| checkpoint()));
    ///     numbers.push(attempt.number());
    /// });
    /// assert_eq!(numbers, [1, 2, 3, 4]);
    /// ```
    pub fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn ran(&mut self) -> Option<Ran> {
        self.ran.take()
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !thread::panicking() || self.in_panic {
            return;
        }
        // Through the macro, which the test harness listens to.
        match (&self.ran, self.stop()) {
            (_, Some(stop)) => eprintln!("sigalarm: in attempt {}, {stop}", self.number),
            (Some(_), None) => {
                eprintln!(
                    "sigalarm: in attempt {}, not stopped, after {} checks",
                    self.number,
                    self.checks()
                );
            }
            (None, None) => {}
        }
    }
}
