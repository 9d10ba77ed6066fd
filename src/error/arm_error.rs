//! The error of arming an alarm.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use sigalarm_core::implementer::TooMany;

/// An error of arming an alarm; no alarm stays armed.
///
/// Common causes are a sandbox that forbids signal handlers (seccomp) and exhausted memory. A refused timer is an error only for
/// [`blocking`](crate::Alarm::blocking), [`abort_after`](crate::AlarmBuilder::abort_after) and
/// [`flag`](crate::AlarmBuilder::flag).
///
/// ```
/// use sigalarm::{Alarm, ArmError};
/// use std::time::Duration;
///
/// fn guarded() -> Result<(), ArmError> {
///     let _alarm = Alarm::after(Duration::from_secs(10))?;
///     Ok(())
/// }
/// assert!(guarded().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct ArmError(Fault);

#[derive(Clone, Debug)]
enum Fault {
    System { call: &'static str, source: Arc<io::Error> },
    Signal { number: i32, why: &'static str },
    Period,
    NoTimer,
    TooMany(TooMany),
}

impl ArmError {
    pub(crate) fn system(call: &'static str, source: io::Error) -> ArmError {
        ArmError(Fault::System { call, source: Arc::new(source) })
    }

    pub(crate) fn signal(number: i32, why: &'static str) -> ArmError {
        ArmError(Fault::Signal { number, why })
    }

    pub(crate) fn period() -> ArmError {
        ArmError(Fault::Period)
    }

    /// Returns the error of a full flag: other implementations of `sigalarm-core` use all of its bits.
    pub(crate) fn too_many(e: TooMany) -> ArmError {
        ArmError(Fault::TooMany(e))
    }

    /// Returns the error of a thread that no timer can interrupt.
    pub(crate) fn no_timer() -> ArmError {
        ArmError(Fault::NoTimer)
    }

    /// Returns the name of the failed call, such as `"sigaction"`; `None` if no call failed.
    ///
    /// No call fails for a period of zero, an unusable signal, a thread that no timer can interrupt, and a ninth implementation of
    /// `sigalarm-core`.
    ///
    /// ```
    /// use sigalarm::Ticker;
    /// use std::time::Duration;
    ///
    /// let e = Ticker::every(Duration::ZERO).unwrap_err();
    /// assert_eq!(e.call(), None);
    /// ```
    pub fn call(&self) -> Option<&'static str> {
        match self.0 {
            Fault::System { call, .. } => Some(call),
            Fault::Signal { .. } | Fault::Period | Fault::NoTimer | Fault::TooMany(_) => None,
        }
    }
}

impl fmt::Display for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::System { call, source } => {
                write!(f, "cannot arm the alarm: {call} failed: {source}; nothing was left armed")
            }
            Fault::Signal { number, why } => {
                write!(
                    f,
                    "cannot arm the alarm: signal {number} cannot ring it: {why}; nothing was left armed"
                )
            }
            Fault::Period => {
                f.write_str("a ticker's period must be longer than zero; nothing was left armed")
            }
            Fault::TooMany(source) => {
                write!(f, "cannot arm the alarm: {source}; nothing was left armed")
            }
            Fault::NoTimer => f.write_str(
                "no timer can interrupt this thread: SIGALRM is blocked on it, or the system has no timer for it; \
                 unblock SIGALRM, or wait with a timeout and check",
            ),
        }
    }
}

impl Error for ArmError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Fault::System { source, .. } => Some(&**source),
            Fault::TooMany(source) => Some(source),
            Fault::Signal { .. } | Fault::Period | Fault::NoTimer => None,
        }
    }
}

impl From<ArmError> for io::Error {
    /// Returns an error of the kind of the failed call's, [`InvalidInput`](io::ErrorKind::InvalidInput), or
    /// [`Unsupported`](io::ErrorKind::Unsupported).
    fn from(e: ArmError) -> io::Error {
        let kind = match &e.0 {
            Fault::System { source, .. } => source.kind(),
            Fault::Signal { .. } | Fault::Period => io::ErrorKind::InvalidInput,
            Fault::NoTimer | Fault::TooMany(_) => io::ErrorKind::Unsupported,
        };
        io::Error::new(kind, e)
    }
}
