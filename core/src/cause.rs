use core::fmt;

/// The cause of an expiry.
/// ```
/// assert_eq!(sigalarm::testing::expired().check().unwrap_err().cause(), sigalarm::Cause::Deadline);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Cause {
    /// The deadline passed.
    Deadline,
    /// The limit on processor time was reached.
    Cpu,
    /// The limit on the number of checks was reached.
    Checks,
    /// This signal arrived.
    Signal(i32),
    /// The program called `Alarm::ring`.
    Rung,
    /// The program called `Worker::stop`, or dropped the worker.
    Stopped,
}

impl fmt::Display for Cause {
    /// Formats a verb phrase, such as "was interrupted by SIGINT".
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
