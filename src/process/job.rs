//! The handle on a job.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::builder::Builder;
use super::error::{JobError, SpawnError};
use super::shared::Shared;
use super::wire::{DecodeError, decode};
use crate::os::clock;
use crate::time::Time;

/// A function that runs in a forked child, with a value to come.
///
/// It can be joined any number of times, from any number of threads, with the same outcome: the bytes of the value are kept,
/// and each join decodes them. A join sleeps in the kernel until something happens, and reads the value meanwhile, so that one
/// of any size arrives. The job has ended when its process has, whatever other processes hold its pipe.
///
/// **Dropping a job kills it**, with its process group, and reaps it; the drop waits until the kernel has ended the process. A
/// job that has ended is not signalled. One that this process may not kill, because either of them has become another user, is
/// detached. [`detach`](Job::detach) lets a job go on.
///
/// In a forked child of this process, such as another job that captured it, a job does nothing: it cannot be joined
/// ([`JobError::NotParent`]), and its drop has no effect.
///
/// # Examples
///
/// ```standalone_crate
/// use sigalarm::process::Job;
/// use std::time::Duration;
///
/// let numbers = vec![1_u64, 2, 3];
/// let job = Job::spawn(|| numbers.iter().sum::<u64>())?; // borrows: the child has its own copy
/// assert_eq!(job.join()?, 6);
/// assert_eq!(job.exit_code(), Some(0));
///
/// let job = Job::spawn(|| -> () { loop {} })?;
/// assert!(job.join_timeout(Duration::from_millis(10)).is_err());
/// assert!(job.is_alive()); // a time-out ends nothing
/// job.terminate()?;
/// assert!(job.join().is_err());
/// assert_eq!(job.exit_code(), Some(-15));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping a job kills it; join it, or `detach()` it"]
pub struct Job<T> {
    shared: Box<Shared>,
    value: PhantomData<fn() -> T>,
}

impl Job<()> {
    /// Returns a builder, for a job with a limit, a label or other settings.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::time::Duration;
    ///
    /// let job = Job::builder().label("square").limit(Duration::from_secs(10)).spawn(|| 12 * 12)?;
    /// assert_eq!(job.join()?, 144);
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<T: Serialize + DeserializeOwned> Job<T> {
    /// Runs `f` in a forked child, without a limit.
    ///
    /// Returns as soon as the child exists. See [the module](super#what-the-child-is), and [fork(2)].
    ///
    /// # Errors
    ///
    /// [`SpawnError::MultiThreaded`] where other threads exist, and [`SpawnError::System`] if a system call fails. Then there
    /// is no child, and `f` has not run.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let text = "lent, and not given".to_owned();
    /// let job = Job::spawn(|| text.len())?;
    /// assert_eq!(job.join()?, 19);
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    ///
    /// [fork(2)]: https://man7.org/linux/man-pages/man2/fork.2.html
    #[track_caller]
    pub fn spawn<F: FnOnce() -> T>(f: F) -> Result<Job<T>, SpawnError> {
        Builder::new().spawn(f)
    }
}

impl<T> Job<T> {
    pub(super) fn new(shared: Box<Shared>) -> Job<T> {
        Job { shared, value: PhantomData }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Lets the job go on without a join. Its value is lost, only its own timers enforce its [limit](Builder::limit), and it
    /// still dies with this process unless [`die_with_parent`](Builder::die_with_parent) says otherwise.
    ///
    /// It is reaped when it has ended and this process spawns another job.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// Job::builder().die_with_parent(false).spawn(|| ())?.detach();
    /// # Ok::<(), sigalarm::process::SpawnError>(())
    /// ```
    pub fn detach(self) {
        if !self.shared.is_ours() {
            return;
        }
        self.shared.state.lock().detach();
    }
}

impl<T: DeserializeOwned> Job<T> {
    /// Waits for the job to end and returns its value.
    ///
    /// Blocks until then, or until an alarm of the calling thread expires; then the job is alive and can be joined again.
    ///
    /// # Errors
    ///
    /// [`JobError`] says how it ended without a value. It is [`JobError::TimedOut`] if the job was ended for its limit, and if
    /// an alarm of the calling thread expired.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| vec![1, 2, 3])?;
    /// assert_eq!(job.join()?, [1, 2, 3]);
    /// assert_eq!(job.join()?, [1, 2, 3]); // as often as you like
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, JobError> {
        self.join_until(Time::NEVER, None, Location::caller())
    }

    /// Waits for the job to end, but no longer than `limit`. After that the job is alive and can be joined again. A zero limit
    /// looks and does not wait.
    ///
    /// # Errors
    ///
    /// As [`join`](Job::join), and [`JobError::TimedOut`] if `limit` passes.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    /// use std::time::Duration;
    ///
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// let limit = Duration::from_millis(10);
    /// match job.join_timeout(limit) {
    ///     Err(JobError::TimedOut(timed_out)) => assert!(timed_out.elapsed() >= limit),
    ///     other => panic!("{other:?}"),
    /// }
    /// assert!(job.is_alive());
    /// # Ok::<(), JobError>(())
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<T, JobError> {
        let now = clock::kernel_now();
        self.join_until(now.after(limit), Some(now), Location::caller())
    }

    /// Returns the outcome of a job that has ended, as [`join`](Job::join) does; `None` while it lives. Does not block.
    ///
    /// Like a join it reads what has come, and enforces the [limit](Builder::limit).
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| 6 * 7)?;
    /// let answer = loop {
    ///     match job.try_join() {
    ///         Some(outcome) => break outcome?,
    ///         None => std::thread::yield_now(), // or other work
    ///     }
    /// };
    /// assert_eq!(answer, 42);
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    pub fn try_join(&self) -> Option<Result<T, JobError>> {
        if !self.shared.is_ours() {
            return Some(Err(JobError::NotParent));
        }
        self.shared.end().map(|end| self.decode(&end.outcome?))
    }

    /// Waits for the job to end, but not past `deadline`; see [`join_timeout`](Job::join_timeout).
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Job::join_timeout).
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::time::{Duration, Instant};
    ///
    /// let deadline = Instant::now() + Duration::from_secs(10);
    /// let jobs = [Job::spawn(|| 1)?, Job::spawn(|| 2)?];
    /// for job in &jobs {
    ///     job.join_deadline(deadline)?; // the same for all
    /// }
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<T, JobError> {
        self.join_timeout(deadline.saturating_duration_since(Instant::now()))
    }

    fn join_until(
        &self,
        deadline: Time,
        since: Option<Time>,
        location: &'static Location<'static>,
    ) -> Result<T, JobError> {
        self.decode(&self.shared.wait(deadline, since, location)?.outcome?)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, JobError> {
        let limit = self.shared.options.depth_limit;
        decode(bytes, limit).map_err(|e| match e {
            DecodeError::TooDeep => JobError::TooDeep { limit },
            DecodeError::Other(message) => JobError::NotDecoded { message: message.into() },
        })
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id())
            .field("label", &self.shared.options.label)
            .field("exit_status", &self.exit_status())
            .finish_non_exhaustive()
    }
}
