//! How a process ended, and what it used.

use std::fmt;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::Signal;

use crate::os::reap::Consumption;

/// How a child's process ended, whether it had sent a value or not.
///
/// ```standalone_crate
/// use sigalarm::process::{Exit, Job};
///
/// let job = Job::spawn(|| 42)?;
/// job.join()?;
/// let exit = job.exit_status().unwrap();
/// assert_eq!(exit, Exit::Code(0));
/// assert_eq!(exit.to_string(), "exited with code 0");
/// # Ok::<(), sigalarm::process::JobError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        signal: i32,
        /// Whether the kernel wrote a core file.
        core_dumped: bool,
    },
    /// Other code in this process reaped it, or SIGCHLD is ignored, and the kernel keeps no record (before Linux 6.15).
    Unknown,
}

impl Exit {
    pub(super) fn from_status(status: libc::c_int) -> Exit {
        if libc::WIFEXITED(status) {
            Exit::Code(libc::WEXITSTATUS(status))
        } else if libc::WIFSIGNALED(status) {
            Exit::Signal { signal: libc::WTERMSIG(status), core_dumped: libc::WCOREDUMP(status) }
        } else {
            Exit::Unknown
        }
    }

    /// Returns the code as Python has it: that of the exit, or minus the signal's number; `None` if unknown.
    ///
    /// ```
    /// use sigalarm::process::Exit;
    ///
    /// assert_eq!(Exit::Code(3).code(), Some(3));
    /// assert_eq!(Exit::Signal { signal: 9, core_dumped: false }.code(), Some(-9));
    /// assert_eq!(Exit::Unknown.code(), None);
    /// ```
    pub fn code(self) -> Option<i32> {
        match self {
            Exit::Code(code) => Some(code),
            Exit::Signal { signal, .. } => Some(-signal),
            Exit::Unknown => None,
        }
    }
}

impl fmt::Display for Exit {
    /// "exited with code 3", "was killed by SIGSEGV (core dumped)".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Exit::Code(code) => write!(f, "exited with code {code}"),
            Exit::Signal { signal, core_dumped } => {
                match Signal::try_from(signal) {
                    Ok(signal) => write!(f, "was killed by {signal}")?,
                    Err(_) => write!(f, "was killed by signal {signal}")?,
                }
                f.write_str(if core_dumped { " (core dumped)" } else { "" })
            }
            Exit::Unknown => f.write_str("ended in a way that is not known"),
        }
    }
}

/// Why a signal ended a job that had no value, in [`JobError::Killed`](super::JobError::Killed).
///
/// The limit of a job and a value that is too large have errors of their own.
///
/// ```standalone_crate
/// use sigalarm::process::{Job, JobError, KillReason, Output};
///
/// let hoard = || Vec::<u8>::with_capacity(1 << 40).capacity();
/// match Job::builder().memory_limit(4 << 30).stderr(Output::Null).run(hoard) {
///     Err(JobError::Killed { reason: KillReason::Memory, .. }) => println!("too much memory"),
///     Err(e) => println!("{e}"), // with RUST_BACKTRACE set: "was killed by SIGABRT"
///     Ok(_) => unreachable!(),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KillReason {
    /// It has a [`memory_limit`](super::Builder::memory_limit) and aborted when an allocation failed.
    ///
    /// The child says so itself, at its SIGABRT, if the last error of the C library was ENOMEM. A hostile child may lie. If
    /// Rust prints a backtrace before it aborts (RUST_BACKTRACE), that may hide the error: then the reason is `Unknown`.
    Memory,
    /// It had used up its [`cpu_limit`](super::Builder::cpu_limit).
    CpuTime,
    /// This program has sent the signal, by [`kill`](super::Job::kill), [`terminate`](super::Job::terminate) or
    /// [`signal`](super::Job::signal).
    Requested,
    /// None of these is known: an error of its own (SIGSEGV), another process, the system short of memory (SIGKILL).
    Unknown,
}

/// What a child used, including its own children that it waited for; see [`Job::usage`](super::Job::usage).
///
/// ```standalone_crate
/// use sigalarm::process::Job;
/// use std::time::Duration;
///
/// let megabytes = 16 << 20;
/// let job = Job::spawn(|| vec![1_u8; megabytes].iter().map(|&n| usize::from(n)).sum::<usize>())?;
/// assert_eq!(job.join()?, megabytes);
///
/// let used = job.usage().unwrap();
/// assert!(used.max_resident > megabytes as u64);
/// assert!(used.user + used.system > Duration::ZERO);
/// # Ok::<(), sigalarm::process::JobError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Processor time in its own code.
    pub user: Duration,
    /// Processor time in the kernel on its behalf.
    pub system: Duration,
    /// The most memory that was resident at one time, in bytes, including what the parent had at the fork.
    pub max_resident: u64,
}

impl From<Consumption> for Usage {
    fn from(used: Consumption) -> Usage {
        Usage { user: used.user, system: used.system, max_resident: used.memory }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_a_sentence() {
        let killed = |signal, core_dumped| Exit::Signal { signal, core_dumped };
        assert_eq!(Exit::Code(3).to_string(), "exited with code 3");
        assert_eq!(killed(libc::SIGKILL, false).to_string(), "was killed by SIGKILL");
        assert_eq!(killed(libc::SIGSEGV, true).to_string(), "was killed by SIGSEGV (core dumped)");
        assert_eq!(killed(64, false).to_string(), "was killed by signal 64");
    }

    #[test]
    fn statuses_are_read_as_the_kernel_writes_them() {
        assert_eq!(Exit::from_status(3 << 8), Exit::Code(3));
        assert_eq!(Exit::from_status(9), Exit::Signal { signal: 9, core_dumped: false });
        assert_eq!(Exit::from_status(11 | 0x80), Exit::Signal { signal: 11, core_dumped: true });
        assert_eq!(Exit::from_status(9).code(), Some(-9));
        assert_eq!(Exit::Unknown.code(), None);
    }
}
