//! The two errors, and why they are two: an expiry is an *answer* that a computation gives, a failed set-up
//! is a *fault* of the environment. A caller who handles the first must not swallow the second by accident.

mod arm_error;
mod cause;
mod panic;
mod place;
mod timed_out;

pub use arm_error::ArmError;
pub use cause::Cause;
pub(crate) use panic::panic_message;
pub use place::Place;
pub use timed_out::{AlarmId, TimedOut};
pub(crate) use timed_out::{Exact, Expiry, Measured};
