//! What ended a computation.

use core::fmt;

/// What made an alarm expire: the answer to "why did you stop?".
///
/// New causes may be added, so a `match` needs a last arm for the rest.
///
/// ```
/// use sigalarm::{Alarm, Cause, checkpoint};
/// use std::time::Duration;
///
/// let _alarm = Alarm::after(Duration::ZERO)?;
/// assert_eq!(checkpoint().unwrap_err().cause(), Cause::Deadline);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Cause {
    /// The deadline passed on the monotonic clock.
    Deadline,
    /// The processor time was used up.
    Cpu,
    /// The checks were used up.
    Checks,
    /// This signal came.
    Signal(i32),
    /// The program cancelled the alarm: `Alarm::ring`.
    Rung,
    /// The worker that runs the computation was asked to stop.
    Stopped,
}

impl fmt::Display for Cause {
    /// The verb of the sentence that [`TimedOut`](crate::TimedOut) prints: "timed out", "was cancelled", "was interrupted by
    /// SIGINT". An implementation gives the signal's name; without one it is "signal 2".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Cause::Deadline => "timed out",
            Cause::Cpu => "used up its processor time",
            Cause::Checks => "used up its checks",
            Cause::Signal(number) => {
                return match crate::hook::signal_name(number) {
                    Some(name) => write!(f, "was interrupted by {name}"),
                    None => write!(f, "was interrupted by signal {number}"),
                };
            }
            Cause::Rung => "was cancelled",
            Cause::Stopped => "was stopped",
        })
    }
}
