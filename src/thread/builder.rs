//! A worker with more to it than a function.

use std::io;
use std::thread;

use super::Worker;
use crate::handle::AlarmHandle;

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
    under: Option<AlarmHandle>,
}

impl Builder {
    /// The name of the thread, and of the [`TimedOut`](crate::TimedOut)s that it makes: "solve was stopped …".
    ///
    /// # Panics
    ///
    /// [`spawn`](Builder::spawn) panics if it contains a zero byte, as [`std::thread::Builder`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{checkpoint, thread::Worker};
    ///
    /// let worker = Worker::builder().name("solve").spawn(|| (0..).find_map(|_| checkpoint().err()))?;
    /// worker.stop();
    /// let timed_out = worker.join()?.unwrap();
    /// assert!(timed_out.to_string().starts_with("solve was stopped after "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(self, name: impl Into<String>) -> Builder {
        Builder { name: Some(name.into()), ..self }
    }

    /// The size of its stack, in bytes; the system may make it larger.
    ///
    /// ```
    /// use sigalarm::thread::Worker;
    /// use std::hint::black_box;
    ///
    /// fn depth(n: u32) -> u32 {
    ///     let kilobyte = black_box([n; 256]);
    ///     if n == 0 { 0 } else { 1 + depth(kilobyte[0] - 1) }
    /// }
    ///
    /// let worker = Worker::builder().stack_size(256 << 20).spawn(|| depth(10_000))?;
    /// assert_eq!(worker.join()?, 10_000); // far more than the usual 2 MiB hold
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stack_size(self, bytes: usize) -> Builder {
        Builder { stack_size: Some(bytes), ..self }
    }

    /// Has the worker obey another thread's alarm as well, as long as that alarm's guard lives: the limit of the code that
    /// starts the worker.
    ///
    /// The worker's checks return the [`TimedOut`](crate::TimedOut) of that alarm when it has expired. Waiting for the
    /// worker is not limited by it; [`join`](Worker::join) under an alarm of the joining thread is.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint, shielded, thread::Worker};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_millis(5))?;
    /// let worker = Worker::builder()
    ///     .under(alarm.handle())
    ///     .spawn(|| (0..).find_map(|_| checkpoint().err()))?;
    /// let timed_out = shielded(|| worker.join())?.unwrap(); // the alarm would end the join as well
    /// assert!(alarm.owns(&timed_out));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn under(self, alarm: AlarmHandle) -> Builder {
        Builder { under: Some(alarm), ..self }
    }

    /// Spawns the worker; see [`Worker::spawn`].
    ///
    /// # Errors
    ///
    /// As [`Worker::spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::thread::Worker;
    ///
    /// let square = Worker::builder().name("square");
    /// let workers = [1, 2, 3].map(|n| square.clone().spawn(move || n * n));
    /// let mut sum = 0;
    /// for worker in workers {
    ///     sum += worker?.join()?;
    /// }
    /// assert_eq!(sum, 14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
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
        Worker::start(builder, self.name, self.under, f)
    }
}
