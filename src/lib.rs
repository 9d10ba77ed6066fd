//! Time limits on long computations in the same process: SIGALRM sets a flag, and the computation checks it.
//!
//! ```
//! use sigalarm::{Alarm, TimedOut};
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
//! let alarm = Alarm::after(std::time::Duration::from_millis(10))?;
//! if let Err(timed_out) = long_function(&alarm) {
//!     eprintln!("{timed_out}"); // timed out after 10.021 ms (limit 10 ms) at src/main.rs:6
//! }
//! # Ok::<(), sigalarm::ArmError>(())
//! ```
//!
#![cfg_attr(
    all(doc, feature = "macros", feature = "process"),
    doc = "The [guides](book) have [recipes](book::recipes), [the choice between alarms, workers and jobs](book::choosing), [common mistakes](book::mistakes) and [all limits](book::limits).\n"
)]
//! # Features
//!
//! No feature is on by default. Without features, a build compiles 16 crates.
//!
//! | feature | adds | further crates |
//! |---|---|---|
//! | `macros` | `#[cooperative]`, `#[time_limit]` | 6 |
//! | `process` | jobs in forked processes, for code that cannot check | 11 |
//! | `enough` | implementations of `enough::Stop` | 1 |
//!
//! # Limits
//!
//! - A computation without checks never stops. A check returns no error before the limit.
//! - While the process has an expired alarm, every check takes a lock.
//! - In a single-threaded process `exec` preserves the alarm's timer, whose SIGALRM then ends the new program. Call
//!   `exec` in [`suspended`].
//! - Unix only. Tests run on Linux; for macOS, FreeBSD, NetBSD and Android the library is only compiled.

#![cfg_attr(sigalarm_rtsan, feature(sanitize))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!("sigalarm needs SIGALRM, which only Unix has; on this target use a thread or a system timer");

mod alarm;
mod best;
mod blocking;
#[cfg(any(doctest, all(doc, feature = "macros", feature = "process")))]
pub mod book;
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
mod not_send;
#[cfg(not(sigalarm_shuttle))]
mod os;
#[cfg(sigalarm_shuttle)]
#[path = "interleavings/os/mod.rs"]
mod os;
#[cfg(feature = "process")]
pub mod process;
mod runtime;
mod schedule;
mod scoped;
#[cfg(feature = "enough")]
mod stop;
pub mod testing;
pub mod thread;
mod ticker;
mod time;
mod unwind;

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
pub use scoped::{paused, shielded, suspended, try_within, within};
#[cfg(feature = "macros")]
pub use sigalarm_macros::{cooperative, time_limit};
#[cfg(feature = "enough")]
pub use stop::ThreadAlarms;
pub use ticker::Ticker;
pub use unwind::unwind_if_expired;
