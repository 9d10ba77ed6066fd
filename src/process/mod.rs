//! Runs functions in a forked child process, which can be killed.
//!
//! [`run`] forks, waits under a limit and returns the value. A [`Job`] runs while the caller goes on.
//! ```standalone_crate
//! use {sigalarm::process, std::time::Duration};
//! assert_eq!(process::run(Duration::from_secs(10), || 6 * 7).unwrap(), 42);
//! ```
//!
//! The child is a copy of this process at the fork. So the function may borrow, its changes to memory are lost, and a
//! value that it captures is dropped in both processes. See the [guide](crate::book::jobs) and the
//! [limits of jobs](crate::book::limits#jobs).

mod builder;
mod child;
mod error;
mod exit;
mod in_child;
mod job;
mod output;
mod panics;
mod shared;
mod spawn;
mod wire;

use std::panic::Location;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::os::poll;

pub use builder::Builder;
pub use error::{JobError, SpawnError};
pub use exit::{Exit, KillReason, Usage};
pub use job::Job;
pub use output::Output;
pub use panics::Panic;

/// Runs `f` in a forked child under a limit and returns its value.
///
/// Blocks until the child has ended. If an alarm of the calling thread expires, the child is killed at once.
///
/// 1. At the limit [`checkpoint`](crate::checkpoint) returns an error in the child.
/// 2. One second later (the [grace](Builder::grace)) the child's process group gets SIGTERM.
/// 3. Another grace later the group gets SIGKILL.
///
/// [`Duration::MAX`] means no limit.
///
/// # Errors
///
/// [`JobError::TimedOut`] if the limit or an alarm of the caller expired. If a value arrives after the limit,
/// `run` returns the value. The other errors say why there is no value.
/// ```standalone_crate
/// use {sigalarm::{checkpoint, process}, std::time::Duration};
/// let result = process::run(Duration::from_secs(10), || checkpoint().map(|()| 42));
/// assert_eq!(result.unwrap().unwrap(), 42); // a result in a result
/// ```
#[track_caller]
pub fn run<T, F>(limit: Duration, f: F) -> Result<T, JobError>
where
    T: Serialize + DeserializeOwned,
    F: FnOnce() -> T,
{
    Builder::new().limit(limit).run(f)
}

/// Waits until one of several jobs has ended, and returns its index; `None` without jobs.
///
/// Blocks for at most `limit`; [`Duration::MAX`] means no limit, and zero does not block. Meanwhile the call receives
/// the values of all the jobs and enforces their [limits](Builder::limit).
///
/// # Errors
///
/// [`JobError::TimedOut`] if `limit` passes, or an alarm of the calling thread expires. The jobs go on.
/// ```standalone_crate
/// use {sigalarm::process::{Job, wait_any}, std::time::Duration};
/// let jobs = [Job::spawn(|| 1).unwrap(), Job::spawn(|| 2).unwrap()];
/// let ended = wait_any(&jobs, Duration::MAX).unwrap().unwrap();
/// assert_eq!(jobs[ended].join().unwrap(), ended + 1);
/// ```
#[track_caller]
pub fn wait_any<'a, T: 'a>(
    jobs: impl IntoIterator<Item = &'a Job<T>>,
    limit: Duration,
) -> Result<Option<usize>, JobError> {
    let jobs: Vec<_> = jobs.into_iter().map(|job| &*job.shared).collect();
    if jobs.is_empty() {
        return Ok(None);
    }
    let mut fds = vec![[poll::readable(None); 2]; jobs.len()];
    shared::wait_any(&jobs, &mut fds, limit, Location::caller()).map(Some)
}

/// Reads and decodes what a child may send. Only `fuzz/` calls this function.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_job(input: &[u8]) {
    wire::adversary::check(input);
}
