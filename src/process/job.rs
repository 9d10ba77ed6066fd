use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::panic::Location;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::builder::Builder;
use super::error::{JobError, SpawnError};
use super::shared::{End, Shared, wait_any};
use super::wire::decode;
use super::{Exit, Usage};
use crate::os::poll;

/// A function that runs in a forked child.
///
/// Every join, on any thread, returns the same outcome. **A drop kills the job** with its process group and blocks
/// until the process has ended. If the kernel refuses the signal (EPERM), the drop detaches the job. In a process that
/// inherits the `Job` by a fork, a join returns [`JobError::NotParent`], and a drop has no effect.
/// ```standalone_crate
/// let text = "borrowed".to_owned();
/// assert_eq!(sigalarm::process::Job::spawn(|| text.len()).unwrap().join().unwrap(), 8);
/// ```
#[must_use = "dropping a job kills it; join it, or `detach()` it"]
pub struct Job<T> {
    pub(super) shared: Box<Shared>,
    value: PhantomData<fn() -> T>,
}

impl Job<()> {
    /// Returns a builder.
    /// ```standalone_crate
    /// assert_eq!(sigalarm::process::Job::builder().label("square").run(|| 12 * 12).unwrap(), 144);
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<T: Serialize + DeserializeOwned> Job<T> {
    /// Runs `f` in a forked child, without a limit: [fork(2)](https://man7.org/linux/man-pages/man2/fork.2.html). Does not block.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] if other threads exist or a system call fails. Then `f` has not run.
    /// ```standalone_crate
    /// assert_eq!(sigalarm::process::Job::spawn(|| 6 * 7).unwrap().join().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<F: FnOnce() -> T>(f: F) -> Result<Job<T>, SpawnError> {
        Builder::new().spawn(f)
    }
}

impl<T> Job<T> {
    pub(super) fn new(shared: Box<Shared>) -> Job<T> {
        Job { shared, value: PhantomData }
    }

    /// Lets the job go on without a join. The value is lost, and only the child's timer, described at
    /// [`limit`](Builder::limit), kills it. [`die_with_parent`](Builder::die_with_parent) still applies. A later spawn
    /// reaps the ended child.
    /// ```standalone_crate
    /// sigalarm::process::Job::spawn(|| ()).unwrap().detach();
    /// ```
    pub fn detach(mut self) {
        if self.shared.in_parent() {
            self.shared.detach();
        }
    }
}

impl<T: DeserializeOwned> Job<T> {
    /// Waits for the job to end, or for an alarm of the calling thread to expire, and returns the value.
    ///
    /// # Errors
    ///
    /// [`JobError::TimedOut`] if the job's limit or the alarm expired. The alarm does not end the job. The other errors
    /// say why there is no value.
    /// ```standalone_crate
    /// assert_eq!(sigalarm::process::Job::spawn(|| 42).unwrap().join().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn join(&self) -> Result<T, JobError> {
        self.join_timeout(Duration::MAX)
    }

    /// Waits as [`join`](Job::join) does, but at most for `limit`. Then it returns [`JobError::TimedOut`], and the job
    /// goes on. A `limit` of zero does not block.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| std::thread::sleep(std::time::Duration::MAX)).unwrap();
    /// assert!(job.join_timeout(std::time::Duration::from_millis(10)).is_err() && job.is_alive());
    /// ```
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<T, JobError> {
        let mut fds = [[poll::readable(None); 2]];
        wait_any(&[&self.shared], &mut fds, limit, Location::caller())?;
        self.decode(self.shared.end.get().expect("a job that was waited for has ended"))
    }

    /// Returns the outcome as [`join`](Job::join) does; `None` while the job runs. Does not block. Each call also
    /// receives bytes of the value and enforces the [limit](Builder::limit).
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| 42).unwrap();
    /// while job.try_join().is_none() {}
    /// ```
    pub fn try_join(&self) -> Option<Result<T, JobError>> {
        if !self.shared.in_parent() {
            return Some(Err(JobError::NotParent));
        }
        self.shared.poll_end().map(|end| self.decode(end))
    }

    /// Waits as [`join_timeout`](Job::join_timeout) does, but until `deadline`, with the same errors.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| 1).unwrap();
    /// assert_eq!(job.join_deadline(std::time::Instant::now() + std::time::Duration::from_secs(10)).unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<T, JobError> {
        self.join_timeout(deadline.saturating_duration_since(Instant::now()))
    }

    fn decode(&self, end: &End) -> Result<T, JobError> {
        let bytes = end.outcome.as_ref().map_err(JobError::clone)?;
        decode(bytes, self.shared.options.depth_limit)
    }
}

/// # State
///
/// These functions do not block. Exit status and usage are `None` while the process runs.
impl<T> Job<T> {
    /// Returns the child's process id, which the kernel may use again after the job has ended.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(std::process::id).unwrap();
    /// assert_eq!(job.join().unwrap(), job.id());
    /// ```
    pub fn id(&self) -> u32 {
        self.shared.child.pid.as_raw().unsigned_abs()
    }

    /// Returns whether the process runs. Also receives bytes and enforces the limit, as [`try_join`](Job::try_join)
    /// does.
    /// ```standalone_crate
    /// assert!(sigalarm::process::Job::spawn(|| std::thread::sleep(std::time::Duration::MAX)).unwrap().is_alive());
    /// ```
    pub fn is_alive(&self) -> bool {
        self.shared.in_parent() && self.shared.poll_end().is_none()
    }

    /// Returns how the process ended.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| -> () { std::process::exit(3) }).unwrap();
    /// assert!(job.join().is_err() && job.exit_status() == Some(sigalarm::process::Exit::Code(3)));
    /// ```
    pub fn exit_status(&self) -> Option<Exit> {
        self.shared.poll_end().map(|end| end.exit)
    }

    /// Returns the [code](Exit::code) of the exit status.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| 42).unwrap();
    /// job.join().unwrap();
    /// assert_eq!(job.exit_code(), Some(0));
    /// ```
    pub fn exit_code(&self) -> Option<i32> {
        self.exit_status().and_then(Exit::code)
    }

    /// Returns the resources that the process used; `None` if other code reaped it.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| 42).unwrap();
    /// job.join().unwrap();
    /// assert!(job.usage().unwrap().max_resident > 0);
    /// ```
    pub fn usage(&self) -> Option<Usage> {
        self.shared.poll_end()?.usage
    }

    /// Returns a [pidfd](https://man7.org/linux/man-pages/man2/pidfd_open.2.html), which is readable when the process
    /// has ended. It is open until the `Job` is dropped.
    ///
    /// Returns `None` if the job has no pidfd. Polling the pidfd neither receives a large value nor enforces the
    /// [limit](Builder::limit), so call [`try_join`](Job::try_join) too.
    /// ```standalone_crate
    /// use nix::poll::{PollFd, PollFlags, poll};
    /// let job = sigalarm::process::Job::spawn(|| 6 * 7).unwrap();
    /// let ended = job.end_fd().map(|fd| poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], 10_000_u16));
    /// assert!(ended.is_none_or(|ended| ended == Ok(1)));
    /// ```
    pub fn end_fd(&self) -> Option<BorrowedFd<'_>> {
        if self.shared.in_parent() { self.shared.child.end_fd() } else { None }
    }
}

/// # Signals
///
/// These functions do not block, and have no effect on a job that has ended. They return the kernel's errors.
impl<T> Job<T> {
    /// Sends SIGTERM and SIGCONT to the job's process group: [kill(2)](https://man7.org/linux/man-pages/man2/kill.2.html).
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| std::thread::sleep(std::time::Duration::MAX)).unwrap();
    /// job.terminate().unwrap();
    /// assert_eq!(job.join().unwrap_err().to_string(), "was killed by SIGTERM");
    /// ```
    pub fn terminate(&self) -> io::Result<()> {
        self.shared.signal(Signal::SIGTERM as i32, |child| child.signal_all(Signal::SIGTERM))
    }

    /// Sends SIGKILL to the job's process group.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| std::thread::sleep(std::time::Duration::MAX)).unwrap();
    /// job.kill().unwrap();
    /// assert_eq!(job.join().unwrap_err().to_string(), "was killed by SIGKILL");
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        self.shared.signal(Signal::SIGKILL as i32, |child| child.signal_all(Signal::SIGKILL))
    }

    /// Sends a signal by its number to the child alone.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| std::thread::sleep(std::time::Duration::MAX)).unwrap();
    /// job.signal(10).unwrap(); // SIGUSR1
    /// ```
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.shared.signal(signal, |child| child.signal(signal))
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
