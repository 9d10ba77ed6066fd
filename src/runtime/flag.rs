//! The library's bit of the flag.

use super::shared::SHARED;
use crate::os::flag::flag;

/// The flag orders no memory: a check that finds it set takes the lock, which does.
pub(super) const FLAG: OwnFlag = OwnFlag;

pub(super) struct OwnFlag;

impl OwnFlag {
    pub(super) fn is_set(&self) -> bool {
        flag().bits() & SHARED.bit.mask() != 0
    }

    /// Sets the bit. Async-signal-safe.
    pub(super) fn set(&self) {
        flag().set(SHARED.bit.mask());
    }

    /// Clears the bit. Every processor sees the change before this thread reads anything else.
    pub(super) fn clear(&self) {
        flag().clear(SHARED.bit.mask());
    }

    /// Clears the bit, without the order that `clear` promises.
    pub(super) fn reset(&self) {
        if self.is_set() {
            flag().reset(SHARED.bit.mask());
        }
    }
}
