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

/// A function that runs in a forked child.
///
/// All joins, from any thread, have the same outcome. **A drop kills the job** with its process group, and blocks until
/// the process has ended; it detaches a job that this process may not signal (EPERM).
///
/// In a forked child of this process a join returns [`JobError::NotParent`], and a drop has no effect.
///
/// ```standalone_crate
/// use sigalarm::process::Job;
///
/// assert_eq!(Job::spawn(|| 6 * 7)?.join()?, 42);
/// # Ok::<(), sigalarm::process::JobError>(())
/// ```
#[must_use = "dropping a job kills it; join it, or `detach()` it"]
pub struct Job<T> {
    shared: Box<Shared>,
    value: PhantomData<fn() -> T>,
}

impl Job<()> {
    /// Returns a builder, for a job with settings.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// assert_eq!(Job::builder().label("square").run(|| 12 * 12)?, 144);
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<T: Serialize + DeserializeOwned> Job<T> {
    /// Runs `f` in a forked child, without a limit. Returns as soon as the child exists. See [fork(2)].
    ///
    /// # Errors
    ///
    /// [`SpawnError`] if other threads exist or a system call fails. Then `f` has not run.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let text = "borrowed".to_owned();
    /// assert_eq!(Job::spawn(|| text.len())?.join()?, 8);
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

    /// Lets the job go on without a join. Its value is lost, and only its own timers enforce its
    /// [limit](Builder::limit). It still [dies with this process](Builder::die_with_parent). A later spawn reaps it.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// Job::spawn(|| ())?.detach();
    /// # Ok::<(), sigalarm::process::SpawnError>(())
    /// ```
    pub fn detach(self) {
        if !self.shared.in_parent() {
            return;
        }
        self.shared.state.lock().detach();
    }
}

impl<T: DeserializeOwned> Job<T> {
    /// Waits for the job to end and returns its value.
    ///
    /// Blocks until then, or until an alarm of the calling thread expires.
    ///
    /// # Errors
    ///
    /// [`JobError::TimedOut`] if the job was ended at its limit, or if an alarm of the calling thread expired: then the
    /// job goes on. The other errors say how the job ended without a value.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// assert_eq!(Job::spawn(|| 42)?.join()?, 42);
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, JobError> {
        self.join_until(Time::NEVER, None, Location::caller())
    }

    /// Waits for the job to end, but no longer than `limit`. Zero does not block.
    ///
    /// # Errors
    ///
    /// As [`join`](Job::join), and [`JobError::TimedOut`] if `limit` passes. Then the job goes on.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::time::Duration;
    ///
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// assert!(job.join_timeout(Duration::from_millis(10)).is_err() && job.is_alive());
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<T, JobError> {
        let now = clock::kernel_now();
        self.join_until(now.after(limit), Some(now), Location::caller())
    }

    /// Returns the outcome of an ended job, as [`join`](Job::join) does; `None` while it runs. Does not block.
    ///
    /// It also receives what the job has sent, and enforces the [limit](Builder::limit).
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| 42)?;
    /// while job.try_join().is_none() {}
    /// # Ok::<(), sigalarm::process::SpawnError>(())
    /// ```
    pub fn try_join(&self) -> Option<Result<T, JobError>> {
        if !self.shared.in_parent() {
            return Some(Err(JobError::NotParent));
        }
        self.shared.end().map(|end| self.decode(&end.outcome?))
    }

    /// Waits as [`join_timeout`](Job::join_timeout) does, but until `deadline`.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::time::{Duration, Instant};
    ///
    /// assert_eq!(Job::spawn(|| 1)?.join_deadline(Instant::now() + Duration::from_secs(10))?, 1);
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
