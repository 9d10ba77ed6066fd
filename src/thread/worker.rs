//! The handle on a worker.

use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::stopper::{Standby, Stopper};
use super::{Builder, Panic, WorkerError};
use crate::error::{Cause, Expiry, TimedOut};
use crate::handle::AlarmHandle;
use crate::os::clock;
use crate::runtime;
use crate::time::Time;

/// A function that runs on a thread of its own, with a value to come.
///
/// On its thread an alarm without a deadline encloses everything, and [`stop`](Worker::stop) rings it: the next
/// check there errs with [`Cause::Stopped`]. Alarms that the function arms are its own, and nobody else's.
///
/// A time-out of a join ends nothing: the worker runs on and can be joined again. Of several who join, the first
/// gets the value. **Dropping a worker asks it to stop and lets it go**; nobody waits for it then.
///
/// # Examples
///
/// ```
/// use sigalarm::thread::Worker;
///
/// let worker = Worker::spawn(|| 6 * 7)?;
/// assert_eq!(worker.join()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping a worker asks it to stop"]
pub struct Worker<T> {
    shared: Arc<Shared<T>>,
    thread: ThreadId,
    name: Option<Arc<str>>,
    /// Whoever takes it waits for the thread itself.
    handle: Mutex<Option<JoinHandle<()>>>,
}

/// How often a thread that joins under an alarm looks whether somebody has rung it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What the two sides share.
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
    /// A worker with a name, or whatever else it may need.
    ///
    /// ```
    /// use sigalarm::thread::Worker;
    ///
    /// let worker = Worker::builder().name("solve").spawn(|| 6 * 7)?;
    /// assert_eq!(worker.name(), Some("solve"));
    /// assert_eq!(worker.join()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
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
    /// Whatever [`std::thread::Builder::spawn`] says: no thread could be made.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::thread::Worker;
    ///
    /// let worker = Worker::spawn(|| "done")?;
    /// assert_eq!(worker.join()?, "done");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
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
        let (theirs, label) = (shared.clone(), name.clone());
        let handle = builder.spawn(move || {
            let result = work(&theirs.stopper, label, under, f);
            *theirs.result.lock() = Progress::Ended(result);
            theirs.ended.notify_all();
        })?;
        Ok(Worker { shared, thread: handle.thread().id(), name, handle: Mutex::new(Some(handle)) })
    }
}

/// Runs `f` within reach of the stopper.
fn work<T>(
    stopper: &Stopper,
    label: Option<Arc<str>>,
    under: Option<AlarmHandle>,
    f: impl FnOnce() -> T,
) -> Result<T, WorkerError> {
    let _entered = under.as_ref().map(AlarmHandle::enter);
    let standby = Standby::begin(label).map_err(WorkerError::Arm)?;
    stopper.link(&standby);
    // Whatever `f` leaves behind in the middle of a panic, it was given to this thread for good: nobody but
    // those whom it has shared it with can see it, and they know locks of their own.
    panic::catch_unwind(AssertUnwindSafe(f)).map_err(|payload| WorkerError::Panicked(Panic::new(payload)))
}

impl<T> Worker<T> {
    /// Asks the worker to stop: each of its checks errs from now on, with [`Cause::Stopped`]. Does not wait for
    /// it. One that has ended is past asking.
    ///
    /// Not for use in signal handlers: it takes a lock.
    ///
    /// ```
    /// use sigalarm::{Cause, TimedOut, checkpoint};
    /// use sigalarm::thread::Worker;
    ///
    /// let worker = Worker::spawn(|| -> TimedOut {
    ///     loop {
    ///         if let Err(e) = checkpoint() {
    ///             return e;
    ///         }
    ///     }
    /// })?;
    /// worker.stop();
    /// assert_eq!(worker.join()?.cause(), Cause::Stopped);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "cancel")]
    pub fn stop(&self) {
        self.shared.stopper.stop();
    }

    /// Whether the function still runs. Does not block.
    ///
    /// ```
    /// use sigalarm::{checkpoint, thread::Worker};
    ///
    /// let worker = Worker::spawn(|| while checkpoint().is_ok() {})?;
    /// assert!(worker.is_alive());
    /// worker.stop();
    /// worker.join()?;
    /// assert!(!worker.is_alive());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_alive(&self) -> bool {
        matches!(*self.shared.result.lock(), Progress::Running)
    }

    /// The name that the [builder](Builder::name) gave to it; `None` without.
    ///
    /// ```
    /// use sigalarm::thread::Worker;
    ///
    /// let parts = ["parse", "solve"].map(|name| Worker::builder().name(name).spawn(move || name));
    /// for worker in parts {
    ///     let worker = worker?;
    ///     assert_eq!(worker.name(), Some(worker.join()?));
    /// }
    /// assert_eq!(Worker::spawn(|| ())?.name(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The id of its thread.
    ///
    /// ```
    /// use sigalarm::thread::Worker;
    ///
    /// let worker = Worker::spawn(|| std::thread::current().id())?;
    /// assert_eq!(worker.thread_id(), worker.join()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn thread_id(&self) -> ThreadId {
        self.thread
    }

    /// Waits for the worker to end and hands its value over.
    ///
    /// Blocks until then; or until an alarm of the calling thread expires, and then the worker runs on and can
    /// be joined again. After a value the thread has ended, with the destructors of its thread-locals; unless another
    /// thread joins it at the same time, and waits for those.
    ///
    /// # Errors
    ///
    /// - [`WorkerError::TimedOut`] if an alarm of the calling thread expired.
    /// - [`WorkerError::Panicked`] if the function did.
    /// - [`WorkerError::AlreadyJoined`] if somebody joined it before, [`WorkerError::JoinSelf`] if it joins itself.
    /// - [`WorkerError::Arm`] if the thread could not be put within reach of [`stop`](Worker::stop); then the function
    ///   has not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint, thread::Worker};
    /// use std::time::Duration;
    ///
    /// let worker = Worker::spawn(|| while checkpoint().is_ok() {})?;
    /// let alarm = Alarm::after(Duration::from_millis(2))?;
    /// let e = worker.join().unwrap_err();
    /// assert!(alarm.owns(e.timed_out().unwrap())); // this thread's time is over, not the worker's
    ///
    /// alarm.disarm();
    /// worker.stop();
    /// assert_eq!(worker.join()?, ());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, WorkerError> {
        let location = Location::caller();
        self.not_itself()?;
        let handle = self.handle.lock().take();
        let Some(handle) = handle else { return self.join_until(Time::NEVER, None, location) };
        // Nothing to wait for but the thread: the shortest way is to wait for that.
        if runtime::next_here().is_none() {
            return self.reap(handle);
        }
        let result = self.join_until(Time::NEVER, None, location);
        match result {
            // It runs on: somebody may want to wait for it yet.
            Err(WorkerError::TimedOut(_)) => *self.handle.lock() = Some(handle),
            _ => drop(handle.join()),
        }
        result
    }

    /// Waits for the worker to end, but no longer than `limit`. If that runs out, the worker runs on and can be
    /// joined again. A zero limit looks and does not wait.
    ///
    /// # Errors
    ///
    /// As [`join`](Worker::join), and [`WorkerError::TimedOut`] if `limit` runs out.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{checkpoint, thread::Worker};
    /// use std::time::Duration;
    ///
    /// let worker = Worker::spawn(|| while checkpoint().is_ok() {})?;
    /// assert!(worker.join_timeout(Duration::from_millis(5)).is_err());
    /// assert!(worker.is_alive()); // a time-out ends nothing
    /// worker.stop();
    /// worker.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<T, WorkerError> {
        let now = clock::now();
        let location = Location::caller();
        self.not_itself()?;
        self.join_until(now.after(limit), Some(now), location)
    }

    /// Waits for the worker to end, but not past `deadline`; see [`join_timeout`](Worker::join_timeout).
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Worker::join_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::thread::Worker;
    /// use std::time::{Duration, Instant};
    ///
    /// let deadline = Instant::now() + Duration::from_secs(60);
    /// let workers = [Worker::spawn(|| 1)?, Worker::spawn(|| 2)?];
    /// for worker in &workers {
    ///     worker.join_deadline(deadline)?; // one moment for them all
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<T, WorkerError> {
        let location = Location::caller();
        self.not_itself()?;
        self.join_until(clock::from_instant(deadline), Some(clock::now()), location)
    }

    fn not_itself(&self) -> Result<(), WorkerError> {
        if thread::current().id() == self.thread { Err(WorkerError::JoinSelf) } else { Ok(()) }
    }

    fn reap(&self, handle: JoinHandle<()>) -> Result<T, WorkerError> {
        // The thread's own function does not panic, and what a destructor of a thread-local does there std
        // turns into an abort.
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
            // Nothing but the worker's end wakes this thread, and an alarm of its own may be rung from elsewhere.
            let look = if alarm.is_some() { now.after(LOOK_AGAIN) } else { Time::NEVER };
            match clock::to_instant(deadline.min(alarm.unwrap_or(Time::NEVER)).min(look)) {
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
    /// The result, for the first who asks; `None` while there is none yet.
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
