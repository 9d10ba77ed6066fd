//! The stretch that an audit measures.

use std::fmt;
use std::time::Duration;

use crate::error::SourceLocation;

/// A stretch without a check, and the check after it; returned by [`Alarm::longest_gap`](crate::Alarm::longest_gap).
///
/// ```standalone_crate
/// use sigalarm::{Alarm, checkpoint};
/// use std::time::Duration;
///
/// let alarm = Alarm::builder().audit(Duration::from_millis(4)).arm()?;
/// std::thread::sleep(Duration::from_millis(20)); // no check
/// checkpoint().unwrap();
/// let gap = alarm.longest_gap().unwrap();
/// println!("{gap}"); // "19.019 ms without a check, before the one at src/main.rs:6"
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

    /// Returns the length, which is short by at most a quarter of the audit's threshold.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::builder().audit(Duration::from_millis(4)).arm()?;
    /// std::thread::sleep(Duration::from_millis(20));
    /// checkpoint().unwrap();
    /// assert!(alarm.longest_gap().unwrap().length() >= Duration::from_millis(10));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Returns the location of the check after the stretch: a check is missing before it.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::builder().audit(Duration::from_millis(1)).arm()?;
    /// std::thread::sleep(Duration::from_millis(10));
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
        let (length, check) = (crate::error::Measured(self.length), &self.location);
        write!(f, "{length} without a check, before the one at {}:{}", check.file(), check.line())
    }
}
