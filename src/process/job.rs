//! The handle on a job.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::builder::Builder;
use super::child::Child;
use super::detached;
use super::error::{JobError, SpawnError};
use super::state::{self, End, Stage, State, Terms};
use super::{Exit, Usage};
use crate::bell::{self, Waiting};
use crate::os::reap::Life;
use crate::os::{clock, poll};
use crate::time::Time;

/// A function that runs in a forked child, with a value to come.
///
/// It can be joined any number of times, from any number of threads, and gives everybody the same outcome: the
/// value is kept as it came over the pipe and decoded for each. Waiting sleeps in the kernel until something
/// happens; the value is taken in meanwhile, so that one of any size arrives. The job is over when its process
/// has ended, whatever is left that holds the pipe.
///
/// **Dropping a job kills it**, with its process group, and reaps it; which waits for the kernel to take the
/// process down. A job that has ended is not touched. [`detach`](Job::detach) is for the other wish.
///
/// In a child of this process's (another job that captured it), a job is inert: it cannot be joined
/// ([`JobError::NotParent`]) and its drop does nothing.
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
    shared: Shared,
    value: PhantomData<fn() -> T>,
}

/// All of a job but the type of its value.
pub(super) struct Shared {
    pub(super) parent: Pid,
    pub(super) pid: Pid,
    pub(super) terms: Terms,
    pub(super) state: Mutex<State>,
}

impl Job<()> {
    /// A job with a limit, a label, or whatever else it may need.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<T: Serialize + DeserializeOwned> Job<T> {
    /// Runs `f` in a forked child, without a limit.
    ///
    /// Returns as soon as the child exists. See [the module](super#what-the-child-is) for what of the parent it
    /// is and is not.
    ///
    /// # Errors
    ///
    /// [`SpawnError::MultiThreaded`] where other threads exist, and [`SpawnError::System`] if a system call
    /// fails. Nothing is left of the attempt, and `f` has not run.
    #[track_caller]
    pub fn spawn<F: FnOnce() -> T>(f: F) -> Result<Job<T>, SpawnError> {
        Builder::new().spawn(f)
    }
}

impl<T> Job<T> {
    pub(super) fn new(shared: Shared) -> Job<T> {
        Job { shared, value: PhantomData }
    }

    /// The child's process id. Only while the job is alive is it sure to be this job's.
    pub fn id(&self) -> u32 {
        self.shared.pid.as_raw().unsigned_abs()
    }

    /// Whether the process still lives. Does not block.
    ///
    /// It also does what a waiter would do: takes in what has come, and keeps to the [limit](Builder::limit).
    pub fn is_alive(&self) -> bool {
        self.shared.is_ours() && {
            let mut state = self.shared.state.lock();
            let _ = state.advance(&self.shared.terms);
            matches!(state.stage, Stage::Running(_))
        }
    }

    /// How the process ended; `None` while it lives. Does not block.
    pub fn exit(&self) -> Option<Exit> {
        self.shared.end().map(|end| end.exit)
    }

    /// The exit code as Python has it: negative for a signal; `None` while the process lives, and when nobody
    /// knows. Does not block.
    pub fn exit_code(&self) -> Option<i32> {
        self.exit().and_then(Exit::code)
    }

    /// What the process used; `None` while it lives, and when somebody else reaped it. Does not block.
    pub fn usage(&self) -> Option<Usage> {
        self.shared.end().and_then(|end| end.usage)
    }

    /// Asks the job to end: SIGTERM to its process group, and SIGCONT, so that a stopped one hears of it. Does
    /// not wait for it; one that has ended is not touched.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says, such as that the child has become another user.
    pub fn terminate(&self) -> io::Result<()> {
        self.shared.reach(state::terminate)
    }

    /// Ends the job: SIGKILL to its process group. Does not wait for it; one that has ended is not touched.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Job::terminate).
    pub fn kill(&self) -> io::Result<()> {
        self.shared.reach(|child| child.signal_all(Signal::SIGKILL))
    }

    /// Sends a signal to the child alone. One that has ended is not touched.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Job::terminate), and EINVAL for what is no signal.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.shared.reach(|child| child.signal(signal))
    }

    /// Lets the job go on without anybody to join it. What it returns is lost, nobody keeps it to its limit but
    /// the alarm in the child, and it still dies with this process unless the builder said otherwise.
    ///
    /// It is reaped when it has ended and this process spawns another job.
    pub fn detach(self) {
        if !self.shared.is_ours() {
            return;
        }
        let stage = std::mem::replace(&mut self.shared.state.lock().stage, Stage::Detached);
        if let Stage::Running(running) = stage {
            // Nobody else holds it: a waiter would be borrowing the job.
            if let Some(child) = Arc::into_inner(running.child) {
                detached::let_go(child);
            }
        }
    }
}

impl<T: DeserializeOwned> Job<T> {
    /// Waits for the job to end and hands its value over.
    ///
    /// Blocks until then; or until an alarm of the calling thread expires, and then the job is alive and can be
    /// joined again.
    ///
    /// # Errors
    ///
    /// [`JobError`] tells how it ended without a value. It is [`JobError::TimedOut`] if the job's own limit had
    /// to end it, and if an alarm of the calling thread expired.
    #[track_caller]
    pub fn join(&self) -> Result<T, JobError> {
        self.join_until(Time::NEVER, None, Location::caller())
    }

    /// Waits for the job to end, but no longer than `limit`. If that runs out, the job is alive and can be
    /// joined again. A zero limit looks and does not wait.
    ///
    /// # Errors
    ///
    /// As [`join`](Job::join), and [`JobError::TimedOut`] if `limit` runs out.
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<T, JobError> {
        let now = clock::now();
        self.join_until(now.after(limit), Some(now), Location::caller())
    }

    /// Waits for the job to end, but not past `deadline`; see [`join_timeout`](Job::join_timeout).
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Job::join_timeout).
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<T, JobError> {
        self.join_until(clock::from_instant(deadline), Some(clock::now()), Location::caller())
    }

    fn join_until(
        &self,
        deadline: Time,
        since: Option<Time>,
        location: &'static Location<'static>,
    ) -> Result<T, JobError> {
        let bytes = self.shared.wait(deadline, since, location)?.outcome?;
        match postcard::take_from_bytes(&bytes) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => {
                let message = format!("{} bytes are left over", rest.len()).into();
                Err(JobError::NotDecoded { message })
            }
            Err(e) => Err(JobError::NotDecoded { message: e.to_string().into() }),
        }
    }
}

/// What a waiter sleeps on.
struct Watch {
    child: Arc<Child>,
    pipe: Option<Arc<OwnedFd>>,
    /// When the ladder has something to do.
    next: Time,
}

impl Shared {
    fn is_ours(&self) -> bool {
        process::id() == self.parent.as_raw().unsigned_abs()
    }

    /// Waits for the end of the job, until `deadline`, or until an alarm of this thread expires.
    fn wait(
        &self,
        deadline: Time,
        since: Option<Time>,
        location: &'static Location<'static>,
    ) -> Result<End, JobError> {
        if !self.is_ours() {
            return Err(JobError::NotParent);
        }
        let mut nap = Nap::new();
        // While an alarm of this thread may be rung by another.
        let mut waiting = None;
        loop {
            let watch = match self.step().map_err(|e| JobError::system("waitid", e))? {
                Ok(watch) => watch,
                Err(end) => return Ok(end),
            };
            // Looked up first, asked afterwards: an alarm that falls due in between is found expired.
            let alarm = bell::next_here();
            if alarm.is_some() {
                // Refused, nobody can wake this thread early; it still wakes for every deadline.
                waiting = waiting.or_else(|| Waiting::begin().ok());
                bell::answer_here(location)?;
            }
            let now = clock::now();
            if now >= deadline {
                let since = since.unwrap_or(now);
                let timed_out =
                    self.terms.timed_out(since, Some(deadline.since(since)), now, location.into());
                return Err(timed_out.into());
            }
            let mut until = deadline.min(watch.next).min(alarm.unwrap_or(Time::NEVER));
            let notice = watch.child.notice();
            if notice.is_none() {
                until = until.min(now.after(nap.next()));
            }
            let fds: Vec<_> =
                notice.into_iter().chain(watch.pipe.as_ref().map(|pipe| pipe.as_fd())).collect();
            poll::wait_any(&fds, time_until(until)).map_err(|e| JobError::system("poll", e))?;
        }
    }

    /// One step of the job: its end, or what to sleep on until the next.
    fn step(&self) -> io::Result<Result<Watch, End>> {
        let mut state = self.state.lock();
        state.advance(&self.terms)?;
        Ok(match &state.stage {
            Stage::Running(running) => Ok(Watch {
                child: running.child.clone(),
                pipe: running.pipe.clone(),
                next: state.ladder.next(),
            }),
            Stage::Ended(end) => Err(end.clone()),
            // `detach` takes the job by value, so there is nobody to come here.
            Stage::Detached => return Err(io::Error::from(io::ErrorKind::NotFound)),
        })
    }

    fn end(&self) -> Option<End> {
        if !self.is_ours() {
            return None;
        }
        let mut state = self.state.lock();
        let _ = state.advance(&self.terms);
        match &state.stage {
            Stage::Ended(end) => Some(end.clone()),
            Stage::Running(_) | Stage::Detached => None,
        }
    }

    /// Does something to the child, if it has not ended.
    ///
    /// Under the lock, so that nobody reaps the child meanwhile and its pid stays its own.
    fn reach(&self, act: impl FnOnce(&Child) -> io::Result<()>) -> io::Result<()> {
        if !self.is_ours() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, JobError::NotParent));
        }
        match &self.state.lock().stage {
            Stage::Running(running) => act(&running.child),
            Stage::Ended(_) | Stage::Detached => Ok(()),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let state = self.state.get_mut();
        if let Stage::Running(running) = &state.stage {
            let child = running.child.clone();
            let _ = child.signal_all(Signal::SIGKILL);
            let mut nap = Nap::new();
            while matches!(child.look(), Ok(Life::Alive)) {
                let time = child.notice().is_none().then(|| nap.next());
                let _ = poll::wait_any(child.notice().as_slice(), time);
            }
            state.finish(&self.terms);
        }
    }
}

fn time_until(time: Time) -> Option<Duration> {
    (!time.is_never()).then(|| clock::until(time))
}

/// How long to sleep where the kernel gives no notice of a child's end: short at first, for a short job, and
/// soon as long as nobody minds.
struct Nap(Duration);

impl Nap {
    fn new() -> Nap {
        Nap(Duration::from_micros(500))
    }

    fn next(&mut self) -> Duration {
        let nap = self.0;
        self.0 = (nap * 2).min(Duration::from_millis(20));
        nap
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id())
            .field("label", &self.shared.terms.label)
            .field("exit", &self.exit())
            .finish_non_exhaustive()
    }
}
