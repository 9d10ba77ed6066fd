//! The checks that `each_check` has seen.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::ptr;

use crate::error::SourceLocation;

/// How many checks a function makes, and where; returned by [`each_check`](super::each_check).
///
/// ```
/// let report = sigalarm::testing::each_check(|attempt| {
///     let _ = attempt.run(|alarm| (0..5).try_for_each(|_| alarm.check()));
/// });
/// println!("{report}"); // 5 checks at 1 location, 6 attempts
///                       //   5  src/main.rs:3:57
/// ```
#[derive(Clone, Debug, Default)]
pub struct Report {
    attempts: u64,
    complete: bool,
    locations: Vec<&'static Location<'static>>,
    divergence: Option<Divergence>,
}

impl Report {
    /// Returns how many times the test ran.
    ///
    /// ```
    /// let report = sigalarm::testing::each_check(|attempt| drop(attempt.run(|alarm| alarm.check())));
    /// assert_eq!(report.attempts(), 2); // stopped at the check, and not stopped
    /// ```
    pub fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Tells whether the function completed. If not, [`at_most`](super::EachCheck::at_most) ended the test.
    ///
    /// ```
    /// let once = sigalarm::testing::EachCheck::new().at_most(1);
    /// assert!(!once.run(|attempt| drop(attempt.run(|alarm| alarm.check()))).is_complete());
    /// ```
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns how many checks the function made in the last attempt, up to the stop.
    ///
    /// ```
    /// let report = sigalarm::testing::each_check(|attempt| drop(attempt.run(|alarm| alarm.check())));
    /// assert_eq!(report.checks(), 1);
    /// ```
    pub fn checks(&self) -> u64 {
        self.locations.len() as u64
    }

    /// Returns where they stand, in order.
    ///
    /// ```
    /// let report = sigalarm::testing::each_check(|attempt| drop(attempt.run(|alarm| alarm.check())));
    /// assert_eq!(report.locations()[0].line(), line!() - 1);
    /// ```
    pub fn locations(&self) -> Vec<SourceLocation> {
        self.locations.iter().copied().map(SourceLocation::from).collect()
    }

    /// Returns how often each check of the source was made.
    ///
    /// ```
    /// let report = sigalarm::testing::each_check(|attempt| drop(attempt.run(|alarm| alarm.check())));
    /// assert_eq!(report.tally().into_values().max(), Some(1));
    /// ```
    pub fn tally(&self) -> BTreeMap<SourceLocation, u64> {
        let mut tally = BTreeMap::new();
        self.locations().into_iter().for_each(|location| *tally.entry(location).or_default() += 1);
        tally
    }

    /// Returns where the runs differed first before they were stopped, if they did. A function that reads the clock, or
    /// uses random numbers, a `HashMap` or threads, is stopped, but perhaps not at every check.
    ///
    /// ```
    /// let report = sigalarm::testing::each_check(|attempt| {
    ///     let _ = attempt.run(|alarm| (0..3).try_for_each(|_| alarm.check()));
    /// });
    /// assert!(report.divergence().is_none());
    /// ```
    pub fn divergence(&self) -> Option<&Divergence> {
        self.divergence.as_ref()
    }

    /// Adds an attempt that was to be stopped at a check, and compares the checks with those before the last stop.
    pub(super) fn add(&mut self, stop_at: u64, mut locations: Vec<&'static Location<'static>>) {
        self.attempts += 1;
        self.complete = (locations.len() as u64) < stop_at;
        locations.truncate(usize::try_from(stop_at).unwrap_or(usize::MAX));
        if self.divergence.is_none() {
            let pairs = self.locations.iter().zip(&locations);
            let same = pairs.take_while(|(a, b)| ptr::eq(**a, **b) || a == b).count();
            self.divergence = self.locations.get(same).map(|expected| Divergence {
                attempt: self.attempts,
                check: same as u64 + 1,
                expected: (*expected).into(),
                found: locations.get(same).map(|found| (*found).into()),
            });
        }
        self.locations = locations;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = self.tally();
        let counted = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let (checks, attempts) = (counted(self.checks(), "check"), counted(self.attempts, "attempt"));
        write!(f, "{checks} at {}, {attempts}", counted(tally.len() as u64, "location"))?;
        if !self.complete {
            write!(f, ", not complete")?;
        }
        tally.iter().try_for_each(|(location, times)| write!(f, "\n{times:7}  {location}"))?;
        self.divergence.as_ref().map_or(Ok(()), |divergence| write!(f, "\n{divergence}"))
    }
}

/// A run whose checks before the stop differed from those of the run before.
///
/// ```
/// let mut cached = false; // outlives the attempt, by mistake
/// let report = sigalarm::testing::each_check(|attempt| {
///     let checks = if cached { 0 } else { 5 };
///     let _ = attempt.run(|alarm| (0..checks).try_for_each(|_| alarm.check()));
///     cached = true;
/// });
/// let divergence = report.divergence().unwrap();
/// assert_eq!((divergence.attempt, divergence.check, &divergence.found), (2, 1, &None));
/// println!("{divergence}"); // attempt 2 differs: check 1 was at src/main.rs:5:63 before, and then was not made
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Divergence {
    /// Which attempt differed, counted from 1.
    pub attempt: u64,
    /// Which of its checks differed, counted from 1.
    pub check: u64,
    /// Where that check was in the attempt before.
    pub expected: SourceLocation,
    /// Where it was in this one; `None` if the function had returned.
    pub found: Option<SourceLocation>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Divergence { attempt, check, expected, found } = self;
        let found = found.as_ref().map_or("was not made".to_owned(), |found| format!("at {found}"));
        write!(f, "attempt {attempt} differs: check {check} was at {expected} before, and then {found}")
    }
}
