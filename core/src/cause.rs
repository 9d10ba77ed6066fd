//! The cause of an expiry.

use core::fmt;

/// The cause of an expiry.
///
/// New causes may be added, so a `match` needs a wildcard arm.
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
    /// The deadline on the monotonic clock passed.
    Deadline,
    /// The processor time limit was reached.
    Cpu,
    /// The check limit was reached.
    Checks,
    /// A signal with this number arrived.
    Signal(i32),
    /// The program cancelled the alarm: `Alarm::ring`.
    Rung,
    /// A stop request reached the worker.
    Stopped,
}

impl fmt::Display for Cause {
    /// Formats the predicate of the sentence that [`TimedOut`](crate::TimedOut) prints, such as "was interrupted by
    /// SIGINT".
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
