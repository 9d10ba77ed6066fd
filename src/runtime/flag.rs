//! The library's bit of the flag.

use super::shared::SHARED;
use crate::os::flag::flag;

/// The flag, as far as it is the library's: "take the slow path". Other implementations have the other bits.
///
/// It is a hint, and orders nothing: the slow path takes the lock, and the lock orders everything else.
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

    /// Clears the bit so that every processor sees it cleared before this thread reads anything else.
    pub(super) fn clear(&self) {
        flag().clear(SHARED.bit.mask());
    }

    /// Clears the bit where it is no matter when the others see it.
    pub(super) fn reset(&self) {
        if self.is_set() {
            flag().reset(SHARED.bit.mask());
        }
    }
}
