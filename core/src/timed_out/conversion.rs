//! Conversions into other errors, and back.

use core::error::Error;
#[cfg(feature = "std")]
use std::io;

#[cfg(feature = "serde")]
use super::Expiry;
use super::TimedOut;

impl TimedOut {
    /// Finds a time-out in an error and its [sources](Error::source); with feature `std` also inside an `io::Error`.
    ///
    /// ```
    /// use sigalarm::{TimedOut, testing};
    /// let error = std::io::Error::from(testing::expired().check().unwrap_err());
    /// assert!(TimedOut::find_in(&error).is_some());
    /// ```
    pub fn find_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e TimedOut> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(timed_out) = error.downcast_ref() {
                return Some(timed_out);
            }
            next = carried_by(error).or_else(|| error.source());
        }
        None
    }
}

/// `io::Error::source` skips the content.
#[cfg(feature = "std")]
fn carried_by<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let carried = error.downcast_ref().and_then(io::Error::get_ref);
    carried.map(|carried| carried as _)
}

#[cfg(not(feature = "std"))]
fn carried_by<'e>(_: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    None
}

#[cfg(feature = "std")]
impl From<TimedOut> for io::Error {
    fn from(e: TimedOut) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, e)
    }
}

/// A deserialized error belongs to no alarm of this process.
#[cfg(feature = "serde")]
impl serde::Serialize for TimedOut {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for TimedOut {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<TimedOut, D::Error> {
        Expiry::deserialize(deserializer).map(Expiry::into_error)
    }
}

#[cfg(feature = "std")]
#[test]
fn find_in_searches_sources_and_io_errors() {
    #[derive(Debug)]
    struct Outer(io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let twice = io::Error::other(io::Error::from(super::tests::example(None, None)));
    assert!(TimedOut::find_in(&twice).is_some());
    assert!(TimedOut::find_in(&io::Error::other(Outer(twice))).is_some());
    assert!(TimedOut::find_in(&Outer(io::ErrorKind::TimedOut.into())).is_none());
    assert!(TimedOut::find_in(&io::Error::other("text")).is_none());
}
