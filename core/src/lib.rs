#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod cause;
mod checkpoint;
mod duration;
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
mod hook;
mod id;
#[doc(hidden)]
pub mod implementer;
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
mod os;
mod source_location;
mod timed_out;

#[cfg(not(all(target_has_atomic = "8", target_has_atomic = "ptr")))]
mod hook {
    pub(crate) fn signal_name(_: i32) -> Option<&'static str> {
        None
    }
}

/// A test of `sigalarm` includes `os.rs` with simulated types in place of these.
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
use core::sync::atomic;

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
