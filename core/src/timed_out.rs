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

/// The error of a check after an expiry.
///
/// `Display` prints: `solve timed out after 10.000 s (limit 10 s) at src/solver.rs:42`.
///
/// The type is one pointer wide. Clones share its content. With the feature `std`, which `sigalarm` enables, it converts into
/// an `io::Error`.
///
/// ```
/// use sigalarm::{Alarm, TimedOut};
/// use std::time::Duration;
///
/// let alarm = Alarm::builder().after(Duration::ZERO).label("count").arm()?;
/// let error: TimedOut = alarm.check().unwrap_err();
/// assert!(alarm.owns(&error));
/// assert!(error.to_string().starts_with("count timed out after "));
/// # Ok::<(), sigalarm::ArmError>(())
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
    /// Its label.
    pub label: Option<Shared<str>>,
    /// Its time limit.
    pub limit: Option<Duration>,
    /// The time since arming; for a deadline, at least the limit.
    pub elapsed: Duration,
    /// The cause of the expiry.
    pub cause: Cause,
    /// The location of the check.
    pub location: SourceLocation,
}

impl Expiry {
    /// Creates an expiry without label and limit.
    pub fn new(alarm: AlarmId, cause: Cause, elapsed: Duration, location: SourceLocation) -> Expiry {
        Expiry { alarm, label: None, limit: None, elapsed, cause, location }
    }

    /// Converts into the error. Users would see a `From`.
    pub fn into_error(self) -> TimedOut {
        TimedOut(Shared::new(self))
    }
}

impl TimedOut {
    /// Returns the expired alarm's id. `Alarm::owns` compares it with a guard.
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
    /// let alarm = sigalarm::Alarm::builder().label("solve").arm()?;
    /// alarm.ring();
    /// assert_eq!(alarm.check().unwrap_err().label(), Some("solve"));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// Returns the time limit, if any; for [`Cause::Cpu`], in processor time.
    ///
    /// ```
    /// use std::time::Duration;
    /// let alarm = sigalarm::Alarm::after(Duration::from_secs(9))?;
    /// alarm.ring();
    /// assert_eq!(alarm.check().unwrap_err().limit(), Some(Duration::from_secs(9)));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn limit(&self) -> Option<Duration> {
        self.0.limit
    }

    /// Returns the time from arming or the last restart to the check; for [`Cause::Cpu`], in processor time.
    ///
    /// It is at least the [`limit`](TimedOut::limit) for [`Cause::Deadline`] and `Cpu`. A job's time includes the grace
    /// periods.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
    /// let error = alarm.check().unwrap_err();
    /// assert!(error.elapsed() >= error.limit().unwrap());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns the cause of the expiry.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::never()?;
    /// alarm.ring();
    /// assert_eq!(alarm.check().unwrap_err().cause(), sigalarm::Cause::Rung);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn cause(&self) -> Cause {
        self.0.cause
    }

    /// Returns the check's location: for adapters, of their creation; for joins, of the join; for jobs, of the spawn.
    ///
    /// ```
    /// let error = sigalarm::testing::expired().check().unwrap_err();
    /// assert_eq!(error.location().line(), line!() - 1);
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
    use alloc::string::ToString;

    use super::*;

    #[track_caller]
    pub(super) fn example(
        label: Option<&str>,
        limit: Option<Duration>,
        elapsed: Duration,
        cause: Cause,
    ) -> TimedOut {
        let location = core::panic::Location::caller().into();
        let mut expiry = Expiry::new(AlarmId(7), cause, elapsed, location);
        expiry.label = label.map(Shared::from);
        expiry.limit = limit;
        expiry.into_error()
    }

    #[test]
    fn displays_a_sentence() {
        let e = example(
            Some("solve"),
            Some(Duration::from_secs(10)),
            Duration::from_micros(10_000_345),
            Cause::Deadline,
        );
        let line = e.location().line();
        assert_eq!(
            e.to_string(),
            format!("solve timed out after 10.000 s (limit 10 s) at {}:{line}", file!())
        );

        let e = example(None, None, Duration::from_micros(1_234), Cause::Rung);
        assert_eq!(
            e.to_string(),
            format!("was cancelled after 1.234 ms at {}:{}", file!(), e.location().line())
        );
    }

    #[test]
    fn clones_are_equal_and_errors_of_two_checks_are_not() {
        let e = example(None, None, Duration::ZERO, Cause::Rung);
        assert_eq!(e.clone(), e);
        assert_ne!(example(None, None, Duration::ZERO, Cause::Rung), e, "another line");
    }

    #[test]
    fn is_one_pointer() {
        assert_eq!(core::mem::size_of::<Result<(), TimedOut>>(), core::mem::size_of::<usize>());
        assert_eq!(core::mem::size_of::<Result<u64, TimedOut>>(), 2 * core::mem::size_of::<usize>());
    }

    #[test]
    fn is_a_good_error() {
        fn good<E: Error + Clone + Send + Sync + 'static>() {}
        good::<TimedOut>();
    }
}
