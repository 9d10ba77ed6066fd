use std::fmt;
use std::time::Duration;

use crate::error::SourceLocation;

/// The longest stretch without a check, returned by [`Alarm::longest_gap`](crate::Alarm::longest_gap).
/// ```
/// let threshold = std::time::Duration::from_millis(4);
/// let alarm = sigalarm::Alarm::builder().audit(threshold).arm().unwrap();
/// std::thread::sleep(threshold * 5);
/// assert!(alarm.check().is_ok());
/// println!("{}", alarm.longest_gap().unwrap()); // 20.1 ms without a check, before the one at src/main.rs:4
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

    /// Returns the measured length, too short by up to a quarter of the audit's threshold, or 250 µs if that is more.
    /// ```
    /// let threshold = std::time::Duration::from_millis(4);
    /// let alarm = sigalarm::Alarm::builder().audit(threshold).arm().unwrap();
    /// std::thread::sleep(threshold * 5);
    /// assert!(alarm.check().is_ok() && alarm.longest_gap().unwrap().length() >= threshold * 4);
    /// ```
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Returns the location of the check that ended the stretch.
    /// ```
    /// let threshold = std::time::Duration::from_millis(4);
    /// let alarm = sigalarm::Alarm::builder().audit(threshold).arm().unwrap();
    /// std::thread::sleep(threshold * 5);
    /// assert!(alarm.check().is_ok() && alarm.longest_gap().unwrap().location().line() == line!());
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
