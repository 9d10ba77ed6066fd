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
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What it panicked with.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner()
    }

    /// Goes on with the panic on the calling thread, without another report.
    pub fn resume(self) -> ! {
        panic::resume_unwind(self.into_payload())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic").field("message", &self.message).finish_non_exhaustive()
    }
}
