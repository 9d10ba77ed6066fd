//! The checks that `each_check` recorded.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;

use crate::error::SourceLocation;

/// The number and the locations of a function's checks, returned by [`each_check`](super::each_check).
/// ```
/// use sigalarm::testing::{Report, each_check};
/// let report: Report = each_check(|attempt| drop(attempt.run(|alarm| alarm.check())));
/// assert!(report.to_string().starts_with("1 check at 1 location, 2 attempts"));
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
    /// ```
    /// assert_eq!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).attempts(), 2);
    /// ```
    pub fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Returns whether the function completed; `false` if [`at_most`](super::EachCheck::at_most) ended the test.
    /// ```
    /// assert!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).is_complete());
    /// ```
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns how many checks the last attempt made, up to the stop.
    /// ```
    /// assert_eq!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).checks(), 1);
    /// ```
    pub fn checks(&self) -> u64 {
        self.locations.len() as u64
    }

    /// Returns the locations of these checks, in order.
    /// ```
    /// assert_eq!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).locations().len(), 1);
    /// ```
    pub fn locations(&self) -> Vec<SourceLocation> {
        self.locations.iter().copied().map(SourceLocation::from).collect()
    }

    /// Returns how many checks were made at each location.
    /// ```
    /// assert_eq!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).tally().len(), 1);
    /// ```
    pub fn tally(&self) -> BTreeMap<SourceLocation, u64> {
        let mut tally = BTreeMap::new();
        self.locations().into_iter().for_each(|location| *tally.entry(location).or_default() += 1);
        tally
    }

    /// Returns the first difference between two attempts, caused by a clock, random numbers, a `HashMap` or threads. Then the function may
    /// not have been stopped at every check.
    /// ```
    /// assert!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).divergence().is_none());
    /// ```
    pub fn divergence(&self) -> Option<&Divergence> {
        self.divergence.as_ref()
    }

    /// Adds an attempt with a stop at check `stop_at`, and compares it with the attempt before.
    pub(super) fn add(&mut self, stop_at: u64, mut locations: Vec<&'static Location<'static>>) {
        self.attempts += 1;
        self.complete = (locations.len() as u64) < stop_at;
        locations.truncate(usize::try_from(stop_at).unwrap_or(usize::MAX));
        if self.divergence.is_none() {
            let pairs = self.locations.iter().zip(&locations);
            let same = pairs.take_while(|(a, b)| a == b).count();
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

/// An attempt whose checks before the stop differ from those of the attempt before.
/// ```
/// let mut checks = 5;
/// let report = sigalarm::testing::each_check(|attempt| {
///     let _ = attempt.run(|alarm| (0..checks).try_for_each(|_| alarm.check()));
///     checks = 0;
/// });
/// assert_eq!(report.divergence().unwrap().attempt, 2);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Divergence {
    /// The number of the attempt, counted from 1.
    pub attempt: u64,
    /// The number of the check, counted from 1.
    pub check: u64,
    /// The location of the check in the attempt before.
    pub expected: SourceLocation,
    /// The location in this attempt; `None` if the function returned before the check.
    pub found: Option<SourceLocation>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Divergence { attempt, check, expected, found } = self;
        let found = found.as_ref().map_or("was not made".to_owned(), |found| format!("at {found}"));
        write!(f, "attempt {attempt} differs: check {check} was at {expected} before, and then {found}")
    }
}
