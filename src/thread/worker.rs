//! The handle of a worker.

use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::stopper::{StopAlarm, Stopper};
use super::{Builder, Panic, WorkerError};
use crate::error::{Cause, Expiry, TimedOut};
use crate::handle::AlarmHandle;
use crate::os::clock;
use crate::runtime;
use crate::time::Time;

/// A function that runs on its own thread, and its value.
///
/// [`stop`](Worker::stop) expires an alarm that encloses everything on that thread. Other threads' alarms do not limit the worker,
/// except through [`Builder::under`].
///
/// **A drop of the handle calls `stop` and does not wait.**
///
/// ```
/// use sigalarm::thread::Worker;
/// let worker: Worker<u32> = Worker::spawn(|| 42).unwrap();
/// assert_eq!(worker.join().unwrap(), 42);
/// ```
#[must_use = "dropping a worker asks it to stop"]
pub struct Worker<T> {
    shared: Arc<Shared<T>>,
    thread: ThreadId,
    name: Option<Arc<str>>,
    /// Taken by the thread that joins.
    handle: Mutex<Option<JoinHandle<()>>>,
}

/// How often a join under an alarm checks that alarm, which another thread may ring.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

struct Shared<T> {
    stopper: Stopper,
    result: Mutex<Progress<T>>,
    ended: Condvar,
}

enum Progress<T> {
    Running,
    Ended(Result<T, WorkerError>),
    Taken,
}

impl Worker<()> {
    /// Returns the options of a worker.
    ///
    /// ```
    /// let worker = sigalarm::thread::Worker::builder().name("solve").spawn(|| 42).unwrap();
    /// assert_eq!(worker.join().unwrap(), 42);
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl<T: Send + 'static> Worker<T> {
    /// Runs `f` on a new thread.
    ///
    /// # Errors
    ///
    /// The error of [`std::thread::Builder::spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| 42).unwrap();
    /// assert_eq!(worker.join().unwrap(), 42);
    /// ```
    pub fn spawn<F>(f: F) -> io::Result<Worker<T>>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        Builder::default().spawn(f)
    }

    pub(super) fn start<F>(
        builder: thread::Builder,
        name: Option<String>,
        under: Option<AlarmHandle>,
        f: F,
    ) -> io::Result<Worker<T>>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let name: Option<Arc<str>> = name.map(Into::into);
        let shared = Arc::new(Shared {
            stopper: Stopper::new(),
            result: Mutex::new(Progress::Running),
            ended: Condvar::new(),
        });
        let (of_thread, label) = (shared.clone(), name.clone());
        let handle = builder.spawn(move || {
            let result = work(&of_thread.stopper, label, under, f);
            *of_thread.result.lock() = Progress::Ended(result);
            of_thread.ended.notify_all();
        })?;
        Ok(Worker { shared, thread: handle.thread().id(), name, handle: Mutex::new(Some(handle)) })
    }
}

/// Runs `f` on the worker's thread.
fn work<T>(
    stopper: &Stopper,
    label: Option<Arc<str>>,
    under: Option<AlarmHandle>,
    f: impl FnOnce() -> T,
) -> Result<T, WorkerError> {
    let _entered = under.as_ref().map(AlarmHandle::enter);
    let alarm = StopAlarm::arm(label).map_err(WorkerError::Arm)?;
    stopper.link(&alarm);
    // `f` is `'static`: after a panic other threads see its state only through shared values, which have locks.
    panic::catch_unwind(AssertUnwindSafe(f)).map_err(|payload| WorkerError::Panicked(Panic::new(payload)))
}

impl<T> Worker<T> {
    /// Requests the worker to stop: its checks then return an error with [`Cause::Stopped`]. Does not wait.
    ///
    /// Not for use in signal handlers: it takes a lock.
    ///
    /// ```
    /// use sigalarm::{checkpoint, thread::Worker};
    /// let worker = Worker::spawn(|| while checkpoint().is_ok() {}).unwrap();
    /// worker.stop();
    /// worker.join().unwrap();
    /// ```
    #[doc(alias = "cancel")]
    pub fn stop(&self) {
        self.shared.stopper.stop();
    }

    /// Returns whether the function still runs. Does not block.
    ///
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| ()).unwrap();
    /// worker.join().unwrap();
    /// assert!(!worker.is_alive());
    /// ```
    pub fn is_alive(&self) -> bool {
        matches!(*self.shared.result.lock(), Progress::Running)
    }

    /// Returns the name that the [builder](Builder::name) set.
    ///
    /// ```
    /// let worker = sigalarm::thread::Worker::builder().name("solve").spawn(|| ()).unwrap();
    /// assert_eq!(worker.name(), Some("solve"));
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the id of the worker's thread.
    ///
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| std::thread::current().id()).unwrap();
    /// assert_eq!(worker.thread_id(), worker.join().unwrap());
    /// ```
    pub fn thread_id(&self) -> ThreadId {
        self.thread
    }

    /// Waits for the worker to end, and returns its value. The first of several joins gets the value.
    ///
    /// Blocks until the destructors of the thread's thread-locals have run, or an alarm of the calling thread expires. Another join at the
    /// same time may return before those destructors.
    ///
    /// # Errors
    ///
    /// - [`WorkerError::TimedOut`] if an alarm of the calling thread expired; the worker can be joined again.
    /// - [`WorkerError::Panicked`] if the function panicked.
    /// - [`WorkerError::AlreadyJoined`] after an earlier join, [`WorkerError::JoinSelf`] on the worker's thread.
    /// - [`WorkerError::Arm`] if the worker's alarm could not be armed; then the function did not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint, thread::Worker};
    ///
    /// let worker = Worker::spawn(|| while checkpoint().is_ok() {})?;
    /// let alarm = Alarm::never()?;
    /// alarm.ring();
    /// let e = worker.join().unwrap_err();
    /// assert!(alarm.owns(e.timed_out().unwrap()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, WorkerError> {
        let location = Location::caller();
        self.reject_own_thread()?;
        let handle = self.handle.lock().take();
        let Some(handle) = handle else { return self.join_until(Time::NEVER, None, location) };
        if runtime::next_here().is_none() {
            return self.reap(handle);
        }
        let result = self.join_until(Time::NEVER, None, location);
        match result {
            Err(WorkerError::TimedOut(_)) => *self.handle.lock() = Some(handle),
            _ => drop(handle.join()),
        }
        result
    }

    /// Waits for the worker to end, but at most for `limit`. Zero does not wait.
    ///
    /// # Errors
    ///
    /// As [`join`](Worker::join). If `limit` expires, [`WorkerError::TimedOut`].
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{checkpoint, thread::Worker};
    /// let worker = Worker::spawn(|| while checkpoint().is_ok() {}).unwrap();
    /// assert!(worker.join_timeout(std::time::Duration::from_millis(5)).is_err());
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<T, WorkerError> {
        let now = clock::now();
        let location = Location::caller();
        self.reject_own_thread()?;
        self.join_until(now.after(limit), Some(now), location)
    }

    /// Waits for the worker to end, but not past `deadline`.
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Worker::join_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// let worker = sigalarm::thread::Worker::spawn(|| 1).unwrap();
    /// assert_eq!(worker.join_deadline(deadline).unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<T, WorkerError> {
        let location = Location::caller();
        self.reject_own_thread()?;
        self.join_until(clock::from_instant(deadline), Some(clock::now()), location)
    }

    fn reject_own_thread(&self) -> Result<(), WorkerError> {
        if thread::current().id() == self.thread { Err(WorkerError::JoinSelf) } else { Ok(()) }
    }

    fn reap(&self, handle: JoinHandle<()>) -> Result<T, WorkerError> {
        // Never an error: `work` catches panics, and std aborts when a destructor of a thread-local panics.
        let _ = handle.join();
        self.shared.result.lock().take().unwrap_or(Err(WorkerError::AlreadyJoined))
    }

    fn join_until(
        &self,
        deadline: Time,
        since: Option<Time>,
        location: &'static Location<'static>,
    ) -> Result<T, WorkerError> {
        let mut progress = self.shared.result.lock();
        loop {
            if let Some(result) = progress.take() {
                return result;
            }
            let alarm = runtime::next_here();
            if alarm.is_some() {
                runtime::checkpoint_at(location)?;
            }
            let now = clock::now();
            if now >= deadline {
                let since = since.unwrap_or(now);
                return Err(self.timed_out(deadline.since(since), now.since(since), location).into());
            }
            // A `ring` from another thread does not wake this one.
            let next_check = if alarm.is_some() { now.after(CHECK_INTERVAL) } else { Time::NEVER };
            match clock::to_instant(deadline.min(alarm.unwrap_or(Time::NEVER)).min(next_check)) {
                Some(until) => drop(self.shared.ended.wait_until(&mut progress, until)),
                None => self.shared.ended.wait(&mut progress),
            }
        }
    }

    fn timed_out(
        &self,
        limit: Duration,
        elapsed: Duration,
        location: &'static Location<'static>,
    ) -> TimedOut {
        let mut expiry = Expiry::new(runtime::unused_id(), Cause::Deadline, elapsed, location.into());
        (expiry.label, expiry.limit) = (self.name.clone(), Some(limit));
        expiry.into_error()
    }
}

impl<T> Progress<T> {
    /// Returns the result once; `None` while the function runs.
    fn take(&mut self) -> Option<Result<T, WorkerError>> {
        match std::mem::replace(self, Progress::Taken) {
            Progress::Running => {
                *self = Progress::Running;
                None
            }
            Progress::Ended(result) => Some(result),
            Progress::Taken => Some(Err(WorkerError::AlreadyJoined)),
        }
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<T> fmt::Debug for Worker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("name", &self.name)
            .field("thread", &self.thread)
            .field("is_alive", &self.is_alive())
            .finish_non_exhaustive()
    }
}
