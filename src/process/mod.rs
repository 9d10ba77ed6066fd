//! Runs functions in a forked child process, which can be killed.
//!
//! An [`Alarm`](crate::Alarm) stops only a function that checks. A function that cannot be changed or trusted needs a
//! process of its own. [`Job::spawn`] forks a child for it, [`Job::join`] returns its value, and [`run`] does both
//! under a limit.
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
//! The child is a copy of this process at the fork. The function may borrow, and its changes to memory are lost.
//! [serde] carries its value to the parent. Of the parent's code only the function runs in the child: no destructor,
//! panic hook or `atexit` function. A captured value is dropped in both processes, so borrow it if its drop has an
//! effect. The child inherits all descriptors except those of other jobs.
//!
//! # Only from a single thread
//!
//! A lock that another thread holds at the fork stays locked in the child. So [`Job::spawn`] and [`run`] return
//! [`SpawnError::MultiThreaded`] if other threads exist. Spawn first and start threads later.
//! [`Builder::spawn_unchecked`] skips this check.
//!
//! # Limitations
//!
//! - The codec is [postcard](https://docs.rs/postcard), which stores neither types nor field names. `serde_json::Value`
//!   and serde's `untagged` and `tag` give [`JobError::NotDecoded`]. `flatten`, `skip_serializing_if` and a path that
//!   is not UTF-8 give [`JobError::NotEncoded`]. `skip_serializing` without `skip_deserializing` gives a wrong value.
//!   Return another type, or a `String` of JSON.
//! - [`run`] returns up to two [graces](Builder::grace) after the limit if the function does not check.
//! - A grandchild that leaves the job's process group (`setsid`) is not killed.
//! - The first process of a PID namespace ignores SIGTERM, and an abort of it is reported as SIGSEGV.
//! - Without pidfds (before Linux 5.3, other systems, some sandboxes) code that reaps every child can give the job
//!   another child's status.
//! - Systems other than Linux poll for the end of a child every few milliseconds, and a child outlives its parent. Of
//!   these only macOS counts threads; the others have only the unchecked spawn.
//!
//! [serde]: https://serde.rs

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
/// 2. One second later the child's process group gets SIGTERM.
/// 3. Another second later it gets SIGKILL. [`Builder::grace`] changes the second.
///
/// A zero limit has passed when the function starts. [`Duration::MAX`] means no limit.
///
/// # Errors
///
/// - [`JobError::TimedOut`] if the job was ended at its limit, or if an alarm of the caller expired
///   ([`Alarm::owns`](crate::Alarm::owns) distinguishes them). A value that arrives late is a success.
/// - [`JobError::Spawn`] if there is no child: see [`Job::spawn`].
/// - The other errors say how the function ended without a value.
///
/// A function that checks returns its own time-out:
///
/// ```standalone_crate
/// use sigalarm::{TimedOut, checkpoint, process};
/// use std::time::Duration;
///
/// let long_function = || -> Result<u32, TimedOut> {
///     checkpoint()?;
///     Ok(42)
/// };
/// assert_eq!(process::run(Duration::from_secs(10), long_function)??, 42);
/// # Ok::<(), sigalarm::process::JobError>(())
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
/// let mut inputs = 1..=20_u64;
/// let (mut jobs, mut sum) = (Vec::new(), 0);
/// loop {
///     for n in inputs.by_ref().take(4 - jobs.len()) {
///         jobs.push(Job::spawn(move || n * n)?); // at most four at a time
///     }
///     let Some(ended) = process::wait_any(&jobs, Duration::MAX)? else { break };
///     sum += jobs.swap_remove(ended).join()?;
/// }
/// assert_eq!(sum, 2_870);
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

/// Checks the receiver against the bytes of a hostile child; for `fuzz/`.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_frames(input: &[u8]) {
    wire::adversary::check(input);
}
