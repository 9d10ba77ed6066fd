use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic;

use parking_lot::Mutex;

use crate::error::{ArmError, TimedOut, panic_message};

/// The reason why a join returned no value.
/// ```
/// let worker = sigalarm::thread::Worker::spawn(|| 42).unwrap();
/// assert!(worker.join().is_ok());
/// assert!(matches!(worker.join(), Err(sigalarm::thread::WorkerError::AlreadyJoined)));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkerError {
    /// The join's limit, or an alarm of the joining thread, expired. The worker can be joined again.
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
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| while sigalarm::checkpoint().is_ok() {}).unwrap();
    /// assert!(worker.join_timeout(std::time::Duration::ZERO).unwrap_err().timed_out().is_some());
    /// ```
    pub fn timed_out(&self) -> Option<&TimedOut> {
        if let WorkerError::TimedOut(timed_out) = self { Some(timed_out) } else { None }
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
            WorkerError::TimedOut(timed_out) => Some(timed_out),
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

/// A panic of a worker's function. The panic hook has already printed the message.
/// ```
/// let worker = sigalarm::thread::Worker::spawn(|| -> () { panic!("failed") }).unwrap();
/// assert!(matches!(worker.join(), Err(sigalarm::thread::WorkerError::Panicked(_))));
/// ```
pub struct Panic {
    message: String,
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> Panic {
        Panic { message: panic_message(&*payload).to_owned(), payload: Mutex::new(payload) }
    }

    /// Returns the message, or the text `Box<dyn Any>` if the payload is not a string.
    /// ```
    /// let result = sigalarm::thread::Worker::spawn(|| -> () { panic!("failed") }).unwrap().join();
    /// assert!(matches!(result, Err(sigalarm::thread::WorkerError::Panicked(panic)) if panic.message() == "failed"));
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the payload.
    /// ```
    /// let result = sigalarm::thread::Worker::spawn(|| -> () { panic!("failed") }).unwrap().join();
    /// let Err(sigalarm::thread::WorkerError::Panicked(panic)) = result else { unreachable!() };
    /// assert!(panic.into_payload().is::<&str>());
    /// ```
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner()
    }

    /// Resumes the panic on the calling thread. The panic hook does not run again.
    /// ```should_panic
    /// let result = sigalarm::thread::Worker::spawn(|| -> () { panic!("failed") }).unwrap().join();
    /// if let Err(sigalarm::thread::WorkerError::Panicked(panic)) = result { panic.resume() }
    /// ```
    pub fn resume(self) -> ! {
        panic::resume_unwind(self.into_payload())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic").field("message", &self.message).finish_non_exhaustive()
    }
}
