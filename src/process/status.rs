use std::os::fd::BorrowedFd;

#[cfg(doc)]
use super::builder::Builder;
use super::job::Job;
use super::{Exit, Usage};

/// # State
impl<T> Job<T> {
    /// Returns the child's process id, which the kernel may reuse after the job has ended.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(std::process::id)?;
    /// assert_eq!(job.join()?, job.id());
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    pub fn id(&self) -> u32 {
        self.shared().pid.as_raw().unsigned_abs()
    }

    /// Returns whether the process runs. Does not block.
    ///
    /// Also does what [`try_join`](Job::try_join) does.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// assert!(Job::spawn(|| -> () { loop {} })?.is_alive());
    /// # Ok::<(), sigalarm::process::SpawnError>(())
    /// ```
    pub fn is_alive(&self) -> bool {
        self.shared().in_parent() && self.shared().end().is_none()
    }

    /// Returns how the process ended; `None` while it runs. Does not block.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Exit, Job};
    ///
    /// let job = Job::spawn(|| -> () { std::process::exit(3) })?;
    /// while job.is_alive() {}
    /// assert_eq!(job.exit_status(), Some(Exit::Code(3)));
    /// # Ok::<(), sigalarm::process::SpawnError>(())
    /// ```
    pub fn exit_status(&self) -> Option<Exit> {
        self.shared().end().map(|end| end.exit)
    }

    /// Returns the [code](Exit::code) of the exit status. Does not block.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| 42)?;
    /// while job.is_alive() {}
    /// assert_eq!(job.exit_code(), Some(0));
    /// # Ok::<(), sigalarm::process::SpawnError>(())
    /// ```
    pub fn exit_code(&self) -> Option<i32> {
        self.exit_status().and_then(Exit::code)
    }

    /// Returns what the process used; `None` while it runs, and if other code reaped it. Does not block. See
    /// [getrusage(2)].
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| 42)?;
    /// job.join()?;
    /// println!("{:?}", job.usage().unwrap().user);
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    ///
    /// [getrusage(2)]: https://man7.org/linux/man-pages/man2/getrusage.2.html
    pub fn usage(&self) -> Option<Usage> {
        self.shared().end().and_then(|end| end.usage)
    }

    /// Returns a descriptor that becomes readable when the process has ended. See [pidfd_open(2)].
    ///
    /// `None` without pidfds, or if the job had ended before the first call. It stays open as long as the `Job`. Polling
    /// it neither receives a large value nor enforces the [limit](Builder::limit): call [`try_join`](Job::try_join) too.
    ///
    /// ```standalone_crate
    /// use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| 6 * 7)?;
    /// if let Some(fd) = job.end_fd() {
    ///     poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::NONE)?;
    ///     assert!(job.try_join().is_some());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [pidfd_open(2)]: https://man7.org/linux/man-pages/man2/pidfd_open.2.html
    pub fn end_fd(&self) -> Option<BorrowedFd<'_>> {
        self.shared().end_fd()
    }
}
