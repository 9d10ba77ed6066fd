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

    /// Sets how long the job may run, from its spawn; see [`run`](super::run) for what happens then.
    ///
    /// The child's own alarm makes a function that checks return. For a function that does not, the parent sends SIGTERM one
    /// [grace](Builder::grace) after the limit and SIGKILL after another, while a thread waits for the job or calls
    /// [`is_alive`](Job::is_alive) or [`try_join`](Job::try_join).
    ///
    /// While no thread does, on Linux, a timer of the child kills it two graces and a second after the limit. That timer ends the child
    /// alone and not its group; it stops when the function returns, and when the child executes another program. A job that
    /// another process kills by SIGKILL and that is joined only after that time is a [`TimedOut`](JobError::TimedOut) too.
    ///
    /// A value that was ready in time and is larger than the pipe holds waits for a thread that joins. That gives it one more
    /// grace.
    ///
    /// The times are those of the kernel's CLOCK_MONOTONIC, also where a preloaded library changes the clocks (64-bit Linux).
    /// Zero has passed when the function starts; [`Duration::MAX`] means *never*.
    ///
    /// ```standalone_crate
    /// use sigalarm::{checkpoint, process::Job};
    /// use std::time::Duration;
    ///
    /// let search = || {
    ///     let mut steps = 0_u64;
    ///     loop {
    ///         steps += 1;
    ///         if checkpoint().is_err() {
    ///             return steps; // the best that it has by then
    ///         }
    ///     }
    /// };
    /// let job = Job::builder().limit(Duration::from_millis(2)).spawn(search)?;
    /// assert!(job.join()? > 0); // a value, and no time-out
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    pub fn limit(mut self, limit: Duration) -> Builder {
        self.options.limit = Some(limit);
        self
    }

    /// Sets the time between the [limit](Builder::limit) and SIGTERM, and between that and SIGKILL. One second by default.
    ///
    /// Zero: SIGTERM and SIGKILL together, at the limit or at the first look after it. It also leaves no time to a job that
    /// is joined late. A value larger than the pipe holds (64 KiB; a megabyte, where Linux grants it) waits for a join, and
    /// is then lost as [`JobError::TimedOut`], though it was ready in time. With several jobs at once use 100 ms or more, or
    /// [`wait_any`](super::wait_any).
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::time::Duration;
    ///
    /// // Does not check, but ends soon after.
    /// let late = || std::thread::sleep(Duration::from_millis(5));
    /// let limited = || Job::builder().limit(Duration::from_millis(1));
    /// limited().grace(Duration::from_secs(60)).run(late)?;
    ///
    /// // Does not end.
    /// let e = limited().grace(Duration::ZERO).run(|| -> () { loop {} }).unwrap_err();
    /// assert!(e.timed_out().is_some());
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    pub fn grace(mut self, grace: Duration) -> Builder {
        self.options.grace = grace;
        self
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

    /// Limits the address space to so many bytes (RLIMIT_AS; data, RLIMIT_DATA, on NetBSD and OpenBSD), including what the
    /// parent has at the fork. Beyond it allocations fail, and a Rust program aborts: [`JobError::Killed`] by SIGABRT, with
    /// [`KillReason::Memory`](super::KillReason::Memory). A stricter limit of the parent's stays. See [setrlimit(2)].
    ///
    /// The child then has a SIGABRT handler, which reports an abort whose last error was ENOMEM. A function may replace it.
    /// There is no limit on resident memory: the kernel enforces none for a process.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError, Output};
    ///
    /// let hoard = || Vec::<u8>::with_capacity(1 << 40).capacity();
    /// let outcome = Job::builder().memory_limit(4 << 30).stderr(Output::Null).run(hoard);
    /// assert!(matches!(outcome, Err(JobError::Killed { .. })));
    /// ```
    ///
    /// [setrlimit(2)]: https://man7.org/linux/man-pages/man2/setrlimit.2.html
    pub fn memory_limit(mut self, bytes: u64) -> Builder {
        self.options.memory = Some(bytes);
        self
    }

    /// Limits the processor time of the child: [`JobError::Killed`] by SIGXCPU, with
    /// [`KillReason::CpuTime`](super::KillReason::CpuTime). A stricter limit of the parent's stays. See [setrlimit(2)].
    ///
    /// On Linux a timer enforces it to the tick (1 to 10 ms), until the child executes another program. Besides, RLIMIT_CPU
    /// holds, whose limit is the next whole second: SIGXCPU there, SIGKILL one second later, so that a child that ignores
    /// SIGXCPU ends too. On other systems that is all.
    ///
    /// It counts the child alone. Its own children do not inherit the timer; RLIMIT_CPU they do, each for itself.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    /// use std::time::Duration;
    ///
    /// let busy = || -> () { loop {} };
    /// let outcome = Job::builder().cpu_limit(Duration::from_secs(1)).run(busy);
    /// assert!(matches!(outcome, Err(JobError::Killed { .. })));
    /// ```
    ///
    /// [setrlimit(2)]: https://man7.org/linux/man-pages/man2/setrlimit.2.html
    pub fn cpu_limit(mut self, time: Duration) -> Builder {
        self.options.cpu_limit = Some(time);
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

    /// Sets the largest value to accept, in bytes as serialised; a job that sends more is killed: [`JobError::TooLarge`].
    /// Without it a hostile child can fill the parent's memory.
    ///
    /// Decoded, a value can take more: each byte may stand for one element of a sequence, whatever the size of the element.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    ///
    /// let outcome = Job::builder().value_limit(1_000).run(|| "too much ".repeat(1_000));
    /// assert!(matches!(outcome, Err(JobError::TooLarge { limit: 1_000, .. })));
    /// ```
    pub fn value_limit(mut self, bytes: usize) -> Builder {
        self.options.value_limit = bytes;
        self
    }

    /// Sets the deepest nesting of a value to accept, 256 by default: [`JobError::TooDeep`] beyond it.
    ///
    /// Each struct, tuple, sequence, map, enum and `Some` that encloses a part of the value is a level. Decoding recurses
    /// once a level, so a child could send what overflows the stack of the thread that joins. The default is safe on a thread
    /// of 2 MiB, also in a debug build, unless a level of the type takes more than 8 KiB of stack. (Measured there: 0.6 KiB a
    /// level for a list, 1.7 KiB for an enum with four fields.)
    ///
    /// ```standalone_crate
    /// use serde::{Deserialize, Serialize};
    /// use sigalarm::process::{Job, JobError};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct List(Option<Box<List>>); // two levels: the struct and its `Some`
    ///
    /// let long = || (0..1_000).fold(List(None), |list, _| List(Some(Box::new(list))));
    /// assert!(matches!(Job::builder().run(long), Err(JobError::TooDeep { limit: 256, .. })));
    /// assert!(Job::builder().depth_limit(2_001).run(long).is_ok());
    /// ```
    pub fn depth_limit(mut self, levels: usize) -> Builder {
        self.options.depth_limit = levels;
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
