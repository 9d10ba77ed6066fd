//! Signals to a job.

use std::io;

use nix::sys::signal::Signal;

use super::job::Job;
use super::shared::terminate;

/// # Signals
impl<T> Job<T> {
    /// Sends SIGTERM to the job's process group, and SIGCONT, so that a stopped process handles it. Does not wait; a job that
    /// has ended is not signalled. See [kill(2)].
    ///
    /// # Errors
    ///
    /// The kernel's, such as EPERM for a child that has become another user.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Exit, Job};
    ///
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// job.terminate()?;
    /// assert!(job.join().is_err());
    /// assert!(matches!(job.exit_status(), Some(Exit::Signal { signal: 15, .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [kill(2)]: https://man7.org/linux/man-pages/man2/kill.2.html
    pub fn terminate(&self) -> io::Result<()> {
        self.shared().signal(Signal::SIGTERM as i32, terminate)
    }

    /// Sends SIGKILL to the job's process group. Does not wait; a job that has ended is not signalled.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Job::terminate).
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    ///
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// job.kill()?;
    /// assert!(matches!(job.join(), Err(JobError::Killed { signal: 9, .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        self.shared().signal(Signal::SIGKILL as i32, |child| child.signal_all(Signal::SIGKILL))
    }

    /// Sends a signal to the child alone, by its number. A job that has ended is not signalled. See [pidfd_send_signal(2)].
    ///
    /// # Errors
    ///
    /// As [`terminate`](Job::terminate), and EINVAL for a number that is no signal's.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use signal_hook::consts::SIGKILL;
    ///
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// job.signal(SIGKILL)?;
    /// assert_eq!(job.join().unwrap_err().to_string(), "was killed by SIGKILL");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [pidfd_send_signal(2)]: https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.shared().signal(signal, |child| child.signal(signal))
    }
}
