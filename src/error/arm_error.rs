//! Setting up an alarm failed.

use std::error::Error;
use std::fmt;
use std::io;

/// An alarm could not be armed; nothing was left armed.
///
/// It names the call that failed, and [`source`](Error::source) says why. In practice it takes a process that
/// is forbidden to set timers or signal handlers (seccomp, some sandboxes), or one that is out of memory.
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
#[derive(Debug)]
pub struct ArmError {
    call: &'static str,
    source: io::Error,
}

impl ArmError {
    pub(crate) fn system(call: &'static str, source: io::Error) -> ArmError {
        ArmError { call, source }
    }

    /// The system call that failed, as its manual page is named: `"setitimer"`, `"sigaction"`,
    /// `"pthread_sigmask"`, `"pthread_atfork"`.
    pub fn call(&self) -> &'static str {
        self.call
    }
}

impl fmt::Display for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot arm the alarm: {} failed: {}; nothing was left armed", self.call, self.source)
    }
}

impl Error for ArmError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

impl From<ArmError> for io::Error {
    /// Keeps the kind of the underlying error.
    fn from(e: ArmError) -> io::Error {
        io::Error::new(e.source.kind(), e)
    }
}
