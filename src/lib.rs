//! A time limit on a long computation, in the same process: SIGALRM, a flag, a check.
//!
//! ```
//! use sigalarm::{Alarm, TimedOut};
//! use std::time::Duration;
//!
//! fn long_function(alarm: &Alarm) -> Result<u64, TimedOut> {
//!     let mut sum = 0_u64;
//!     for n in 0..1_000_000_000_u64 {
//!         alarm.check()?; // one load, one branch
//!         sum = sum.wrapping_add(n * n);
//!     }
//!     Ok(sum)
//! }
//!
//! let alarm = Alarm::after(Duration::from_millis(10))?; // arm
//! match long_function(&alarm) {
//!     Ok(answer) => println!("{answer}"),
//!     Err(timed_out) => eprintln!("{timed_out}"), // timed out after 10.021 ms (limit 10 ms) at src/main.rs:7
//! }
//! drop(alarm); // reset: handler and mask are as they were before
//! # Ok::<(), sigalarm::ArmError>(())
//! ```
//!
//! # Where to go from here
//!
//! - [`Alarm`] is the guard, [`Alarm::check`] the check, [`checkpoint`] the check without the guard, [`within`] a limit
//!   around one call. [`TimedOut`] is what a check answers, [`ArmError`] what can go wrong in setting up.
//! - [`Alarm::builder`]: a label, limits on processor time and on checks, Ctrl-C, a watchdog, an audit.
//! - Blocking calls: [`Alarm::sleep`], [`reader`](Alarm::reader), [`writer`](Alarm::writer), [`wait`](Alarm::wait),
//!   [`wait_for`](Alarm::wait_for), [`blocking`](Alarm::blocking).
//! - What a computation wants at its checks: [`Best`], [`Ticker`], [`IteratorExt`], [`unwind_if_expired`].
//! - Code beside the caller, or that cannot check: [`thread::Worker`], and jobs in a process of their own (feature `process`).
//! - Checks put in by an attribute: feature `macros`.
//! - `exec` with a guard armed: [`suspended`].
//! - Tests of your own functions, stopped wherever they check, without waiting: [`testing`].
//!
//! # Features
//!
//! `macros`: `#[cooperative]` and `#[time_limit]`. `process`: jobs. `enough`: alarms for libraries that take an `enough::Stop`.
//! None is on by default.

// For a build under RealtimeSanitizer (`.ci/parts/sanitizers`), where the handler says of itself that it never allocates,
// locks or waits. The attribute that says so is a nightly's.
#![cfg_attr(sigalarm_rtsan, feature(sanitize))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!(
    "sigalarm is built on SIGALRM, which Unix has and this target has not; \
     use a thread or the target's own timers there"
);

mod alarm;
mod best;
mod blocking;
#[cfg(doctest)]
mod book;
mod builder;
mod checkpoint;
mod enter;
mod error;
mod gap;
mod handle;
#[cfg(all(test, sigalarm_shuttle))]
mod interleavings;
mod io;
mod iter;
#[cfg(not(sigalarm_shuttle))]
mod os;
/// The same faces over a scripted kernel.
#[cfg(sigalarm_shuttle)]
#[path = "interleavings/os/mod.rs"]
mod os;
mod paused;
#[cfg(feature = "process")]
pub mod process;
mod runtime;
mod schedule;
mod shielded;
mod stays;
#[cfg(feature = "enough")]
mod stop;
mod suspended;
pub mod testing;
pub mod thread;
mod ticker;
mod time;
mod unwind;
mod wait;
mod within;

pub use alarm::Alarm;
pub use best::{Best, Better, Highest, Lowest};
pub use builder::AlarmBuilder;
pub use checkpoint::checkpoint;
pub use enter::Entered;
pub use error::{AlarmId, ArmError, Cause, SourceLocation, TimedOut};
pub use gap::Gap;
pub use handle::AlarmHandle;
pub use io::{Reader, Writer};
pub use iter::{Checked, CheckedEvery, IteratorExt, Until};
pub use paused::paused;
pub use shielded::shielded;
#[cfg(feature = "macros")]
pub use sigalarm_macros::{cooperative, time_limit};
#[cfg(feature = "enough")]
pub use stop::ThreadAlarms;
pub use suspended::suspended;
pub use ticker::Ticker;
pub use unwind::unwind_if_expired;
pub use within::{try_within, within};
