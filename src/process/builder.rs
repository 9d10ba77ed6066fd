use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{JobError, SpawnError};
use super::job::Job;
use super::output::Output;
use super::spawn::spawn;
#[cfg(doc)]
use super::{KillReason, wait_any};
use crate::os::alone::Alone;
use crate::runtime::{Due, Plan};

/// The settings of a job, from [`Job::builder`].
/// ```standalone_crate
/// assert_eq!(sigalarm::process::Job::builder().die_with_parent(false).run(|| 6 * 7).unwrap(), 42);
/// ```
#[derive(Debug)]
#[must_use = "nothing runs before `spawn()` or `run()`"]
pub struct Builder {
    pub(super) options: Options,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) limit: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) label: Option<Arc<str>>,
    pub(super) foreground: bool,
    pub(super) die_with_parent: bool,
    pub(super) is_spawned_by_run: bool,
    pub(super) may_have_threads: bool,
    pub(super) memory: Option<u64>,
    pub(super) cpu_limit: Option<Duration>,
    pub(super) value_limit: usize,
    pub(super) depth_limit: usize,
}

impl Options {
    pub(super) fn plan(&self, location: &'static Location<'static>) -> Option<Plan<'_>> {
        let plan = Plan::new(Due::After(self.limit?), location);
        Some(Plan { label: self.label.as_ref(), ..plan })
    }

    /// Returns the time of the child's own timer, which kills it while no thread of the parent enforces the limit.
    #[inline]
    pub(super) fn kill_after(&self) -> Option<Duration> {
        self.limit?.checked_add(self.grace.checked_mul(2)?)?.checked_add(Duration::from_secs(1))
    }
}

impl Builder {
    pub(super) fn new() -> Builder {
        let options = Options {
            grace: Duration::from_secs(1),
            die_with_parent: true,
            value_limit: usize::MAX,
            depth_limit: 256,
            ..Options::default()
        };
        Builder { options, stdout: Output::Inherit, stderr: Output::Inherit }
    }

    /// Names the job in the message of [`TimedOut`](crate::TimedOut).
    /// ```standalone_crate
    /// use {sigalarm::process::Job, std::time::Duration};
    /// let job = Job::builder().label("parse").limit(Duration::ZERO).grace(Duration::ZERO);
    /// assert!(job.run(|| std::thread::sleep(Duration::MAX)).unwrap_err().to_string().starts_with("parse timed out"));
    /// ```
    pub fn label(mut self, label: impl Into<Arc<str>>) -> Builder {
        self.options.label = Some(label.into());
        self
    }

    /// Sets whether the child stays in the parent's [process group](https://man7.org/linux/man-pages/man2/setpgid.2.html);
    /// `false` by default.
    ///
    /// By default the child leads its own group, which the parent kills when the child ends. With `true` the child can
    /// read from the terminal and receives Ctrl-C, but the limit and [`kill`](Job::kill) end only the child, not its
    /// own children.
    /// ```standalone_crate
    /// assert_eq!(sigalarm::process::Job::builder().foreground(true).run(|| 42).unwrap(), 42);
    /// ```
    pub fn foreground(mut self, foreground: bool) -> Builder {
        self.options.foreground = foreground;
        self
    }

    /// Sets whether the kernel [kills](https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html) the child
    /// when the thread that spawned the job ends; `true` by default. The child's own children live on. Linux only.
    /// ```standalone_crate
    /// assert_eq!(sigalarm::process::Job::builder().die_with_parent(false).run(|| 42).unwrap(), 42);
    /// ```
    pub fn die_with_parent(mut self, die: bool) -> Builder {
        self.options.die_with_parent = die;
        self
    }

    /// Sets where the child's standard output goes.
    /// ```standalone_crate
    /// sigalarm::process::Job::builder().stdout(sigalarm::process::Output::Null).run(|| println!("tours")).unwrap();
    /// ```
    pub fn stdout(self, to: impl Into<Output>) -> Builder {
        Builder { stdout: to.into(), ..self }
    }

    /// Sets where the child's standard error goes.
    /// ```standalone_crate
    /// sigalarm::process::Job::builder().stderr(sigalarm::process::Output::Null).run(|| eprintln!("warning")).unwrap();
    /// ```
    pub fn stderr(self, to: impl Into<Output>) -> Builder {
        Builder { stderr: to.into(), ..self }
    }

    /// Spawns the job as [`Job::spawn`] does, with the same errors.
    /// ```standalone_crate
    /// assert_eq!(sigalarm::process::Job::builder().spawn(|| 6 * 7).unwrap().join().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<T, F>(self, f: F) -> Result<Job<T>, SpawnError>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> T,
    {
        let alone = Alone::check().map_err(|threads| {
            threads.map_or(SpawnError::ThreadsUnknown, |threads| SpawnError::MultiThreaded { threads })
        })?;
        spawn(self, alone, f, Location::caller())
    }

    /// Spawns the job and joins it as [`run`](super::run) does, with the same errors.
    /// ```standalone_crate
    /// assert_eq!(sigalarm::process::Job::builder().run(|| 12 * 12).unwrap(), 144);
    /// ```
    #[track_caller]
    pub fn run<T, F>(mut self, f: F) -> Result<T, JobError>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> T,
    {
        self.options.is_spawned_by_run = true;
        self.spawn(f)?.join()
    }

    /// Spawns the job even if other threads exist. The only error is [`SpawnError::System`].
    ///
    /// # Safety
    ///
    /// In the child, locks that other threads held at the fork stay locked, and values that they were changing stay
    /// half changed. So:
    ///
    /// - `f` and the serialisation of its value do not wait for other threads. They use nothing that another thread may
    ///   be changing at the fork, except Rust's standard streams and this crate's alarms.
    /// - If they allocate, the allocator works after such a fork, as those of glibc, musl and macOS do.
    /// - At the fork no other thread is reporting a panic or changing the panic hook.
    ///
    /// If another thread spawns a job during the fork, the child may inherit that job's descriptor.
    /// ```standalone_crate
    /// // SAFETY: there is no other thread.
    /// let job = unsafe { sigalarm::process::Job::builder().spawn_unchecked(|| 6 * 7) }.unwrap();
    /// assert_eq!(job.join().unwrap(), 42);
    /// ```
    #[track_caller]
    #[allow(unsafe_code)] // The caller's promise, used one line below.
    pub unsafe fn spawn_unchecked<T, F>(mut self, f: F) -> Result<Job<T>, SpawnError>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> T,
    {
        // SAFETY: the caller guarantees what `assume` requires of `f`. Outside of `f` the child needs three kinds of
        // locks. At the fork this thread holds those of the standard streams, fork hooks reset those of the alarms, and
        // the caller guarantees that the panic hook's lock is free.
        let alone = unsafe { Alone::assume() };
        self.options.may_have_threads = true;
        spawn(self, alone, f, Location::caller())
    }
}

/// # Limits
impl Builder {
    /// Sets how long the job may run, from its spawn. [`run`](super::run) lists the signals that follow the limit.
    ///
    /// The parent sends them while a thread waits for the job or calls [`try_join`](Job::try_join). If none does, a
    /// timer (Linux only) kills the child alone, two [graces](Builder::grace) and a second after the limit. The child
    /// stops this timer before it sends its value, and an `exec` deletes it. If a join begins after the limit, a child that is sending its value gets one more grace.
    ///
    /// A limit of zero expires before the function starts. [`Duration::MAX`] means no limit. The clock is
    /// CLOCK_MONOTONIC.
    /// ```standalone_crate
    /// assert_eq!(sigalarm::process::Job::builder().limit(std::time::Duration::from_secs(10)).run(|| 42).unwrap(), 42);
    /// ```
    pub fn limit(mut self, limit: Duration) -> Builder {
        self.options.limit = Some(limit).filter(|limit| *limit < Duration::MAX);
        self
    }

    /// Sets the time from the [limit](Builder::limit) to SIGTERM, and from SIGTERM to SIGKILL; one second by default.
    ///
    /// A child blocks while it sends a value larger than the pipe (64 KiB or 1 MiB). With a grace of zero, a join that
    /// begins after the limit kills such a child. If jobs are joined one after another, joins often begin that late:
    /// set at least 100 ms for such jobs, or use [`wait_any`].
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::builder().limit(std::time::Duration::ZERO).grace(std::time::Duration::ZERO);
    /// assert!(job.run(|| std::thread::sleep(std::time::Duration::MAX)).unwrap_err().timed_out().is_some());
    /// ```
    pub fn grace(mut self, grace: Duration) -> Builder {
        self.options.grace = grace;
        self
    }

    /// Limits the child's address space to `bytes`, including the memory copied from the parent at the fork:
    /// [setrlimit(2)](https://man7.org/linux/man-pages/man2/setrlimit.2.html).
    ///
    /// An allocation beyond the limit aborts the child, with [`KillReason::Memory`]. If the parent has a lower
    /// limit, that one applies. NetBSD and OpenBSD limit the data segment instead.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::builder().memory_limit(4 << 30).stderr(sigalarm::process::Output::Null);
    /// assert!(job.run(|| Vec::<u8>::with_capacity(1 << 40).capacity()).is_err());
    /// ```
    pub fn memory_limit(mut self, bytes: u64) -> Builder {
        self.options.memory = Some(bytes);
        self
    }

    /// Limits the processor time of the child. At the limit the child is killed: [`KillReason::CpuTime`].
    ///
    /// On Linux a timer sends SIGXCPU within 10 ms of the limit; an `exec` deletes it. On every system RLIMIT_CPU,
    /// which the child's own children inherit, sends SIGXCPU at the next whole second and SIGKILL one second later.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::builder().cpu_limit(std::time::Duration::from_secs(1));
    /// assert!(job.run(|| -> () { loop {} }).is_err());
    /// ```
    pub fn cpu_limit(mut self, time: Duration) -> Builder {
        self.options.cpu_limit = Some(time);
        self
    }

    /// Sets the largest value to accept, in serialised bytes; no limit by default. A larger value gives
    /// [`JobError::TooLarge`], and a job that sends a mebibyte more is killed. The decoded value may use more memory,
    /// because one byte may become an element of any size.
    /// ```standalone_crate
    /// let outcome = sigalarm::process::Job::builder().value_limit(1_000).run(|| "tours".repeat(1_000));
    /// assert!(matches!(outcome, Err(sigalarm::process::JobError::TooLarge { limit: 1_000, .. })));
    /// ```
    pub fn value_limit(mut self, bytes: usize) -> Builder {
        self.options.value_limit = bytes;
        self
    }

    /// Sets the deepest nesting of a value to accept, 256 by default. A deeper value gives [`JobError::TooDeep`].
    ///
    /// Each struct, tuple, sequence, map, enum and `Some` is a level. The default is safe on a stack of 2 MiB, if
    /// decoding one level uses at most 8 KiB of stack.
    /// ```standalone_crate
    /// let outcome = sigalarm::process::Job::builder().depth_limit(1).run(|| Some(Some(7)));
    /// assert!(matches!(outcome, Err(sigalarm::process::JobError::TooDeep { limit: 1, .. })));
    /// ```
    pub fn depth_limit(mut self, levels: usize) -> Builder {
        self.options.depth_limit = levels;
        self
    }
}
