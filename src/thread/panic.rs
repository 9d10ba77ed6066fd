//! What a worker panicked with.

use std::any::Any;
use std::fmt;
use std::panic;

use parking_lot::Mutex;

use crate::error::panic_message;

/// A panic of the function on a worker, with its payload.
///
/// The message has gone to stderr already, by way of the panic hook, as of any thread.
///
/// ```
/// use sigalarm::thread::{Worker, WorkerError};
///
/// let worker = Worker::spawn(|| -> () { panic!("no way") })?;
/// let Err(WorkerError::Panicked(panic)) = worker.join() else { unreachable!() };
/// assert_eq!(panic.message(), "no way");
/// assert!(panic.into_payload().is::<&str>());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Panic {
    message: String,
    /// In a mutex so that the error is `Sync`, which the payload is not.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> Panic {
        Panic { message: panic_message(&*payload).to_owned(), payload: Mutex::new(payload) }
    }

    /// The message; `Box<dyn Any>` for a payload that is not a string, as in Rust's own reports.
    ///
    /// ```
    /// use sigalarm::thread::{Worker, WorkerError};
    ///
    /// let worker = Worker::spawn(|| "seven".parse::<u32>().unwrap())?;
    /// match worker.join() {
    ///     Err(WorkerError::Panicked(panic)) => assert!(panic.message().contains("InvalidDigit")),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What it panicked with.
    ///
    /// ```
    /// use sigalarm::thread::{Worker, WorkerError};
    ///
    /// let worker = Worker::spawn(|| -> () { std::panic::panic_any(404_u16) })?;
    /// let Err(WorkerError::Panicked(panic)) = worker.join() else { unreachable!() };
    /// assert_eq!(*panic.into_payload().downcast::<u16>().unwrap(), 404);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner()
    }

    /// Goes on with the panic on the calling thread, without another report.
    ///
    /// ```
    /// use sigalarm::thread::{Worker, WorkerError};
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let worker = Worker::spawn(|| -> () { panic!("for everybody to hear") })?;
    /// let resumed = catch_unwind(AssertUnwindSafe(|| match worker.join() {
    ///     Err(WorkerError::Panicked(panic)) => panic.resume(),
    ///     other => other.unwrap(),
    /// }));
    /// assert_eq!(resumed.unwrap_err().downcast_ref(), Some(&"for everybody to hear"));
    /// # Ok::<(), std::io::Error>(())
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
