//! Runs functions in a forked child process, which can be killed.
//!
//! An [`Alarm`](crate::Alarm) stops only a function that checks. [`Job::spawn`] forks a child for a function that does
//! not, [`Job::join`] returns its value, and [`run`] does both under a limit.
//!
//! ```standalone_crate
//! use sigalarm::process::{self, JobError};
//! use std::time::Duration;
//!
//! assert_eq!(process::run(Duration::from_secs(10), || 6 * 7)?, 42);
//! # Ok::<(), JobError>(())
//! ```
//!
//! # What the child is
//!
//! The child is a copy of this process at the fork. The function may borrow, and its changes to memory are lost. Of the
//! parent's code only the function runs in it: no destructor, panic hook or `atexit` function. A captured value is
//! dropped in both processes. The child inherits all descriptors except those of other jobs.
//!
//! # Limitations
//!
//! - [`run`] returns up to two [graces](Builder::grace) after the limit if the function does not check.
//! - A lock that another thread holds at the fork stays locked in the child. So a spawn fails if other threads exist.
//!   [`Builder::spawn_unchecked`] skips this check.
//! - The codec is [postcard](https://docs.rs/postcard). `serde_json::Value` and serde's `untagged` and `tag` give
//!   [`JobError::NotDecoded`]; `flatten`, `skip_serializing_if` and a path that is not UTF-8 give
//!   [`JobError::NotEncoded`]. `skip_serializing` without `skip_deserializing` gives a wrong value.
//! - A grandchild that leaves the job's process group (`setsid`) is not killed.
//! - The first process of a PID namespace ignores SIGTERM, and an abort of it is reported as SIGSEGV.
//! - Without pidfds (before Linux 5.3, other systems, some sandboxes) code that reaps every child can give the job
//!   another child's status.
//! - Systems other than Linux poll for the end of a child, and a child outlives its parent. Systems other than Linux
//!   and macOS have only the unchecked spawn.

mod builder;
mod child;
mod detached;
mod error;
mod escalation;
mod exit;
mod in_child;
mod job;
mod limits;
mod output;
mod panics;
mod shared;
mod signals;
mod spawn;
mod state;
mod status;
mod wire;

use std::panic::Location;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::os::clock;

pub use builder::Builder;
pub use error::{JobError, SpawnError};
pub use exit::{Exit, KillReason, Usage};
pub use job::Job;
pub use output::Output;
pub use panics::Panic;

/// Runs `f` in a forked child under a limit and returns its value.
///
/// Blocks until the child has been reaped. An alarm of the calling thread that expires kills it at once.
///
/// 1. At the limit [`checkpoint`](crate::checkpoint) returns an error in the child.
/// 2. One [grace](Builder::grace) (a second) later the child's process group gets SIGTERM.
/// 3. Another grace later it gets SIGKILL.
///
/// Zero has passed when the function starts. [`Duration::MAX`] means no limit.
///
/// # Errors
///
/// [`JobError::TimedOut`] if the job was ended at its limit, or if an alarm of the caller expired
/// ([`Alarm::owns`](crate::Alarm::owns) distinguishes them). A value that arrives late is a success. The other errors
/// say why there is no value.
///
/// ```standalone_crate
/// use sigalarm::{checkpoint, process};
/// use std::time::Duration;
///
/// // The second `?` returns the time-out of a function that checks.
/// let answer = process::run(Duration::from_secs(10), || checkpoint().map(|()| 42))??;
/// assert_eq!(answer, 42);
/// # Ok::<(), process::JobError>(())
/// ```
#[track_caller]
pub fn run<T, F>(limit: Duration, f: F) -> Result<T, JobError>
where
    T: Serialize + DeserializeOwned,
    F: FnOnce() -> T,
{
    Builder::new().limit(limit).run(f)
}

/// Waits until one of several jobs has ended, and returns its index; `None` if there are no jobs.
///
/// Blocks for at most `limit`; [`Duration::MAX`] means no limit, and zero does not block. Meanwhile it receives the
/// values of all the jobs and enforces their [limits](Builder::limit).
///
/// # Errors
///
/// [`JobError::TimedOut`] if `limit` passes, or if an alarm of the calling thread expires. The jobs go on.
///
/// ```standalone_crate
/// use sigalarm::process::{self, Job};
/// use std::time::Duration;
///
/// let mut jobs = vec![Job::spawn(|| 1)?, Job::spawn(|| 2)?];
/// let mut sum = 0;
/// while let Some(ended) = process::wait_any(&jobs, Duration::MAX)? {
///     sum += jobs.swap_remove(ended).join()?;
/// }
/// assert_eq!(sum, 3);
/// # Ok::<(), process::JobError>(())
/// ```
#[track_caller]
pub fn wait_any<'a, T: 'a>(
    jobs: impl IntoIterator<Item = &'a Job<T>>,
    limit: Duration,
) -> Result<Option<usize>, JobError> {
    let jobs: Vec<_> = jobs.into_iter().map(Job::shared).collect();
    if jobs.is_empty() {
        return Ok(None);
    }
    let now = clock::kernel_now();
    shared::wait_any(&jobs, now.after(limit), Some(now), Location::caller()).map(Some)
}

/// Checks the receiver against a hostile child; for `fuzz/`.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_frames(input: &[u8]) {
    wire::adversary::check(input);
}
