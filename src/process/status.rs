//! What a job is at this moment, and how it ended.

use std::os::fd::BorrowedFd;

#[cfg(doc)]
use super::builder::Builder;
use super::job::Job;
use super::{Exit, Usage};

/// # State
impl<T> Job<T> {
    /// Returns the child's process id. The kernel may use it again once the job has ended.
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

    /// Returns whether the process lives. Does not block.
    ///
    /// Like a join it reads what has come, and enforces the [limit](Builder::limit).
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// assert!(job.is_alive());
    /// job.kill()?;
    /// assert!(job.join().is_err());
    /// assert!(!job.is_alive());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_alive(&self) -> bool {
        self.shared().is_ours() && self.shared().end().is_none()
    }

    /// Returns how the process ended; `None` while it lives. Does not block.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Exit, Job};
    ///
    /// let job = Job::spawn(|| -> () { std::process::exit(3) })?;
    /// assert!(job.join().is_err()); // no value
    /// assert_eq!(job.exit_status(), Some(Exit::Code(3)));
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    pub fn exit_status(&self) -> Option<Exit> {
        self.shared().end().map(|end| end.exit)
    }

    /// Returns the exit code as Python has it: negative for a signal; `None` while the process lives, and if it is not known.
    /// Does not block.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// assert_eq!(job.exit_code(), None);
    /// job.kill()?;
    /// assert!(job.join().is_err());
    /// assert_eq!(job.exit_code(), Some(-9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exit_code(&self) -> Option<i32> {
        self.exit_status().and_then(Exit::code)
    }

    /// Returns what the process used; `None` while it lives, and if other code reaped it. Does not block. See [getrusage(2)].
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| (0..1_000_000_u64).fold(0, |a, b| a ^ b))?;
    /// job.join()?;
    /// let usage = job.usage().unwrap();
    /// println!("{:?} of processor time, {} KiB", usage.user + usage.system, usage.max_resident / 1024);
    /// # Ok::<(), sigalarm::process::JobError>(())
    /// ```
    ///
    /// [getrusage(2)]: https://man7.org/linux/man-pages/man2/getrusage.2.html
    pub fn usage(&self) -> Option<Usage> {
        self.shared().end().and_then(|end| end.usage)
    }

    /// Returns a descriptor that becomes readable when the process has ended, for a poll or an event loop; `None` where the system
    /// has none (before Linux 5.3, other systems, some sandboxes), and for a job that had ended before the first call.
    ///
    /// It stays open as long as the `Job`. Once it is readable [`try_join`](Job::try_join) returns the outcome. A value that is
    /// larger than the pipe holds is read only while a thread waits for the job or calls `try_join` or
    /// [`is_alive`](Job::is_alive), and so is its [limit](Builder::limit) enforced: call one of them at intervals, or use
    /// [`wait_any`](super::wait_any). See [pidfd_open(2)].
    ///
    /// ```standalone_crate
    /// use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    /// use sigalarm::process::Job;
    ///
    /// let job = Job::spawn(|| 6 * 7)?;
    /// if let Some(fd) = job.end_fd() {
    ///     poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::NONE)?;
    ///     assert_eq!(job.try_join().unwrap()?, 42);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [pidfd_open(2)]: https://man7.org/linux/man-pages/man2/pidfd_open.2.html
    pub fn end_fd(&self) -> Option<BorrowedFd<'_>> {
        self.shared().end_fd()
    }
}
