//! The settings of a job.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{JobError, SpawnError};
use super::job::Job;
use super::output::Output;
use super::spawn::spawn;
use crate::os::alone::{Alone, Company};

/// The default of [`Builder::depth_limit`].
const DEPTH: usize = 256;

/// The settings of a job; made by [`Job::builder`], used by [`spawn`](Builder::spawn) or [`run`](Builder::run).
///
/// It is not `Clone`, because it may own a descriptor. For several jobs with the same settings make it in a function.
///
/// ```standalone_crate
/// use sigalarm::process::{Job, Output};
/// use std::time::Duration;
///
/// let job = Job::builder()
///     .label("parse")
///     .limit(Duration::from_secs(10))
///     .memory_limit(1 << 30)
///     .stderr(Output::Null)
///     .spawn(|| "ok".to_owned())?;
/// assert_eq!(job.join()?, "ok");
/// # Ok::<(), sigalarm::process::JobError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing runs before `spawn()` or `run()`"]
pub struct Builder {
    pub(super) options: Options,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

/// What a job keeps of its settings.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) limit: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) label: Option<Arc<str>>,
    pub(super) foreground: bool,
    pub(super) die_with_parent: bool,
    pub(super) memory: Option<u64>,
    pub(super) cpu_limit: Option<Duration>,
    pub(super) value_limit: usize,
    pub(super) depth_limit: usize,
}

impl Builder {
    pub(super) fn new() -> Builder {
        let options = Options {
            limit: None,
            grace: Duration::from_secs(1),
            label: None,
            foreground: false,
            die_with_parent: true,
            memory: None,
            cpu_limit: None,
            value_limit: usize::MAX,
            depth_limit: DEPTH,
        };
        Builder { options, stdout: Output::Inherit, stderr: Output::Inherit }
    }

    /// Names the job in the message of [`TimedOut`](crate::TimedOut): "parse timed out …".
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::time::Duration;
    ///
    /// let job = Job::builder().label("parse").spawn(|| -> () { loop {} })?;
    /// let e = job.join_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert!(e.to_string().starts_with("parse timed out after "));
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    pub fn label(mut self, label: impl Into<Arc<str>>) -> Builder {
        self.options.label = Some(label.into());
        self
    }

    /// Sets whether the child stays in the parent's process group. By default it does not: it leads a group of its own, which
    /// is killed when the child ends.
    ///
    /// In the foreground the child can read from the terminal (in a group of its own it would be stopped), and Ctrl-C reaches
    /// it as well as the parent. Then signals go to the child alone, and its own children are not killed. See [setpgid(2)].
    ///
    /// ```standalone_crate
    /// use nix::unistd::getpgrp;
    /// use sigalarm::process::Job;
    ///
    /// let group = || getpgrp().as_raw();
    /// assert_ne!(Job::builder().run(group)?, group());
    /// assert_eq!(Job::builder().foreground(true).run(group)?, group());
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    ///
    /// [setpgid(2)]: https://man7.org/linux/man-pages/man2/setpgid.2.html
    pub fn foreground(mut self, foreground: bool) -> Builder {
        self.options.foreground = foreground;
        self
    }

    /// Sets whether the child is killed when the parent dies, in whatever way. By default it is, where the system can do that
    /// (Linux).
    ///
    /// The child, and not the processes that it has started. A [`cpu_limit`](Builder::cpu_limit) holds for each of them.
    ///
    /// It is the *thread* that counts: a job that one of several threads has spawned unchecked ends with that thread. See
    /// [PR_SET_PDEATHSIG(2const)].
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::io::{self, Write};
    /// use std::os::unix::{net::UnixStream, process::parent_id};
    ///
    /// let (here, there) = UnixStream::pair()?;
    /// Job::spawn(|| {
    ///     let parent = std::process::id();
    ///     let orphan = Job::builder().die_with_parent(false).spawn(|| {
    ///         while parent_id() == parent {
    ///             std::thread::yield_now();
    ///         }
    ///         (&there).write_all(b"lives on").is_ok()
    ///     });
    ///     orphan.map(Job::detach).is_ok()
    /// })?.join()?; // and its process is gone
    /// drop(there);
    /// assert_eq!(io::read_to_string(here)?, "lives on");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [PR_SET_PDEATHSIG(2const)]: https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    pub fn die_with_parent(mut self, die: bool) -> Builder {
        self.options.die_with_parent = die;
        self
    }

    /// Sets where the child's standard output goes. By default it is the parent's.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::fs::{self, File};
    ///
    /// # struct Removed(std::path::PathBuf);
    /// # impl Drop for Removed {
    /// #     fn drop(&mut self) {
    /// #         let _ = fs::remove_file(&self.0);
    /// #     }
    /// # }
    /// # let path = &std::env::temp_dir().join(format!("sigalarm-{}.log", std::process::id()));
    /// # let _removed = Removed(path.clone());
    /// Job::builder().stdout(File::create(path)?).run(|| println!("42 tours"))?;
    /// assert_eq!(fs::read_to_string(path)?, "42 tours\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stdout(self, to: impl Into<Output>) -> Builder {
        Builder { stdout: to.into(), ..self }
    }

    /// Sets where the child's standard error goes. By default it is the parent's.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::os::{fd::OwnedFd, unix::net::UnixStream};
    ///
    /// let (here, there) = UnixStream::pair()?;
    /// Job::builder().stderr(OwnedFd::from(there)).run(|| eprintln!("warning: no tours"))?;
    /// assert_eq!(std::io::read_to_string(here)?, "warning: no tours\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stderr(self, to: impl Into<Output>) -> Builder {
        Builder { stderr: to.into(), ..self }
    }

    /// Spawns the job; see [`Job::spawn`]. Returns as soon as the child exists.
    ///
    /// # Errors
    ///
    /// As [`Job::spawn`].
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::time::Duration;
    ///
    /// let halves = [0..500_000_u64, 500_000..1_000_000];
    /// let jobs = halves.map(|half| {
    ///     let sum = || half.sum::<u64>(); // on a processor of its own, if there is one
    ///     Job::builder().limit(Duration::from_secs(60)).spawn(sum)
    /// });
    /// let mut total = 0;
    /// for job in jobs {
    ///     total += job?.join()?;
    /// }
    /// assert_eq!(total, 499_999_500_000);
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    #[track_caller]
    pub fn spawn<T, F>(self, f: F) -> Result<Job<T>, SpawnError>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> T,
    {
        let alone = Alone::look().map_err(|company| match company {
            Company::Threads(threads) => SpawnError::MultiThreaded { threads },
            Company::Unknown => SpawnError::ThreadsUnknown,
        })?;
        spawn(self, alone, false, f, Location::caller())
    }

    /// Spawns the job and joins it: [`run`](super::run) with the settings of the builder. Blocks as that does; without a
    /// limit, until the job has ended.
    ///
    /// # Errors
    ///
    /// As [`run`](super::run).
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, Output};
    /// use std::time::Duration;
    ///
    /// let noisy = || {
    ///     println!("squaring …");
    ///     12 * 12
    /// };
    /// let quiet = Job::builder().limit(Duration::from_secs(60)).stdout(Output::Null);
    /// assert_eq!(quiet.run(noisy)?, 144);
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    #[track_caller]
    pub fn run<T, F>(self, f: F) -> Result<T, JobError>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> T,
    {
        self.spawn(f)?.join()
    }

    /// Spawns the job without looking for other threads.
    ///
    /// # Safety
    ///
    /// The child has a copy of the calling thread only. What another thread was doing at that moment stays half done in the
    /// child for ever: a lock that it held is locked, a structure that it was changing is half changed. The caller promises
    /// for everything that the child does until it ends:
    ///
    /// - `f`, the serialisation of its value and what they call touch nothing that another thread may have been changing.
    /// - They use the allocator only if it survives a fork. Those of glibc, musl and macOS do.
    /// - They do not rely on other threads, such as those of a thread pool.
    /// - No other thread is reporting a panic or changing the panic hook: the child takes that lock before `f` runs.
    ///
    /// The library takes care of Rust's standard streams and of its own alarms; both may be used. Where each other thread is
    /// blocked in a system call and holds no lock, all of it holds.
    ///
    /// A thread that spawns at the same moment may leave the new child a descriptor that it has just opened.
    /// One that reaps any child (`waitpid(-1)`) may reap this one before the library has opened its pidfd.
    ///
    /// # Errors
    ///
    /// [`SpawnError::System`].
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::{sync::mpsc, thread};
    ///
    /// let (end, wait) = mpsc::channel::<()>();
    /// let other = thread::spawn(move || wait.recv());
    ///
    /// // SAFETY: the product of two numbers and its serialisation touch nothing that the other thread could be
    /// // changing. The allocator is the system's, which survives a fork.
    /// let job = unsafe { Job::builder().spawn_unchecked(|| 6 * 7) }?;
    /// assert_eq!(job.join()?, 42);
    ///
    /// drop(end);
    /// assert!(other.join().unwrap().is_err());
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    #[track_caller]
    #[allow(unsafe_code)] // The caller's promise, used one line below.
    pub unsafe fn spawn_unchecked<T, F>(self, f: F) -> Result<Job<T>, SpawnError>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> T,
    {
        // SAFETY: the caller promises what `vouched` asks for. What the child does before and after `f` allocates, prints
        // nothing, and takes these locks: of the standard streams, which this thread holds at the fork; of the alarms,
        // which are created again; and of the panic hook, which the caller's promise includes.
        let alone = unsafe { Alone::vouched() };
        spawn(self, alone, true, f, Location::caller())
    }
}
