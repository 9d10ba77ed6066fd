use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sigalarm_core::implementer;

use crate::error::{AlarmId, Cause, SourceLocation, TimedOut};

#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The number of the check that is the stop, from 1. 0 means a time limit of zero, and `u64::MAX` no stop.
    pub(super) stop_at: u64,
    pub(crate) cause: Cause,
    pub(super) patience: u64,
    pub(crate) locations: Vec<&'static Location<'static>>,
    pub(super) stop: Option<Stop>,
}

impl Default for Record {
    fn default() -> Record {
        Record { stop_at: u64::MAX, cause: Cause::Deadline, patience: 100_000, locations: vec![], stop: None }
    }
}

impl Record {
    pub(crate) fn checks(&self) -> u64 {
        self.locations.len() as u64
    }

    pub(crate) fn note_error(&mut self, alarm: AlarmId, location: &'static Location<'static>) {
        let check = self.checks();
        match &mut self.stop {
            None => self.stop = Some(Stop { alarm, check, location: location.into(), later: 0 }),
            Some(stop) => {
                stop.later += 1;
                if stop.later > self.patience {
                    IGNORED.store(implementer::number(alarm), Ordering::Relaxed);
                }
            }
        }
    }
}

/// The id of the last test alarm whose checks failed more often than its patience allows; 0 if none.
static IGNORED: AtomicU64 = AtomicU64::new(0);

pub(crate) fn note_error(timed_out: &TimedOut) {
    let is_ignored = IGNORED.load(Ordering::Relaxed) == implementer::number(timed_out.alarm());
    if is_ignored && !thread::panicking() {
        panic!("the function ignores the stop: it is still checking, at {}", timed_out.location());
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stop {
            Some(stop) => stop.fmt(f),
            None => write!(f, "not stopped, checks: {}", self.checks()),
        }
    }
}

/// The check that stopped a function: the first that failed.
/// ```
/// let alarm = sigalarm::testing::expired();
/// assert!(alarm.is_expired() && alarm.stop().unwrap().to_string().starts_with("stopped at check 1, "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    alarm: AlarmId,
    check: u64,
    location: SourceLocation,
    later: u64,
}

impl Stop {
    /// Returns the number of the check, from 1.
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

    /// Returns how many checks failed after this one.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.stop().unwrap().later() == 0);
    /// ```
    pub fn later(&self) -> u64 {
        self.later
    }

    /// Returns whether the error comes from the alarm that made this stop.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.check().is_err_and(|timed_out| alarm.stop().unwrap().owns(&timed_out)));
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

/// A report on all attempts, returned by [`each_check`](super::each_check).
/// ```
/// let report = sigalarm::testing::each_check(|attempt| drop(attempt.run(|alarm| alarm.check())));
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

    /// Returns whether the function completed in the last attempt.
    /// ```
    /// assert!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).is_complete());
    /// ```
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns how many checks the last attempt made, including the stop.
    /// ```
    /// assert_eq!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).checks(), 1);
    /// ```
    pub fn checks(&self) -> u64 {
        self.locations.len() as u64
    }

    /// Returns the location of each check of the last attempt.
    /// ```
    /// assert_eq!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).locations().len(), 1);
    /// ```
    pub fn locations(&self) -> Vec<SourceLocation> {
        self.locations.iter().copied().map(SourceLocation::from).collect()
    }

    /// Returns how many checks the last attempt made at each location.
    /// ```
    /// assert_eq!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).tally().len(), 1);
    /// ```
    pub fn tally(&self) -> BTreeMap<SourceLocation, u64> {
        let mut tally = BTreeMap::new();
        self.locations().into_iter().for_each(|location| *tally.entry(location).or_default() += 1);
        tally
    }

    /// Returns the first difference between two attempts, which a clock, a `HashMap` or threads can cause. If there is
    /// one, some checks may never have been the stop.
    /// ```
    /// assert!(sigalarm::testing::each_check(|a| drop(a.run(|alarm| alarm.check()))).divergence().is_none());
    /// ```
    pub fn divergence(&self) -> Option<&Divergence> {
        self.divergence.as_ref()
    }

    pub(super) fn add(&mut self, Record { stop_at, mut locations, .. }: Record) {
        self.attempts += 1;
        self.complete = (locations.len() as u64) < stop_at;
        locations.truncate(usize::try_from(stop_at).unwrap_or(usize::MAX));
        let same = self.locations.iter().zip(&locations).take_while(|(a, b)| a == b).count();
        let divergence = self.locations.get(same).map(|expected| Divergence {
            attempt: self.attempts,
            check: same as u64 + 1,
            expected: (*expected).into(),
            found: locations.get(same).map(|found| (*found).into()),
        });
        self.divergence = self.divergence.take().or(divergence);
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

/// A difference between the checks of an attempt and those of the previous attempt.
/// ```
/// let report = sigalarm::testing::each_check(|attempt| {
///     let checks = 10 / attempt.number();
///     let _ = attempt.run(|alarm| (0..checks).try_for_each(|_| alarm.check()));
/// });
/// assert_eq!(report.divergence().unwrap().attempt, 4);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Divergence {
    /// The number of the attempt that differs, from 1.
    pub attempt: u64,
    /// The number of the check that differs, from 1.
    pub check: u64,
    /// The check's location in the previous attempt.
    pub expected: SourceLocation,
    /// The check's location in this attempt; `None` if it was not made.
    pub found: Option<SourceLocation>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Divergence { attempt, check, expected, found } = self;
        let found = found.as_ref().map_or("was not made".to_owned(), |found| format!("at {found}"));
        write!(f, "attempt {attempt} differs: check {check} was at {expected} before, and then {found}")
    }
}
