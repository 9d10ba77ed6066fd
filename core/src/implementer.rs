//! For crates that arm alarms, as `sigalarm` does, and for them alone: users and library authors need nothing of it.
//!
//! An implementation decides when a computation is to stop: by a timer and a signal, by a thread, by an interrupt. It has one
//! bit of the flag, and a hook that is called when a check finds the bit set. Any number of implementations up to eight, and of
//! versions of one, share every check without knowing of each other.
//!
//! # The contract
//!
//! 1. **Register before anything else**: [`register`] takes a [`Hook`], which is a `static`, and returns the [`Bit`]. It cannot
//!    be undone. A second call with the same hook returns the same bit. The ninth hook gets [`TooMany`].
//! 2. **Set the bit when there may be something to report**: `flag().set(bit.mask())`. It is async-signal-safe, and any thread
//!    may do it. It is a hint: a bit that is set for nothing costs each check a call of the hook.
//! 3. **Clear the bit before looking**: `flag().clear(bit.mask())`, and only then read the clock or whatever else decides: what
//!    a wiped out `set` stood for is then seen. While an alarm of any thread has expired and lives, or checks are counted, the
//!    bit stays set: were it clear for a moment, a check on another thread would succeed.
//! 4. **Touch no other bit.**
//! 5. **The hook's check is called by checks, on any thread, also on one that has no alarm**, in the middle of the program's
//!    code: with the program's locks held, in destructors, while a thread unwinds or ends. It may allocate and may block
//!    shortly. It must not unwind, must not check, and must not call the program's code. No lock of core's is held.
//! 6. **Ids** come from [`next_id`], at the moment of arming. A check returns the error with the smallest id of all that the
//!    hooks return, so an alarm must have a larger id than those that enclose it.
//! 7. **A check of one alarm** (`alarm.check()`): if [`Flag::is_set`], it looks for itself and passes the result through
//!    [`outermost`], which asks the others; [`answer`] makes a `Result` of it. [`check_thread`] asks as `checkpoint` does.
//! 8. **`fork`**: the child has the parent's flag, hooks and bits. Each implementation clears its own bit there, if its alarms do
//!    not live on in the child, and calls [`skip_ids`]. That it does so before the child's first check is its own affair
//!    (`pthread_atfork`).
//! 9. **Loaded twice** (a `dlopen`ed library with a copy of core in it): two cores, two flags. Neither sees the other's alarms.

#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
pub use crate::hook::{
    Bit, Hook, TooMany, answer, check_thread, flag, next_id, outermost, register, skip_ids,
};
#[cfg(all(target_has_atomic = "8", target_has_atomic = "ptr"))]
pub use crate::os::Flag;
pub use crate::timed_out::{Exact, Expiry, Measured};

use core::panic::Location;

use crate::{AlarmId, SourceLocation};

/// The id of this number. For ids that are compared with others; alarms get theirs from [`next_id`].
pub const fn id(number: u64) -> AlarmId {
    AlarmId(number)
}

/// The number of an id.
pub const fn number(id: AlarmId) -> u64 {
    id.0
}

/// The place of a location that does not live for ever.
pub fn copied(location: &Location<'_>) -> SourceLocation {
    SourceLocation::copied(location)
}
