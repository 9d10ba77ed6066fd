//! The options of a worker.

use std::io;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::Worker;
use super::worker::Shared;
use crate::handle::AlarmHandle;

/// The options of a worker, returned by [`Worker::builder`].
///
/// ```
/// use sigalarm::thread::{Builder, Worker};
/// let builder: Builder = Worker::builder().name("solve").stack_size(8 << 20);
/// assert_eq!(builder.spawn(|| 42).unwrap().join().unwrap(), 42);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing runs before `spawn()`"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
    under: Option<AlarmHandle>,
}

impl Builder {
    /// Sets the name of the thread and the label of its [`TimedOut`](crate::TimedOut)s.
    ///
    /// [`spawn`](Builder::spawn) panics if the name contains a zero byte.
    ///
    /// ```
    /// let worker = sigalarm::thread::Worker::builder().name("solve").spawn(|| ()).unwrap();
    /// assert_eq!(worker.name(), Some("solve"));
    /// ```
    pub fn name(self, name: impl Into<String>) -> Builder {
        Builder { name: Some(name.into()), ..self }
    }

    /// Sets the size of the stack in bytes; the system may round it up.
    ///
    /// ```
    /// let builder = sigalarm::thread::Worker::builder().stack_size(64 << 20);
    /// builder.spawn(|| std::hint::black_box([1_u8; 16 << 20])[0]).unwrap().join().unwrap();
    /// ```
    pub fn stack_size(self, bytes: usize) -> Builder {
        Builder { stack_size: Some(bytes), ..self }
    }

    /// Makes an alarm of another thread enclose the worker, as long as its guard lives.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint, shielded, thread::Worker};
    /// let alarm = Alarm::never()?;
    /// let worker = Worker::builder().under(alarm.handle()).spawn(|| while checkpoint().is_ok() {})?;
    /// alarm.ring();
    /// shielded(|| worker.join())?; // `shielded`: the alarm also ends a join on this thread
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn under(self, alarm: AlarmHandle) -> Builder {
        Builder { under: Some(alarm), ..self }
    }

    /// Runs `f` on a new thread, with the errors of [`Worker::spawn`].
    ///
    /// ```
    /// let worker = sigalarm::thread::Worker::builder().spawn(|| 42).unwrap();
    /// assert_eq!(worker.join().unwrap(), 42);
    /// ```
    pub fn spawn<T, F>(self, f: F) -> io::Result<Worker<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let mut builder = thread::Builder::new();
        if let Some(name) = &self.name {
            builder = builder.name(name.clone());
        }
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let name: Option<Arc<str>> = self.name.map(Into::into);
        let shared = Arc::new(Shared::new());
        let (of_thread, label) = (shared.clone(), name.clone());
        let handle = builder.spawn(move || of_thread.run(label, self.under, f))?;
        Ok(Worker { shared, thread: handle.thread().id(), name, handle: Mutex::new(Some(handle)) })
    }
}
