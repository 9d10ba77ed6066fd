//! What ended a computation.

use std::fmt;

/// What made an alarm expire: the answer to "why did you stop?".
///
/// New causes may be added, so a `match` needs a last arm for the rest.
///
/// ```
/// use sigalarm::{Alarm, Cause};
/// use std::time::Duration;
///
/// let alarm = Alarm::after(Duration::ZERO)?;
/// assert_eq!(alarm.check().unwrap_err().cause(), Cause::Deadline);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "process", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Cause {
    /// The deadline passed on the monotonic clock.
    Deadline,
    /// The processor time was used up: [`Builder::cpu`](crate::Builder::cpu),
    /// [`thread_cpu`](crate::Builder::thread_cpu).
    Cpu,
    /// The checks were used up: [`Builder::checks`](crate::Builder::checks).
    Checks,
    /// This signal came: [`Builder::ring_on`](crate::Builder::ring_on).
    Signal(i32),
    /// Somebody called [`Alarm::ring`](crate::Alarm::ring).
    Rung,
    /// The worker that runs the computation was asked to [`stop`](crate::thread::Worker::stop).
    Stopped,
}

impl fmt::Display for Cause {
    /// The verb of the sentence that [`TimedOut`](crate::TimedOut) prints: "timed out", "was rung".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Deadline => "timed out",
            Cause::Cpu => "used up its processor time",
            Cause::Checks => "used up its checks",
            Cause::Signal(number) => return write!(f, "was stopped by {}", Name(*number)),
            Cause::Rung => "was rung",
            Cause::Stopped => "was stopped",
        })
    }
}

/// The name of a signal, or its number.
struct Name(i32);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match nix::sys::signal::Signal::try_from(self.0) {
            Ok(signal) => f.write_str(signal.as_str()),
            Err(_) => write!(f, "signal {}", self.0),
        }
    }
}
