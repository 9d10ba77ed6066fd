//! A line of source code.

use alloc::borrow::Cow;
use core::fmt;
use core::panic::Location;

/// Where in a source file: the check that noticed an expiry, the line that panicked.
///
/// As [`core::panic::Location`], except that it can also come from another process, which `Location` cannot.
///
/// ```
/// use sigalarm::Alarm;
/// use std::time::Duration;
///
/// let alarm = Alarm::after(Duration::ZERO)?;
/// let timed_out = alarm.check().unwrap_err();
/// println!("{}", timed_out.location()); // src/main.rs:6:23
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SourceLocation {
    file: Cow<'static, str>,
    line: u32,
    column: u32,
}

impl SourceLocation {
    /// Returns the file, as the compiler was given it.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::time::Duration;
    ///
    /// let _alarm = Alarm::after(Duration::ZERO)?;
    /// assert_eq!(checkpoint().unwrap_err().location().file(), file!());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line, counted from 1.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::never()?;
    /// alarm.ring();
    /// let (line, checked) = (line!(), alarm.check());
    /// assert_eq!(checked.unwrap_err().location().line(), line);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Returns the column, counted from 1.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let _alarm = testing::expired();
    /// let (first, second) = (checkpoint().unwrap_err(), checkpoint().unwrap_err()); // on one line
    /// assert!(first.location().column() < second.location().column());
    /// ```
    pub fn column(&self) -> u32 {
        self.column
    }

    /// Of a location that does not live for ever.
    pub(crate) fn copied(location: &Location<'_>) -> SourceLocation {
        let file = Cow::Owned(location.file().into());
        SourceLocation { file, line: location.line(), column: location.column() }
    }
}

impl From<&'static Location<'static>> for SourceLocation {
    fn from(location: &'static Location<'static>) -> SourceLocation {
        let file = Cow::Borrowed(location.file());
        SourceLocation { file, line: location.line(), column: location.column() }
    }
}

impl fmt::Display for SourceLocation {
    /// `file:line:column`, which editors follow.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
