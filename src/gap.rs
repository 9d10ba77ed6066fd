//! A stretch of a computation without a check.

use std::fmt;
use std::time::Duration;

use crate::error::SourceLocation;

/// A stretch without a check, and the check that ended it; told by [`Alarm::longest_gap`](crate::Alarm::longest_gap).
///
/// ```standalone_crate
/// use sigalarm::{Alarm, checkpoint};
/// use std::time::{Duration, Instant};
///
/// let alarm = Alarm::builder().audit(Duration::from_millis(4)).arm()?;
/// let began = Instant::now();
/// while began.elapsed() < Duration::from_millis(20) {} // no check in here
/// checkpoint().unwrap();
///
/// let gap = alarm.longest_gap().unwrap();
/// assert!(gap.length() >= Duration::from_millis(10));
/// println!("{gap}"); // "19.019 ms without a check, before the one at src/main.rs:8"
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gap {
    length: Duration,
    location: SourceLocation,
}

impl Gap {
    pub(crate) fn new(length: Duration, location: SourceLocation) -> Gap {
        Gap { length, location }
    }

    /// How long it was at least; short of the truth by a quarter of the threshold at most.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::time::Duration;
    ///
    /// let threshold = Duration::from_millis(1);
    /// let alarm = Alarm::builder().audit(threshold).arm()?;
    /// # std::thread::sleep(Duration::from_millis(10));
    /// // … a loop without checks …
    /// checkpoint().unwrap();
    /// let length = alarm.longest_gap().unwrap().length();
    /// assert!(length >= threshold * 3 / 4 && length <= alarm.elapsed());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn length(&self) -> Duration {
        self.length
    }

    /// The check that ended it: the missing check belongs before this one.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::builder().audit(Duration::from_millis(1)).arm()?;
    /// # std::thread::sleep(Duration::from_millis(10));
    /// // … a loop without checks …
    /// checkpoint().unwrap();
    /// assert_eq!(alarm.longest_gap().unwrap().location().line(), line!() - 1);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn location(&self) -> &SourceLocation {
        &self.location
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, at) = (crate::error::Measured(self.length), &self.location);
        write!(f, "{length} without a check, before the one at {}:{}", at.file(), at.line())
    }
}
