//! The error that a check returns after an expiry.

use alloc::format;
use core::error::Error;
use core::fmt;
use core::time::Duration;
#[cfg(feature = "std")]
use std::io;

use crate::{AlarmId, Cause, SourceLocation};

#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc as Shared;

/// Without pointer atomics, each clone has its own copy.
#[cfg(not(target_has_atomic = "ptr"))]
use alloc::boxed::Box as Shared;

/// The error of a check whose alarm, or an enclosing alarm, has expired.
///
/// `Display` prints a sentence: `solve timed out after 10.000 s (limit 10 s) at src/solver.rs:42`.
///
/// The type is one pointer wide, and clones share the content. Equality compares all fields.
///
/// With the feature `std`, which `sigalarm` enables, it converts into a `std::io::Error` of kind `TimedOut`.
/// [`TimedOut::find_in`] finds it in other errors.
///
/// ```
/// use sigalarm::{Alarm, TimedOut};
/// use std::time::Duration;
///
/// let alarm = Alarm::builder().after(Duration::from_millis(1)).label("count").arm()?;
/// let timed_out: TimedOut = loop {
///     if let Err(e) = alarm.check() {
///         break e;
///     }
/// };
/// assert!(alarm.owns(&timed_out));
/// assert!(timed_out.elapsed() >= timed_out.limit().unwrap());
/// assert!(timed_out.to_string().starts_with("count timed out after "));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TimedOut(Shared<Expiry>);

/// The fields of a [`TimedOut`]. [`new`](Expiry::new) creates it; `label` and `limit` are then assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Expiry {
    /// The expired alarm.
    pub alarm: AlarmId,
    /// The alarm's label.
    pub label: Option<Shared<str>>,
    /// The time limit.
    pub limit: Option<Duration>,
    /// The time since arming. For a deadline, at least the limit.
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

    /// Converts into the error. (A `From` would show in the users' documentation.)
    pub fn into_error(self) -> TimedOut {
        TimedOut(Shared::new(self))
    }
}

impl TimedOut {
    /// Finds the time-out in another error: in the error itself, in its [sources](Error::source), or, with the
    /// feature `std`, inside an `io::Error`.
    ///
    /// ```
    /// use sigalarm::{Alarm, TimedOut};
    /// use std::io::Read;
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    ///
    /// fn first_line(input: &mut impl Read) -> Result<String, Box<dyn std::error::Error>> {
    ///     let mut text = String::new();
    ///     input.read_to_string(&mut text)?;
    ///     Ok(text.lines().next().ok_or("no line")?.to_owned())
    /// }
    ///
    /// let (read, _write) = UnixStream::pair()?; // the other end never writes
    /// let alarm = Alarm::after(Duration::from_millis(5))?;
    /// let e = first_line(&mut alarm.reader(read)).unwrap_err();
    /// assert!(TimedOut::find_in(&*e).is_some_and(|timed_out| alarm.owns(timed_out)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
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

    /// Returns the id of the expired alarm. `Alarm::owns` compares it with a guard.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::time::Duration;
    ///
    /// let alarms = [Alarm::never()?, Alarm::after(Duration::ZERO)?, Alarm::never()?];
    /// let timed_out = checkpoint().unwrap_err();
    /// let which = alarms.iter().position(|alarm| alarm.id() == timed_out.alarm());
    /// assert_eq!(which, Some(1));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn alarm(&self) -> AlarmId {
        self.0.alarm
    }

    /// Returns the alarm's label.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::time::Duration;
    ///
    /// let _whole = Alarm::builder().after(Duration::from_secs(60)).label("solve").arm()?;
    /// let _part = Alarm::builder().after(Duration::ZERO).label("presolve").arm()?;
    /// assert_eq!(checkpoint().unwrap_err().label(), Some("presolve"));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// Returns the time limit, or `None` for an alarm without a time limit. For [`Cause::Cpu`] it is processor time.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::ZERO)?;
    /// alarm.extend(Duration::from_secs(10));
    /// alarm.ring(); // does not wait for the limit
    /// assert_eq!(alarm.check().unwrap_err().limit(), Some(Duration::from_secs(10)));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn limit(&self) -> Option<Duration> {
        self.0.limit
    }

    /// Returns the time from the arming or the last restart to the check.
    ///
    /// For [`Cause::Deadline`] and [`Cause::Cpu`], it is at least the [`limit`](TimedOut::limit); for `Cpu` it is
    /// processor time. For a job, it includes the grace periods.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_millis(1))?;
    /// std::thread::sleep(Duration::from_millis(3)); // without a check
    /// let timed_out = alarm.check().unwrap_err();
    /// let late = timed_out.elapsed() - timed_out.limit().unwrap();
    /// assert!(late >= Duration::from_millis(2));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns the cause of the expiry.
    ///
    /// ```
    /// use sigalarm::{Alarm, Cause};
    ///
    /// let alarm = Alarm::builder().check_limit(1_000).arm()?;
    /// let timed_out = (0..).find_map(|_| alarm.check().err()).unwrap();
    /// let why = match timed_out.cause() {
    ///     Cause::Deadline | Cause::Cpu => "takes too long",
    ///     Cause::Checks => "does too much",
    ///     _ => "is not wanted any more",
    /// };
    /// assert_eq!(why, "does too much");
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn cause(&self) -> Cause {
        self.0.cause
    }

    /// Returns the source location of the check. For an adapter it is the location of its creation, for a join the
    /// location of the join, and for a job the location of the spawn.
    ///
    /// ```
    /// use sigalarm::{IteratorExt, testing};
    ///
    /// let alarm = testing::expired();
    /// let mut items = (0..10).checked(&alarm); // this line, and not one of the standard library's
    /// let timed_out = items.try_fold(0, |sum, item| item.map(|n| sum + n)).unwrap_err();
    /// assert_eq!(timed_out.location().line(), line!() - 2);
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

/// An error from another process belongs to no alarm of this process.
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

/// Returns the error inside an `io::Error`. `io::Error::source` skips it.
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

/// A measured duration, with three decimals.
#[derive(Clone, Copy, Debug)]
pub struct Measured(pub Duration);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        // Truncation, because 9.9999 s must not print as the limit "10.000 s".
        let (unit, name) = match nanos {
            0..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        write!(f, "{}.{:03} {name}", nanos / unit, nanos % unit / (unit / 1_000))
    }
}

/// A limit with all its digits.
#[derive(Clone, Copy, Debug)]
pub struct Exact(pub Duration);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (unit, digits, name) = match nanos {
            0 => (1, 0, "s"),
            1..1_000 => (1, 0, "ns"),
            1_000..1_000_000 => (1_000, 3, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, 6, "ms"),
            _ => (1_000_000_000, 9, "s"),
        };
        let (whole, rest) = (nanos / unit, nanos % unit);
        if rest == 0 {
            write!(f, "{whole} {name}")
        } else {
            let decimals = format!("{rest:0digits$}");
            write!(f, "{whole}.{} {name}", decimals.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[track_caller]
    fn example(label: Option<&str>, limit: Option<Duration>, elapsed: Duration, cause: Cause) -> TimedOut {
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
    #[cfg(feature = "std")]
    fn is_found_wherever_it_is() {
        let e = || example(None, None, Duration::ZERO, Cause::Rung);
        assert!(TimedOut::find_in(&e()).is_some());
        let twice = io::Error::other(io::Error::from(e()));
        assert!(TimedOut::find_in(&twice).is_some());
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
        assert!(TimedOut::find_in(&io::Error::other(Outer(twice))).is_some());
        assert!(TimedOut::find_in(&Outer(io::ErrorKind::TimedOut.into())).is_none());
        assert!(TimedOut::find_in(&io::Error::other("text")).is_none());
    }

    #[test]
    fn durations_read_well() {
        let measured = |d| Measured(d).to_string();
        assert_eq!(measured(Duration::ZERO), "0.000 µs");
        assert_eq!(measured(Duration::from_nanos(1_999)), "1.999 µs");
        assert_eq!(measured(Duration::from_nanos(999_999_999)), "999.999 ms");
        assert_eq!(measured(Duration::from_nanos(9_999_999_999)), "9.999 s");

        let exact = |d| Exact(d).to_string();
        assert_eq!(exact(Duration::ZERO), "0 s");
        assert_eq!(exact(Duration::from_nanos(1)), "1 ns");
        assert_eq!(exact(Duration::from_nanos(1_500)), "1.5 µs");
        assert_eq!(exact(Duration::from_millis(250)), "250 ms");
        assert_eq!(exact(Duration::from_nanos(1_000_000_001)), "1.000000001 s");
        assert_eq!(exact(Duration::from_secs(90)), "90 s");
    }

    #[test]
    fn is_one_pointer() {
        assert_eq!(core::mem::size_of::<Result<(), TimedOut>>(), core::mem::size_of::<usize>());
        assert_eq!(core::mem::size_of::<Result<u64, TimedOut>>(), 2 * core::mem::size_of::<usize>());
    }

    #[test]
    #[cfg(feature = "std")]
    fn passes_through_io_error() {
        let io: io::Error = example(Some("x"), None, Duration::ZERO, Cause::Rung).into();
        assert_eq!(io.kind(), io::ErrorKind::TimedOut);
        let back = TimedOut::find_in(&io);
        assert_eq!(back.and_then(TimedOut::label), Some("x"));
    }

    #[test]
    fn is_a_good_error() {
        fn good<E: Error + Clone + Send + Sync + 'static>() {}
        good::<TimedOut>();
    }
}
