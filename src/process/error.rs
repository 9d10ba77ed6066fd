use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::{Exit, KillReason, Panic};
use crate::error::TimedOut;

/// Why a job was not spawned.
/// ```standalone_crate
/// let job = std::thread::spawn(|| sigalarm::process::Job::spawn(|| 42)).join().unwrap();
/// assert!(matches!(job, Err(sigalarm::process::SpawnError::MultiThreaded { threads: 2 })));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(missing_docs)] // The variants describe their fields.
pub enum SpawnError {
    /// Other threads exist. A lock that they hold at the fork would stay locked in the child. The test harness starts
    /// threads, so tests need `harness = false`.
    MultiThreaded { threads: usize },
    /// This system cannot count threads. Use [`spawn_unchecked`](super::Builder::spawn_unchecked).
    ThreadsUnknown,
    /// A system call failed, as `fork` does with too many processes.
    #[non_exhaustive]
    System { call: &'static str, source: Arc<io::Error> },
}

impl SpawnError {
    pub(super) fn system(call: &'static str, source: io::Error) -> SpawnError {
        SpawnError::System { call, source: Arc::new(source) }
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::MultiThreaded { threads } => write!(
                f,
                "cannot fork a job: this process has {threads} threads; spawn jobs before other threads start, \
                 or after they have been joined"
            ),
            SpawnError::ThreadsUnknown => f.write_str("cannot fork a job: this system cannot count threads"),
            SpawnError::System { call, source } => write!(f, "cannot fork a job: {call} failed: {source}"),
        }
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let SpawnError::System { source, .. } = self { Some(&**source) } else { None }
    }
}

/// Why a join returned no value.
/// ```standalone_crate
/// use sigalarm::process::{Job, JobError};
/// assert!(matches!(Job::builder().run(|| -> u32 { panic!() }), Err(JobError::Panicked(_))));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(missing_docs)] // The variants describe their fields.
pub enum JobError {
    /// The job was not spawned.
    Spawn(SpawnError),
    /// The job's limit, the join's limit, or an alarm of the caller expired. Only the job's limit ends the job.
    /// [`Alarm::owns`](crate::Alarm::owns) tells whether the error comes from a given alarm.
    TimedOut(TimedOut),
    /// The function panicked.
    Panicked(Panic),
    /// The process exited and sent no value. Code 74 (EX_IOERR) means that it could not send the value, because the
    /// function had closed the job's pipe.
    #[non_exhaustive]
    Exited { code: i32 },
    /// A signal ended the process. SIGABRT may mean a failed allocation, SIGKILL the kernel's out-of-memory killer.
    #[non_exhaustive]
    Killed { signal: i32, core_dumped: bool, reason: KillReason },
    /// The process ended while it sent the value, of which `received` bytes arrived.
    #[non_exhaustive]
    CutShort { received: u64, exit: Exit },
    /// The value could not be [serialised](crate::book::jobs#why-postcard).
    #[non_exhaustive]
    NotEncoded { message: Arc<str> },
    /// The received bytes are [not a value](crate::book::jobs#why-postcard) of the expected type.
    #[non_exhaustive]
    NotDecoded { message: Arc<str> },
    /// The value had more bytes than the [limit](super::Builder::value_limit).
    #[non_exhaustive]
    TooLarge { limit: usize },
    /// The value was nested more deeply than the [limit](super::Builder::depth_limit).
    #[non_exhaustive]
    TooDeep { limit: usize },
    /// The joining process could not allocate the value's memory, at least `bytes` bytes. The job was killed.
    #[non_exhaustive]
    OutOfMemory { bytes: usize },
    /// The status of the process is unknown: see [`Exit::Unknown`].
    Lost,
    /// This process is a forked child of the one that spawned the job.
    NotParent,
    /// A system call failed: in the child before the function ran, or in the parent's wait for the child.
    #[non_exhaustive]
    System { call: Arc<str>, source: Arc<io::Error> },
}

impl JobError {
    pub(super) fn system(call: &str, source: io::Error) -> JobError {
        JobError::System { call: call.into(), source: Arc::new(source) }
    }

    /// Returns the time-out, if the error is one.
    /// ```standalone_crate
    /// let job = sigalarm::process::Job::spawn(|| std::thread::sleep(std::time::Duration::MAX)).unwrap();
    /// assert!(job.join_timeout(std::time::Duration::ZERO).unwrap_err().timed_out().is_some());
    /// ```
    pub fn timed_out(&self) -> Option<&TimedOut> {
        if let JobError::TimedOut(timed_out) = self { Some(timed_out) } else { None }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Spawn(e) => e.fmt(f),
            JobError::TimedOut(e) => e.fmt(f),
            JobError::Panicked(panic) => panic.fmt(f),
            JobError::Exited { code } => write!(f, "{} without a value", Exit::Code(*code)),
            &JobError::Killed { signal, core_dumped, reason } => {
                let exit = Exit::Signal { signal, core_dumped };
                match reason {
                    KillReason::Memory => write!(f, "{exit}: an allocation failed"),
                    KillReason::CpuTime => write!(f, "{exit}: its processor time was used up"),
                    KillReason::Requested | KillReason::Unknown => exit.fmt(f),
                }
            }
            JobError::CutShort { received, exit } => {
                write!(f, "{exit} while it sent its value, after {received} bytes")
            }
            JobError::NotEncoded { message } => write!(f, "the value could not be serialised: {message}"),
            JobError::NotDecoded { message } => write!(f, "the value could not be deserialised: {message}"),
            JobError::TooLarge { limit } => write!(f, "the value was larger than {limit} bytes"),
            JobError::TooDeep { limit } => write!(f, "the value was nested more deeply than {limit} levels"),
            JobError::OutOfMemory { bytes } => write!(f, "no memory for a value of {bytes} bytes"),
            JobError::Lost => f.write_str("ended without a value, and other code took its exit status"),
            JobError::NotParent => {
                f.write_str("another process spawned the job, and only that process can join it")
            }
            JobError::System { call, source } => write!(f, "{call} failed: {source}"),
        }
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JobError::Spawn(e) => e.source(),
            JobError::TimedOut(timed_out) => Some(timed_out),
            JobError::System { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

impl From<SpawnError> for JobError {
    fn from(e: SpawnError) -> JobError {
        JobError::Spawn(e)
    }
}

impl From<TimedOut> for JobError {
    fn from(e: TimedOut) -> JobError {
        JobError::TimedOut(e)
    }
}
