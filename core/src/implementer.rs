//! The interface for crates that implement alarms, as `sigalarm` does.
//!
//! The flag is the byte that checks read. Each implementation (at most eight) has one bit of the flag, and a hook.
//! While a bit is set, checks call its hook.
//!
//! 1. **Register before arming**: [`register`] takes a static [`Hook`] and returns its [`Bit`]. Change no other bit.
//! 2. **Set the bit on expiry.** [`Flag::set`] is async-signal-safe.
//! 3. **Clear the bit, then read the clock.** In the other order, an expiry between the two is lost. Leave the bit set
//!    while an expired alarm, or an alarm that counts checks, is alive.
//! 4. **A hook runs on any thread**, also in destructors and while the program holds locks. It may allocate and wait
//!    briefly. It must not unwind, check or call the program's code.
//! 5. **Take an id from [`next_id`] when arming**, so that the outermost alarm has the smallest id.
//! 6. **To check one alarm**, if [`Flag::is_set`], pass the alarm's own error, if any, to [`outermost`], and the result
//!    to [`answer`].
//! 7. **After `fork`**, clear the bit in the child and call [`skip_ids`], before the child's first check.

pub use crate::duration::{Exact, Measured};
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
pub use crate::hook::{
    Bit, Hook, TooMany, answer, check_thread, flag, next_id, outermost, register, skip_ids,
};
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
pub use crate::os::Flag;
pub use crate::timed_out::Expiry;

use alloc::borrow::Cow;
use core::panic::Location;

use crate::{AlarmId, SourceLocation};

/// Creates an id from its number.
pub const fn id(number: u64) -> AlarmId {
    AlarmId(number)
}

/// Returns an id's number.
pub const fn number(id: AlarmId) -> u64 {
    id.0
}

/// Copies a location that is not `'static`.
pub fn copied(location: &Location<'_>) -> SourceLocation {
    let file = Cow::Owned(location.file().into());
    SourceLocation { file, line: location.line(), column: location.column() }
}
