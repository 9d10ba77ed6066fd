use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use sigalarm_core::implementer::TooMany;
pub(crate) use sigalarm_core::implementer::{Exact, Expiry, Measured};
pub use sigalarm_core::{AlarmId, Cause, SourceLocation, TimedOut};

/// The error of a failed arming: no alarm is armed. Common causes are seccomp filters and exhausted memory.
/// ```
/// let e: sigalarm::ArmError = sigalarm::Alarm::builder().ring_on(9).arm().unwrap_err();
/// assert!(e.to_string().contains("signal 9 cannot ring it"));
/// ```
#[derive(Clone, Debug)]
pub struct ArmError {
    text: Cow<'static, str>,
    kind: io::ErrorKind,
    call: Option<&'static str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ArmError {
    fn new(kind: io::ErrorKind, text: impl Into<Cow<'static, str>>) -> ArmError {
        ArmError { text: text.into(), kind, call: None, source: None }
    }

    pub(crate) fn system(call: &'static str, source: io::Error) -> ArmError {
        let text = format!("cannot arm the alarm: {call} failed: {source}; nothing was left armed");
        let kind = source.kind();
        ArmError { call: Some(call), source: Some(Arc::new(source)), ..ArmError::new(kind, text) }
    }

    pub(crate) fn signal(n: i32, why: &'static str) -> ArmError {
        let text = format!("cannot arm the alarm: signal {n} cannot ring it: {why}; nothing was left armed");
        ArmError::new(io::ErrorKind::InvalidInput, text)
    }

    pub(crate) fn period() -> ArmError {
        let text = "a ticker's period must be longer than zero; nothing was left armed";
        ArmError::new(io::ErrorKind::InvalidInput, text)
    }

    pub(crate) fn too_many(e: TooMany) -> ArmError {
        let text = format!("cannot arm the alarm: {e}; nothing was left armed");
        ArmError { source: Some(Arc::new(e)), ..ArmError::new(io::ErrorKind::Unsupported, text) }
    }

    pub(crate) fn no_timer() -> ArmError {
        let text = "no timer can interrupt this thread: SIGALRM is blocked on it, or the system has no timer for it; \
                    unblock SIGALRM, or wait with a timeout and check";
        ArmError::new(io::ErrorKind::Unsupported, text)
    }

    /// Returns the name of the failed system call, such as `"sigaction"`, if one failed.
    /// ```
    /// let e = sigalarm::Ticker::every(std::time::Duration::ZERO).unwrap_err();
    /// assert_eq!(e.call(), None);
    /// ```
    pub fn call(&self) -> Option<&'static str> {
        self.call
    }
}

impl fmt::Display for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for ArmError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<ArmError> for io::Error {
    /// Returns an error with the failed system call's `ErrorKind`; `InvalidInput` or `Unsupported` if no call failed.
    fn from(e: ArmError) -> io::Error {
        io::Error::new(e.kind, e)
    }
}

pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "Box<dyn Any>",
    }
}
