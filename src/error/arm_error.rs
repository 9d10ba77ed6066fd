//! Setting up an alarm failed.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use sigalarm_core::implementer::TooMany;

/// An alarm could not be armed; nothing was left armed.
///
/// It names the call that failed, and [`source`](Error::source) says why. In practice the process is forbidden to install
/// signal handlers (seccomp, some sandboxes), or out of memory. A refused timer is an error only for
/// [`blocking`](crate::Alarm::blocking) and [`abort_after`](crate::AlarmBuilder::abort_after), which need one.
///
/// This is a different type from [`TimedOut`](crate::TimedOut) because it is a fault and not an answer: code
/// that handles a time-out by returning its best result so far should not treat a broken sandbox like that.
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

    /// Other crates that answer the checks of `sigalarm-core` have left no place for this one.
    pub(crate) fn too_many(e: TooMany) -> ArmError {
        ArmError(Fault::TooMany(e))
    }

    /// The calling thread has no timer whose signal could interrupt it.
    pub(crate) fn no_timer() -> ArmError {
        ArmError(Fault::NoTimer)
    }

    /// Returns the call that failed, as its manual page is named: `"sigaction"`, `"timer_create"`, `"pthread_sigmask"`,
    /// `"pthread_atfork"`, `"pthread_key_create"`, `"clock_gettime"`. `None` if no call was made: for a period of zero, a signal
    /// that cannot ring an alarm, a thread that no timer can interrupt, or eight other implementations of `sigalarm-core`.
    ///
    /// ```standalone_crate
    /// use sigalarm::{Alarm, Ticker};
    /// use std::time::Duration;
    ///
    /// let e = Ticker::every(Duration::ZERO).unwrap_err();
    /// assert_eq!(e.call(), None); // no call was made
    ///
    /// # #[cfg(target_os = "linux")] {
    /// # use nix::libc::*;
    /// # let statement = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    /// # let mut filter = [
    /// #     statement(0x20, 0, 0, 0), // load the number of the call
    /// #     statement(0x15, 0, 1, SYS_rt_sigaction as u32),
    /// #     statement(0x06, 0, 0, SECCOMP_RET_ERRNO | EPERM as u32),
    /// #     statement(0x06, 0, 0, SECCOMP_RET_ALLOW),
    /// # ];
    /// # let program = sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    /// # unsafe {
    /// #     assert_eq!(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    /// #     assert_eq!(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    /// # }
    /// // In a sandbox that forbids signal handlers:
    /// let e = Alarm::after(Duration::from_secs(10)).unwrap_err();
    /// assert_eq!(e.call(), Some("sigaction"));
    /// # }
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
                 let SIGALRM in, or wait with a timeout and check",
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
    /// Of the kind of the underlying error, or [`InvalidInput`](io::ErrorKind::InvalidInput).
    fn from(e: ArmError) -> io::Error {
        let kind = match &e.0 {
            Fault::System { source, .. } => source.kind(),
            Fault::Signal { .. } | Fault::Period => io::ErrorKind::InvalidInput,
            Fault::NoTimer | Fault::TooMany(_) => io::ErrorKind::Unsupported,
        };
        io::Error::new(kind, e)
    }
}
