use std::time::Duration;

use super::builder::Builder;
#[cfg(doc)]
use super::{Job, JobError, KillReason, wait_any};

/// # Limits
impl Builder {
    /// Sets how long the job may run, from its spawn. [`run`](super::run) lists the steps.
    ///
    /// The parent sends SIGTERM and SIGKILL while a thread waits for the job or calls [`is_alive`](Job::is_alive) or
    /// [`try_join`](Job::try_join). Otherwise, on Linux, a timer of the child kills it two graces and a second after
    /// the limit, but not its process group, and not after an `exec`. A later SIGKILL from another process also gives
    /// [`TimedOut`](JobError::TimedOut).
    ///
    /// A value that is larger than the pipe waits for a join. A late join extends the limit by one grace.
    ///
    /// The clock is CLOCK_MONOTONIC. Zero has passed when the function starts. [`Duration::MAX`] means no limit.
    /// ```standalone_crate
    /// use {sigalarm::process::Job, std::time::Duration};
    /// assert_eq!(Job::builder().limit(Duration::from_secs(10)).run(|| 42).unwrap(), 42);
    /// ```
    pub fn limit(mut self, limit: Duration) -> Builder {
        self.options.limit = Some(limit).filter(|limit| *limit < Duration::MAX);
        self
    }

    /// Sets the time between the [limit](Builder::limit) and SIGTERM, and between SIGTERM and SIGKILL; one second by
    /// default.
    ///
    /// Zero sends both at the limit, and a late join then loses a value larger than the pipe (64 KiB, or 1 MiB where
    /// Linux grants it). For several jobs use at least 100 ms, or [`wait_any`].
    /// ```standalone_crate
    /// use {sigalarm::process::Job, std::time::Duration};
    /// let limited = Job::builder().limit(Duration::from_millis(1)).grace(Duration::ZERO);
    /// assert!(limited.run(|| -> () { loop {} }).unwrap_err().timed_out().is_some());
    /// ```
    pub fn grace(mut self, grace: Duration) -> Builder {
        self.options.grace = grace;
        self
    }

    /// Limits the address space to `bytes`, including the memory of the parent at the fork. See [setrlimit(2)].
    ///
    /// A stricter limit of the parent remains. NetBSD and OpenBSD limit the data instead. An allocation beyond the
    /// limit fails, and a Rust program aborts: [`KillReason::Memory`]. There is no limit on resident memory.
    /// ```standalone_crate
    /// use sigalarm::process::{Job, Output};
    /// let hoard = || Vec::<u8>::with_capacity(1 << 40).capacity();
    /// assert!(Job::builder().memory_limit(4 << 30).stderr(Output::Null).run(hoard).is_err());
    /// ```
    ///
    /// [setrlimit(2)]: https://man7.org/linux/man-pages/man2/setrlimit.2.html
    pub fn memory_limit(mut self, bytes: u64) -> Builder {
        self.options.memory = Some(bytes);
        self
    }

    /// Limits the processor time of the child: [`KillReason::CpuTime`]. See [setrlimit(2)].
    ///
    /// On Linux a timer sends SIGXCPU within 10 ms of the limit, unless the child executes another program. Everywhere
    /// RLIMIT_CPU, which the child's own children inherit, sends SIGXCPU at the next whole second and SIGKILL one second
    /// later. A stricter limit of the parent remains.
    /// ```standalone_crate
    /// use {sigalarm::process::Job, std::time::Duration};
    /// assert!(Job::builder().cpu_limit(Duration::from_secs(1)).run(|| -> () { loop {} }).is_err());
    /// ```
    ///
    /// [setrlimit(2)]: https://man7.org/linux/man-pages/man2/setrlimit.2.html
    pub fn cpu_limit(mut self, time: Duration) -> Builder {
        self.options.cpu_limit = Some(time);
        self
    }

    /// Sets the largest value to accept, in serialised bytes; no limit by default. A job that sends more is killed:
    /// [`JobError::TooLarge`].
    ///
    /// Decoded, each byte may be one element of a sequence, of any size.
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    /// let outcome = Job::builder().value_limit(1_000).run(|| "too much ".repeat(1_000));
    /// assert!(matches!(outcome, Err(JobError::TooLarge { limit: 1_000, .. })));
    /// ```
    pub fn value_limit(mut self, bytes: usize) -> Builder {
        self.options.value_limit = bytes;
        self
    }

    /// Sets the deepest nesting of a value to accept, 256 by default. A deeper value gives [`JobError::TooDeep`].
    ///
    /// Each struct, tuple, sequence, map, enum and `Some` is a level. The default is safe on a stack of 2 MiB, unless
    /// decoding takes more than 8 KiB of stack a level.
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    /// let outcome = Job::builder().depth_limit(1).run(|| Some(Some(7)));
    /// assert!(matches!(outcome, Err(JobError::TooDeep { limit: 1, .. })));
    /// ```
    pub fn depth_limit(mut self, levels: usize) -> Builder {
        self.options.depth_limit = levels;
        self
    }
}
