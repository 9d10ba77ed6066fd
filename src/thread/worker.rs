use std::fmt;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::thread::{self, JoinHandle, Thread, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{Panic, WorkerError};
use crate::alarm::Alarm;
use crate::error::Cause;
use crate::handle::AlarmHandle;
use crate::os::clock;
use crate::runtime::{self, Due, Plan};
use crate::schedule::Key;
use crate::time::Time;

/// A function that runs on its own thread, and its value.
///
/// Alarms of other threads limit it only through [`Builder::under`]. **A drop calls [`stop`](Worker::stop) and does not
/// wait.**
/// ```
/// assert_eq!(sigalarm::thread::Worker::spawn(|| 42).unwrap().join().unwrap(), 42);
/// ```
#[must_use = "dropping a worker asks it to stop"]
pub struct Worker<T> {
    shared: Arc<Shared<T>>,
    thread: Thread,
    handle: Mutex<Option<JoinHandle<()>>>,
}

/// A joining thread checks its alarms this often, because another thread's ring does not end the wait on the `Condvar`.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

struct Shared<T> {
    progress: Mutex<Progress<T>>,
    ended: Condvar,
}

enum Progress<T> {
    /// The worker has not armed its alarm yet. `true` if `stop` has been called.
    Starting(bool),
    Running(Key),
    Ended(Result<T, WorkerError>),
    Taken,
}

impl<T> Shared<T> {
    fn run(&self, under: Option<AlarmHandle>, f: impl FnOnce() -> T) {
        let entered = under.as_ref().map(AlarmHandle::enter);
        let result = self.arm().and_then(|_alarm| {
            panic::catch_unwind(AssertUnwindSafe(f))
                .map_err(|payload| WorkerError::Panicked(Panic::new(payload)))
        });
        drop(entered);
        *self.progress.lock() = Progress::Ended(result);
        self.ended.notify_all();
    }

    fn arm(&self) -> Result<Alarm, WorkerError> {
        let label = thread::current().name().map(Arc::from);
        let plan = Plan { label: label.as_ref(), ..Plan::new(Due::Never, Location::caller()) };
        let alarm = Alarm::of(runtime::arm(plan).map_err(WorkerError::Arm)?, label);
        let before = mem::replace(&mut *self.progress.lock(), Progress::Running(alarm.key));
        if let Progress::Starting(true) = before {
            runtime::ring(alarm.key, Cause::Stopped);
        }
        Ok(alarm)
    }
}

impl Worker<()> {
    /// Returns a builder.
    /// ```
    /// assert_eq!(sigalarm::thread::Worker::builder().spawn(|| 42).unwrap().join().unwrap(), 42);
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl<T: Send + 'static> Worker<T> {
    /// Runs `f` on a new thread, with the errors of [`std::thread::Builder::spawn`].
    /// ```
    /// assert_eq!(sigalarm::thread::Worker::spawn(|| 42).unwrap().join().unwrap(), 42);
    /// ```
    pub fn spawn<F>(f: F) -> io::Result<Worker<T>>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        Builder::default().spawn(f)
    }
}

impl<T> Worker<T> {
    /// Makes the worker's checks return an error with [`Cause::Stopped`]. Does not wait.
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| while sigalarm::checkpoint().is_ok() {}).unwrap();
    /// worker.stop();
    /// worker.join().unwrap();
    /// ```
    #[doc(alias = "cancel")]
    pub fn stop(&self) {
        match &mut *self.shared.progress.lock() {
            Progress::Starting(stopped) => *stopped = true,
            Progress::Running(key) => _ = runtime::ring(*key, Cause::Stopped),
            Progress::Ended(_) | Progress::Taken => {}
        }
    }

    /// Returns whether the function still runs.
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| ()).unwrap();
    /// worker.join().unwrap();
    /// assert!(!worker.is_alive());
    /// ```
    pub fn is_alive(&self) -> bool {
        self.shared.progress.lock().is_running()
    }

    /// Returns the [name](Builder::name).
    /// ```
    /// assert_eq!(sigalarm::thread::Worker::spawn(|| ()).unwrap().name(), None);
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.thread.name()
    }

    /// Returns the id of the worker's thread.
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| std::thread::current().id()).unwrap();
    /// assert_eq!(worker.thread_id(), worker.join().unwrap());
    /// ```
    pub fn thread_id(&self) -> ThreadId {
        self.thread.id()
    }

    /// Waits for the worker to end, or for an alarm of the calling thread to expire. Of all calls of
    /// the join methods, only the first after the worker's end returns the value. The first `join` after that end also
    /// waits for the destructors of the worker's thread-locals.
    /// ```
    /// assert_eq!(sigalarm::thread::Worker::spawn(|| 6 * 7).unwrap().join().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, WorkerError> {
        let result = self.join_timeout(Duration::MAX);
        let runs_on = matches!(result, Err(WorkerError::TimedOut(_) | WorkerError::JoinSelf));
        let handle = self.handle.lock().take_if(|_| !runs_on);
        drop(handle.map(JoinHandle::join));
        result
    }

    /// Waits as [`join`](Worker::join) does, but for at most `limit`, then returns [`WorkerError::TimedOut`].
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| while sigalarm::checkpoint().is_ok() {}).unwrap();
    /// assert!(worker.join_timeout(std::time::Duration::ZERO).is_err());
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<T, WorkerError> {
        if thread::current().id() == self.thread.id() {
            return Err(WorkerError::JoinSelf);
        }
        let (since, location) = (clock::now(), Location::caller());
        let deadline = since.after(limit);
        let mut progress = self.shared.progress.lock();
        loop {
            if !progress.is_running() {
                return match mem::replace(&mut *progress, Progress::Taken) {
                    Progress::Ended(result) => result,
                    _ => Err(WorkerError::AlreadyJoined),
                };
            }
            let alarm = runtime::next_here();
            if alarm.is_some() {
                runtime::checkpoint_at(location)?;
            }
            let now = clock::now();
            if now >= deadline {
                let (label, elapsed) = (self.name().map(Arc::from), now.since(since));
                return Err(runtime::timed_out(label, Some(limit), elapsed, location).into());
            }
            let next_check = alarm.map_or(Time::NEVER, |alarm| alarm.min(now.after(CHECK_INTERVAL)));
            match clock::to_instant(deadline.min(next_check)) {
                Some(until) => drop(self.shared.ended.wait_until(&mut progress, until)),
                None => self.shared.ended.wait(&mut progress),
            }
        }
    }

    /// Waits as [`join_timeout`](Worker::join_timeout) does, but until `deadline`.
    /// ```
    /// let worker = sigalarm::thread::Worker::spawn(|| while sigalarm::checkpoint().is_ok() {}).unwrap();
    /// assert!(worker.join_deadline(std::time::Instant::now()).is_err());
    /// ```
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<T, WorkerError> {
        self.join_timeout(clock::from_instant(deadline).since(clock::now()))
    }
}

impl<T> Progress<T> {
    fn is_running(&self) -> bool {
        matches!(self, Progress::Starting(_) | Progress::Running(_))
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
            .field("name", &self.name())
            .field("thread", &self.thread_id())
            .field("is_alive", &self.is_alive())
            .finish_non_exhaustive()
    }
}

/// The options of a worker.
/// ```
/// let builder: sigalarm::thread::Builder = sigalarm::thread::Worker::builder().stack_size(8 << 20);
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
    /// Sets the name of the thread, which also labels errors. [`spawn`](Builder::spawn) panics if the name
    /// contains a zero byte.
    /// ```
    /// let worker = sigalarm::thread::Worker::builder().name("solve").spawn(|| ()).unwrap();
    /// assert_eq!(worker.name(), Some("solve"));
    /// ```
    pub fn name(self, name: impl Into<String>) -> Builder {
        Builder { name: Some(name.into()), ..self }
    }

    /// Sets the size of the stack in bytes; the system may round it up.
    /// ```
    /// let builder = sigalarm::thread::Worker::builder().stack_size(64 << 20);
    /// builder.spawn(|| std::hint::black_box([1_u8; 16 << 20])[0]).unwrap().join().unwrap();
    /// ```
    pub fn stack_size(self, bytes: usize) -> Builder {
        Builder { stack_size: Some(bytes), ..self }
    }

    /// Makes `alarm`, which another thread has armed, limit the worker too, until the alarm's guard is dropped.
    /// ```
    /// use sigalarm::{Alarm, checkpoint, shielded, thread::Worker};
    /// let alarm = Alarm::never()?;
    /// let worker = Worker::builder().under(alarm.handle()).spawn(|| while checkpoint().is_ok() {})?;
    /// alarm.ring();
    /// shielded(|| worker.join())?; // the alarm also ends a join on this thread
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn under(self, alarm: AlarmHandle) -> Builder {
        Builder { under: Some(alarm), ..self }
    }

    /// Runs `f` on a new thread.
    /// ```
    /// assert_eq!(sigalarm::thread::Worker::builder().spawn(|| 42).unwrap().join().unwrap(), 42);
    /// ```
    pub fn spawn<T, F>(self, f: F) -> io::Result<Worker<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let mut builder = thread::Builder::new();
        if let Some(name) = self.name {
            builder = builder.name(name);
        }
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let progress = Mutex::new(Progress::Starting(false));
        let shared = Arc::new(Shared { progress, ended: Condvar::new() });
        let of_thread = shared.clone();
        let handle = builder.spawn(move || of_thread.run(self.under, f))?;
        Ok(Worker { shared, thread: handle.thread().clone(), handle: Mutex::new(Some(handle)) })
    }
}
