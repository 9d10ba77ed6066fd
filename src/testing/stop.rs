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
    pub fn check(&self) -> u64 {
        self.check
    }

    /// Where that check stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// How many more checks erred after it: those on the way out, until the alarm was set again if it was.
    pub fn later(&self) -> u64 {
        self.later
    }

    /// Whether a time-out is that of this rehearsal, as with [`Alarm::owns`](crate::Alarm::owns).
    pub fn owns(&self, timed_out: &TimedOut) -> bool {
        timed_out.alarm() == self.alarm
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped at check {}, {}", self.check, self.place)
    }
}
