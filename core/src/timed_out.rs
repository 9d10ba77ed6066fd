//! The typed error that a check returns once an alarm has expired.

use alloc::format;
use core::error::Error;
use core::fmt;
use core::time::Duration;
#[cfg(feature = "std")]
use std::io;

use crate::{AlarmId, Cause, SourceLocation};

/// What clones of an error share.
#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc as Shared;

/// Where nothing can be shared between threads, each clone has its own.
#[cfg(not(target_has_atomic = "ptr"))]
use alloc::boxed::Box as Shared;

/// A check found its alarm, or one that encloses it, expired.
///
/// It says which alarm it was, why it expired, how long the computation ran, how long it was allowed to, and
/// where the check stands that noticed. It is one pointer wide, so that `Result<u64, TimedOut>` still comes
/// back in two registers, and a clone shares what the pointer shows.
///
/// Its `Display` is a sentence for a user: `solve timed out after 10.000 s (limit 10 s) at src/solver.rs:42`.
///
/// With the feature `std` (of `sigalarm` always) it turns into a `std::io::Error` of kind `TimedOut`, and into whatever else
/// other code makes of its errors; [`TimedOut::find_in`] gives it back.
///
/// Two are equal if they agree in everything, as clones do. The errors of two checks of one alarm differ in
/// [`elapsed`](TimedOut::elapsed), and as a rule in [`location`](TimedOut::location).
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
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, TimedOut};
/// use std::{io, time::Duration};
///
/// let alarm = Alarm::after(Duration::ZERO)?;
/// let e = io::Error::from(alarm.check().unwrap_err());
/// assert_eq!(e.kind(), io::ErrorKind::TimedOut);
/// assert!(alarm.owns(TimedOut::find_in(&e).unwrap()));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TimedOut(Shared<Expiry>);

/// What a [`TimedOut`] says.
///
/// More may be added: it is made by [`new`](Expiry::new), and the rest assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Expiry {
    /// The alarm that has expired.
    pub alarm: AlarmId,
    /// Its label.
    pub label: Option<Shared<str>>,
    /// How long the computation was allowed to run.
    pub limit: Option<Duration>,
    /// How long it has run. For a deadline no less than the limit.
    pub elapsed: Duration,
    /// Why it expired.
    pub cause: Cause,
    /// The check that returns the error.
    pub location: SourceLocation,
}

impl Expiry {
    /// Without a label and a limit.
    pub fn new(alarm: AlarmId, cause: Cause, elapsed: Duration, location: SourceLocation) -> Expiry {
        Expiry { alarm, label: None, limit: None, elapsed, cause, location }
    }

    /// The error that says so. (No `From`, which the compiler would show to users.)
    pub fn into_error(self) -> TimedOut {
        TimedOut(Shared::new(self))
    }
}

impl TimedOut {
    /// Finds the time-out in an error of another type: the error itself, one of its [sources](Error::source), or with the
    /// feature `std` what an `io::Error` among them carries. `None` if it has another reason.
    ///
    /// # Examples
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

    /// Which alarm expired. `Alarm::owns` compares it with a guard.
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

    /// The label that the builder gave to the alarm, if any.
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

    /// How long the computation was allowed to run; `None` for an alarm without a deadline. With [`Cause::Cpu`], how much
    /// processor time it was allowed.
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

    /// How long it had run, since the alarm was armed or last restarted, when the check noticed.
    ///
    /// For [`Cause::Deadline`] this is never less than [`limit`](TimedOut::limit). For [`Cause::Cpu`] it is processor time,
    /// and never less than the limit either. For a job that its limit had to end, it goes from the spawn to the end that was
    /// noticed, and counts the graces.
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

    /// Why the alarm expired.
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

    /// The check that noticed: file, line and column of the call. An adapter (a reader, an iterator) checks in the name of
    /// the line on which it was made, a join in the name of the join, and a job's own limit speaks in the name of its spawn.
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

/// One that comes from another process is whole. Its [`alarm`](TimedOut::alarm) is one of that process: no guard of this one
/// owns it.
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

/// What an `io::Error` carries is not its source, but takes its place: the source is that of what it carries.
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

/// A measured time: three decimals of the unit that fits.
#[derive(Clone, Copy, Debug)]
pub struct Measured(pub Duration);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        // Cut, not rounded, in whole numbers: 9.9999 s must not read as "10.000 s" beside a limit of 10 s
        // that has not passed, and no float stands in between.
        let (unit, name) = match nanos {
            0..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        write!(f, "{}.{:03} {name}", nanos / unit, nanos % unit / (unit / 1_000))
    }
}

/// A limit as it was written: every digit, no padding.
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
        // In an `io::Error` in an `io::Error`, and behind a source.
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
