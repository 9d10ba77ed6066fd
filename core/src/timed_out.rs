mod conversion;

use core::error::Error;
use core::fmt;
use core::time::Duration;

use crate::duration::{Exact, Measured};
use crate::{AlarmId, Cause, SourceLocation};

#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc as Shared;

#[cfg(not(target_has_atomic = "ptr"))]
use alloc::boxed::Box as Shared;

/// The error of a check after an expiry: one pointer, with content that clones share.
///
/// With feature `std`, which `sigalarm` enables, it converts into an `io::Error`.
///
/// ```
/// let error: sigalarm::TimedOut = sigalarm::testing::expired().check().unwrap_err();
/// println!("{error}"); // timed out after 10.021 ms (limit 10 ms) at src/main.rs:1
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TimedOut(Shared<Expiry>);

/// The fields of a [`TimedOut`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Expiry {
    /// The expired alarm.
    pub alarm: AlarmId,
    /// Its label, if any.
    pub label: Option<Shared<str>>,
    /// Its time limit, if any.
    pub limit: Option<Duration>,
    /// The time since arming; for a deadline, at least the limit.
    pub elapsed: Duration,
    /// The cause of the expiry.
    pub cause: Cause,
    /// The location of the check.
    pub location: SourceLocation,
}

impl Expiry {
    /// Creates an expiry without a label and a limit.
    pub fn new(alarm: AlarmId, cause: Cause, elapsed: Duration, location: SourceLocation) -> Expiry {
        Expiry { alarm, label: None, limit: None, elapsed, cause, location }
    }

    /// Converts into the error; not a `From`, which users would see.
    pub fn into_error(self) -> TimedOut {
        TimedOut(Shared::new(self))
    }
}

impl TimedOut {
    /// Returns the expired alarm's id, which `Alarm::owns` compares.
    ///
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert_eq!(alarm.check().unwrap_err().alarm(), alarm.id());
    /// ```
    pub fn alarm(&self) -> AlarmId {
        self.0.alarm
    }

    /// Returns the alarm's label.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::builder().check_limit(0).label("solve").arm()?;
    /// assert_eq!(alarm.check().unwrap_err().label(), Some("solve"));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// Returns the time limit, if any; for [`Cause::Cpu`], in processor time.
    ///
    /// ```
    /// let limit = std::time::Duration::from_millis(1);
    /// let alarm = sigalarm::Alarm::after(limit)?;
    /// alarm.ring();
    /// assert_eq!(alarm.check().unwrap_err().limit(), Some(limit));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn limit(&self) -> Option<Duration> {
        self.0.limit
    }

    /// Returns the time from arming or the last restart to the check; for [`Cause::Cpu`], in processor time.
    ///
    /// For [`Cause::Deadline`] and `Cpu` at least the limit. A job's time includes the grace periods.
    ///
    /// ```
    /// assert!(sigalarm::testing::expired().check().unwrap_err().elapsed().as_secs() < 60);
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns the cause of the expiry.
    ///
    /// ```
    /// assert_eq!(sigalarm::testing::expired().check().unwrap_err().cause(), sigalarm::Cause::Deadline);
    /// ```
    pub fn cause(&self) -> Cause {
        self.0.cause
    }

    /// Returns the check's location: for adapters, of their creation; for joins, of the join; for jobs, of the spawn.
    ///
    /// ```
    /// assert_eq!(sigalarm::testing::expired().check().unwrap_err().location().line(), line!());
    /// ```
    pub fn location(&self) -> &SourceLocation {
        &self.0.location
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

    use super::*;

    #[track_caller]
    pub(super) fn example(label: Option<&str>, limit: Option<Duration>) -> TimedOut {
        let location = core::panic::Location::caller().into();
        let elapsed = Duration::from_micros(10_000_345);
        let mut expiry = Expiry::new(AlarmId(7), Cause::Deadline, elapsed, location);
        expiry.label = label.map(Shared::from);
        expiry.limit = limit;
        expiry.into_error()
    }

    #[test]
    fn displays_a_sentence() {
        let (e, line) = (example(Some("solve"), Some(Duration::from_secs(10))), line!());
        let sentence = format!("solve timed out after 10.000 s (limit 10 s) at {}:{line}", file!());
        assert_eq!(format!("{e}"), sentence);
        let (e, line) = (example(None, None), line!());
        assert_eq!(format!("{e}"), format!("timed out after 10.000 s at {}:{line}", file!()));
    }

    #[test]
    fn is_a_small_error() {
        fn is_error<E: Error + Clone + PartialEq + Send + Sync + 'static>() {}
        is_error::<TimedOut>();
        assert_eq!(size_of::<Result<(), TimedOut>>(), size_of::<usize>());
        assert_eq!(size_of::<Result<u64, TimedOut>>(), 2 * size_of::<usize>());
    }
}
