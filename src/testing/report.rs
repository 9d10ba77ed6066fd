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
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let mut runs = 0;
    /// let report = testing::each_check(|attempt| {
    ///     runs += 1;
    ///     let _ = attempt.run(|_| checkpoint().and_then(|()| checkpoint()));
    /// });
    /// assert_eq!((report.attempts(), runs), (3, 3)); // stopped at two checks, and not stopped
    /// ```
    pub fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Whether the function came to its end without being stopped. If not, [`at_most`](super::EachCheck::at_most) was
    /// the end of it, and the checks are those up to the last stop.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing::EachCheck};
    ///
    /// let at_most = |n| {
    ///     EachCheck::new().at_most(n).run(|attempt| {
    ///         let _ = attempt.run(|_| (0..10).try_for_each(|_| checkpoint()));
    ///     })
    /// };
    /// assert!(at_most(11).is_complete());
    /// assert!(!at_most(10).is_complete()); // has not seen how it ends
    /// ```
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many checks the function made in the last attempt.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// /// Checks once a block of up to four.
    /// fn sum(numbers: &[u32]) -> Option<u32> {
    ///     numbers.chunks(4).map(|block| checkpoint().ok().map(|()| block.iter().sum::<u32>())).sum()
    /// }
    ///
    /// let report = testing::each_check(|attempt| {
    ///     let sum = attempt.run(|_| sum(&[1; 100]));
    ///     assert!(attempt.was_stopped() || sum == Some(100));
    /// });
    /// assert_eq!(report.checks(), 25); // does not change unnoticed
    /// ```
    pub fn checks(&self) -> u64 {
        self.places.len() as u64
    }

    /// Where they stand, in their order.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let here = line!();
    /// let report = testing::each_check(|attempt| {
    ///     let _ = attempt.run(|_| {
    ///         checkpoint()?; // three lines below `here`
    ///         checkpoint()
    ///     });
    /// });
    /// let lines: Vec<u32> = report.places().iter().map(|place| place.line() - here).collect();
    /// assert_eq!(lines, [3, 4]);
    /// ```
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// How often each check of the source was made.
    ///
    /// ```
    /// use sigalarm::{TimedOut, checkpoint, testing};
    ///
    /// fn rows_and_cells() -> Result<(), TimedOut> {
    ///     for _row in 0..3 {
    ///         checkpoint()?;
    ///         (0..10).try_for_each(|_cell| checkpoint())?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let report = testing::each_check(|attempt| {
    ///     let outcome = attempt.run(|_| rows_and_cells());
    ///     assert_eq!(outcome.is_err(), attempt.was_stopped());
    /// });
    /// assert_eq!(Vec::from_iter(report.tally().into_values()), [3, 30]);
    /// ```
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
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let mut cached = false; // outlives the attempt, and should not
    /// let report = testing::each_check(|attempt| {
    ///     let steps = if cached { 0 } else { 5 };
    ///     let _ = attempt.run(|_| (0..steps).try_for_each(|_| checkpoint()));
    ///     cached = true;
    /// });
    /// assert_eq!(report.attempts(), 2); // four of the checks were never put to the test,
    /// assert!(report.divergence().is_some()); // and this says so
    /// ```
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
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let mut left = 100;
    /// let report = testing::each_check(|attempt| {
    ///     left -= 10;
    ///     let _ = attempt.run(|_| (0..left).step_by(30).try_for_each(|_| checkpoint()));
    /// });
    /// assert_eq!(report.divergence().unwrap().attempt(), 4); // 90, 80 and 70 took the same way
    /// ```
    pub fn attempt(&self) -> u64 {
        self.attempt
    }

    /// Which of its checks, counted from 1.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let mut coin = false;
    /// let report = testing::each_check(|attempt| {
    ///     coin = !coin;
    ///     let _ = attempt.run(|_| {
    ///         checkpoint()?;
    ///         if coin { checkpoint() } else { checkpoint() } // now here, now there
    ///     });
    /// });
    /// assert_eq!(report.divergence().unwrap().check(), 2);
    /// ```
    pub fn check(&self) -> u64 {
        self.check
    }

    /// Where that check was in the attempt before.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let report = testing::each_check(|attempt| {
    ///     let second = attempt.number() == 2;
    ///     let _ = attempt.run(|_| {
    ///         checkpoint()?;
    ///         if second { checkpoint() } else { Ok(()) } // no such check in the third
    ///     });
    /// });
    /// assert_eq!(report.divergence().unwrap().expected().line(), line!() - 3);
    /// ```
    pub fn expected(&self) -> &Place {
        &self.expected
    }

    /// Where it was in this one; `None` if the function had ended.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let report = testing::each_check(|attempt| {
    ///     let third = attempt.number() == 3;
    ///     let _ = attempt.run(|_| {
    ///         if third { checkpoint()? } // a check that was not there before
    ///         checkpoint()?;
    ///         checkpoint()
    ///     });
    /// });
    /// let found = report.divergence().and_then(|divergence| divergence.found());
    /// assert_eq!(found.unwrap().line(), line!() - 6);
    /// ```
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
