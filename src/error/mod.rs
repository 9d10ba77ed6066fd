//! The errors of checks ([`TimedOut`]) and of arming ([`ArmError`]).
//!
//! They are two types, so that code that handles an expired limit does not hide a failed system call.

mod arm_error;
mod panic;

pub use arm_error::ArmError;
pub(crate) use panic::panic_message;
pub(crate) use sigalarm_core::implementer::{Exact, Expiry, Measured};
pub use sigalarm_core::{AlarmId, Cause, SourceLocation, TimedOut};
