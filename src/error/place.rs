//! A line of somebody's source.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

/// Where in a source file: the check that noticed an expiry, the line that panicked.
///
/// As [`std::panic::Location`], except that it can also come from another process, which `Location` cannot.
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
#[cfg_attr(feature = "process", derive(serde::Serialize, serde::Deserialize))]
pub struct Place {
    file: Cow<'static, str>,
    line: u32,
    column: u32,
}

impl Place {
    /// The file, as the compiler was given it.
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

    /// The line, counted from 1.
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

    /// The column, counted from 1.
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

    /// For a location that does not live for ever.
    #[cfg(feature = "process")]
    pub(crate) fn copied(location: &Location<'_>) -> Place {
        let file = Cow::Owned(location.file().to_owned());
        Place { file, line: location.line(), column: location.column() }
    }
}

impl From<&'static Location<'static>> for Place {
    fn from(location: &'static Location<'static>) -> Place {
        Place { file: Cow::Borrowed(location.file()), line: location.line(), column: location.column() }
    }
}

impl fmt::Display for Place {
    /// `file:line:column`, which editors follow.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
