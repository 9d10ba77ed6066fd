//! The limits of a job: time, memory, processor time, and what it may send.

use std::time::Duration;

use super::builder::Builder;
#[cfg(doc)]
use super::{Job, JobError};

/// # Limits
impl Builder {
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
        self.options.limit = Some(limit).filter(|limit| *limit < Duration::MAX);
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

    /// Limits the address space to so many bytes (RLIMIT_AS; data, RLIMIT_DATA, on NetBSD and OpenBSD), including what the
    /// parent has at the fork. Beyond it allocations fail, and a Rust program aborts: [`JobError::Killed`] by SIGABRT, with
    /// [`KillReason::Memory`](super::KillReason::Memory). A stricter limit of the parent's stays. See [setrlimit(2)].
    ///
    /// The child then has a SIGABRT handler, which reports an abort whose last error was ENOMEM. A function may replace it.
    /// There is no limit on resident memory: the kernel enforces none for a process. [`Job::usage`](super::Job::usage) returns
    /// the peak.
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
}
