//! What a library calls so that its callers can limit its time.
//!
//! ```
//! use sigalarm_core::{TimedOut, checkpoint};
//!
//! /// Checks once a row; see `TimedOut`.
//! pub fn total(rows: &[Vec<u64>]) -> Result<u64, TimedOut> {
//!     let mut total = 0;
//!     for row in rows {
//!         checkpoint()?; // one load, one branch; `Ok` where nobody has armed an alarm
//!         total += row.iter().sum::<u64>();
//!     }
//!     Ok(total)
//! }
//! # assert_eq!(total(&[vec![1, 2], vec![3]]), Ok(6));
//! ```
//!
//! The program that calls the library arms an alarm, with [`sigalarm`](https://docs.rs/sigalarm) or another implementation,
//! and gets the [`TimedOut`]. A program that arms none pays two instructions a check. As with a logging facade, the library
//! depends on this crate alone: no dependencies, no operating system, no features that are on by default, every target that
//! Rust has. On targets without atomics of 8 bits and of pointers a [`checkpoint`] is always `Ok`.
//!
//! The page "For library authors" in the book of `sigalarm` (`docs/libraries.md`) says where to put checks, and what to promise.
//!
//! # Features
//!
//! None is on by default.
//!
//! - `std`: [`TimedOut`] into `std::io::Error`, and [`TimedOut::find_in`] through one.
//! - `serde`: [`TimedOut`] and what is in it pass between processes.
//! - `macros`: `#[cooperative]`, which puts a check into each loop of a function.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
mod atomic;
mod cause;
mod checkpoint;
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
mod hook;
mod id;
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
#[doc(hidden)]
pub mod implementer;
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
mod os;
mod source_location;
mod timed_out;

/// No implementation can register here.
#[cfg(not(all(target_has_atomic = "8", target_has_atomic = "ptr")))]
mod hook {
    pub(crate) fn signal_name(_: i32) -> Option<&'static str> {
        None
    }
}

pub use cause::Cause;
pub use checkpoint::checkpoint;
pub use id::AlarmId;
#[cfg(feature = "macros")]
#[doc(inline)]
pub use sigalarm_macros::core_cooperative as cooperative;
#[cfg(feature = "macros")]
#[doc(hidden)]
pub use sigalarm_macros::core_time_limit as time_limit;
pub use source_location::SourceLocation;
pub use timed_out::TimedOut;
