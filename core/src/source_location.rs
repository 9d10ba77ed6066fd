//! Source locations that can come from another process.

use alloc::borrow::Cow;
use core::fmt;
use core::panic::Location;

/// A source location: of the check that returned an error, or of a panic.
///
/// Unlike [`core::panic::Location`], it can be deserialized from another process.
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
    /// Returns the file path, as the compiler received it.
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

    /// Copies a location that is not `'static`.
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
    /// Formats `file:line:column`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
