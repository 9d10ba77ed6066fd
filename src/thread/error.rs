//! Why a worker gave no value.

use std::error::Error;
use std::fmt;

use super::Panic;
use crate::error::{ArmError, TimedOut};

/// A worker gave no value, or none yet.
///
/// ```
/// use sigalarm::thread::{Worker, WorkerError};
///
/// let worker = Worker::spawn(|| 42)?;
/// assert_eq!(worker.join()?, 42);
/// assert!(matches!(worker.join(), Err(WorkerError::AlreadyJoined)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkerError {
    /// Time ran out: that of a [`join_timeout`](super::Worker::join_timeout), or that of an alarm of the calling
    /// thread, which [`owns`](crate::Alarm::owns) it. The worker runs on and can be joined again.
    TimedOut(TimedOut),
    /// The function panicked. The first to join gets it.
    Panicked(Panic),
    /// Somebody has joined it already, and has the value.
    AlreadyJoined,
    /// A worker joined itself: it would wait for ever.
    JoinSelf,
    /// The worker could not make itself stoppable, and the function did not run.
    Arm(ArmError),
}

impl WorkerError {
    /// The time-out, if that is what it was.
    ///
    /// ```
    /// use sigalarm::{checkpoint, thread::Worker};
    /// use std::time::Duration;
    ///
    /// let worker = Worker::spawn(|| while checkpoint().is_ok() {})?;
    /// let limit = Duration::from_millis(2);
    /// let e = worker.join_timeout(limit).unwrap_err();
    /// assert_eq!(e.timed_out().unwrap().limit(), Some(limit));
    ///
    /// worker.stop();
    /// worker.join()?;
    /// assert!(worker.join().unwrap_err().timed_out().is_none()); // joined before
    /// # Ok::<(), Box<dyn std::error::Error>>(())
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
            WorkerError::AlreadyJoined => f.write_str("the worker has been joined before"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_good_error() {
        fn good<E: Error + Send + Sync + 'static>() {}
        good::<WorkerError>();
    }
}
