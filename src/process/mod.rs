//! Functions in a process of their own, which can be ended whatever they do.
//!
//! An [`Alarm`](crate::Alarm) asks a computation to stop, and one that never checks never stops. Where the
//! function cannot be changed (a C library, a plugin, a parser that may loop for ever) or cannot be trusted,
//! only a process will do: it can be killed, and what it did to memory dies with it. Here the function runs in
//! a forked child, [`Job::join`] waits for its value, [`run`] puts the whole under a limit.
//!
//! ```standalone_crate
//! use sigalarm::process::{self, JobError};
//! use std::time::Duration;
//!
//! // Goes well:
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
//! A copy of this process at the moment of the spawn, so the function borrows what it likes, and whatever it
//! changes is changed in the copy. What comes back is its value, by way of [serde]; or its panic, with message
//! and place; or how it died. No code of the parent's runs in the child but the function: no destructor, no
//! panic hook, no `atexit` function. What has been printed and not yet written out is written once.
//!
//! What the function captures by value is dropped on both sides: in the child when the function is through with
//! it, in the parent when the spawn returns. Lend it what stands for something outside of memory, such as a
//! temporary directory.
//!
//! # Only from a single thread
//!
//! A forked child has a copy of one thread and of all locks, also of those that other threads held. So
//! [`Job::spawn`] and [`run`] refuse where other threads exist ([`SpawnError::MultiThreaded`]): spawn first and
//! start threads later. [`Builder::spawn_unchecked`] is for those who know what every thread is doing.
//!
//! # Limitations
//!
//! - The codec is [postcard](https://docs.rs/postcard): compact and quick, and not self-describing. A type that
//!   asks its input what it is (`serde_json::Value`, `#[serde(untagged)]`, `#[serde(tag = "…")]`) does not come back:
//!   [`JobError::NotDecoded`]. One that leaves fields out (`skip_serializing_if`), or does not know how many it has
//!   (`flatten`), does not go out: [`JobError::NotEncoded`]. `#[serde(skip)]` is well, `skip_serializing` without
//!   `skip_deserializing` is not, and cannot be noticed. Where you need one of these, hand over a type without it, or a
//!   `String` of JSON.
//! - A grandchild that leaves the job's process group (`setsid`) is nobody's to kill; that takes a container.
//! - A limit's SIGTERM and SIGKILL are sent by whoever waits for the job. While nobody does, it has the time.
//! - On systems other than Linux the end of a child is looked for every few milliseconds, a child does not die
//!   with its parent, and only on macOS can threads be counted, so that elsewhere only the unchecked spawn is left.
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
mod output;
mod panics;
mod shared;
mod state;
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

/// Runs `f` in a forked child under a limit and hands its value back.
///
/// The limit is a ladder. When it has passed, [`checkpoint`](crate::checkpoint) errs in the child, and a
/// function that checks can end well and return the best that it has. One second later the child and its
/// process group get SIGTERM, after another second SIGKILL ([`Builder::grace`] makes it other than a second).
/// In every case it is reaped before this returns, and none of its descendants is left, unless it has left the
/// group.
///
/// Blocks until then; or until an alarm of the calling thread expires, and then the job is killed at once.
///
/// A zero limit has passed when the function starts. [`Duration::MAX`] means *never*.
///
/// # Errors
///
/// - [`JobError::TimedOut`] if the ladder had to end it, or if an alarm of the caller expired
///   ([`Alarm::owns`](crate::Alarm::owns) tells). A value that arrived is a success, however late.
/// - [`JobError::Spawn`] if there could be no child: see [`Job::spawn`].
/// - The others tell how the function ended without a value.
///
/// # Examples
///
/// A function that checks; its own time-out comes back inside, so the second `?` passes that on as well:
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
