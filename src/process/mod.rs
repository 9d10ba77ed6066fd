//! Functions in a forked child, which can be killed.
//!
//! An [`Alarm`](crate::Alarm) sets a flag, and a function that never checks it never stops. Where the function cannot be
//! changed (a C library, a plugin, a parser that may loop for ever) or cannot be trusted, it takes a process: that can be
//! killed, and its changes to memory are lost with it. Here the function runs in a forked child, [`Job::join`] waits for its
//! value, and [`run`] does both under a limit.
//!
//! ```standalone_crate
//! use sigalarm::process::{self, JobError};
//! use std::time::Duration;
//!
//! // Returns in time:
//! assert_eq!(process::run(Duration::from_secs(10), || 6 * 7)?, 42);
//!
//! // Never checks, never ends:
//! let limit = Duration::from_millis(20);
//! let stuck = process::Job::builder().limit(limit).grace(Duration::ZERO).run(|| -> () { loop {} });
//! match stuck {
//!     Err(JobError::TimedOut(timed_out)) => assert!(timed_out.elapsed() >= limit),
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), JobError>(())
//! ```
//!
//! # What the child is
//!
//! A copy of this process at the moment of the spawn. So the function borrows what it likes, and its changes are changes to
//! the copy. Its value comes back by [serde]; or its panic, with message and place; or how the child died. Of the parent's
//! code only the function runs in the child: no destructor, no panic hook, no `atexit` function. What the parent has printed
//! and not flushed is written once.
//!
//! What the function captures by value is dropped on both sides: in the child after the function, in the parent when the
//! spawn returns. So lend it what stands for something outside of memory, such as a temporary directory.
//!
//! The child has no descriptor of other jobs of this process. It inherits all other descriptors.
//!
//! # Only from a single thread
//!
//! A forked child has a copy of one thread and of all locks, also of those that other threads held. So [`Job::spawn`] and
//! [`run`] refuse where other threads exist ([`SpawnError::MultiThreaded`]): spawn first and start threads later.
//! [`Builder::spawn_unchecked`] leaves the proof to the caller.
//!
//! # Limitations
//!
//! - The codec is [postcard](https://docs.rs/postcard), which is not self-describing. A type that asks its input what it is
//!   (`serde_json::Value`, `#[serde(untagged)]`, `#[serde(tag = "…")]`) gives [`JobError::NotDecoded`]. One that leaves
//!   fields out (`skip_serializing_if`), or does not know how many it has (`flatten`), gives [`JobError::NotEncoded`].
//!   Return a type without that, or a `String` of JSON. A path that is not UTF-8 gives `NotEncoded`: return an `OsString`.
//!   `#[serde(skip)]` works. `skip_serializing` without `skip_deserializing` is read wrongly, which cannot be detected.
//! - A decoded value can take more memory than its bytes: each byte may stand for one element, of any size. So
//!   [`value_limit`](Builder::value_limit) times the size of the largest element bounds it.
//! - [`run`] returns up to two [graces](Builder::grace) after the limit if the function does not check.
//! - The parent sends a limit's SIGTERM and SIGKILL while a thread waits for the job. See [`Builder::limit`].
//! - A grandchild that leaves the job's process group (`setsid`) is not killed; that takes a container.
//! - A job that is the first process of a PID namespace (the parent has called `unshare(CLONE_NEWPID)`) ignores signals that
//!   it does not handle, except SIGKILL: its limit takes both graces, and an abort ends in SIGSEGV.
//! - Without pidfds (before Linux 5.3, other systems, some sandboxes) other code that reaps every child can have the job take
//!   the status of another child.
//! - On systems other than Linux the end of a child is looked for every few milliseconds, a child does not die with its
//!   parent, and threads can be counted on macOS only: elsewhere there is only the unchecked spawn.
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
/// When the limit has passed, [`checkpoint`](crate::checkpoint) returns an error in the child, and a function that checks
/// returns the best that it has. One second later the child and its process group get SIGTERM, after another second SIGKILL.
/// So a function that does not check ends at the limit plus a second of grace, or two if it ignores SIGTERM;
/// [`Builder::grace`] changes the second. The child has been reaped before this returns, and its process group is gone.
///
/// Blocks until then, or until an alarm of the calling thread expires; then the job is killed at once.
///
/// A zero limit has passed when the function starts. [`Duration::MAX`] means *never*.
///
/// # Errors
///
/// - [`JobError::TimedOut`] if the job had to be ended, or if an alarm of the caller expired
///   ([`Alarm::owns`](crate::Alarm::owns) distinguishes them). A value that arrives is a success, however late.
/// - [`JobError::Spawn`] if there is no child: see [`Job::spawn`].
/// - The others say how the function ended without a value.
///
/// # Examples
///
/// A function that checks returns its own time-out, which the second `?` passes on:
///
/// ```standalone_crate
/// use sigalarm::{TimedOut, checkpoint, process};
/// use std::time::Duration;
///
/// fn long_function() -> Result<u32, TimedOut> {
///     for _ in 0..1_000 {
///         checkpoint()?;
///     }
///     Ok(42)
/// }
///
/// let answer = process::run(Duration::from_secs(10), long_function)??;
/// assert_eq!(answer, 42);
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

/// Waits until one of several jobs has ended, but no longer than `limit`. Returns its index, or `None` if there are no jobs.
///
/// Meanwhile it does for each of them what a join does: takes in its value, and enforces its [limit](Builder::limit). If
/// several have ended it returns the first of these. [`Duration::MAX`] means *for ever*, zero looks and does not wait.
///
/// # Errors
///
/// [`JobError::TimedOut`] if `limit` has passed, or if an alarm of the calling thread expires; all of the jobs are alive
/// then. How the job ended that is returned is for its [`join`](Job::join) to tell.
///
/// # Examples
///
/// A pool: at most four jobs at a time, one result after the other.
///
/// ```standalone_crate
/// use sigalarm::process::{self, Job};
/// use std::time::Duration;
///
/// let (mut inputs, mut jobs, mut sum) = (1..=20_u64, Vec::new(), 0);
/// loop {
///     for n in inputs.by_ref().take(4 - jobs.len()) {
///         jobs.push(Job::builder().limit(Duration::from_secs(10)).spawn(move || n * n)?);
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

/// Receives the bytes of a hostile child. For `fuzz/`, and in its build only.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_frames(input: &[u8]) {
    wire::adversary::check(input);
}
