//! Errors: no child, and no value.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::{Exit, KillReason, Panic};
use crate::error::TimedOut;

/// There is no child.
///
/// ```standalone_crate
/// use sigalarm::process::{Job, SpawnError};
///
/// std::thread::scope(|s| {
///     let (end, wait) = std::sync::mpsc::channel::<()>();
///     s.spawn(move || wait.recv());
///     assert!(matches!(Job::spawn(|| 1), Err(SpawnError::MultiThreaded { threads: 2 })));
///     drop(end);
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// Other threads exist, and their locks would stay locked in the child.
    ///
    /// Spawn before the first thread is started or after the last is joined. The tests of `cargo test` have a second thread:
    /// they need `harness = false`.
    MultiThreaded {
        /// How many threads there are, the calling one included.
        threads: usize,
    },
    /// This system does not say how many threads there are. There is only
    /// [`spawn_unchecked`](super::Builder::spawn_unchecked).
    ThreadsUnknown,
    /// A system call failed: too many processes (`fork`, EAGAIN), no descriptors left (`pipe`, EMFILE), no
    /// memory.
    #[non_exhaustive]
    System {
        /// The call, as its manual page is named.
        call: &'static str,
        /// Why it failed.
        source: Arc<io::Error>,
    },
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
                "cannot fork a job: this process has {threads} threads, and a forked child is sound with one only; \
                 spawn it before the others start, or after they have been joined"
            ),
            SpawnError::ThreadsUnknown => {
                f.write_str("cannot fork a job: this system does not tell whether there are other threads")
            }
            SpawnError::System { call, source } => write!(f, "cannot fork a job: {call} failed: {source}"),
        }
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SpawnError::System { source, .. } => Some(&**source),
            SpawnError::MultiThreaded { .. } | SpawnError::ThreadsUnknown => None,
        }
    }
}

/// A job has no value, or none yet.
///
/// All joins of a job return the same. A clone is cheap.
///
/// ```standalone_crate
/// use sigalarm::process::{self, JobError};
/// use std::time::Duration;
///
/// match process::run(Duration::from_secs(10), || -> u32 { panic!("out of range") }) {
///     Ok(answer) => println!("{answer}"),
///     Err(JobError::TimedOut(timed_out)) => println!("{timed_out}"),
///     Err(JobError::Panicked(panic)) => assert_eq!(panic.message(), "out of range"),
///     Err(e) => println!("{e}"),
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum JobError {
    /// There was no child.
    Spawn(SpawnError),
    /// A limit expired: the job's own, and it has been ended; that of a [`join_timeout`](super::Job::join_timeout), and it
    /// goes on; or that of an alarm of the calling thread, which [`owns`](crate::Alarm::owns) it, and the job goes on.
    /// [`is_alive`](super::Job::is_alive) distinguishes them.
    TimedOut(TimedOut),
    /// The function panicked.
    Panicked(Panic),
    /// The process exited without a value: the function called `exit`, executed another program, or closed every descriptor
    /// (then the code is 74, EX_IOERR).
    #[non_exhaustive]
    Exited {
        /// The exit code.
        code: i32,
    },
    /// A signal ended the process: an error of its own (SIGSEGV, SIGABRT after a stack overflow), a limit (SIGXCPU),
    /// [`kill`](super::Job::kill), the system short of memory (SIGKILL), or another process.
    #[non_exhaustive]
    Killed {
        /// The signal's number.
        signal: i32,
        /// Whether the kernel wrote a core file.
        core_dumped: bool,
        /// Why, as far as is known.
        reason: KillReason,
    },
    /// The process ended in the middle of sending the value.
    #[non_exhaustive]
    CutShort {
        /// How many bytes of the value had arrived.
        received: u64,
        /// How the process ended.
        exit: Exit,
    },
    /// The value could not be serialised: see [limitations](super#limitations).
    #[non_exhaustive]
    NotEncoded {
        /// The text of its `Serialize`, or of the codec.
        message: Arc<str>,
    },
    /// The bytes that arrived are not a value of the type: see [limitations](super#limitations).
    #[non_exhaustive]
    NotDecoded {
        /// The text of its `Deserialize`, or of the codec.
        message: Arc<str>,
    },
    /// The value was larger than [`value_limit`](super::Builder::value_limit); the job was killed.
    #[non_exhaustive]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The value was nested more deeply than [`depth_limit`](super::Builder::depth_limit).
    #[non_exhaustive]
    TooDeep {
        /// The limit, in levels.
        limit: usize,
    },
    /// The joining process had no memory for the bytes of the value; the job was killed.
    #[non_exhaustive]
    OutOfMemory {
        /// How many bytes it needed, at least.
        bytes: usize,
    },
    /// The process has ended without a value, and how is not known: see [`Exit::Unknown`].
    Lost,
    /// The job was spawned by another process, of which this is a forked child.
    NotParent,
    /// A system call failed: in the child while it set itself up (the function did not run), or in the parent while it waited.
    #[non_exhaustive]
    System {
        /// The call, as its manual page is named.
        call: Arc<str>,
        /// Why it failed.
        source: Arc<io::Error>,
    },
}

impl JobError {
    pub(super) fn system(call: &str, source: io::Error) -> JobError {
        JobError::System { call: call.into(), source: Arc::new(source) }
    }

    /// Returns the time-out, if it is one.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::Job;
    /// use std::time::Duration;
    ///
    /// let job = Job::spawn(|| -> u32 { loop {} })?;
    /// let limit = Duration::from_millis(2);
    /// let e = job.join_timeout(limit).unwrap_err();
    /// assert_eq!(e.timed_out().unwrap().limit(), Some(limit)); // the job lives
    ///
    /// job.kill()?;
    /// assert!(job.join().unwrap_err().timed_out().is_none()); // killed, and not for a limit
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timed_out(&self) -> Option<&TimedOut> {
        match self {
            JobError::TimedOut(timed_out) => Some(timed_out),
            _ => None,
        }
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
                    KillReason::Memory => write!(f, "{exit}: it had no memory left"),
                    KillReason::CpuTime => write!(f, "{exit}: it had used up its processor time"),
                    KillReason::Requested | KillReason::Unknown => exit.fmt(f),
                }
            }
            JobError::CutShort { received, exit } => {
                write!(f, "{exit} in the middle of sending its value, after {received} bytes")
            }
            JobError::NotEncoded { message } => write!(f, "the value could not be serialised: {message}"),
            JobError::NotDecoded { message } => write!(f, "the value could not be deserialised: {message}"),
            JobError::TooLarge { limit } => write!(f, "the value was larger than {limit} bytes"),
            JobError::TooDeep { limit } => write!(f, "the value was nested more deeply than {limit} levels"),
            JobError::OutOfMemory { bytes } => write!(f, "no memory for a value of {bytes} bytes"),
            JobError::Lost => f.write_str("ended without a value, and other code took its exit status"),
            JobError::NotParent => {
                f.write_str("the job is another process's, and cannot be joined from here")
            }
            JobError::System { call, source } => write!(f, "{call} failed: {source}"),
        }
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JobError::Spawn(e) => e.source(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_good_errors() {
        fn good<E: Error + Clone + Send + Sync + 'static>() {}
        good::<SpawnError>();
        good::<JobError>();
    }

    #[test]
    fn each_says_something_of_its_own() {
        let exit = Exit::Code(3);
        let source = || io::Error::from_raw_os_error(nix::libc::EMFILE);
        let errors = [
            JobError::from(SpawnError::system("pipe", source())),
            JobError::from(SpawnError::ThreadsUnknown),
            JobError::Exited { code: 3 },
            JobError::Killed { signal: 9, core_dumped: false, reason: KillReason::Unknown },
            JobError::Killed { signal: 11, core_dumped: true, reason: KillReason::Unknown },
            JobError::Killed { signal: 6, core_dumped: false, reason: KillReason::Memory },
            JobError::Killed { signal: 24, core_dumped: false, reason: KillReason::CpuTime },
            JobError::CutShort { received: 7, exit },
            JobError::CutShort { received: 7, exit: Exit::Unknown },
            JobError::NotEncoded { message: "too much".into() },
            JobError::NotDecoded { message: "too much".into() },
            JobError::TooLarge { limit: 7 },
            JobError::TooDeep { limit: 7 },
            JobError::OutOfMemory { bytes: 7 },
            JobError::Lost,
            JobError::NotParent,
            JobError::system("waitid", source()),
        ];
        let texts = errors.each_ref().map(ToString::to_string);
        for (n, text) in texts.iter().enumerate() {
            assert!(!text.is_empty() && !texts[..n].contains(text), "{text}");
        }
        let with_source = errors.iter().filter(|e| e.source().is_some()).count();
        assert_eq!(with_source, 2, "those of the system");
        assert!(errors.iter().all(|e| e.timed_out().is_none()));
    }
}
