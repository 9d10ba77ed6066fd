use core::error::Error;
use core::fmt;
use core::time::Duration;
#[cfg(feature = "std")]
use std::io;

use crate::duration::{Exact, Measured};
use crate::{AlarmId, Cause, SourceLocation};

#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc as Shared;

#[cfg(not(target_has_atomic = "ptr"))]
use alloc::boxed::Box as Shared;

/// The error that a check returns after an expiry. It has the size of a pointer.
/// ```
/// let error: sigalarm::TimedOut = sigalarm::testing::expired().check().unwrap_err();
/// println!("{error}"); // timed out after 10.021 ms (limit 10 ms) at src/main.rs:1
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct TimedOut(Shared<Expiry>);

const _: () = assert!(size_of::<Result<(), TimedOut>>() == size_of::<usize>());

/// The fields of a [`TimedOut`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Expiry {
    /// The id of the expired alarm.
    pub alarm: AlarmId,
    /// The alarm's label.
    pub label: Option<Shared<str>>,
    /// The alarm's time limit.
    pub limit: Option<Duration>,
    /// The time since arming; at least the limit if the deadline passed.
    pub elapsed: Duration,
    /// The cause of the expiry.
    pub cause: Cause,
    /// The location of the check.
    pub location: SourceLocation,
}

impl Expiry {
    /// Creates an expiry without a label or limit.
    pub fn new(alarm: AlarmId, cause: Cause, elapsed: Duration, location: SourceLocation) -> Expiry {
        Expiry { alarm, label: None, limit: None, elapsed, cause, location }
    }

    /// Converts into the error. Not an `impl From`: the compiler would list it to users whose `?` does not convert.
    pub fn into_error(self) -> TimedOut {
        TimedOut(Shared::new(self))
    }
}

impl TimedOut {
    /// Returns the expired alarm's id.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert_eq!(alarm.check().unwrap_err().alarm(), alarm.id());
    /// ```
    pub fn alarm(&self) -> AlarmId {
        self.0.alarm
    }

    /// Returns the alarm's label.
    /// ```
    /// let alarm = sigalarm::Alarm::builder().check_limit(0).label("solve").arm().unwrap();
    /// assert_eq!(alarm.check().unwrap_err().label(), Some("solve"));
    /// ```
    pub fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// Returns the time limit. For [`Cause::Cpu`], it is in processor time.
    /// ```
    /// let timed_out = sigalarm::testing::expired().check().unwrap_err();
    /// assert_eq!(timed_out.limit(), Some(std::time::Duration::ZERO));
    /// ```
    pub fn limit(&self) -> Option<Duration> {
        self.0.limit
    }

    /// Returns the time from arming or the last restart to the check. For [`Cause::Cpu`], it is processor time. A job's
    /// time includes the grace periods after the limit.
    /// ```
    /// assert!(sigalarm::testing::expired().check().unwrap_err().elapsed().as_secs() < 60);
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns the cause of the expiry.
    /// ```
    /// assert_eq!(sigalarm::testing::expired().check().unwrap_err().cause(), sigalarm::Cause::Deadline);
    /// ```
    pub fn cause(&self) -> Cause {
        self.0.cause
    }

    /// Returns the location of the check. An iterator, reader, writer or job reports where it was created, a join where
    /// it was called.
    /// ```
    /// assert_eq!(sigalarm::testing::expired().check().unwrap_err().location().line(), line!());
    /// ```
    pub fn location(&self) -> &SourceLocation {
        &self.0.location
    }

    /// Returns the first `TimedOut` among an error and its [sources](Error::source). With feature `std`, also looks
    /// inside each `io::Error`, even in a `Box` or an `Arc`.
    /// ```
    /// let error = std::io::Error::from(sigalarm::testing::expired().check().unwrap_err());
    /// assert!(sigalarm::TimedOut::find_in(&error).is_some());
    /// ```
    pub fn find_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e TimedOut> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(timed_out) = unboxed(error) {
                return Some(timed_out);
            }
            next = error.source();
            // `io::Error::source` returns the source of its content, not the content.
            #[cfg(feature = "std")]
            if let Some(content) = unboxed(error).and_then(io::Error::get_ref) {
                next = Some(content);
            }
        }
        None
    }
}

/// Returns the error as an `E`. The `source` of a `Box` or an `Arc` is the source of its content, not the content.
fn unboxed<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let boxed = || error.downcast_ref::<alloc::boxed::Box<E>>().map(|e| &**e);
    error.downcast_ref::<E>().or_else(boxed).or_else(|| error.downcast_ref::<Shared<E>>().map(|e| &**e))
}

#[cfg(feature = "std")]
impl From<TimedOut> for io::Error {
    fn from(e: TimedOut) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, e)
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expiry { label, limit, elapsed, cause, location, .. } = &*self.0;
        if let Some(label) = label {
            write!(f, "{label} ")?;
        }
        write!(f, "{cause} after {}", Measured(*elapsed))?;
        if let Some(limit) = limit {
            write!(f, " (limit {})", Exact(*limit))?;
        }
        write!(f, " at {}:{}", location.file(), location.line())
    }
}

impl fmt::Debug for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expiry { alarm, label, limit, elapsed, cause, location } = &*self.0;
        f.debug_struct("TimedOut")
            .field("alarm", alarm)
            .field("label", label)
            .field("limit", limit)
            .field("elapsed", elapsed)
            .field("cause", cause)
            .field("location", &format_args!("{location}"))
            .finish()
    }
}

impl Error for TimedOut {}

#[cfg(test)]
mod tests {
    use alloc::format;
    use core::panic::Location;

    use super::*;

    #[track_caller]
    fn expiry() -> Expiry {
        let elapsed = Duration::from_micros(10_000_345);
        Expiry::new(AlarmId(7), Cause::Deadline, elapsed, Location::caller().into())
    }

    #[test]
    fn displays_a_sentence() {
        let (mut expiry, line) = (expiry(), line!());
        let sentence = format!("timed out after 10.000 s at {}:{line}", file!());
        assert_eq!(format!("{}", expiry.clone().into_error()), sentence);
        expiry.label = Some("solve".into());
        expiry.limit = Some(Duration::from_secs(10));
        let sentence = format!("solve timed out after 10.000 s (limit 10 s) at {}:{line}", file!());
        assert_eq!(format!("{}", expiry.into_error()), sentence);
    }

    #[cfg(feature = "std")]
    #[test]
    fn find_in_searches_sources_and_io_errors() {
        #[derive(Debug)]
        struct Outer(io::Error);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let once = || io::Error::from(expiry().into_error());
        assert!(TimedOut::find_in(&std::boxed::Box::new(once())).is_some());
        assert!(TimedOut::find_in(&io::Error::other(Shared::new(once()))).is_some());
        assert!(TimedOut::find_in(&Shared::new(expiry().into_error())).is_some());
        let twice = io::Error::other(once());
        assert!(TimedOut::find_in(&twice).is_some());
        assert!(TimedOut::find_in(&io::Error::other(Outer(twice))).is_some());
        assert!(TimedOut::find_in(&Outer(io::ErrorKind::TimedOut.into())).is_none());
        assert!(TimedOut::find_in(&io::Error::other("text")).is_none());
    }
}
