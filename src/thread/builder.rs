//! A worker with more to it than a function.

use std::io;
use std::thread;

use super::Worker;

/// What a worker is to be; made by [`Worker::builder`], ended by [`spawn`](Builder::spawn).
///
/// ```
/// use sigalarm::thread::Worker;
///
/// let worker = Worker::builder().name("solve").stack_size(8 << 20).spawn(|| 6 * 7)?;
/// assert_eq!(worker.join()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing runs before `spawn()`"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl Builder {
    /// The name of the thread, and of the [`TimedOut`](crate::TimedOut)s that it makes: "solve was stopped …".
    ///
    /// # Panics
    ///
    /// [`spawn`](Builder::spawn) panics if it contains a zero byte, as [`std::thread::Builder`] does.
    pub fn name(self, name: impl Into<String>) -> Builder {
        Builder { name: Some(name.into()), ..self }
    }

    /// The size of its stack, in bytes; the system may make it larger.
    pub fn stack_size(self, bytes: usize) -> Builder {
        Builder { stack_size: Some(bytes), ..self }
    }

    /// Spawns the worker; see [`Worker::spawn`].
    ///
    /// # Errors
    ///
    /// As [`Worker::spawn`].
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
        Worker::start(builder, self.name, f)
    }
}
