//! Where a rehearsal stopped its function.

use std::fmt;

use crate::error::{AlarmId, Place, TimedOut};

/// The check at which a rehearsal stopped its function: the first that erred.
///
/// ```
/// use sigalarm::testing;
///
/// let rehearsal = testing::at_check(2);
/// assert!(rehearsal.check().is_ok());
/// assert!(rehearsal.check().is_err());
///
/// let stop = rehearsal.stop().unwrap();
/// assert_eq!(stop.check(), 2);
/// println!("{stop}"); // stopped at check 2, src/main.rs:5:19
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub(super) alarm: AlarmId,
    pub(super) check: u64,
    pub(super) place: Place,
    pub(super) later: u64,
}

impl Stop {
    /// Which check it was, counted from 1.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let rehearsal = testing::never();
    /// for n in 1..=10 {
    ///     if n == 5 {
    ///         rehearsal.ring(); // by hand, at no check in particular
    ///     }
    ///     let _ = checkpoint();
    /// }
    /// assert_eq!(rehearsal.stop().unwrap().check(), 5);
    /// ```
    pub fn check(&self) -> u64 {
        self.check
    }

    /// Where that check stands.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let rehearsal = testing::at_check(2);
    /// checkpoint().unwrap();
    /// checkpoint().unwrap_err();
    /// assert_eq!(rehearsal.stop().unwrap().place().line(), line!() - 1);
    /// ```
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// How many more checks erred after it: those on the way out, until the alarm was set again if it was.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint, testing};
    ///
    /// /// Tries each of the ways, and should stop trying when the time is over.
    /// fn any_way(alarm: &Alarm) -> bool {
    ///     (0..4).any(|_way| alarm.check().is_ok())
    /// }
    ///
    /// let rehearsal = testing::expired();
    /// assert!(!any_way(&rehearsal));
    /// assert_eq!(rehearsal.stop().unwrap().later(), 3);
    /// ```
    pub fn later(&self) -> u64 {
        self.later
    }

    /// Whether a time-out is that of this rehearsal, as with [`Alarm::owns`](crate::Alarm::owns).
    ///
    /// ```
    /// use sigalarm::{Alarm, testing};
    /// use std::time::Duration;
    ///
    /// let rehearsal = testing::at_check(2);
    /// let inner = Alarm::after(Duration::ZERO)?;
    /// let (first, second) = (inner.check().unwrap_err(), inner.check().unwrap_err());
    /// let stop = rehearsal.stop().unwrap();
    /// assert!(inner.owns(&first) && !stop.owns(&first));
    /// assert!(stop.owns(&second)); // the rehearsal encloses it, and goes first
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn owns(&self, timed_out: &TimedOut) -> bool {
        timed_out.alarm() == self.alarm
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped at check {}, {}", self.check, self.place)
    }
}
