use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::Signal;

/// How a child process ended.
/// ```standalone_crate
/// let job = sigalarm::process::Job::spawn(|| 42).unwrap();
/// job.join().unwrap();
/// assert_eq!(job.exit_status(), Some(sigalarm::process::Exit::Code(0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // The variant describes its fields.
pub enum Exit {
    /// The process exited with this code.
    Code(i32),
    /// A signal ended the process. `core_dumped`: the kernel wrote a core file.
    Signal { signal: i32, core_dumped: bool },
    /// Other code reaped the process, or the kernel did because SIGCHLD is ignored. In both cases Linux 6.15 and later
    /// still report the status.
    Unknown,
}

impl Exit {
    pub(super) fn from_status(status: libc::c_int) -> Exit {
        let status = ExitStatus::from_raw(status);
        match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) => Exit::Signal { signal, core_dumped: status.core_dumped() },
            (None, None) => Exit::Unknown,
        }
    }

    /// Returns the code as in Python: the exit code, or minus the signal's number; `None` if unknown.
    /// ```
    /// assert_eq!(sigalarm::process::Exit::Signal { signal: 9, core_dumped: false }.code(), Some(-9));
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
            Exit::Unknown => f.write_str("ended with an unknown status"),
        }
    }
}

/// Why a signal ended a job that sent no value.
/// ```standalone_crate
/// use sigalarm::process::{Job, JobError, KillReason};
/// let job = Job::spawn(|| std::thread::sleep(std::time::Duration::MAX)).unwrap();
/// job.kill().unwrap();
/// assert!(matches!(job.join(), Err(JobError::Killed { reason: KillReason::Requested, .. })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KillReason {
    /// An allocation failed under a [`memory_limit`](super::Builder::memory_limit). The child itself reports this reason,
    /// if `errno` is ENOMEM when it aborts, so the report may be false. A printed backtrace may change `errno`, and
    /// then the reason is `Unknown`.
    Memory,
    /// The child used up its [`cpu_limit`](super::Builder::cpu_limit).
    CpuTime,
    /// This program sent the signal, by [`kill`](super::Job::kill) for example.
    Requested,
    /// The reason is unknown.
    Unknown,
}

/// The resources that a child used, including those of its own children that it waited for:
/// [getrusage(2)](https://man7.org/linux/man-pages/man2/getrusage.2.html).
/// ```standalone_crate
/// let job = sigalarm::process::Job::spawn(|| 42).unwrap();
/// job.join().unwrap();
/// assert!(job.usage().unwrap().max_resident > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Processor time in user mode.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// The peak of resident memory, in bytes, including the parent's memory at the fork.
    pub max_resident: u64,
}

impl From<libc::rusage> for Usage {
    fn from(raw: libc::rusage) -> Usage {
        let duration =
            |t: libc::timeval| Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64);
        let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
        let max_resident = u64::try_from(raw.ru_maxrss).unwrap_or(0).saturating_mul(unit);
        Usage { user: duration(raw.ru_utime), system: duration(raw.ru_stime), max_resident }
    }
}
