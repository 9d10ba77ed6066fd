//! The library's bit of the flag, the byte that checks read.

use super::shared::SHARED;
use crate::os::flag::flag;

pub(super) const FLAG: OwnFlag = OwnFlag;

pub(super) struct OwnFlag;

impl OwnFlag {
    pub(super) fn is_set(&self) -> bool {
        flag().bits() & SHARED.bit.mask() != 0
    }

    /// Async-signal-safe.
    pub(super) fn set(&self) {
        flag().set(SHARED.bit.mask());
    }

    /// Clears the bit. Every later read of this thread, such as a read of the clock, happens after the clearing.
    pub(super) fn clear(&self) {
        flag().clear(SHARED.bit.mask());
    }

    /// Clears the bit while no alarm is armed, so the order that `clear` promises is unnecessary.
    pub(super) fn reset(&self) {
        if self.is_set() {
            flag().reset(SHARED.bit.mask());
        }
    }
}
