use std::io;

use nix::sys::signal::Signal;

use super::job::Job;
use super::shared::terminate;

/// # Signals
impl<T> Job<T> {
    /// Sends SIGTERM and SIGCONT to the job's process group, if it has not ended. Does not block. See [kill(2)].
    ///
    /// # Errors
    ///
    /// Those of the kernel, such as EPERM.
    ///
    /// ```standalone_crate
    /// # use sigalarm::process::Job;
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// job.terminate()?;
    /// assert_eq!(job.join().unwrap_err().to_string(), "was killed by SIGTERM");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [kill(2)]: https://man7.org/linux/man-pages/man2/kill.2.html
    pub fn terminate(&self) -> io::Result<()> {
        self.shared().signal(Signal::SIGTERM as i32, terminate)
    }

    /// Sends SIGKILL to the job's process group, if it has not ended. Does not block.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Job::terminate).
    ///
    /// ```standalone_crate
    /// # use sigalarm::process::Job;
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// job.kill()?;
    /// assert_eq!(job.join().unwrap_err().to_string(), "was killed by SIGKILL");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        self.shared().signal(Signal::SIGKILL as i32, |child| child.signal_all(Signal::SIGKILL))
    }

    /// Sends a signal by its number to the child alone. Does not block. See [pidfd_send_signal(2)].
    ///
    /// # Errors
    ///
    /// As [`terminate`](Job::terminate), and EINVAL for a number that is no signal's.
    ///
    /// ```standalone_crate
    /// # use sigalarm::process::Job;
    /// let job = Job::spawn(|| -> () { loop {} })?;
    /// job.signal(10)?; // SIGUSR1
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [pidfd_send_signal(2)]: https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.shared().signal(signal, |child| child.signal(signal))
    }
}
