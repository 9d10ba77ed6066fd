//! The interface for crates that implement alarms, as `sigalarm` does. Other crates do not need it.
//!
//! An implementation decides when a computation must stop. It owns one bit of the flag, and one hook that checks call
//! while the bit is set. Up to eight implementations share the flag.
//!
//! # Contract
//!
//! 1. **Register first.** [`register`] takes a static [`Hook`] and returns its [`Bit`], for the life of the process.
//!    The ninth hook gets [`TooMany`].
//! 2. **Set the bit on expiry**: `flag().set(bit.mask())`. The call is async-signal-safe. A spurious bit costs each
//!    check a call of the hook.
//! 3. **Clear the bit before reading the clock**: `flag().clear(bit.mask())`. A concurrent `set` is then seen by the
//!    read or leaves the bit set. Keep the bit set while any alarm has expired or any alarm counts checks.
//! 4. **Change no other bit.**
//! 5. **A hook's check runs on any thread**, also without alarms, in destructors, and with locks of the program held.
//!    It may allocate and may block briefly. It must not unwind, check, or call code of the program. Core holds no
//!    lock during the call.
//! 6. **Take ids from [`next_id`]** when arming, so enclosing alarms have smaller ids. A check returns the error with
//!    the smallest id.
//! 7. **A check of one alarm** first tests [`Flag::is_set`]. It then passes its own error to [`outermost`], and the
//!    result to [`answer`].
//! 8. **`fork`** copies the flag and the hooks. The child's implementation clears its bit and calls [`skip_ids`]
//!    before the child's first check.
//! 9. **Two copies of core** in one process (`dlopen`) have two flags, and do not see each other's alarms.

#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
pub use crate::hook::{
    answer, check_thread, flag, next_id, outermost, register, skip_ids, Bit, Hook, TooMany,
};
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
pub use crate::os::Flag;
pub use crate::timed_out::{Exact, Expiry, Measured};

use core::panic::Location;

use crate::{AlarmId, SourceLocation};

/// Returns the id of a number, for comparisons. An alarm's id comes from [`next_id`].
pub const fn id(number: u64) -> AlarmId {
    AlarmId(number)
}

/// Returns the number of an id.
pub const fn number(id: AlarmId) -> u64 {
    id.0
}

/// Copies a location that is not `'static`.
pub fn copied(location: &Location<'_>) -> SourceLocation {
    SourceLocation::copied(location)
}
