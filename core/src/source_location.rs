use alloc::borrow::Cow;
use core::fmt;
use core::panic::Location;

/// A location in the source code of this process or of another one.
/// ```
/// let error = sigalarm::testing::expired().check().unwrap_err();
/// println!("{}", error.location()); // src/main.rs:1:45
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SourceLocation {
    pub(crate) file: Cow<'static, str>,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl SourceLocation {
    /// Returns the file path, as the compiler received it.
    /// ```
    /// assert_eq!(sigalarm::testing::expired().check().unwrap_err().location().file(), file!());
    /// ```
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line, counted from 1.
    /// ```
    /// assert_eq!(sigalarm::testing::expired().check().unwrap_err().location().line(), line!());
    /// ```
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Returns the column, counted from 1.
    /// ```
    /// assert!(sigalarm::testing::expired().check().unwrap_err().location().column() > 1);
    /// ```
    pub fn column(&self) -> u32 {
        self.column
    }
}

impl From<&'static Location<'static>> for SourceLocation {
    fn from(location: &'static Location<'static>) -> SourceLocation {
        SourceLocation { file: location.file().into(), line: location.line(), column: location.column() }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
