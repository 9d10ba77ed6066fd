//! What came of stopping a function at each of its checks.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;

use crate::error::Place;

type At = &'static Location<'static>;

/// How many checks a function makes, and where; told by [`each_check`](super::each_check).
///
/// ```
/// use sigalarm::{checkpoint, testing};
///
/// let report = testing::each_check(|attempt| {
///     let _ = attempt.run(|_| (0..5).try_for_each(|_| checkpoint()));
/// });
/// assert_eq!(report.checks(), 5);
/// assert!(report.is_complete() && report.divergence().is_none());
/// println!("{report}"); // 5 checks at 1 place, 6 attempts
///                       //   5  src/main.rs:4:52
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    attempts: u64,
    complete: bool,
    places: Vec<Place>,
    divergence: Option<Divergence>,
}

impl Report {
    /// How many times the test ran.
    pub fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Whether the function came to its end without being stopped. If not, [`at_most`](super::EachCheck::at_most) was
    /// the end of it, and the checks are those up to the last stop.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many checks the function made in the last attempt.
    pub fn checks(&self) -> u64 {
        self.places.len() as u64
    }

    /// Where they stand, in their order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// How often each check of the source was made.
    pub fn tally(&self) -> BTreeMap<&Place, u64> {
        let mut tally = BTreeMap::new();
        for place in &self.places {
            *tally.entry(place).or_default() += 1;
        }
        tally
    }

    /// Where the runs differed first before they were stopped, if they did.
    ///
    /// A function whose checks differ from run to run (it looks at the clock, draws lots, goes through a `HashMap`, uses
    /// several threads) was stopped often, but perhaps not everywhere.
    pub fn divergence(&self) -> Option<&Divergence> {
        self.divergence.as_ref()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = self.tally();
        let plural = |n: u64| if n == 1 { "" } else { "s" };
        let (checks, places, attempts) = (self.checks(), tally.len() as u64, self.attempts);
        write!(
            f,
            "{checks} check{} at {places} place{}, {attempts} attempt{}",
            plural(checks),
            plural(places),
            plural(attempts)
        )?;
        if !self.complete {
            write!(f, ", not to the end")?;
        }
        for (place, times) in tally {
            write!(f, "\n{times:7}  {place}")?;
        }
        match &self.divergence {
            Some(divergence) => write!(f, "\n{divergence}"),
            None => Ok(()),
        }
    }
}

/// A run of the function that took another way than the one before, before it was stopped.
///
/// ```
/// use sigalarm::{checkpoint, testing};
///
/// let mut runs = 0;
/// let report = testing::each_check(|attempt| {
///     runs += 1;
///     let checks = if runs < 3 { 5 } else { 1 };
///     let _ = attempt.run(|_| (0..checks).try_for_each(|_| checkpoint()));
/// });
/// let divergence = report.divergence().unwrap();
/// assert_eq!((divergence.attempt(), divergence.check()), (3, 2));
/// assert_eq!(divergence.found(), None); // it had ended
/// ```
#[derive(Clone, Debug)]
pub struct Divergence {
    attempt: u64,
    check: u64,
    expected: Place,
    found: Option<Place>,
}

impl Divergence {
    /// Which attempt, counted from 1.
    pub fn attempt(&self) -> u64 {
        self.attempt
    }

    /// Which of its checks, counted from 1.
    pub fn check(&self) -> u64 {
        self.check
    }

    /// Where that check was in the attempt before.
    pub fn expected(&self) -> &Place {
        &self.expected
    }

    /// Where it was in this one; `None` if the function had ended.
    pub fn found(&self) -> Option<&Place> {
        self.found.as_ref()
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Divergence { attempt, check, expected, found } = self;
        write!(f, "attempt {attempt} took another way: check {check} was at {expected} before, and ")?;
        match found {
            Some(found) => write!(f, "then at {found}"),
            None => write!(f, "then did not come"),
        }
    }
}

/// The checks that came before the stop, as far as is known.
#[derive(Default)]
pub(super) struct Trace {
    places: Vec<At>,
    divergence: Option<Divergence>,
}

impl Trace {
    /// Holds an attempt against those before it. What came after its stop is its way out, and not compared.
    pub(super) fn compare(&mut self, attempt: u64, stop_at: u64, mut places: Vec<At>) {
        places.truncate(usize::try_from(stop_at).unwrap_or(usize::MAX));
        let differs = |&at: &usize| places.get(at).copied() != Some(self.places[at]);
        if let Some(at) = (0..self.places.len()).find(differs).filter(|_| self.divergence.is_none()) {
            self.divergence = Some(Divergence {
                attempt,
                check: at as u64 + 1,
                expected: self.places[at].into(),
                found: places.get(at).map(|place| (*place).into()),
            });
        }
        self.places = places;
    }

    pub(super) fn report(self, attempts: u64, complete: bool) -> Report {
        let places = self.places.into_iter().map(Place::from).collect();
        Report { attempts, complete, places, divergence: self.divergence }
    }
}
