//! The errors of a join.

use std::error::Error;
use std::fmt;

use super::Panic;
use crate::error::{ArmError, TimedOut};

/// The reason why a join returned no value.
///
/// ```
/// use sigalarm::thread::{Worker, WorkerError};
/// let worker = Worker::spawn(|| 42).unwrap();
/// assert!(worker.join().is_ok() && matches!(worker.join(), Err(WorkerError::AlreadyJoined)));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkerError {
    /// The limit of the join, or an alarm of the calling thread, expired. The worker runs on, and can be joined again.
    TimedOut(TimedOut),
    /// The function panicked.
    Panicked(Panic),
    /// An earlier join returned the result.
    AlreadyJoined,
    /// The worker joined itself.
    JoinSelf,
    /// The worker's alarm could not be armed, so the function did not run.
    Arm(ArmError),
}

impl WorkerError {
    /// Returns the [`TimedOut`], if a limit expired.
    ///
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| ()).unwrap();
    /// assert!(worker.join().is_ok() && worker.join().unwrap_err().timed_out().is_none());
    /// ```
    pub fn timed_out(&self) -> Option<&TimedOut> {
        match self {
            WorkerError::TimedOut(timed_out) => Some(timed_out),
            _ => None,
        }
    }
}

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkerError::TimedOut(e) => e.fmt(f),
            WorkerError::Panicked(panic) => write!(f, "the worker panicked: {}", panic.message()),
            WorkerError::AlreadyJoined => f.write_str("the worker was joined before"),
            WorkerError::JoinSelf => f.write_str("a worker cannot join itself"),
            WorkerError::Arm(e) => e.fmt(f),
        }
    }
}

impl Error for WorkerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            WorkerError::Arm(e) => e.source(),
            _ => None,
        }
    }
}

impl From<TimedOut> for WorkerError {
    fn from(e: TimedOut) -> WorkerError {
        WorkerError::TimedOut(e)
    }
}
