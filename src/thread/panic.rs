//! The panic of a worker.

use std::any::Any;
use std::fmt;
use std::panic;

use parking_lot::Mutex;

use crate::error::panic_message;

/// A panic of a worker's function. The panic hook has already printed the message.
///
/// ```
/// use sigalarm::thread::{Worker, WorkerError::Panicked};
/// let worker = Worker::spawn(|| -> () { panic!("failed") }).unwrap();
/// assert!(matches!(worker.join(), Err(Panicked(panic)) if panic.message() == "failed"));
/// ```
pub struct Panic {
    message: String,
    /// The mutex makes the error `Sync`.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> Panic {
        Panic { message: panic_message(&*payload).to_owned(), payload: Mutex::new(payload) }
    }

    /// Returns the message, or `Box<dyn Any>` if the payload is not a string.
    ///
    /// ```
    /// use sigalarm::thread::{Worker, WorkerError::Panicked};
    /// let worker = Worker::spawn(|| -> () { panic!("failed") }).unwrap();
    /// assert!(matches!(worker.join(), Err(Panicked(panic)) if panic.message() == "failed"));
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the payload.
    ///
    /// ```
    /// use sigalarm::thread::{Worker, WorkerError::Panicked};
    /// let worker = Worker::spawn(|| -> () { panic!("failed") }).unwrap();
    /// let Err(Panicked(panic)) = worker.join() else { unreachable!() };
    /// assert!(panic.into_payload().is::<&str>());
    /// ```
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner()
    }

    /// Resumes the panic on the calling thread, without the panic hook.
    ///
    /// ```should_panic
    /// use sigalarm::thread::{Worker, WorkerError::Panicked};
    /// let worker = Worker::spawn(|| -> () { panic!("failed") }).unwrap();
    /// let Err(Panicked(panic)) = worker.join() else { unreachable!() };
    /// panic.resume();
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
