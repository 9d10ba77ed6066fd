//! The two errors, and why they are two: an expiry is an *answer* that a computation gives, a failed set-up
//! is a *fault* of the environment. A caller who handles the first must not swallow the second by accident.

mod arm_error;
mod panic;

pub use arm_error::ArmError;
pub(crate) use panic::panic_message;
pub(crate) use sigalarm_core::implementer::{Exact, Expiry, Measured};
pub use sigalarm_core::{AlarmId, Cause, SourceLocation, TimedOut};
